# Which adapter a tenant may upload, and which one a request may name in `model`.
package serving.adapters

default upload := false

upload if count(reasons(input)) == 0

default use := false

use if owns(input.tenant, input.digest)

reasons(u) := union({whole(u), files(u), size(u), signer(u), base(u), scan(u)})

whole(u) := {"a field is missing" | not judged(u)} # a missing one would make its rule undefined, and so silent

judged(u) if {
	count(u.files) > 0
	u.rank > 0
	u.bytes > 0
}

files(u) := {sprintf("%s may run code when it is loaded", [name]) |
	some name in u.files
	not name in {"adapter_config.json", "adapter_model.safetensors"}
}

size(u) := {"larger than a rank of 64 is" | over(u)}

over(u) if u.rank > 64

over(u) if u.bytes > 1000000000

signer(u) := {"not signed by the tenant that uploads it" | object.get(data.tenant_signers, u.tenant, "nobody") != u.signer}

base(u) := {"trained for other weights" | u.base != data.base}

scan(u) := {"no verdict of the scanner" | object.get(u, "scan", "none") != "clean"}

owns(tenant, digest) if data.adapters[digest] == tenant
