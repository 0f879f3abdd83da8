"""Results beside the rows that they are of: in a file while a run goes on, and from a journal."""
