# What a person may do to a running pod: the answer to an AdmissionReview about exec, attach, port-forward and debug.
# Reaches only what passes the API server: root on a node goes past it. It is asked once, as a session begins; the proxy that
# records the session ends it at until_s.
package serving.operators

default allow := false

allow if count(reasons(input)) == 0

# --8<-- [start:operators]
reasons(review) := union({request_kind(review.request), elevation(review), engine(review)})

request_kind(request) := {"not a way into a pod" |
	not request.subResource in {"exec", "attach", "portforward", "ephemeralcontainers"}
}

elevation(review) := {"no elevation for this person, place and time" | count(current(review)) == 0}

engine(review) := {"engines hold prompts: break glass, approved by somebody else" |
	review.request.namespace in data.prompt_namespaces
	count([grant | some grant in current(review); grant.break_glass; approved(grant)]) == 0
}

current(review) := [grant |
	some grant in data.elevations
	grant.user == review.request.userInfo.username
	grant.namespace == review.request.namespace
	review.now_s >= grant.from_s
	review.now_s < grant.until_s
	grant.until_s - grant.from_s <= 3600
]

approved(grant) if {
	grant.approver in data.approvers
	grant.approver != grant.user
}
# --8<-- [end:operators]
