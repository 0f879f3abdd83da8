"""One HTTP call done right: limits, retries, idempotency, codec, transfers."""

from heygen_async.session.diagnostics.escaping import escape_logs

escape_logs()
