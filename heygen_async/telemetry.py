"""OpenTelemetry: traces and metrics of a client, built on its hooks.

Once the application has set its providers::

    from heygen_async.telemetry import OpenTelemetry

    OpenTelemetry().instrument(heygen)

A client that is not instrumented has no extra cost. A span is made when its call has ended, with
the time at which it began, as a child of the span that is active at the call. Names follow
OpenTelemetry's conventions for HTTP clients if there are any; others begin with ``heygen.``.

Spans:

- ``POST /v3/videos``: each call, with all its attempts; each retry is an event in it. Calls that
  the client makes by itself, to poll jobs, have no parent.
- ``heygen.job video``: each job, from its submission until its end is known here. If another
  process submitted it, the span is a child of the one that is active at the first wait.
- ``heygen.item``: each item that is submitted to a ``Cluster``, when it is entered: the root of a
  trace with all spans of the item, whichever workers make them.
- ``heygen.download video``: each download of a job's output, linked to the job's span.

Metrics: ``http.client.request.duration`` (each attempt), ``heygen.retries``,
``heygen.rate_limited`` (answers with status 429), ``heygen.jobs.submitted``,
``heygen.job.duration``, ``heygen.jobs.cost`` (USD, estimated at published prices, for jobs that
this client has submitted singly), ``heygen.slots.used`` and ``heygen.slots.limit`` (job slots of
bulk runs).

No attribute holds the API key, a query or a signed URL.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from heygen_async.client import HeyGen
from heygen_async.errors import HeyGenError
from heygen_async.models.structs import Request
from heygen_async.pricing.estimates import cost
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.session.diagnostics.hooks import Hooks, JobEvent, RequestEvent, RetryEvent
from heygen_async.session.slots import SlotPool
from heygen_async.version import __version__

try:
    from opentelemetry import context as contexts
    from opentelemetry import metrics, trace
except ImportError as _error:
    raise ImportError(
        "heygen_async.telemetry needs OpenTelemetry: pip install opentelemetry-api (the extra otel)"
    ) from _error

__all__ = ["OpenTelemetry"]

# Buckets in seconds: those of the conventions for HTTP clients, and others for jobs, which take
# minutes.
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30)
_JOB_BUCKETS = (10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200)
# The most jobs that are remembered until they settle and are downloaded; the oldest are dropped.
_JOBS = 10_000


class OpenTelemetry:
    """Traces and metrics of one client or several.

    Args:
        tracer_provider: Receives the spans. Default: the global provider.
        meter_provider: Receives the metrics. Default: the global provider.
        prices: Prices of jobs. Default: the published prices.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        prices: PriceTable = PRICES,
    ) -> None:
        self._tracer = trace.get_tracer("heygen_async", __version__, tracer_provider)
        self._prices = prices
        self._clients: weakref.WeakSet[HeyGen] = weakref.WeakSet()
        # Replaced and never mutated, because the gauges are read in another thread.
        self._slots: tuple[tuple[weakref.ref[SlotPool], str], ...] = ()
        meter = metrics.get_meter("heygen_async", __version__, meter_provider)
        self._requests = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests, for each attempt.",
            explicit_bucket_boundaries_advisory=_REQUEST_BUCKETS,
        )
        self._retries = meter.create_counter(
            "heygen.retries", "{retry}", "Requests that repeat an earlier one."
        )
        self._rate_limited = meter.create_counter(
            "heygen.rate_limited", "{answer}", "Answers of 429."
        )
        self._submitted = meter.create_counter(
            "heygen.jobs.submitted", "{job}", "Jobs that the API has accepted."
        )
        self._job_seconds = meter.create_histogram(
            "heygen.job.duration",
            "s",
            "From the submission of a job until its end is known.",
            explicit_bucket_boundaries_advisory=_JOB_BUCKETS,
        )
        self._cost = meter.create_counter("heygen.jobs.cost", "{USD}", "Estimated cost of jobs.")
        meter.create_observable_gauge(
            "heygen.slots.used",
            [lambda _: self._observe("held")],
            "{slot}",
            "Job slots that bulk runs hold.",
        )
        meter.create_observable_gauge(
            "heygen.slots.limit",
            [lambda _: self._observe("limit")],
            "{slot}",
            "Jobs that the account may run at once, as far as known.",
        )

    def instrument(self, heygen: HeyGen) -> None:
        """Trace and count calls and jobs of this client from now on; further calls do nothing."""
        if heygen in self._clients:
            return
        self._clients.add(heygen)
        heygen._session.tracer = self._tracer
        address = urlsplit(heygen._session.settings.base_url)
        server = _Server(heygen._session.settings.base_url, address.hostname or "", address.port)
        if all(slots() is not heygen.slots for slots, _ in self._slots):
            alive = [(slots, name) for slots, name in self._slots if slots() is not None]
            self._slots = (*alive, (weakref.ref(heygen.slots), server.address))
        jobs: _Jobs = OrderedDict()
        heygen.add_hooks(
            Hooks(
                on_request=lambda event: self._called(event, server),
                on_retry=lambda event: self._retried(event, server),
                on_job=lambda event: self._job(event, jobs),
            )
        )

    def _called(self, event: RequestEvent, server: _Server) -> None:
        metered = _attempt(event, server)
        if event.attempts:
            self._requests.record(event.last_seconds, metered)
        if event.status == 429:
            self._rate_limited.add(1, _named(event, server))
        attributes = {
            **metered,
            "url.full": server.base_url + event.path,
            "heygen.operation": event.operation,
        }
        if event.attempts > 1:
            attributes["http.request.resend_count"] = event.attempts - 1
        if event.request_id is not None:
            attributes["heygen.request_id"] = event.request_id
        span = self._tracer.start_span(
            f"{event.method} {event.template}" if event.template else event.method,
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
            start_time=_nanoseconds(event.began),
        )
        for retry in event.retries:
            span.add_event(
                "retry",
                {
                    "error.type": _error_type(retry.status, retry.error),
                    "heygen.attempt": retry.attempt,
                    "heygen.wait": retry.wait,
                },
                _nanoseconds(retry.at),
            )
        _end(span, event.began + event.seconds, event.error)

    def _retried(self, event: RetryEvent, server: _Server) -> None:
        attributes = _attempt(event, server)
        self._requests.record(event.seconds, attributes)
        self._retries.add(1, attributes)
        if event.status == 429:
            self._rate_limited.add(1, _named(event, server))

    def _job(self, event: JobEvent, jobs: _Jobs) -> None:
        key = event.kind, event.id
        if event.stage == "submitted":
            _remember(jobs, key, _Submitted(contexts.get_current(), event.request))
            self._submitted.add(1, {"heygen.job.kind": event.kind})
            return
        known = jobs.get(key)
        if event.stage == "downloaded":
            self._download(event, known.span if isinstance(known, _Settled) else None)
        elif not isinstance(known, _Settled):  # another handle on the same job may settle later
            _remember(jobs, key, _Settled(self._settled(event, known)))

    def _settled(self, event: JobEvent, submitted: _Submitted | None) -> trace.SpanContext:
        metered = {"heygen.job.kind": event.kind, "heygen.job.state": event.state or ""}
        attributes: dict[str, str | float] = {**metered, "heygen.job.id": event.id}
        if event.error is not None:
            attributes["error.type"] = getattr(event.error, "code", None) or "JobFailed"
        if submitted is not None:
            self._job_seconds.record(event.seconds, metered)
            usd = None
            if submitted.request is not None:
                usd = cost(event.result, submitted.request, self._prices)
            if usd is not None:
                attributes["heygen.job.cost"] = usd
                self._cost.add(usd, {"heygen.job.kind": event.kind})
        span = self._tracer.start_span(
            f"heygen.job {event.kind}",
            None if submitted is None else submitted.context,
            attributes=attributes,
            start_time=_nanoseconds(event.began),
        )
        _end(span, event.began + event.seconds, event.error)
        return span.get_span_context()

    def _download(self, event: JobEvent, job: trace.SpanContext | None) -> None:
        attributes: dict[str, str | int] = {
            "heygen.job.kind": event.kind,
            "heygen.job.id": event.id,
        }
        if event.error is not None:
            attributes["error.type"] = type(event.error).__name__
        if event.size is not None:
            attributes["heygen.download.size"] = event.size
        parent = contexts.get_current()
        if job is not None and not trace.get_current_span().get_span_context().is_valid:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(job))
        span = self._tracer.start_span(
            f"heygen.download {event.kind}",
            parent,
            attributes=attributes,
            links=[] if job is None else [trace.Link(job)],
            start_time=_nanoseconds(event.began),
        )
        _end(span, event.began + event.seconds, event.error)

    def _observe(self, figure: str) -> Iterator[metrics.Observation]:
        sums: dict[str, int] = {}
        for reference, address in self._slots:
            slots = reference()
            if slots is not None:
                sums[address] = sums.get(address, 0) + getattr(slots, figure)
        for address, total in sums.items():
            yield metrics.Observation(total, {"server.address": address})


class _Server(NamedTuple):
    base_url: str
    address: str
    port: int | None


class _Submitted(NamedTuple):
    """A job whose end is not known, with the context of its submission."""

    context: contexts.Context
    request: Request | None


class _Settled(NamedTuple):
    """A job that has ended, with its span."""

    span: trace.SpanContext


_Jobs = OrderedDict[tuple[str, str], _Submitted | _Settled]


def _remember(jobs: _Jobs, key: tuple[str, str], known: _Submitted | _Settled) -> None:
    jobs[key] = known
    if len(jobs) > _JOBS:
        jobs.popitem(last=False)


def _named(event: RequestEvent | RetryEvent, server: _Server) -> dict[str, str | int]:
    """Return the attributes that a request and a retry have in common."""
    named: dict[str, str | int] = {
        "http.request.method": event.method,
        "server.address": server.address,
    }
    if server.port is not None:
        named["server.port"] = server.port
    if event.template is not None:
        named["url.template"] = event.template
    return named


def _attempt(event: RequestEvent | RetryEvent, server: _Server) -> dict[str, str | int]:
    """Return the attributes of an attempt and its answer."""
    attributes = _named(event, server)
    if event.status is not None:
        attributes["http.response.status_code"] = event.status
    if event.error is not None:
        attributes["error.type"] = _error_type(event.status, event.error)
    return attributes


def _error_type(status: int | None, error: BaseException) -> str:
    return str(status) if status is not None and status >= 400 else type(error).__name__


def _end(span: trace.Span, at: float, error: BaseException | None) -> None:
    if error is not None:
        # The text of any other exception may contain secrets.
        said = str(error) if isinstance(error, HeyGenError) else type(error).__name__
        span.set_status(trace.StatusCode.ERROR, said)
    span.end(_nanoseconds(at))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
