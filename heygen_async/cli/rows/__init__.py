"""Runs in which each row of a file makes a request, without a template of HeyGen's."""
