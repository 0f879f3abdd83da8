"""Runs on many machines: submitted once, stored in PostgreSQL, and processed by workers."""
