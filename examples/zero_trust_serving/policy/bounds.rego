# What no pod may do to stay out of the mesh, and what only engines may have. Part of the decision in admission.rego.
package serving.bounds

reasons(request) := union({bypass(request), fabric(request), development(request), volumes(request), privilege(request)})

bypass(request) := {sprintf("%s leaves the mesh", [name]) |
	annotations := object.get(request.object.metadata, "annotations", {})
	some name in object.keys(annotations)
	leaves(name, annotations[name])
}

leaves("sidecar.istio.io/inject", "false")

leaves(name, _) if startswith(name, "traffic.sidecar.istio.io/exclude")

fabric(request) := {"the RDMA fabric is for prefill and decode" |
	not object.get(request.object.metadata, ["labels", "app"], "") in data.fabric
	some c in all_containers(request)
	some resource in object.keys(object.get(c, ["resources", "limits"], {}))
	startswith(resource, "rdma/")
}

development(request) := {"the engine's development endpoints run anything" |
	some c in all_containers(request)
	some variable in object.get(c, "env", [])
	variable.name == "VLLM_SERVER_DEV_MODE"
}

volumes(request) := {"hostPath opens the node" |
	some volume in object.get(request.object.spec, "volumes", [])
	volume.hostPath
}

privilege(request) := {sprintf("%s is privileged", [c.name]) |
	some c in all_containers(request)
	object.get(c, ["securityContext", "privileged"], false)
}

all_containers(request) := [c |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	some c in object.get(request.object.spec, field, [])
]
