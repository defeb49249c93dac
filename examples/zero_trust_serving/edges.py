"""The calls that the nine services need: the intent, to which the policies are compared."""

from __future__ import annotations

from typing import NamedTuple


class Service(NamedTuple):
    """A workload: its namespace, and the ports on which its pods listen."""

    namespace: str
    ports: tuple[int, ...]


class Call(NamedTuple):
    """A port of the callee and, where the port speaks HTTP, a method and a path."""

    port: int
    method: str = ""
    path: str = ""


API, ENGINE, HANDOVER, OTLP = 8443, 8000, 5600, 4317

SERVICES = {
    "gateway": Service("edge", (API,)),
    "egress": Service("edge", (API,)),
    "grants": Service("trust", (API,)),
    "adapters": Service("trust", (API,)),
    "ledger": Service("trust", (API,)),
    "telemetry": Service("trust", (OTLP,)),
    "router": Service("engines", (API,)),
    "prefill": Service("engines", (ENGINE, HANDOVER)),
    "decode": Service("engines", (ENGINE,)),
}

CHAT = "/v1/chat/completions"
EDGES: dict[tuple[str, str], tuple[Call, ...]] = {
    ("gateway", "grants"): (Call(API, "POST", "/v1/grants"), Call(API, "GET", "/v1/denied")),
    ("gateway", "router"): (Call(API, "POST", CHAT),),
    ("gateway", "egress"): (Call(API, "POST", CHAT),),
    ("gateway", "ledger"): (Call(API, "POST", "/v1/usage"),),
    ("router", "prefill"): (Call(ENGINE, "POST", CHAT),),
    ("router", "decode"): (Call(ENGINE, "POST", CHAT),),
    ("decode", "prefill"): (
        Call(ENGINE, "POST", "/v1/handover"),  # against a grant: which blocks
        Call(HANDOVER),  # the libraries' handshake; the blocks themselves take another network
    ),
    ("prefill", "adapters"): (Call(API, "GET", "/v1/adapters/sha256-1f2e"),),
    ("decode", "adapters"): (Call(API, "GET", "/v1/adapters/sha256-1f2e"),),
    **{
        (name, "grants"): (Call(API, "GET", "/v1/denied"),)
        for name in ("router", "prefill", "decode", "egress")
    },
    **{(name, "telemetry"): (Call(OTLP),) for name in SERVICES if name != "telemetry"},
}

TENANT_PORTS = {("gateway", API)}
"""Where callers have no identity in the mesh, since they are tenants: the network admits only the load balancer."""

NOT_OURS = (
    *("/invocations", "/generative_scoring", "/pooling", "/classify", "/score", "/rerank"),
    *("/pause", "/resume", "/update_weights", "/abort_requests", "/collective_rpc", "/tokenizer_info"),
    *("/scale_elastic_ep", "/init_weight_transfer_engine"),
    *("/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/completions"),
)
"""Paths of vLLM's server that no service calls; all outside of `/v1` need no API key even where one is set
(https://docs.vllm.ai/en/stable/usage/security/). The policy does not list them: each version brings others."""


def probes(callee: str) -> list[Call]:
    """Return every call worth trying at `callee`: what anyone may ask of it, and what nobody may."""
    known = {call for (_, to), calls in EDGES.items() if to == callee for call in calls}
    ports = SERVICES[callee].ports
    tried = {Call(port, "POST", path) for port in ports if port == ENGINE for path in NOT_OURS}
    bare = {Call(port) for port in ports}
    return sorted(known | tried | bare)
