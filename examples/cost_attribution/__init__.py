"""Who pays for what: usage facts, versioned prices, a ledger that balances, allocation, budgets and an export.

`usage.py` reads what a provider reports into disjoint kinds of tokens, and makes the event of an attempt.
`usage.sql`, `ledger.sql`, `people.sql` and `budget.sql` are the books: PostgreSQL 15 or newer, with btree_gist.
`money.py` divides cents, `gpu.py` says what a request occupies, `fleet.py` who pays for capacity, `gap.py` why the
provider's invoice and the count differ, `budget.py` what an open stream may still cost, `focus.py` exports a month.
"""
