package controls.changes_test

import data.controls.changes
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

report := {"id": "e-1", "artifact": "sha256:aa", "passed": true, "finished_at": 80}

doc := {"records": {"evaluations": [report], "released": [
	release({"artifact": "sha256:old"}),
	release({"artifact": "sha256:bad", "withdrawn_at": 100}),
	release({"artifact": "sha256:late", "withdrawn_at": 101}),
	release({"artifact": "sha256:new", "ended_at": 100}),
	release({"artifact": "sha256:live", "ended_at": null}),
	object.remove(release({"artifact": "sha256:lost"}), ["withdrawn_at"]),
	release({"artifact": "sha256:worded", "ended_at": "2026-01-01"}),
	release({"artifact": "sha256:flagged", "withdrawn_at": true}),
	release({"artifact": "sha256:rash", "verdict": "fail"}),
	object.remove(release({"artifact": "sha256:unjudged"}), ["verdict"]),
	release({"artifact": "sha256:itself", "change": "p-1"}),
]}}

release(fields) := object.union({"change": "p-0", "verdict": "pass", "ended_at": 10, "withdrawn_at": null}, fields)

change(fields) := object.union(good, fields)

rash(artifact) := change({"artifact": artifact, "approver": null, "approved_at": null, "evaluation": null})

with_report(fields) := {"records": {"evaluations": [object.union(report, fields)]}}

# --8<-- [start:tests]
test_approved_and_evaluated_passes if changes.verdict(good, doc) == "pass"

test_an_author_cannot_approve if changes.verdict(change({"approver": "ann"}), doc) == "fail"

test_an_approval_afterward_fails if changes.verdict(change({"approved_at": 101}), doc) == "fail"

test_a_report_on_another_artifact_fails if {
	changes.verdict(good, with_report({"artifact": "sha256:bb"})) == "fail"
}

test_null_is_not_an_early_date if {
	changes.verdict(change({"approved_at": null}), doc) == "fail"
	changes.verdict(good, with_report({"finished_at": null})) == "fail"
}

test_a_field_that_the_collector_lost_leaves_no_verdict if {
	not changes.verdict(object.remove(good, ["approved_at"]), doc)
}

test_an_unheard_of_kind_leaves_no_verdict if {
	not changes.verdict(change({"kind": "tool-schema"}), doc)
}
test_back_to_what_was_live_passes_unless_withdrawn if {
	changes.verdict(rash("sha256:old"), doc) == "pass"
	changes.verdict(rash("sha256:bad"), doc) == "fail"
}

test_what_went_live_unapproved_vouches_for_no_rollback if {
	changes.verdict(rash("sha256:rash"), doc) == "fail"
	changes.verdict(rash("sha256:unjudged"), doc) == "fail"
}
# --8<-- [end:tests]

test_a_change_does_not_vouch_for_itself if changes.verdict(rash("sha256:itself"), doc) == "fail"

test_a_later_withdrawal_does_not_undo_a_rollback if changes.verdict(rash("sha256:late"), doc) == "pass"

test_only_what_was_live_before_is_gone_back_to if {
	changes.verdict(rash("sha256:new"), doc) == "fail"
	changes.verdict(rash("sha256:live"), doc) == "fail"
	changes.verdict(rash("sha256:lost"), doc) == "fail"
	changes.verdict(rash("sha256:worded"), doc) == "fail"
	changes.verdict(rash("sha256:flagged"), doc) == "fail"
}

test_a_date_in_words_is_not_an_early_one if {
	changes.verdict(change({"approved_at": "2027-01-01"}), doc) == "fail"
	changes.verdict(good, with_report({"finished_at": "2027-01-01"})) == "fail"
}

test_an_empty_approver_is_nobody if changes.verdict(change({"approver": ""}), doc) == "fail"

test_a_list_with_the_author_is_no_approver if {
	changes.verdict(change({"approver": ["ann", "ben"]}), doc) == "fail"
}

test_without_an_author_nobody_can_say_who_is_second if {
	not changes.verdict(change({"author": null}), doc)
}

test_without_an_artifact_nobody_can_say_what_was_evaluated if {
	not changes.verdict(change({"artifact": null}), doc)
}

test_no_approver_fails if changes.verdict(change({"approver": null, "approved_at": null}), doc) == "fail"

test_a_report_that_did_not_pass_fails if changes.verdict(good, with_report({"passed": false})) == "fail"

test_a_report_after_going_live_fails if changes.verdict(good, with_report({"finished_at": 101})) == "fail"

test_no_report_fails if changes.verdict(good, {"records": {"evaluations": []}}) == "fail"

test_a_prompt_is_a_change_too if changes.verdict(change({"kind": "system-prompt"}), doc) == "pass"

test_a_change_that_is_not_dated_leaves_no_verdict if {
	not changes.verdict(change({"live_at": null}), doc)
}
