"""The journal in PostgreSQL: many processes and machines work on a run. Extra ``postgres``."""
