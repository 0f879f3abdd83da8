"""What hooks, logs and messages tell of a call, without secrets or control characters."""
