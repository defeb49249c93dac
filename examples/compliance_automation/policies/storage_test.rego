package controls.storage_test

import data.controls.storage
import rego.v1

test_private_passes if storage.verdict({"id": "b", "public": false}, {}) == "pass"

test_public_fails if storage.verdict({"id": "a", "public": true}, {}) == "fail"

test_a_missing_field_leaves_no_verdict if {
	not storage.verdict({"id": "a"}, {})
}
