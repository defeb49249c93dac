"""Linters of our own, of what is locked: its licenses, and whether vulnerabilities are known of it."""
