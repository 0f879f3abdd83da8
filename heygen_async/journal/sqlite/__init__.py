"""What a journal stores in one SQLite file."""
