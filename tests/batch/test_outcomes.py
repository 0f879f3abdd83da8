"""Outcomes as types, as plain data and as rows; what objects say of themselves."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, assert_type

import aiohttp
import pytest
from fastapi import FastAPI

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchStopped,
    Failed,
    HeyGen,
    HeyGenError,
    Job,
    JobFailed,
    Outcome,
    Report,
    Run,
    Succeeded,
    Video,
)
from heygen_async.sandbox import Sandbox
from tests.web_servers import under_uvicorn

from .conftest import names

pytestmark = pytest.mark.anyio


async def narrowed(run: Run[Video]) -> None:
    """Checked by mypy, and never run."""
    async for outcome in run:
        if outcome.ok:
            assert_type(outcome, Succeeded[Video])
            assert_type(outcome.result, Video)
        else:
            assert_type(outcome, Failed)
            assert_type(outcome.error, HeyGenError)


@pytest.fixture
async def ended(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> list[Outcome[Video]]:
    outcomes: list[Outcome[Video]] = []
    for name in names(2):
        run = Batch(heygen).render(template_id, [name])
        outcomes += [outcome async for outcome in run]
        sandbox.fail_next("video", code="text_too_long")
    return outcomes


async def test_classes_of_outcomes(ended: list[Outcome[Video]]) -> None:
    done, failed = ended
    assert isinstance(done, Succeeded)
    assert isinstance(failed, Failed)
    assert all(isinstance(outcome, Outcome) for outcome in ended)
    assert (done.ok, failed.ok) == (True, False)
    assert done.unwrap() is done.result
    with pytest.raises(JobFailed):
        failed.unwrap()
    assert pickle.loads(pickle.dumps(done)) == done
    made: Outcome[Video] = Outcome(key="a", index=0, item=None)  # as code for 0.1.0 makes them
    assert made.ok


async def test_outcomes_as_plain_data(ended: list[Outcome[Video]]) -> None:
    done, failed = ended
    assert json.loads(done.to_json()) == done.to_dict()
    fields = done.to_dict()
    assert (fields["ok"], fields["key"], fields["error"]) == (True, "0", None)
    assert fields["result"]["status"] == "completed"
    assert fields["item"] == {"name": "Person 0"}
    error = failed.to_dict()["error"]
    assert error["type"] == "JobFailed"
    assert error["code"] == "text_too_long"
    assert error["message"] == str(failed.error)


async def test_items_of_any_kind_have_a_plain_form(ended: list[Outcome[Video]]) -> None:
    class Mine:
        def __str__(self) -> str:
            return "mine"

    strange = {"path": Path("a"), "mine": Mine(), 7: {1}, "none": float("nan"), "many": 10**30}
    outcome: Outcome[Any] = Outcome(key="a", index=0, item=strange)
    assert outcome.to_dict()["item"]["mine"] == "mine"
    assert outcome.to_dict()["item"]["7"] == [1]
    assert json.loads(outcome.to_json())["item"]["none"] is None
    assert outcome.to_row()["path"] == "a"


async def test_rows_of_outcomes(ended: list[Outcome[Video]]) -> None:
    done, failed = (outcome.to_row() for outcome in ended)
    columns = ["name", "status", "job_id", "url", "file", "seconds", "usd", "error"]
    assert list(done) == list(failed) == columns
    assert (done["name"], done["status"], done["error"]) == ("Person 0", "completed", None)
    assert done["url"].startswith("http")
    assert done["usd"] > 0
    assert (failed["status"], failed["url"]) == ("failed", None)
    assert "text_too_long" in failed["error"]


async def test_columns_of_the_items_keep_their_names() -> None:
    item = {"status": "lead", "heygen_status": "old", "url": "https://mine"}
    outcome: Outcome[Any] = Outcome(key="a", index=0, item=item, job_id="j")
    row = outcome.to_row()
    assert (row["status"], row["heygen_status"], row["heygen_heygen_status"]) == (
        "lead",
        "old",
        "completed",
    )
    assert (row["url"], row["heygen_url"], row["job_id"]) == ("https://mine", None, "j")
    keyed: Outcome[Any] = Outcome(key="a", index=0, item="text")
    assert keyed.to_row()["key"] == "a"


async def test_rows_of_a_run(sandbox: Sandbox, heygen: HeyGen, template_id: str) -> None:
    async with Batch(heygen) as batch:
        run = batch.render(template_id, names(5))
        rows = await run.rows()
    assert {row["name"] for row in rows} == {f"Person {number}" for number in range(5)}
    assert not run.unfinished


async def test_a_run_that_stops_loses_no_jobs_of_its_rows(
    sandbox: Sandbox, heygen: HeyGen, template_id: str
) -> None:
    sandbox.fail_next("video")
    async with Batch(heygen, on_error="stop", concurrency=1) as batch:
        run = batch.render(template_id, names(6))
        with pytest.raises(BatchStopped):
            await run.rows()
        assert set(run.unfinished.values()) == {job.id for job in sandbox.ledger.jobs}


async def test_a_resumed_run_says_nothing_of_slots(
    heygen: HeyGen, template_id: str, journal: Path
) -> None:
    for _ in range(2):
        async with Batch(heygen, journal=journal) as batch:
            run = batch.render(template_id, names(12))
            await run.rows()
    assert run.report.resumed == 12
    assert run.report.slot_use == 0


async def test_what_objects_say_of_themselves(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    batch = Batch(heygen, journal=journal, max_cost=20)
    run = batch.render(template_id, names(3))
    assert repr(batch) == f"<Batch of 0 open runs, journal='{journal}', max_cost=20>"
    assert repr(run) == f"<Run render {template_id}: not begun>"
    async for _ in run:
        assert repr(run).endswith(" of 3 items ended>")
    assert repr(run) == f"<Run render {template_id}: 3 of 3 items ended, over>"
    pages = heygen.videos.list(limit=5, title="Ada")
    assert repr(pages).startswith("<Pages of /v3/videos, ")
    assert "limit=5" in repr(pages)
    assert sandbox.base_url in repr(sandbox)
    assert sandbox.api_key not in repr(sandbox)
    assert repr(Sandbox()) == "<Sandbox not open, speed 60>"


async def test_reports_in_notebooks() -> None:
    report = Report(
        completed=1200,
        failed=1,
        failures={"<script>": 1},
        elapsed=60,
        most_running=10,
        slot_use=0.5,
        requests=3000,
        retries=0,
        rate_limited=0,
        usd=12.5,
    )
    page = report._repr_html_()
    assert "<td>1,200</td>" in page
    assert "<script>" not in page
    assert report.to_dict()["failures"] == {"<script>": 1}


async def test_jobs_and_requests_as_plain_data(sandbox: Sandbox, heygen: HeyGen) -> None:
    request = AvatarVideoRequest(avatar_id=sandbox.add_look(), script="Hello", extra={"new": 1})
    assert request.to_dict()["type"] == "avatar"
    assert request.to_dict()["new"] == 1
    job = await heygen.videos.create(
        AvatarVideoRequest(avatar_id=request.avatar_id, script="Hello")
    )
    assert job.to_dict()["id"] == job.id
    assert job.to_dict()["status"] is None
    video = await job.wait()
    told = json.loads(job.to_json())
    assert (told["status"], told["result"]) == ("completed", video.to_dict())
    assert json.loads(video.to_json())["video_url"] == video.video_url


async def test_fastapi_returns_models_outcomes_reports_and_jobs(
    heygen: HeyGen, template_id: str
) -> None:
    app = FastAPI()

    @app.get("/video")
    async def video() -> Video:
        return Video(id="v", status="completed", video_url="https://example.com/v.mp4")

    @app.get("/videos")
    async def videos() -> list[Video]:
        return [await video()]

    @app.post("/run")
    async def run() -> Report:
        started = Batch(heygen).render(template_id, names(1))
        outcomes.extend([outcome async for outcome in started])
        return started.report

    @app.get("/outcome")
    async def outcome() -> Outcome[Video]:
        return outcomes[0]

    @app.get("/job")
    async def job() -> Job[Video]:
        return heygen.jobs.attach(Video, "v")

    outcomes: list[Outcome[Video]] = []
    async with under_uvicorn(app) as url, aiohttp.ClientSession(url) as browser:

        async def got(path: str, method: str = "GET") -> Any:
            async with browser.request(method, path) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        expected = {"id": "v", "status": "completed", "video_url": "https://example.com/v.mp4"}
        assert await got("/video") == expected
        assert await got("/videos") == [expected]
        assert (await got("/run", "POST"))["completed"] == 1
        assert (await got("/outcome"))["result"]["status"] == "completed"
        assert (await got("/job"))["id"] == "v"
        assert "/outcome" in (await got("/openapi.json"))["paths"]
