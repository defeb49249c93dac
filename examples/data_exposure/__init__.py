"""An assistant that many organizations share: the system, its evidence, and what is read from it."""
