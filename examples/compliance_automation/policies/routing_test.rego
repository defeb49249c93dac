package controls.routing_test

import data.controls.routing
import rego.v1

term := {"provider": "p", "endpoints": ["/chat"], "zero_retention": true, "ends_at": 100}

doc := {"now": 50, "records": {"terms": [term]}}

with_term(fields) := {"now": 50, "records": {"terms": [object.union(term, fields)]}}

path(fields) := object.union({"id": "r", "provider": "p", "endpoint": "/chat", "carries": "customer-text"}, fields)

test_a_covered_endpoint_passes if routing.verdict(path({}), doc) == "pass"

test_another_endpoint_of_the_same_provider_fails if {
	routing.verdict(path({"endpoint": "/batches"}), doc) == "fail"
}

test_another_provider_fails if routing.verdict(path({"provider": "q"}), doc) == "fail"

test_an_ended_contract_fails if routing.verdict(path({}), with_term({"ends_at": 50})) == "fail"

test_a_date_that_is_no_number_covers_nothing if {
	routing.verdict(path({}), with_term({"ends_at": "2027-01-01"})) == "fail"
	routing.verdict(path({}), with_term({"ends_at": null})) == "fail"
}

test_a_contract_that_retains_fails if {
	routing.verdict(path({}), with_term({"zero_retention": false})) == "fail"
}

test_other_traffic_may_go_anywhere if {
	routing.verdict(path({"carries": "no-customer-text", "endpoint": "/batches"}), doc) == "pass"
}

test_an_unlabeled_path_leaves_no_verdict if {
	not routing.verdict(path({"carries": "?"}), doc)
}
