"""Hooks, logs and messages about calls, without secrets or control characters."""
