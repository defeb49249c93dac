"""A metering pipeline whose customers dispute their invoices, the evidence it leaves, and its corrected ledger.

Modules, from the inside out:

    setting      the question's numbers, and the prices as integers (pure)
    traffic      what customers and the network do, seeded (pure)
    pipeline     gateway, at-least-once queue, consumer and hourly job, as they were and as they are mended
    store        SQL files by named section, and a SQLite database with the evidence in it
    capture      runs the pipeline and writes `evidence/`
    fleet        the correction run over 9,000 organizations: who gets how much (pure)
    check        the daily reconciliation's thresholds and what they find (pure)
    figures      every number on the page

`schema.sql`, `queries.sql` and `corrections.sql` run unchanged on PostgreSQL and on SQLite; `postgresql.sql` holds what
only PostgreSQL has.
"""
