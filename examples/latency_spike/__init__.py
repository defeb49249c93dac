"""Question 16: a seeded simulation of the night fleet, the evidence that it leaves behind, and how to read it."""
