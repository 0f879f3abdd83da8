"""Limits of concurrent requests and jobs, and pauses after a 429."""
