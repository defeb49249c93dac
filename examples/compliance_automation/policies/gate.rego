package gate

import data.controls.changes
import rego.v1

# Asked before a change goes live. What is not allowed is refused, an empty question and a lost field too.
# --8<-- [start:gate]
default allow := false

allow if allowed(input.change, input)

allowed(change, doc) if changes.verdict(change, doc) == "pass"

# Back to what ran before needs no new approval, unless it has been withdrawn since.
allowed(change, doc) if {
	some earlier in doc.records.released
	earlier.artifact == change.artifact
	earlier.withdrawn == false
}

# Two people who are not the author may pass for four hours. The change stays failed in the period's population.
allowed(change, doc) if {
	count({doc.break_glass.first, doc.break_glass.second} - {change.author}) == 2
	left := doc.break_glass.until - doc.now
	left > 0
	left <= 14400
}
# --8<-- [end:gate]
