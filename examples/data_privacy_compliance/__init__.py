"""Erasure by per-patient keys: an inventory of copies, envelope encryption, a deletion ledger, holds and restores.

Start with `service.py`, which ties the rest together; `inventory.yml` and `law.yml` are the page's tables as data.
"""
