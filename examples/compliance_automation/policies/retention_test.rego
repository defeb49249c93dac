package controls.retention_test

import data.controls.retention
import rego.v1

doc := {"params": {"max_days": 30}}

store(fields) := object.union({"id": "b", "kind": "bucket", "holds_prompts": true, "oldest_days": 30}, fields)

test_thirty_days_pass if retention.verdict(store({}), doc) == "pass"

test_thirty_one_fail if retention.verdict(store({"oldest_days": 31}), doc) == "fail"

test_age_does_not_matter_without_prompts if {
	retention.verdict(store({"holds_prompts": false, "oldest_days": 900}), doc) == "pass"
}

test_unclassified_leaves_no_verdict if {
	not retention.verdict(store({"holds_prompts": null}), doc)
}

test_an_unknown_age_leaves_no_verdict if {
	not retention.verdict(store({"oldest_days": null}), doc)
	not retention.verdict(store({"oldest_days": "900"}), doc)
}
