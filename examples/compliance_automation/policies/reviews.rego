package controls.reviews

import rego.v1

verdicts[review.id] := verdict(review, input) if some review in input.items

verdict(review, doc) := "pass" if {
	is_number(review.closed_days_ago)
	good(review, doc.params)
}

verdict(review, doc) := "fail" if {
	is_number(review.closed_days_ago)
	not good(review, doc.params)
}

good(review, params) if {
	review.closed_days_ago <= params.max_days
	review.reviewer != review.system_admin
	review.to_remove == review.removed
}
