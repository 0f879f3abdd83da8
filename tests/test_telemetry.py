"""Traces and metrics, as an exporter sees them."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

from heygen_async import AvatarVideoRequest, Batch, HeyGen, JobFailed, NotFound
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.telemetry import OpenTelemetry

KEY = "sk_V2_telemetry_0123456789"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.sandbox(durations={"video": 100.0}, api_keys=[KEY]),
    pytest.mark.heygen(jobs=7),
]


class Seen:
    """Return the exported spans and metrics."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.tracers.get_tracer("app")
        self.meters = MeterProvider([self._reader])
        self.telemetry = OpenTelemetry(tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        if data is None:
            return []
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        found = [metric for scope in scopes for metric in scope.metrics if metric.name == name]
        return [point for metric in found for point in metric.data.data_points]

    def everything(self) -> str:
        spans = "".join(span.to_json() for span in self._exporter.get_finished_spans())
        data = self._reader.get_metrics_data()
        return spans + (data.to_json() if data else "")


@pytest.fixture
def seen(heygen: HeyGen) -> Seen:
    """Return the exported data of the client."""
    seen = Seen()
    seen.telemetry.instrument(heygen)
    return seen


def _video(sandbox: Sandbox) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there.")


def _at(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


def _id(span: Span | ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


async def test_a_call_is_a_span_of_its_caller(heygen: HeyGen, seen: Seen) -> None:
    with seen.tracer.start_as_current_span("page") as page, pytest.raises(NotFound):
        await heygen.videos.get("abc")
    (span,) = seen.spans("GET /v3/videos/{video_id}")
    assert span.kind is SpanKind.CLIENT
    assert span.parent is not None
    assert span.parent.span_id == _id(page)
    attributes = dict(span.attributes or {})
    assert str(attributes.pop("heygen.request_id")).startswith("sandbox-")
    port = attributes["server.port"]
    assert attributes == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.template": "/v3/videos/{video_id}",
        "url.full": f"http://127.0.0.1:{port}/v3/videos/abc",
        "http.response.status_code": 404,
        "error.type": "404",
        "heygen.operation": "videos.get",
    }
    assert span.status.status_code is StatusCode.ERROR
    (point,) = seen.points("http.client.request.duration")
    assert point.count == 1
    assert dict(point.attributes)["error.type"] == "404"
    assert "heygen.request_id" not in point.attributes


async def test_retries_are_events_and_counted(sandbox: Sandbox, heygen: HeyGen, seen: Seen) -> None:
    sandbox.faults.add("users.me", Fault.status(429, retry_after=20))
    sandbox.faults.add("users.me", Fault.drop())
    await heygen.users.me()
    (span,) = seen.spans("GET /v3/users/me")
    assert (span.attributes or {})["http.request.resend_count"] == 2
    assert span.status.status_code is StatusCode.UNSET
    assert [(event.attributes or {})["error.type"] for event in span.events] == [
        "429",
        "ConnectionFailed",
    ]
    began, ended = _at(span)
    assert ended - began > 20e9
    assert all(began <= event.timestamp <= ended for event in span.events)
    durations = seen.points("http.client.request.duration")
    assert sum(point.count for point in durations) == 3
    assert sum(point.sum for point in durations) < 5
    assert sum(point.value for point in seen.points("heygen.retries")) == 2
    assert [point.value for point in seen.points("heygen.rate_limited")] == [1]


async def test_a_job_is_a_span_from_submission_to_end_and_download(
    sandbox: Sandbox, heygen: HeyGen, seen: Seen
) -> None:
    with seen.tracer.start_as_current_span("page") as page:
        job = await heygen.videos.create(_video(sandbox))
    video = await job.wait()
    size = await heygen.download(video, io.BytesIO())
    (span,) = seen.spans("heygen.job video")
    assert span.parent is not None
    assert span.parent.span_id == _id(page)
    began, ended = _at(span)
    assert 100e9 <= ended - began < 130e9
    attributes = dict(span.attributes or {})
    usd = attributes.pop("heygen.job.cost")
    assert attributes == {
        "heygen.job.kind": "video",
        "heygen.job.id": job.id,
        "heygen.job.state": "completed",
    }
    (download,) = seen.spans("heygen.download video")
    assert download.parent is not None
    assert download.parent.span_id == _id(span)
    assert (download.attributes or {})["heygen.download.size"] == size
    assert [point.value for point in seen.points("heygen.jobs.cost")] == [usd]
    assert usd == pytest.approx(sandbox.ledger.usd, rel=0.5)
    assert [point.value for point in seen.points("heygen.jobs.submitted")] == [1]
    assert [point.count for point in seen.points("heygen.job.duration")] == [1]


async def test_a_download_is_a_span_of_its_caller(
    sandbox: Sandbox, heygen: HeyGen, seen: Seen
) -> None:
    video = await (await heygen.videos.create(_video(sandbox))).wait()
    with seen.tracer.start_as_current_span("page") as page:
        await heygen.download(video, io.BytesIO())
    (job,) = seen.spans("heygen.job video")
    (download,) = seen.spans("heygen.download video")
    assert download.parent is not None
    assert download.parent.span_id == _id(page)
    assert [link.context.span_id for link in download.links] == [_id(job)]


async def test_a_job_that_failed_costs_nothing(
    sandbox: Sandbox, heygen: HeyGen, seen: Seen
) -> None:
    sandbox.fail_next("video")
    job = await heygen.videos.create(_video(sandbox))
    for handle in (job, heygen.jobs.attach(type(await job.status()), job.id)):
        with pytest.raises(JobFailed):
            await handle.wait()
    (span,) = seen.spans("heygen.job video")  # though two handles were waited for
    assert span.status.status_code is StatusCode.ERROR
    assert [point.value for point in seen.points("heygen.jobs.cost")] == [0.0]


async def test_slots_are_gauges(sandbox: Sandbox, heygen: HeyGen, seen: Seen) -> None:
    seen.telemetry.instrument(heygen)  # once more changes nothing
    other = HeyGen(KEY, base_url=sandbox.base_url, jobs=heygen.slots)
    seen.telemetry.instrument(other)  # its slots are the same
    template_id = sandbox.add_template()
    async with Batch(heygen) as batch:
        run = batch.render(template_id, [{"name": name} for name in ("Ada", "Bob", "Cleo")])
        used = [seen.points("heygen.slots.used")[0].value async for _ in run]
    assert used[-1] == 0
    assert all(0 <= count < 3 for count in used)
    assert [point.value for point in seen.points("heygen.slots.limit")] == [7]
    assert len(seen.spans("heygen.job video")) == 3


async def test_no_secret_and_no_query_gets_out(
    sandbox: Sandbox, heygen: HeyGen, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    sandbox.faults.add("users.me", Fault.status(401, message=f"the key {KEY} is wrong"))
    with pytest.raises(Exception, match="the key"):
        await heygen.users.me()
    await heygen.voices.list(limit=1).first_page()
    video = await (await heygen.videos.create(_video(sandbox))).wait()
    await heygen.download(video, io.BytesIO())
    said = seen.everything()
    assert "GET /v3/voices" in said
    for secret in (KEY, "Signature", "Expires", "?"):
        assert secret not in said
    assert not caplog.records


async def test_what_others_raise_is_not_quoted(heygen: HeyGen, seen: Seen) -> None:
    def progress(sent: int, size: int) -> None:
        raise RuntimeError("https://files.example.com/a.png?Signature=secret")

    with pytest.raises(RuntimeError):
        await heygen.upload(b"\x89PNG\r\n\x1a\n", filename="a.png", progress=progress)
    (span,) = seen.spans("POST /v3/assets")
    assert span.status.description == "RuntimeError"
    assert "secret" not in seen.everything()


def test_without_opentelemetry_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "try:\n    import heygen_async.telemetry\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install opentelemetry-api" in done.stdout
