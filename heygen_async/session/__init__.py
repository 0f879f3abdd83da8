"""One HTTP call done right: limits, retries, idempotency, codec, transfers."""
