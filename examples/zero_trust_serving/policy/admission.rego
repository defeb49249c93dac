# What may run: the answer to an AdmissionReview (admission.k8s.io/v1) about a pod. Undefined is a refusal, too.
package serving.admission

default allow := false

allow if count(union({reasons(input.request), data.serving.bounds.reasons(input.request)})) == 0

# --8<-- [start:admission]
reasons(request) := union({
	kind(request), image(request), host(request),
	secret(request), identity(request),
})

kind(request) := {"not a pod that can be judged" | not judged(request)}

# Whatever is missing would make a rule below undefined, and so silent.
judged(request) if {
	request.kind.kind == "Pod"
	request.namespace
	request.object.metadata
	count(request.object.spec.containers) > 0
}

image(request) := {sprintf("%s: image not built, signed and pinned by us", [c.name]) |
	some c in containers(request)
	not trusted(c.image)
}

trusted(reference) if {
	[repository, digest] := split(reference, "@")
	evidence := data.images[digest] # by the verifier of provenance, not the pod
	evidence.repository == repository
	evidence.builder in data.builders
}

host(request) := {sprintf("%s opens the node", [field]) |
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	request.object.spec[field]
}

secret(request) := {sprintf("%s: secret in the environment", [c.name]) |
	some c in containers(request)
	some field in ["env", "envFrom"]
	some variable in object.get(c, field, [])
	is_secret(variable)
}

# Labels open network policies and the account is the identity: one service, at home.
identity(request) := {"label, service account and namespace are not one service" |
	app := object.get(request.object.metadata, ["labels", "app"], "")
	account := object.get(request.object.spec, "serviceAccountName", "")
	[account, request.namespace] != [app, object.get(data.services, app, "none")]
}
# --8<-- [end:admission]

containers(request) := [c |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	some c in object.get(request.object.spec, field, [])
]

is_secret(variable) if variable.valueFrom.secretKeyRef

is_secret(variable) if variable.secretRef

is_secret(variable) if {
	variable.value
	regex.match(`(KEY|TOKEN|SECRET|PASSWORD)$`, variable.name)
}
