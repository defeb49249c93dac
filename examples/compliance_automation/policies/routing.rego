package controls.routing

import rego.v1

# A contract covers the endpoints that it names, until it ends. Routes are what is configured, flows what the egress
# proxy saw: both are judged, because the second finds the path around the first.
# --8<-- [start:routing]
verdicts[path.id] := verdict(path, input) if some path in input.items

verdict(path, doc) := "pass" if {
	path.carries == "no-customer-text"
}

verdict(path, doc) := "pass" if {
	path.carries == "customer-text"
	covered(path, doc)
}

verdict(path, doc) := "fail" if {
	path.carries == "customer-text"
	not covered(path, doc)
}

covered(path, doc) if {
	some term in doc.records.terms
	term.provider == path.provider
	path.endpoint in term.endpoints
	term.zero_retention == true
	is_number(term.ends_at) # and every string after every number
	doc.now < term.ends_at
}
# --8<-- [end:routing]
