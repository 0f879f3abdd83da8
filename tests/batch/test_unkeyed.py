"""Bulk submissions without an idempotency key are never paid for twice unless requested."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    BudgetExceeded,
    CallError,
    HeyGen,
    Outcome,
    Report,
    Retry,
    SpeechRequest,
    TemplateRenderRequest,
    TextVariable,
    UncertainSubmission,
    VideoAgentRequest,
    VoiceCloneRequest,
    localize,
    narrate,
)
from heygen_async.batch.operations import REPLAY_SECONDS
from heygen_async.batch.resume import ResumePolicy
from heygen_async.cli.commands.status import status
from heygen_async.cli.display import Lines, Terminal
from heygen_async.pricing.estimates import estimate
from heygen_async.reports.aggregates import RunAggregates
from heygen_async.reports.page import report_page
from heygen_async.sandbox import Fault, Sandbox
from tests.journal.journals import edit, viewed

# Clones are listed once they are ready.
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.sandbox(concurrency=10, durations={"voice_clone": (10.0, 0.1)}),
]

KINDS = ["video_agents.create", "voices.clone"]
LOST = [Fault.drop_answer(), Fault.status(504, work=True), Fault.truncate()]
NOT_MADE = [Fault.drop(), Fault.status(502)]
CUT_OFF = (
    "UPDATE items SET state = 'intended', job_id = NULL, result = NULL, submitted_at = NULL, "
    "ended_at = NULL, usd = NULL, output_seconds = NULL"
)


def requests_of(kind: str, names: list[str]) -> list[Any]:
    audio = AssetUrl(url="https://example.com/voice.mp3")
    if kind == "voices.clone":
        return [VoiceCloneRequest(audio=audio, voice_name=name) for name in names]
    return [VideoAgentRequest(prompt=name) for name in names]


class Runs:
    """Run over one journal, or none, each time with a new client, as a process would."""

    def __init__(self, sandbox: Sandbox, journal: Path | None, **settings: Any) -> None:
        self.sandbox = sandbox
        self.journal = journal
        self.settings = settings
        self.report: Report

    async def __call__(
        self, requests: list[Any], *, retry: Retry | None = None, **settings: Any
    ) -> list[Outcome[Any]]:
        async with (
            HeyGen(
                self.sandbox.api_key, base_url=self.sandbox.base_url, jobs=10, retry=retry
            ) as heygen,
            Batch(heygen, ordered=True, measure=False, **settings) as batch,
        ):
            keys = {id(request): f"k{number}" for number, request in enumerate(requests)}
            run = batch.run(requests, key=lambda one: keys[id(one)], journal=self.journal)
            outcomes: list[Outcome[Any]] = [outcome async for outcome in run]
            self.report = run.report
        return outcomes

    async def states(self) -> list[str]:
        assert self.journal is not None
        return await viewed(self.journal, lambda view: [one.state for one in view.records()])


@pytest.fixture
def runs(sandbox: Sandbox, journal: Path) -> Runs:
    return Runs(sandbox, journal)


def jobs_of(outcomes: list[Outcome[Any]]) -> list[str]:
    return [outcome.job_id or "" for outcome in outcomes]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
@pytest.mark.parametrize("journaled", [True, False])
async def test_what_was_made_is_found(
    sandbox: Sandbox, journal: Path, kind: str, fault: Fault, journaled: bool
) -> None:
    runs = Runs(sandbox, journal if journaled else None)
    sandbox.faults.add(kind, fault, times=3)
    outcomes = await runs(requests_of(kind, ["a", "b", "c", "d"]))
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sorted(jobs_of(outcomes)) == sorted(job.id for job in sandbox.ledger.jobs)
    assert runs.report.resent == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", NOT_MADE, ids=lambda fault: fault.name)
async def test_what_is_not_found_is_uncertain_and_stays_so(
    sandbox: Sandbox, runs: Runs, kind: str, fault: Fault
) -> None:
    requests = requests_of(kind, ["a", "b", "c"])
    sandbox.faults.add(kind, fault, times=2)
    outcomes = await runs(requests)
    uncertain = [one for one in outcomes if isinstance(one.error, UncertainSubmission)]
    assert len(uncertain) == 2
    assert all(one.error is not None and one.error.__cause__ for one in uncertain)
    assert sorted(await runs.states()) == ["completed", "uncertain", "uncertain"]
    assert sandbox.ledger.count() == 1
    again = await runs(requests)
    assert [type(one.error) for one in again] == [type(one.error) for one in outcomes]
    assert sandbox.ledger.count() == 1
    assert sandbox.requests.by_operation[kind] == 3
    asked = await runs(requests, resubmit_uncertain=True)
    assert [one.ok for one in asked] == [True] * 3
    assert sandbox.ledger.count() == 3
    assert (runs.report.resent, [one.resends for one in asked].count(1)) == (2, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("age", [0.0, 3600.0, 90_000.0, -3600.0])
async def test_after_a_crash_it_is_found(
    sandbox: Sandbox, runs: Runs, kind: str, age: float
) -> None:
    """Kill between the answer and the journal: at any age, the request is not sent again."""
    requests = requests_of(kind, ["a", "b", "c"])
    first = await runs(requests)
    assert runs.journal is not None
    await edit(runs.journal, CUT_OFF)
    if age == 0:
        again = await runs(requests)
        assert jobs_of(again) == jobs_of(first)
    else:  # the account has nothing from that time
        await edit(runs.journal, f"UPDATE items SET intended_at = intended_at - {age}")
        again = await runs(requests)
        found = 0 < age < 26 * 3600.0  # jobs may wait for their turn that long
        assert [one.ok for one in again] == [found] * 3
    assert sandbox.ledger.count() == 3
    assert sandbox.requests.by_operation[kind] == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_before_it_was_sent_it_is_not_sent_again_unless_asked(
    sandbox: Sandbox, runs: Runs, kind: str
) -> None:
    """Kill between the intent and the request: whether it was sent is unknown."""
    requests = requests_of(kind, ["a"])
    sandbox.faults.add(kind, Fault.drop())
    await runs(requests)
    assert runs.journal is not None
    await edit(runs.journal, CUT_OFF)
    (outcome,) = await runs(requests)
    assert isinstance(outcome.error, UncertainSubmission)
    assert sandbox.ledger.count() == 0
    (outcome,) = await runs(requests, retry=Retry(unkeyed="resend"))
    assert outcome.ok
    assert (outcome.resends, runs.report.resent) == (1, 1)
    assert sandbox.ledger.count() == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_equal_requests_are_never_given_one_job(
    sandbox: Sandbox, runs: Runs, kind: str
) -> None:
    requests = requests_of(kind, ["same"] * 4)
    sandbox.faults.add(kind, Fault.drop_answer())
    sandbox.faults.add(kind, Fault.drop())
    outcomes = await runs(requests)
    jobs = [outcome.job_id for outcome in outcomes if outcome.ok]
    assert len(set(jobs)) == len(jobs) >= 2
    assert sandbox.ledger.count() == 3
    assert {type(outcome.error) for outcome in outcomes if not outcome.ok} == {UncertainSubmission}
    again = await runs(requests)
    jobs = [outcome.job_id for outcome in again if outcome.ok]
    assert len(set(jobs)) == len(jobs) >= 2
    assert sandbox.ledger.count() == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_what_another_call_has_made_is_not_taken(
    sandbox: Sandbox, heygen: HeyGen, kind: str
) -> None:
    (request,) = requests_of(kind, ["same"])
    create: Any = heygen.voices.clone if kind == "voices.clone" else heygen.video_agents.create
    await create(request)
    sandbox.faults.add(kind, Fault.drop())
    async with Batch(heygen, measure=False) as batch:
        (outcome,) = [outcome async for outcome in batch.run([request])]
    assert isinstance(outcome.error, UncertainSubmission)


async def test_sessions_in_incognito_are_not_looked_for(sandbox: Sandbox, runs: Runs) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    (outcome,) = await runs([VideoAgentRequest(prompt="a", incognito_mode=True)])
    assert isinstance(outcome.error, UncertainSubmission)
    assert sandbox.requests.by_operation.get("video_agents.list", 0) == 0


async def test_one_walk_serves_many_in_doubt(sandbox: Sandbox, runs: Runs) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer(), times=10)
    outcomes = await runs(requests_of("video_agents.create", [f"p{n}" for n in range(10)]))
    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.requests.by_operation["video_agents.list"] <= 10


async def test_a_session_that_is_gone_leaves_it_uncertain(sandbox: Sandbox, runs: Runs) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    sandbox.faults.add("video_agents.get", Fault.status(404), times=3)
    (outcome,) = await runs(requests_of("video_agents.create", ["a"]))
    assert isinstance(outcome.error, UncertainSubmission)
    assert "does not show" in str(outcome.error)
    (outcome,) = await runs(requests_of("video_agents.create", ["a"]))
    assert outcome.ok
    assert sandbox.ledger.count() == 1


async def test_a_refusal_after_doubt_is_no_refusal(sandbox: Sandbox, runs: Runs) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop_answer())
    sandbox.faults.add("video_agents.create", Fault.status(400))
    requests = requests_of("video_agents.create", ["a"])
    (outcome,) = await runs(requests, retry=Retry(unkeyed="resend"))
    assert outcome.ok
    assert sandbox.ledger.count() == 1


async def test_a_chain_tells_of_its_uncertain_video(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    sandbox.faults.add("video_agents.create", Fault.drop())
    for _ in range(2):
        async with Batch(heygen, journal=journal) as batch:
            with pytest.raises(UncertainSubmission):
                async for _ in localize(batch, VideoAgentRequest(prompt="A"), ["French (France)"]):
                    pass
    assert sandbox.requests.by_operation["video_agents.create"] == 1


def speeches(sandbox: Sandbox, count: int) -> list[SpeechRequest]:
    return [
        SpeechRequest(text=f"Good morning number {n}", voice_id=sandbox.voice_id)
        for n in range(count)
    ]


@pytest.mark.parametrize("journaled", [True, False])
async def test_speech_is_sent_again_and_counted(
    sandbox: Sandbox, journal: Path, journaled: bool
) -> None:
    runs = Runs(sandbox, journal if journaled else None)
    sandbox.faults.add("voices.speech", Fault.drop_answer(), times=3)
    outcomes = await runs(speeches(sandbox, 5))
    assert all(outcome.ok for outcome in outcomes)
    assert sandbox.ledger.count("speech") == 8
    assert sum(outcome.resends for outcome in outcomes) == 3
    report = runs.report
    assert report.resent == sum(outcome.resends > 0 for outcome in outcomes)
    assert report.usd + report.resent_usd == pytest.approx(sandbox.ledger.usd, rel=1e-3)
    assert f"{report.resent} may have been paid for twice" in str(report)
    if not journaled:
        return
    again = await runs(speeches(sandbox, 5))
    assert [one.resends for one in again] == [one.resends for one in outcomes]
    assert (runs.report.resent, runs.report.resent_usd) == (report.resent, report.resent_usd)
    totals = await viewed(journal, lambda view: view.totals())
    assert (totals.resent, round(totals.resent_usd, 6)) == (report.resent, report.resent_usd)


@pytest.mark.parametrize("state", ["intended", "submitted", "uncertain"])
async def test_a_speech_that_a_crash_cut_off_is_counted(
    sandbox: Sandbox, runs: Runs, state: str
) -> None:
    first = await runs(speeches(sandbox, 2))
    assert runs.journal is not None
    lost = CUT_OFF.replace("job_id = NULL, ", "") if state == "submitted" else CUT_OFF
    await edit(runs.journal, lost.replace("intended", state, 1))
    again = await runs(speeches(sandbox, 2))
    assert [one.ok for one in again] == [True, True]
    assert [one.resends for one in again] == [1, 1]
    assert sandbox.ledger.count("speech") == 4
    assert runs.report.resent_usd == pytest.approx(sum(one.usd or 0.0 for one in first), abs=1e-6)


async def test_an_item_without_an_outcome_is_counted_too(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    """Count a resend in its run and in the run that takes it over, until it has an outcome."""
    for earlier in range(3):
        sandbox.faults.clear()
        sandbox.faults.add("voices.speech", Fault.drop_answer())
        sandbox.faults.add("voices.speech", Fault.delay(1000), times=None)
        async with Batch(heygen) as batch:
            run = batch.run(speeches(sandbox, 1), journal=journal)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await anext(aiter(run))
        assert (run.report.items, run.report.resent) == (0, 1)
        await asyncio.sleep(1000)
        totals = await viewed(journal, lambda view: view.totals())
        (record,) = await viewed(journal, lambda view: list(view.records()))
        assert (totals.resent, record.resends) == (1, 2 * earlier + 1)
        each = estimate(speeches(sandbox, 1)[0]).usd or 0.0
        assert run.report.resent_usd == pytest.approx(each * record.resends, abs=1e-6)


async def test_refusals_do_not_count(sandbox: Sandbox, runs: Runs) -> None:
    sandbox.faults.add("voices.speech", Fault.status(429, retry_after=1), times=2)
    await runs(speeches(sandbox, 3))
    assert runs.report.resent == 0
    assert sandbox.ledger.count("speech") == 3


async def test_a_cap_counts_what_may_have_been_paid_twice(sandbox: Sandbox, runs: Runs) -> None:
    requests = speeches(sandbox, 60)
    sandbox.faults.add("voices.speech", Fault.drop_answer(), times=None, rate=0.5)
    each = 2.0 * 0.000667
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="no room"):
            await runs(requests, max_cost=12 * each, concurrency=1)
        assert sandbox.ledger.usd <= 12 * each + 5 * each


async def test_status_and_report_tell_what_may_have_been_paid_twice(
    sandbox: Sandbox, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = Runs(sandbox, journal)
    sandbox.faults.add("voices.speech", Fault.drop_answer())
    await runs(speeches(sandbox, 3))
    await status(journal, display=Lines())
    told = json.loads(capsys.readouterr().out)
    assert (told["resent"], told["resent_usd"]) == (1, runs.report.resent_usd)
    assert runs.report.resent_usd > 0
    console = Console(file=io.StringIO(), width=100)
    await status(journal, display=Terminal(console))
    assert isinstance(console.file, io.StringIO)
    assert "1 may have been paid for twice" in console.file.getvalue()
    page = await viewed(journal, lambda view: report_page(RunAggregates(view)))
    assert "1 item may have been paid for twice" in page


async def test_chains_sum_up_what_may_have_been_paid_twice(
    sandbox: Sandbox, heygen: HeyGen, journal: Path
) -> None:
    sandbox.faults.add("voices.speech", Fault.drop_answer(), times=2)
    texts = ["One", "Two", "Three"]
    for _ in range(2):
        async with Batch(heygen, journal=journal) as batch:
            chain = narrate(batch, texts, avatar_id=sandbox.avatar_id, voice_id=sandbox.voice_id)
            outcomes = [outcome async for outcome in chain]
        assert sum(outcome.resends for outcome in outcomes) == 2
        assert sum(outcome.resent_usd for outcome in outcomes) > 0


def test_policies() -> None:
    kinds = ["videos.create", "video_agents.create"]
    policies: list[Mapping[str, bool]] = [
        {}, {"resubmit_uncertain": True}, {"resend_unkeyed": True}
    ]  # fmt: skip
    found = [[ResumePolicy(**one).resubmits(kind) for kind in kinds] for one in policies]
    assert found == [[False, False], [True, True], [False, True]]


def render(name: str, **fields: Any) -> TemplateRenderRequest:
    return TemplateRenderRequest(variables={"name": TextVariable(content=name)}, **fields)


GENERATE_V2 = "templates.generate_v2"


@pytest.fixture
def old_template(sandbox: Sandbox) -> str:
    return sandbox.add_template(current_editor=False)


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
async def test_a_lost_v2_render_is_found(
    sandbox: Sandbox, heygen: HeyGen, old_template: str, fault: Fault
) -> None:
    sandbox.faults.add(GENERATE_V2, fault)
    job = await heygen.templates.generate(old_template, render("Ada"))
    assert [one.id for one in sandbox.ledger.jobs] == [job.id]
    assert sandbox.requests.by_operation[GENERATE_V2] == 1


@pytest.mark.parametrize("fault", NOT_MADE, ids=lambda fault: fault.name)
async def test_a_v2_render_is_sent_again_once_it_is_not_there(
    sandbox: Sandbox, heygen: HeyGen, old_template: str, fault: Fault
) -> None:
    sandbox.faults.add(GENERATE_V2, fault)
    began = asyncio.get_running_loop().time()
    await heygen.templates.generate(old_template, render("Ada"))
    assert asyncio.get_running_loop().time() - began >= 45
    assert sandbox.requests.by_operation[GENERATE_V2] == 2
    assert sandbox.ledger.count() == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_where_v1_is_gone_a_v2_render_is_not_sent_again(
    sandbox: Sandbox, heygen: HeyGen, old_template: str, journal: Path, status: int
) -> None:
    sandbox.faults.add("videos.status_v1", Fault.status(status), times=None)
    sandbox.faults.add(GENERATE_V2, Fault.drop_answer(), times=None)
    with pytest.raises(CallError) as caught:
        await heygen.templates.generate(old_template, render("Ada"))
    assert caught.value.maybe_carried_out
    for _ in range(2):
        async with Batch(heygen, journal=journal) as batch:
            (outcome,) = [one async for one in batch.render(old_template, [{"name": "Bob"}])]
        assert isinstance(outcome.error, UncertainSubmission)
        assert "does not show" in str(outcome.error)
    assert sandbox.ledger.count() == 2
    sandbox.faults.clear()
    async with Batch(heygen, journal=journal) as batch:
        (outcome,) = [one async for one in batch.render(old_template, [{"name": "Bob"}])]
    assert outcome.ok
    assert sandbox.ledger.count() == 2


@pytest.mark.parametrize("made", [True, False])
async def test_a_v2_render_that_a_crash_cut_off_is_looked_for_first(
    sandbox: Sandbox, heygen: HeyGen, old_template: str, journal: Path, made: bool
) -> None:
    async def run() -> Outcome[Any]:
        async with Batch(heygen, journal=journal) as batch:
            (outcome,) = [one async for one in batch.render(old_template, [{"name": "Bob"}])]
        return outcome

    first = await run()
    await edit(journal, CUT_OFF)
    if not made:
        await heygen.videos.delete(first.job_id or "")
    again = await run()
    assert sandbox.requests.by_operation[GENERATE_V2] == (1 if made else 2)
    if made:
        assert again.job_id == first.job_id


async def test_where_v1_is_gone_old_renders_stay_uncertain(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, journal: Path
) -> None:
    async def run(**settings: Any) -> list[Outcome[Any]]:
        rows = [{"name": "Ada"}, {"name": "Bob"}]
        async with Batch(heygen, journal=journal, ordered=True, **settings) as batch:
            return [one async for one in batch.render(template_id, rows)]

    await run()
    await edit(journal, CUT_OFF, f"UPDATE items SET intended_at = {time.time() - 86_000}")
    sandbox.faults.add("videos.status_v1", Fault.status(410), times=None)
    outcomes = await run()
    assert all("does not show" in str(one.error) for one in outcomes)
    states = await viewed(journal, lambda view: [one.state for one in view.records()])
    assert states == ["uncertain", "uncertain"]
    assert sandbox.ledger.count() == 2
    sandbox.faults.clear()
    assert [one.ok for one in await run()] == [True, True]
    assert sandbox.ledger.count() == 2


@pytest.mark.parametrize("via", ["single", "api-batch"])
async def test_a_key_that_grows_old_while_it_waits_is_not_sent_again(
    sandbox: Sandbox,
    heygen: HeyGen,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    via: Any,
) -> None:
    """Resume just in time, and be refused until HeyGen has forgotten the key."""
    loop, began = asyncio.get_running_loop(), time.time()
    monkeypatch.setattr(time, "time", lambda: began + loop.time())
    requests = [AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"{n}") for n in range(3)]
    create = "videos.create" if via == "single" else "videos.batches.create"

    async def run() -> list[Outcome[Any]]:
        async with Batch(heygen, journal=journal, ordered=True) as batch:
            return [one async for one in batch.run(requests, via=via)]

    first = await run()
    path = journal.with_suffix(".requests.db")
    at = time.time() - REPLAY_SECONDS + 60
    await edit(path, CUT_OFF, f"UPDATE items SET intended_at = {at}")
    sandbox.faults.add(create, Fault.status(429, retry_after=120), times=3)
    sent = sandbox.requests.by_operation[create]
    again = await run()
    # Their keys expire meanwhile; their jobs are found in the account, or nothing is sent.
    assert sandbox.ledger.count() == 3
    assert {one.job_id for one in again if one.ok} <= {one.job_id for one in first}
    assert sandbox.requests.by_operation[create] - sent <= 3
    later = await run()
    assert [one.job_id for one in later] == [one.job_id for one in first]
    assert sandbox.ledger.count() == 3
