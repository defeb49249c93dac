"""Compliance checks whose silence is never a pass.

Captured snapshots (`snapshots`) are judged by Rego rules (`policies/`, run by `rego`) for the tests of a control catalog
(`controls.yml`, `catalog`). `evaluate` turns verdicts and doubts into one state a test, `waivers` let an accepted failure
rest until a date, `findings` routes what is left to owners, `repairs` says what may be repaired unasked, `evidence` signs and
chains what an auditor will re-perform, and `oscal` and `report` derive both frameworks' papers from the same results.
`policies/gate.rego` asks the same rule before a change. `estate` generates the seeded estate, `run` is the command, `sizing` and `figures` are the arithmetic.
"""
