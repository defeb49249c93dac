package controls.changes

import rego.v1

# Without a verdict an item is missing here, and the runner counts it as unknown.
# --8<-- [start:changes]
verdicts[change.id] := verdict(change, input) if some change in input.items

verdict(change, doc) := "pass" if {
	readable(change)
	approved(change)
	evaluated(change, doc.records.evaluations)
}

verdict(change, doc) := "fail" if {
	readable(change)
	not approved(change)
}

verdict(change, doc) := "fail" if {
	readable(change)
	not evaluated(change, doc.records.evaluations)
}

readable(change) if {
	change.kind in {"weights", "adapter", "system-prompt", "routing"}
	every field in ["author", "approver", "approved_at", "evaluation", "artifact"] {
		field in object.keys(change)
	}
	is_number(change.live_at)
}

approved(change) if {
	is_string(change.approver)
	change.approver != change.author
	is_number(change.approved_at) # OPA orders null before every number
	change.approved_at <= change.live_at
}

evaluated(change, reports) if {
	some report in reports
	report.id == change.evaluation
	report.artifact == change.artifact
	report.passed == true
	is_number(report.finished_at)
	report.finished_at <= change.live_at
}
# --8<-- [end:changes]
