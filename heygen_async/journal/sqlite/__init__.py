"""Journal in one SQLite file."""
