"""Log records: level, logger and fields."""

from __future__ import annotations

import io
import logging

import pytest

from heygen_async import HeyGen, JobFailed, NotFound
from heygen_async.sandbox import Fault, Sandbox

from .wire import video

pytestmark = pytest.mark.anyio


def _fields(record: logging.LogRecord) -> dict[str, object]:
    plain = logging.makeLogRecord({}).__dict__
    return {name: value for name, value in vars(record).items() if name not in plain}


async def test_a_line_for_each_call_at_debug(
    heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "heygen_async")
    await heygen.voices.list(limit=3).first_page()
    with pytest.raises(NotFound):
        await heygen.videos.get("abc")
    found, lost = (r for r in caplog.records if r.name == "heygen_async.session")
    assert found.levelno == lost.levelno == logging.DEBUG
    assert found.getMessage().startswith("voices.list: GET /v3/voices: 200 in ")
    fields = _fields(lost)
    assert fields.pop("seconds") == pytest.approx(0, abs=1)
    assert fields == {
        "message": lost.getMessage(),
        "operation": "videos.get",
        "method": "GET",
        "path": "/v3/videos/abc",
        "status": 404,
        "attempts": 1,
        "request_id": fields["request_id"],
        "error": "NotFound",
    }


async def test_retries_and_jobs_at_info(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "heygen_async")
    sandbox.faults.add("videos.create", Fault.status(503, retry_after=20))
    sandbox.fail_next("video")
    job = await heygen.videos.create(video(sandbox))
    with pytest.raises(JobFailed):
        await job.wait()
    lines = [(r.name, r.getMessage(), _fields(r)) for r in caplog.records]
    retry, submitted, settled = lines
    assert retry[0] == "heygen_async.session"
    assert "videos.create: attempt 1 failed, another follows in 2" in retry[1]
    assert (retry[2]["status"], retry[2]["attempt"], retry[2]["path"]) == (503, 1, "/v3/videos")
    assert submitted[:2] == ("heygen_async.jobs", f"video {job.id}: submitted")
    assert settled[0] == "heygen_async.jobs"
    assert settled[1].startswith(f"video {job.id}: failed after ")
    assert (settled[2]["job_id"], settled[2]["state"]) == (job.id, "failed")


async def test_downloads_without_their_signature(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    done = await (await heygen.videos.create(video(sandbox))).wait()
    caplog.set_level(logging.DEBUG, "heygen_async.jobs")
    size = await heygen.download(done, io.BytesIO())
    (record,) = caplog.records
    assert record.getMessage().startswith(f"video {done.id}: {size} bytes downloaded in ")
    assert "http" not in repr(vars(record))


async def test_nothing_at_warning_where_all_is_well(
    sandbox: Sandbox, heygen: HeyGen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "heygen_async")
    sandbox.faults.add("videos.create", Fault.drop_answer())
    await (await heygen.videos.create(video(sandbox))).wait()
    assert not caplog.records
