package controls.launches

import rego.v1

verdicts[launch.id] := verdict(launch, input) if some launch in input.items

verdict(launch, doc) := "pass" if {
	readable(launch)
	good(launch, doc.records.images)
}

verdict(launch, doc) := "fail" if {
	readable(launch)
	not good(launch, doc.records.images)
}

readable(launch) if {
	is_boolean(launch.disk_encrypted)
	is_string(launch.image)
}

good(launch, images) if {
	launch.disk_encrypted
	some image in images
	image.digest == launch.image
}
