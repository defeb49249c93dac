# What no pod may do to stay out of the mesh, and what only engines may have. Part of the decision in admission.rego.
package serving.bounds

reasons(request) := union({
	bypass(request), fabric(request), development(request), volumes(request),
	privilege(request), proxy_user(request), capabilities(request),
})

bypass(request) := {sprintf("%s leaves the mesh", [name]) |
	some field in ["annotations", "labels"] # Istio reads both
	marks := object.get(request.object.metadata, field, {})
	some name in object.keys(marks)
	leaves(name, marks[name])
}

leaves("sidecar.istio.io/inject", value) if value != "true" # until Istio 1.26 whatever is no "yes" meant no

leaves(name, _) if startswith(name, "traffic.sidecar.istio.io/") # what is captured is not the pod's choice

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

proxy_user(request) := {sprintf("%s runs as the sidecar's user, whose traffic is not captured", [c.name]) |
	some c in all_containers(request)
	user_of(request, c) == 1337
	not startswith(c.image, "registry.example/proxy@") # itself checked by admission.rego
}

user_of(request, c) := object.get(c, ["securityContext", "runAsUser"], object.get(request.object.spec, ["securityContext", "runAsUser"], 0))

capabilities(request) := {sprintf("%s may rewrite the pod's network", [c.name]) |
	some c in all_containers(request)
	count(object.get(c, ["securityContext", "capabilities", "add"], [])) > 0
}

all_containers(request) := [c |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	some c in object.get(request.object.spec, field, [])
]
