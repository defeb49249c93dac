package gate_test

import data.gate
import rego.v1

good := {
	"id": "p-1",
	"kind": "weights",
	"artifact": "sha256:aa",
	"author": "ann",
	"approver": "ben",
	"approved_at": 90,
	"evaluation": "e-1",
	"live_at": 100,
}

doc := {"now": 100, "records": {
	"evaluations": [{"id": "e-1", "artifact": "sha256:aa", "passed": true, "finished_at": 80}],
	"released": [
		{"change": "p-0", "artifact": "sha256:old", "verdict": "pass", "ended_at": 10, "withdrawn_at": null},
		{"change": "p-0", "artifact": "sha256:bad", "verdict": "pass", "ended_at": 10, "withdrawn_at": 50},
		{"change": "p-0", "artifact": "sha256:rash", "verdict": "fail", "ended_at": 10, "withdrawn_at": null},
	],
}}

rash(artifact) := object.union(good, {"approver": null, "artifact": artifact})

glass(first, second, opened_at) := broken([{"change": "p-1", "first": first, "second": second, "opened_at": opened_at}])

broken(glasses) := {"now": 15000, "records": object.union(doc.records, {"glass": glasses})}

test_a_proper_change_is_allowed if gate.allowed(good, doc)

test_without_approval_it_is_refused if {
	not gate.allowed(rash("sha256:aa"), doc)
}

test_a_rollback_is_allowed if gate.allowed(rash("sha256:old"), doc)

test_a_rollback_to_what_broke_the_glass_is_refused if {
	not gate.allowed(rash("sha256:rash"), doc)
}

test_a_rollback_to_what_was_withdrawn_is_refused if {
	not gate.allowed(rash("sha256:bad"), doc)
}

test_two_others_break_the_glass if gate.allowed(rash("sha256:aa"), glass("ben", "cat", 600))

test_the_author_is_not_one_of_the_two if {
	not gate.allowed(rash("sha256:aa"), glass("ann", "cat", 600))
}

test_one_person_is_not_two if {
	not gate.allowed(rash("sha256:aa"), glass("ben", "ben", 600))
}

test_nobody_is_not_one_of_the_two if {
	not gate.allowed(rash("sha256:aa"), glass("ben", null, 600))
	not gate.allowed(rash("sha256:aa"), glass("ben", "", 600))
	not gate.allowed(object.union(rash("sha256:aa"), {"author": null}), glass("ben", "cat", 600))
}

test_an_approval_dated_ahead_is_refused if {
	not gate.allowed(object.union(good, {"approved_at": 150, "live_at": 200}), doc)
}

test_the_glass_closes_after_four_hours if {
	not gate.allowed(rash("sha256:aa"), glass("ben", "cat", 599))
	not gate.allowed(rash("sha256:aa"), glass("ben", "cat", 15001))
	not gate.allowed(rash("sha256:aa"), glass("ben", "cat", null))
}

test_breaking_it_again_gives_no_more_time if {
	first := {"change": "p-1", "first": "ben", "second": "cat", "opened_at": 599}
	not gate.allowed(rash("sha256:aa"), broken([first, object.union(first, {"opened_at": 14999})]))
}

test_the_glass_is_broken_for_one_change if {
	other := {"change": "p-0", "first": "ben", "second": "cat", "opened_at": 14999}
	not gate.allowed(rash("sha256:aa"), broken([other]))
}
