"""Runs that make a request from each row of a file, without a template."""
