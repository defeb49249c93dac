package controls.storage

import rego.v1

verdicts[store.id] := verdict(store, input) if some store in input.items

verdict(store, doc) := "pass" if store.public == false

verdict(store, doc) := "fail" if store.public == true
