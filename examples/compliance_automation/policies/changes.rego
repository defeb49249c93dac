package controls.changes

import rego.v1

# Without a verdict an item is missing here, and the runner counts it as unknown.
# --8<-- [start:changes]
verdicts[change.id] := verdict(change, input) if some change in input.items

verdict(change, doc) := "pass" if {
	readable(change)
	proper(change, doc.records)
}

verdict(change, doc) := "fail" if {
	readable(change)
	not proper(change, doc.records)
}

readable(change) if {
	change.kind in {"weights", "adapter", "system-prompt", "routing"}
	every field in ["approver", "approved_at", "evaluation"] { field in object.keys(change) }
	is_string(change.artifact)
	is_string(change.author)
	is_number(change.live_at)
}

proper(change, records) if {
	approved(change)
	evaluated(change, records.evaluations)
}

# Back to what went live properly before needs no new approval, unless it had been withdrawn.
proper(change, records) if {
	some earlier in records.released
	earlier.artifact == change.artifact
	earlier.verdict == "pass" # what broke the glass vouches for nothing
	earlier.change != change.id
	is_number(earlier.ended_at)
	earlier.ended_at < change.live_at
	standing(earlier.withdrawn_at, change.live_at)
}

approved(change) if {
	is_string(change.approver)
	count(change.approver) > 0
	change.approver != change.author
	is_number(change.approved_at) # OPA orders null before every number
	change.approved_at <= change.live_at
}

# --8<-- [end:changes]

evaluated(change, reports) if {
	some report in reports
	report.id == change.evaluation
	report.artifact == change.artifact
	report.passed == true
	is_number(report.finished_at)
	report.finished_at <= change.live_at
}

standing(withdrawn_at, _) if withdrawn_at == null

standing(withdrawn_at, then) if {
	is_number(withdrawn_at)
	withdrawn_at > then
}
