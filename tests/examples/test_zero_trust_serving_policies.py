"""The policies: read by their own schemas, run by an engine, and compared with the calls that the services need."""

from __future__ import annotations

import copy
import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from regopy import Interpreter

from examples.zero_trust_serving import reach
from examples.zero_trust_serving.edges import API, CHAT, EDGES, ENGINE, HANDOVER, NOT_OURS, SERVICES, Call

POLICY = Path(reach.__file__).parent / "policy"
MODELS = {
    "NetworkPolicy": "cloudcoil.models.kubernetes.networking.v1",
    "AuthorizationPolicy": "cloudcoil.models.istio.security.v1",
    "PeerAuthentication": "cloudcoil.models.istio.security.v1",
}
"""Where the model of each kind is. To load them takes seconds, which only the worker that asks them is to wait for."""
DOCUMENTS = reach.load()


def given_back(document: dict[str, Any]) -> Any:
    """What the model of its kind has read of a document."""
    model = getattr(importlib.import_module(MODELS[document["kind"]]), document["kind"])
    return json.loads(model.model_validate(document).model_dump_json(by_alias=True, exclude_unset=True))


def named(document: dict[str, Any]) -> str:
    return f"{document['kind']}-{document['metadata']['namespace']}-{document['metadata']['name']}"


class TestManifests:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=named)
    def test_the_model_reads_all_of_it(self, document):
        """The models ignore what they do not know: so what they give back has to be all that was given."""
        assert given_back(document) == document

    def test_a_misspelled_field_does_not_come_back(self):
        document = copy.deepcopy(next(d for d in DOCUMENTS if d["kind"] == "NetworkPolicy"))
        document["spec"]["policyType"] = ["Ingress"]
        assert given_back(document) != document

    def test_names_are_unique(self):
        assert len({named(document) for document in DOCUMENTS}) == len(DOCUMENTS)

    def test_every_service_has_both_policies_and_every_namespace_its_default(self):
        found = {named(document) for document in DOCUMENTS}
        for name, service in SERVICES.items():
            assert {
                f"{kind}-{service.namespace}-{name}" for kind in ("NetworkPolicy", "AuthorizationPolicy")
            } <= found
            assert f"NetworkPolicy-{service.namespace}-default-deny" in found

    def test_only_the_proxy_leaves_for_the_internet(self):
        for document in DOCUMENTS:
            text = json.dumps(document)
            assert ("0.0.0.0/0" in text) == (named(document) == "NetworkPolicy-edge-egress")
        egress = next(d for d in DOCUMENTS if named(d) == "NetworkPolicy-edge-egress")
        blocks = [
            peer["ipBlock"] for rule in egress["spec"]["egress"] for peer in rule["to"] if "ipBlock" in peer
        ]
        # The cloud's metadata service, where every pod could ask for the node's own credentials
        assert "169.254.0.0/16" in blocks[0]["except"]


def compared(documents: list[dict[str, Any]]) -> dict[str, reach.Difference]:
    return reach.compare(documents)


def edited(*without: str) -> list[dict[str, Any]]:
    return [copy.deepcopy(document) for document in DOCUMENTS if named(document) not in without]


def rules(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Each list of rules that may lose one."""
    for side in ("ingress", "egress", "rules"):
        for at in range(len(document.get("spec", {}).get(side, []))):
            yield side, at


SERVICE_RULES = [
    (named(document), side, at)
    for document in DOCUMENTS
    if document["metadata"]["name"] in SERVICES
    for side, at in rules(document)
    if "ipBlock" not in json.dumps(document["spec"][side][at])
    and named(document) != "AuthorizationPolicy-edge-gateway"
]


CARELESS = {
    "kind": "AuthorizationPolicy",
    "metadata": {"namespace": "engines", "name": "careless"},
    "spec": {"action": "ALLOW", "rules": [{}]},
}


class TestReach:
    def test_the_policies_allow_what_the_services_need_and_nothing_else(self):
        for difference in compared(DOCUMENTS).values():
            assert difference == reach.Difference(set(), set())

    def test_the_intent_by_hand(self):
        assert len(EDGES) == 21
        assert ("telemetry", "gateway") not in EDGES
        assert {callee for caller, callee in EDGES if caller == "ledger"} == {"telemetry"}
        assert {caller for caller, callee in EDGES if callee == "prefill"} == {"router", "decode"}

    @pytest.mark.parametrize(("name", "side", "at"), SERVICE_RULES)
    def test_a_forgotten_rule_is_missed(self, name, side, at):
        documents = edited()
        document = next(d for d in documents if named(d) == name)
        del document["spec"][side][at]
        assert any(difference.missing for difference in compared(documents).values())

    def test_an_edge_too_many_is_seen_once_both_ends_open_it(self):
        documents = edited()
        router, decode = (
            next(d for d in documents if named(d) == f"NetworkPolicy-engines-{name}")
            for name in ("router", "decode")
        )
        ports = [{"protocol": "TCP", "port": API}]
        router["spec"]["ingress"].append({"from": [{"podSelector": {}}], "ports": ports})
        assert not compared(documents)["network"].extra
        decode["spec"]["egress"].append(
            {"to": [{"podSelector": {"matchLabels": {"app": "router"}}}], "ports": ports}
        )
        assert compared(documents)["network"].extra == {("decode", "router", Call(API))}

    def test_two_selectors_in_two_entries_mean_or(self):
        """The classic slip: a dash too many lets the whole namespace in."""
        documents = edited()
        router, adapters = (
            next(d for d in documents if named(d) == f"NetworkPolicy-{name}")
            for name in ("engines-router", "trust-adapters")
        )
        namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "trust"}}}
        router["spec"]["egress"].append({"to": [namespace], "ports": [{"protocol": "TCP", "port": API}]})
        assert not compared(documents)["network"].extra
        peers = adapters["spec"]["ingress"][0]["from"]
        peers[:] = [{key: value} for peer in peers for key, value in peer.items()]
        assert compared(documents)["network"].extra == {("router", "adapters", Call(API))}

    def test_the_default_denies_what_no_policy_of_its_own_names(self):
        """Two services lose their policies: the default still keeps them apart, and nothing else would."""
        documents = edited("NetworkPolicy-trust-ledger", "NetworkPolicy-trust-adapters")
        assert not compared(documents)["network"].extra
        both = ("NetworkPolicy-trust-default-deny", "NetworkPolicy-trust-platform")
        extra = compared([d for d in documents if named(d) not in both])["network"].extra
        assert extra == {("ledger", "adapters", Call(API)), ("adapters", "ledger", Call(API))}

    def test_a_service_without_a_mesh_policy_is_called_by_nobody(self):
        documents = edited("AuthorizationPolicy-engines-prefill")
        assert not reach.Policies(documents).permits(
            "router", "prefill", Call(ENGINE, "POST", "/v1/chat/completions")
        )
        bare = [d for d in documents if named(d) != "AuthorizationPolicy-istio-system-allow-nothing"]
        assert compared(bare)["mesh"].extra, "without any ALLOW, Istio allows"

    @pytest.mark.parametrize("path", [*NOT_OURS, "/of_a_later_version", f"{CHAT}/", f"{CHAT}/batch"])
    @pytest.mark.parametrize("engine", ["prefill", "decode"])
    def test_the_engines_other_paths_stay_shut_under_a_careless_allow(self, engine, path):
        policies = reach.Policies([*edited(), CARELESS])
        assert policies.permits("telemetry", engine, Call(ENGINE, "POST", CHAT))
        assert not policies.permits("router", engine, Call(ENGINE, "POST", path))

    def test_and_the_handover_passes(self):
        policies = reach.Policies([*edited(), CARELESS])
        for call in (Call(ENGINE, "POST", "/v1/handover"), Call(HANDOVER)):
            assert policies.permits("decode", "prefill", call)

    def test_a_wildcard_principal_is_seen(self):
        documents = edited()
        document = next(d for d in documents if named(d) == "AuthorizationPolicy-engines-decode")
        document["spec"]["rules"][0]["from"][0]["source"]["principals"] = ["serving.example/ns/engines/*"]
        extra = {(caller, callee) for caller, callee, _ in compared(documents)["mesh"].extra}
        assert extra == {("prefill", "decode")}

    def test_mutual_tls_everywhere_but_at_the_tenants_door(self):
        assert reach.plain_text(DOCUMENTS) == {("gateway", API)}
        assert len(reach.plain_text(edited("PeerAuthentication-istio-system-default"))) == 10
        documents = edited()
        default = next(d for d in documents if named(d) == "PeerAuthentication-istio-system-default")
        default["spec"]["mtls"]["mode"] = "PERMISSIVE"
        assert len(reach.plain_text(documents)) == 10

    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            ("NetworkPolicy", lambda d: d["spec"]["podSelector"].update(matchExpressions=[])),
            ("NetworkPolicy", lambda d: d["spec"]["ingress"][0]["ports"][0].update(endPort=9_000)),
            ("AuthorizationPolicy", lambda d: d["spec"]["rules"][0].update(when=[])),
            (
                "AuthorizationPolicy",
                lambda d: d["spec"]["rules"][0]["from"][0]["source"].update(notPrincipals=["*"]),
            ),
        ],
    )
    def test_what_is_not_evaluated_is_not_passed_over(self, kind, change):
        documents = edited()
        change(next(d for d in documents if named(d) == f"{kind}-engines-decode"))
        with pytest.raises(reach.Unknown):
            compared(documents)


@cache
def modules() -> Interpreter:
    rego = Interpreter()
    rego.add_data_json((POLICY / "data.json").read_text(encoding="utf-8"))
    for file in sorted(POLICY.glob("*.rego")):
        rego.add_module(file.name, file.read_text(encoding="utf-8"))
    return rego


ENTRYPOINTS = ("admission/allow", "operators/allow", "adapters/upload", "adapters/use")


@cache
def bundle() -> Any:
    return modules().build(None, [f"serving/{name}" for name in ENTRYPOINTS])


def allows(entrypoint: str, value: Any) -> bool:
    """Ask the compiled bundle. rego-cpp prints false and undefined alike, and both are refusals."""
    rego = Interpreter()
    rego.set_input_term(json.dumps(value))
    output = rego.query_bundle_entrypoint(bundle(), f"serving/{entrypoint}")
    assert output.ok(), entrypoint  # a failed output may not be turned into text: it crashes
    return str(output) == '{"expressions":[true]}'


TESTS = {
    file.name: re.findall(r"^(test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    for file in sorted(POLICY.glob("*_test.rego"))
}


class TestBundle:
    @pytest.mark.parametrize("file", TESTS)
    def test_its_own_tests(self, file):
        package = re.search(r"^package (\S+)$", (POLICY / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert package
        output = modules().query(f"data.{package[1]}")
        assert output.ok()
        results = json.loads(str(output))["expressions"][0]
        assert {name: results.get(name) for name in TESTS[file]} == dict.fromkeys(TESTS[file], True)

    def test_there_are_tests_of_every_policy(self):
        assert {name: len(tests) for name, tests in TESTS.items()} == {
            "adapters_test.rego": 14,
            "admission_test.rego": 31,
            "operators_test.rego": 11,
        }
        assert all(len(set(tests)) == len(tests) for tests in TESTS.values())

    def pod(self, **spec: Any) -> dict[str, Any]:
        container = {"name": "engine", "image": "registry.example/engine@sha256:5e1f"}
        return {
            "request": {
                "kind": {"kind": "Pod"},
                "namespace": "engines",
                "object": {
                    "metadata": {"labels": {"app": "prefill"}},
                    "spec": {"serviceAccountName": "prefill", "containers": [container]} | spec,
                },
            }
        }

    @pytest.mark.parametrize(
        ("allowed", "spec"),
        [
            (True, {}),
            (True, {"volumes": [{"name": "scratch", "emptyDir": {}}]}),
            (False, {"hostNetwork": True}),
            (False, {"hostPID": True}),
            (False, {"hostIPC": True}),
            (False, {"containers": []}),
            (False, {"serviceAccountName": "router"}),
            (False, {"serviceAccountName": "default"}),
            (False, {"volumes": [{"name": "node", "hostPath": {"path": "/var/run"}}]}),
            (False, {"securityContext": {"runAsUser": 1337}}),
            (False, {"containers": [{"name": "a", "image": "registry.example/engine:latest"}]}),
            (False, {"initContainers": [{"name": "a", "image": "busybox@sha256:5e1f"}]}),
        ],
    )
    def test_pods(self, allowed, spec):
        assert allows("admission/allow", self.pod(**spec)) is allowed

    @pytest.mark.parametrize("field", ["initContainers", "containers", "ephemeralContainers"])
    @pytest.mark.parametrize(
        ("allowed", "has"),
        [
            (True, {"securityContext": {"privileged": False, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]}}}),
            (False, {"securityContext": {"privileged": True}}),
            (False, {"securityContext": {"runAsUser": 1337}}),
            (False, {"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}),
            (True, {"env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "TOKENS", "value": "8192"}]}),
            *((False, {"env": [{"name": f"A_{name}", "value": "x"}]}) for name in ("KEY", "TOKEN", "SECRET", "PASSWORD")),
            (False, {"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "0"}]}),
        ],
    )  # fmt: skip
    def test_what_a_container_may_have_wherever_it_stands(self, field, allowed, has):
        pod = self.pod()
        spec = pod["request"]["object"]["spec"]
        image = spec["containers"][0]["image"]
        spec[field] = [*spec.get(field, []), {"name": "another", "image": image, **has}]
        assert allows("admission/allow", pod) is allowed

    @pytest.mark.parametrize(("resource", "allowed"), [("nvidia.com/gpu", True), ("rdma/hca", False)])
    def test_the_fabric_is_all_that_engines_have_alone(self, resource, allowed):
        pod = self.pod()
        pod["request"]["object"]["metadata"]["labels"]["app"] = "router"
        pod["request"]["object"]["spec"]["serviceAccountName"] = "router"
        pod["request"]["object"]["spec"]["containers"][0]["resources"] = {"limits": {resource: "1"}}
        assert allows("admission/allow", pod) is allowed

    @pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
    @pytest.mark.parametrize("value", [{}, [], None, "text", {"request": {}}, {"request": None}, {"u": {}}])
    def test_what_makes_no_sense_is_not_allowed(self, entrypoint, value):
        assert not allows(entrypoint, value)

    @pytest.mark.parametrize(
        ("user", "now_s", "into", "allowed"),
        [
            ("eva", 1_500, "exec", True),
            ("eva", 1_900, "exec", False),
            ("eva", 1_500, "eviction", False),
            ("ben", 1_500, "exec", False),
            ("fay", 1_500, "attach", False),
            ("eve", 1_500, "ephemeralcontainers", False),
        ],
    )
    def test_a_person_at_an_engine(self, user, now_s, into, allowed):
        request = {"subResource": into, "namespace": "engines", "userInfo": {"username": user}}
        assert allows("operators/allow", {"now_s": now_s, "request": request}) is allowed

    @pytest.mark.parametrize("into", ["exec", "attach", "portforward", "ephemeralcontainers"])
    def test_a_broken_glass_opens_every_way_in(self, into):
        request = {"subResource": into, "namespace": "engines", "userInfo": {"username": "eva"}}
        assert allows("operators/allow", {"now_s": 1_000, "request": request})

    def test_which_elevation_counts(self):
        """For an hour at most, from its first second, approved by an approver who is somebody else."""
        cases = [
            ({}, True),
            ({"until_s": 4_600}, True),
            ({"until_s": 4_601}, False),
            ({"from_s": 1_001}, False),
            ({"until_s": 1_000}, False),
            ({"namespace": "edge"}, False),
            ({"break_glass": False}, False),
            ({"approver": "eva"}, False),
            ({"approver": None}, False),
            ({"user": "ana"}, False),
        ]
        good = {
            "namespace": "engines",
            "from_s": 1_000,
            "until_s": 1_900,
            "break_glass": True,
            "approver": "ana",
        }
        grants = [{"user": f"person-{n}"} | good | change for n, (change, _) in enumerate(cases)]
        data = json.loads((POLICY / "data.json").read_text(encoding="utf-8"))
        rego = Interpreter()
        rego.add_data_json(json.dumps(data | {"elevations": grants}))
        rego.add_module("operators.rego", (POLICY / "operators.rego").read_text(encoding="utf-8"))
        for grant, (_, counts) in zip(grants, cases, strict=True):
            request = {
                "subResource": "exec",
                "namespace": "engines",
                "userInfo": {"username": grant["user"]},
            }
            rego.set_input_term(json.dumps({"now_s": 1_000, "request": request}))
            assert (str(rego.query("data.serving.operators.allow")) == '{"expressions":[true]}') is counts, (
                grant
            )

    @pytest.mark.parametrize(
        ("changes", "allowed"),
        [
            ({"rank": 64, "bytes": 1_000_000_000}, True),
            ({"rank": 65}, False),
            ({"bytes": 1_000_000_001}, False),
            *(({name: None}, False) for name in ("tenant", "signer", "base", "rank", "bytes", "scan", "files")),
            *(({name: 0}, False) for name in ("rank", "bytes")),
            ({"scan": "found"}, False),
        ],
    )  # fmt: skip
    def test_an_upload_within_its_limits(self, changes, allowed):
        upload = {
            **{"tenant": "acme", "signer": "acme@signing.example", "base": "sha256:b0b0", "scan": "clean"},
            **{"rank": 16, "bytes": 200_000_000, "files": ["adapter_model.safetensors"]},
        }
        assert allows("adapters/upload", upload | changes) is allowed

    @pytest.mark.parametrize(
        ("tenant", "digest", "allowed"),
        [
            ("acme", "sha256:1f2e", True),
            ("bolt", "sha256:1f2e", False),
            ("acme", "sha256:0000", False),
            (None, "sha256:1f2e", False),
        ],
    )
    def test_the_model_a_request_names(self, tenant, digest, allowed):
        assert allows("adapters/use", {"tenant": tenant, "digest": digest}) is allowed

    def test_the_services_are_the_ones_of_the_manifests(self):
        data = json.loads((POLICY / "data.json").read_text(encoding="utf-8"))
        assert data["services"] == {name: service.namespace for name, service in SERVICES.items()}
