"""One HTTP call done right: limits, retries, idempotency, codec, transfers."""

from heygen_async.session.escaping import escape_logs

escape_logs()
