package controls.retention

import rego.v1

verdicts[store.id] := verdict(store, input) if some store in input.items

# A store is classified by what a scanner found in it, not by its tag or name. While it is not, `holds_prompts` is null.
verdict(store, doc) := "pass" if {
	store.holds_prompts == false
}

verdict(store, doc) := "pass" if {
	store.holds_prompts == true
	is_number(store.oldest_days)
	store.oldest_days <= doc.params.max_days
}

verdict(store, doc) := "fail" if {
	store.holds_prompts == true
	is_number(store.oldest_days)
	store.oldest_days > doc.params.max_days
}
