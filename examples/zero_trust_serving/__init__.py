"""Zero trust for multi-tenant LLM serving: who calls, for which tenant, and what tenants still share.

`spiffe` issues and checks workload identities, `grants` the tenant's, `revocations` ends both kinds of access,
`cache` keeps prefixes apart, and `workload` puts them behind real mutual TLS. `manifests/` holds the network and mesh
policies, which `reach` evaluates against the intended `edges`; `policy/` is a bundle in Rego for what may run, what a
tenant may upload and what an operator may do. `setting` and `figures` hold the page's numbers.
"""
