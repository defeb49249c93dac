"""A replica that is killed for its memory after two days: the server, its load, the tools that look at it, the mend."""
