"""Which service may reach which: the network and mesh policies, evaluated and compared to the intended edges.

NetworkPolicy: isolated once any policy selects a pod for a direction; then the union of the rules; both ends must
allow (https://kubernetes.io/docs/concepts/services-networking/network-policies/). AuthorizationPolicy: a matching DENY
refuses; without any ALLOW for the workload it passes; else one ALLOW must match
(https://istio.io/latest/docs/reference/config/security/authorization-policy/). A field that this module does not
evaluate is an error, so that no policy is misread in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from examples.zero_trust_serving.edges import EDGES, SERVICES, TENANT_PORTS, Call, probes

MANIFESTS = Path(__file__).parent / "manifests"
DOMAIN = "serving.example"
ROOT_NAMESPACE = "istio-system"
Document = dict[str, Any]


class Unknown(ValueError):
    """A policy uses what is not evaluated here."""


def load(folder: Path = MANIFESTS) -> list[Document]:
    """Read every document of every manifest."""
    files = sorted(folder.glob("*.yml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


class Difference(NamedTuple):
    """What the policies forget, and what they allow beyond the intent: (caller, callee, call)."""

    missing: set[tuple[str, str, Call]]
    extra: set[tuple[str, str, Call]]


def compare(documents: list[Document]) -> dict[str, Difference]:
    """Try every call between every two services, in each layer alone: neither may lean on the other."""
    policies = Policies(documents)
    pairs = [(caller, callee) for caller in SERVICES for callee in SERVICES if caller != callee]
    network = {
        (caller, callee, Call(port))
        for caller, callee in pairs
        for port in SERVICES[callee].ports
        if policies.connects(caller, callee, port)
    }
    mesh = {
        (caller, callee, call)
        for caller, callee in pairs
        for call in probes(callee)
        if (callee, call.port) not in TENANT_PORTS and policies.permits(caller, callee, call)
    }
    calls = {(*edge, call) for edge, calls in EDGES.items() for call in calls}
    ports = {(caller, callee, Call(call.port)) for caller, callee, call in calls}
    return {
        "network": Difference(ports - network, network - ports),
        "mesh": Difference(calls - mesh, mesh - calls),
    }


class Policies:
    """Network and mesh policies, by the service that they are about."""

    def __init__(self, documents: list[Document]) -> None:
        self._network: dict[str, list[Document]] = {
            name: [d["spec"] for d in documents if d["kind"] == "NetworkPolicy" and _selects(d, name)]
            for name in SERVICES
        }
        self._mesh: dict[str, list[Document]] = {
            name: [d["spec"] for d in documents if d["kind"] == "AuthorizationPolicy" and _applies(d, name)]
            for name in SERVICES
        }

    def connects(self, caller: str, callee: str, port: int) -> bool:
        """True if the network lets the caller's pods open `port` of the callee's pods: both ends must agree."""
        return self._passes("Egress", caller, callee, port) and self._passes("Ingress", callee, caller, port)

    def permits(self, caller: str, callee: str, call: Call) -> bool:
        """True if the mesh lets the caller's identity make `call` of the callee."""
        actions: dict[str, list[Document]] = {"DENY": [], "ALLOW": []}
        for spec in self._mesh[callee]:
            _only(spec, "selector", "action", "rules")
            actions[spec.get("action", "ALLOW")].append(spec)
        if any(_matches(rule, caller, call) for spec in actions["DENY"] for rule in spec["rules"]):
            return False
        allows = [rule for spec in actions["ALLOW"] for rule in spec.get("rules", [])]
        return not actions["ALLOW"] or any(_matches(rule, caller, call) for rule in allows)

    def _passes(self, direction: str, pod: str, other: str, port: int) -> bool:
        """True if `pod` may talk to `other` in this direction; `port` is the listening side's."""
        isolating = [spec for spec in self._network[pod] if direction in spec["policyTypes"]]
        if not isolating:
            return True
        side, ends = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        rules = [rule for spec in isolating for rule in spec.get(side, [])]
        home = SERVICES[pod].namespace
        return any(
            _port_listed(rule, port) and any(_is(p, other, home) for p in rule[ends]) for rule in rules
        )


def plain_text(documents: list[Document]) -> set[tuple[str, int]]:
    """Return the ports that still answer without mutual TLS: the workload's own setting, or the root namespace's."""
    peers = [d for d in documents if d["kind"] == "PeerAuthentication"]
    for document in peers:
        _only(document["spec"], "selector", "mtls", "portLevelMtls")
    found = set()
    for name, service in SERVICES.items():
        own = [
            d["spec"] for d in peers if d["metadata"]["namespace"] == service.namespace and _applies(d, name)
        ]
        root = [d["spec"] for d in peers if d["metadata"]["namespace"] == ROOT_NAMESPACE]
        specs = [*own, *root]
        mode = next((spec["mtls"]["mode"] for spec in specs if "mtls" in spec), "PERMISSIVE")
        levels = own[0].get("portLevelMtls", {}) if own else {}
        found |= {(name, p) for p in service.ports if levels.get(str(p), {"mode": mode})["mode"] != "STRICT"}
    return found


def _selects(document: Document, pod: str) -> bool:
    spec = document["spec"]
    _only(spec, "podSelector", "policyTypes", "ingress", "egress")
    return document["metadata"]["namespace"] == SERVICES[pod].namespace and _labels(spec["podSelector"], pod)


def _port_listed(rule: Document, port: int) -> bool:
    _only(rule, "from", "to", "ports")
    for entry in rule["ports"]:
        _only(entry, "protocol", "port")
    return any(entry["protocol"] == "TCP" and entry["port"] == port for entry in rule["ports"])


def _is(peer: Document, service: str, home: str) -> bool:
    """True if a peer of a rule means this service. One entry with both selectors means both; addresses mean no pod."""
    _only(peer, "namespaceSelector", "podSelector", "ipBlock")
    if "ipBlock" in peer:
        return False
    namespace = SERVICES[service].namespace
    if "namespaceSelector" in peer:
        wanted = peer["namespaceSelector"]
        _only(wanted, "matchLabels")
        if any(
            (k, v) != ("kubernetes.io/metadata.name", namespace)
            for k, v in wanted.get("matchLabels", {}).items()
        ):
            return False
    elif namespace != home:
        return False
    return _labels(peer.get("podSelector", {}), service)


def _labels(selector: Document, service: str) -> bool:
    _only(selector, "matchLabels")
    return all((key, value) == ("app", service) for key, value in selector.get("matchLabels", {}).items())


def _applies(document: Document, service: str) -> bool:
    """True if a mesh policy is the service's: by the root namespace for all, by its own for those it selects."""
    namespace = document["metadata"]["namespace"]
    return namespace in (ROOT_NAMESPACE, SERVICES[service].namespace) and _labels(
        document["spec"].get("selector", {}), service
    )


def _matches(rule: Document, caller: str, call: Call) -> bool:
    """True if one `from` and one `to` of the rule match; an absent one matches all."""
    _only(rule, "from", "to")
    principal = f"{DOMAIN}/ns/{SERVICES[caller].namespace}/sa/{caller}"
    sources = [entry["source"] for entry in rule.get("from", [])]
    for source in sources:
        _only(source, "principals")
    if sources and not any(_any(source["principals"], principal) for source in sources):
        return False
    operations = [entry["operation"] for entry in rule.get("to", [])]
    for operation in operations:
        _only(operation, "ports", "methods", "paths", "notPaths")
    return not operations or any(
        _any(operation.get("ports", ["*"]), str(call.port))
        and _any(operation.get("methods", ["*"]), call.method)
        and _any(operation.get("paths", ["*"]), call.path)
        and not _any(operation.get("notPaths", []), call.path)
        for operation in operations
    )


def _any(patterns: Iterable[str], value: str) -> bool:
    """Match as Istio does: exactly, by a prefix or suffix with a star, or by a star alone."""
    for pattern in patterns:
        if pattern == "*" or pattern == value:
            return True
        if pattern.endswith("*") and value.startswith(pattern[:-1]):
            return True
        if pattern.startswith("*") and value.endswith(pattern[1:]):
            return True
    return False


def _only(mapping: Document, *known: str) -> None:
    if unknown := set(mapping) - set(known):
        raise Unknown(f"not evaluated: {', '.join(sorted(unknown))}")
