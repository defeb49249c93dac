package controls.reviews_test

import data.controls.reviews
import rego.v1

doc := {"params": {"max_days": 100}}

review(fields) := object.union(
	{"id": "r", "closed_days_ago": 100, "reviewer": "ann", "system_admin": "ben", "to_remove": 3, "removed": 3},
	fields,
)

test_good_passes if reviews.verdict(review({}), doc) == "pass"

test_late_fails if reviews.verdict(review({"closed_days_ago": 101}), doc) == "fail"

test_an_admin_does_not_review_the_admin if reviews.verdict(review({"reviewer": "ben"}), doc) == "fail"

test_access_left_in_place_fails if reviews.verdict(review({"removed": 2}), doc) == "fail"

test_a_lost_date_leaves_no_verdict if {
	not reviews.verdict(review({"closed_days_ago": null}), doc)
	not reviews.verdict(review({"closed_days_ago": "900"}), doc)
}
