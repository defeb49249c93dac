package serving.admission_test

import data.serving.admission
import data.serving.bounds

engine := {"name": "engine", "image": "registry.example/engine@sha256:5e1f", "resources": {"limits": {"rdma/hca": "1"}}}

pod(metadata, spec) := {
	"kind": {"kind": "Pod"}, "namespace": "engines",
	"object": {
		"metadata": object.union({"labels": {"app": "prefill"}}, metadata),
		"spec": object.union({"serviceAccountName": "prefill", "containers": [engine]}, spec),
	},
}

good := pod({}, {})

with_spec(changes) := pod({}, changes)

with_container(changes) := pod({}, {"containers": [object.union(engine, changes)]})

with_metadata(changes) := pod(changes, {})

test_a_good_pod_runs if {
	admission.reasons(good) == set()
	bounds.reasons(good) == set()
}

test_a_tag_is_no_digest if admission.reasons(with_container({"image": "registry.example/engine:v1"})) == {"engine: image not built, signed and pinned by us"}

test_an_unknown_digest if count(admission.image(with_container({"image": "registry.example/engine@sha256:0000"}))) == 1

test_another_repository_with_a_signed_digest if count(admission.image(with_container({"image": "evil.example/engine@sha256:5e1f"}))) == 1

test_built_on_a_laptop if count(admission.image(with_container({"image": "registry.example/engine@sha256:77aa"}))) == 1

test_an_init_container_counts if count(admission.image(with_spec({"initContainers": [{"name": "setup", "image": "busybox"}]}))) == 1

test_a_debug_container_counts if count(admission.image(with_spec({"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}))) == 1

test_the_hosts_network if admission.reasons(with_spec({"hostNetwork": true})) == {"hostNetwork opens the node"}

test_a_secret_by_reference if count(admission.secret(with_container({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}))) == 1

test_a_secret_as_text if count(admission.secret(with_container({"env": [{"name": "PROVIDER_API_KEY", "value": "k"}]}))) == 1

test_all_secrets_at_once if count(admission.secret(with_container({"envFrom": [{"secretRef": {"name": "s"}}]}))) == 1

test_plain_settings_are_fine if admission.secret(with_container({"env": [{"name": "LOG_LEVEL", "value": "info"}]})) == set()

test_a_label_borrowed_from_another_service if count(admission.identity(with_metadata({"labels": {"app": "router"}}))) == 1

test_a_service_away_from_home if count(admission.identity(object.union(good, {"namespace": "edge"}))) == 1

test_no_label_at_all if count(admission.identity(json.remove(good, ["object/metadata/labels/app"]))) == 1

test_another_kind if count(admission.reasons(object.union(good, {"kind": {"kind": "Deployment"}}))) == 1

test_nothing_to_judge if "not a pod that can be judged" in admission.reasons(json.remove(good, ["object/spec"]))

test_no_metadata if "not a pod that can be judged" in admission.reasons(json.remove(good, ["object/metadata"]))

test_no_sidecar if count(bounds.reasons(with_metadata({"annotations": {"sidecar.istio.io/inject": "false"}}))) == 1

test_no_sidecar_by_label if count(bounds.reasons(with_metadata({"labels": {"app": "prefill", "sidecar.istio.io/inject": "no"}}))) == 1

test_a_sidecar_asked_for if bounds.reasons(with_metadata({"labels": {"app": "prefill", "sidecar.istio.io/inject": "true"}})) == set()

test_a_port_past_the_sidecar if count(bounds.reasons(with_metadata({"annotations": {"traffic.sidecar.istio.io/excludeInboundPorts": "8000"}}))) == 1

test_ports_picked_by_the_pod if count(bounds.reasons(with_metadata({"annotations": {"traffic.sidecar.istio.io/includeInboundPorts": ""}}))) == 1

injected := with_spec({"initContainers": [{
	"name": "istio-proxy", "image": "registry.example/proxy@sha256:9c0d", "restartPolicy": "Always",
	"securityContext": {"runAsUser": 1337, "capabilities": {"drop": ["ALL"]}},
}]})

test_the_injected_sidecar if {
	admission.reasons(injected) == set()
	bounds.reasons(injected) == set()
}

test_the_sidecars_user if count(bounds.reasons(with_container({"securityContext": {"runAsUser": 1337}}))) == 1

test_the_sidecars_user_for_the_pod if count(bounds.reasons(with_spec({"securityContext": {"runAsUser": 1337}}))) == 1

test_a_capability if count(bounds.reasons(with_container({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}))) == 1

test_the_fabric_is_for_engines if bounds.fabric(with_metadata({"labels": {"app": "router"}})) == {"the RDMA fabric is for prefill and decode"}

test_development_mode if count(bounds.reasons(with_container({"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}))) == 1

test_a_host_path if count(bounds.reasons(with_spec({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}))) == 1

test_privileged if count(bounds.reasons(with_container({"securityContext": {"privileged": true}}))) == 1
