package serving.adapters_test

import data.serving.adapters

good := {
	"tenant": "acme", "signer": "acme@signing.example", "base": "sha256:b0b0", "rank": 16, "bytes": 200000000, "scan": "clean",
	"files": ["adapter_config.json", "adapter_model.safetensors"],
}

test_a_good_adapter if adapters.reasons(good) == set()

test_pickle if count(adapters.reasons(object.union(good, {"files": ["adapter_model.bin"]}))) == 1

test_code if count(adapters.reasons(object.union(good, {"files": ["adapter_model.safetensors", "modeling.py"]}))) == 1

test_too_large if count(adapters.reasons(object.union(good, {"rank": 128}))) == 1

test_too_heavy if count(adapters.reasons(object.union(good, {"bytes": 2000000000}))) == 1

test_signed_by_another_tenant if count(adapters.reasons(object.union(good, {"signer": "bolt@signing.example"}))) == 1

test_an_unknown_tenant if count(adapters.reasons(object.union(good, {"tenant": "nobody"}))) == 1

test_other_weights if count(adapters.reasons(object.union(good, {"base": "sha256:dead"}))) == 1

test_not_scanned if count(adapters.reasons(object.remove(good, ["scan"]))) == 1

test_the_owner_may_use_it if adapters.owns("acme", "sha256:1f2e")

test_another_tenant_may_not if not adapters.owns("bolt", "sha256:1f2e")

test_an_unknown_name if not adapters.owns("acme", "sha256:ffff")

test_a_missing_field if adapters.reasons(object.remove(good, ["rank"])) == {"a field is missing"}

test_no_files if adapters.reasons(object.union(good, {"files": []})) == {"a field is missing"}
