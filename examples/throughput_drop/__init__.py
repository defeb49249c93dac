"""A fleet of LLM serving replicas before and after a release: its simulation, its evidence, and what is read from it."""
