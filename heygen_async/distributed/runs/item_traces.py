"""One trace per item, whichever processes work on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

try:
    from opentelemetry import context, trace
except ImportError:  # the extra otel
    _INSTALLED = False
else:
    _INSTALLED = True


@contextmanager
def item_trace(run_id: str, key: str) -> Iterator[None]:
    """Assign the spans of a block to the trace of an item. Context manager.

    The trace id is derived from the run and the item, so it need not be stored or passed on.
    Without OpenTelemetry this does nothing.

    Args:
        run_id: The id of the run.
        key: The key of the item.
    """
    if not _INSTALLED:
        yield
        return
    digest = hashlib.sha256(f"{run_id}\0{key}".encode("utf-8", "surrogatepass")).digest()
    parent = trace.SpanContext(
        trace_id=int.from_bytes(digest[:16], "big"),
        span_id=int.from_bytes(digest[16:24], "big"),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(parent)))
    try:
        yield
    finally:
        context.detach(token)
