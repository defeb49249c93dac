package controls.launches_test

import data.controls.launches
import rego.v1

doc := {"records": {"images": [{"digest": "sha256:11"}]}}

launch(fields) := object.union({"id": "n", "image": "sha256:11", "disk_encrypted": true}, fields)

test_good_passes if launches.verdict(launch({}), doc) == "pass"

test_another_image_fails if launches.verdict(launch({"image": "sha256:22"}), doc) == "fail"

test_a_plain_disk_fails if launches.verdict(launch({"disk_encrypted": false}), doc) == "fail"

test_a_null_leaves_no_verdict if {
	not launches.verdict(launch({"disk_encrypted": null}), doc)
	not launches.verdict(launch({"image": null}), doc)
}
