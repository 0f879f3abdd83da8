"""Results beside their rows: in a file during a run, and from a journal."""
