"""What the answers print and compute, as importable, tested packages: one per question."""
