"""Samples that people approve: the runs that make them, and the commands that decide."""
