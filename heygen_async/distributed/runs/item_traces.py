"""One trace per item, from its submit on, whichever processes work on it."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

try:
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:  # the extra otel
    _INSTALLED = False
else:
    _INSTALLED = True

_PARENT = "traceparent"


class RootSpans:
    """Root spans of the items that a submit enters.

    Args:
        tracer: The OpenTelemetry ``Tracer`` of the client, or None, and then nothing is traced.
        run: The name of the run.
    """

    def __init__(self, tracer: Any, run: str) -> None:
        self._tracer = tracer
        self._run = run
        self._spans: dict[str, trace.Span] = {}

    def start(self, key: str) -> str:
        """Start the span of an item; return it as a ``traceparent`` of W3C, or an empty string.

        Args:
            key: The key of the item.
        """
        if self._tracer is None:
            return ""
        submit = trace.get_current_span().get_span_context()
        span = self._spans[key] = self._tracer.start_span(
            "heygen.item",
            context.Context(),
            attributes={"heygen.run": self._run, "heygen.item.key": key},
            links=[trace.Link(submit)] if submit.is_valid else [],
        )
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span))
        return carrier.get(_PARENT, "")

    def end(self, entered: Container[str]) -> None:
        """End the spans of the entered items, and discard the others.

        Args:
            entered: The keys of items that the run did not have.
        """
        for key, span in self._spans.items():
            if key in entered:
                span.end()
        self._spans.clear()


@contextmanager
def item_trace(run_id: str, key: str, parent: str) -> Iterator[None]:
    """Assign the spans of a block to the trace of an item. Context manager.

    If its submit was not traced, the trace id is derived from the run and the item. Without
    OpenTelemetry this does nothing.

    Args:
        run_id: The id of the run.
        key: The key of the item.
        parent: The result of ``RootSpans.start``.
    """
    if not _INSTALLED:
        yield
        return
    if not parent:
        digest = hashlib.sha256(f"{run_id}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
        parent = f"00-{digest[:32]}-{digest[32:48]}-01"
    root = TraceContextTextMapPropagator().extract({_PARENT: parent}, context.Context())
    token = context.attach(root)
    try:
        yield
    finally:
        context.detach(token)
