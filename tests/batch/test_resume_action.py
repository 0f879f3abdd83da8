"""The action for an item with a record: the table, and that runs and dry runs follow it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heygen_async import (
    AvatarVideoRequest,
    Batch,
    HeyGen,
    IdempotencyMismatch,
    JobFailed,
    RecordedFailure,
    UncertainSubmission,
)
from heygen_async.batch.operations import REPLAY_SECONDS, Submission
from heygen_async.batch.resume import (
    Action,
    ResumePolicy,
    identified,
    recorded_outcome,
    resume_action,
)
from heygen_async.journal import Begin, Finish, Intent, ItemRecord, RunSpec, SqliteJournal
from heygen_async.journal.keys import StableKeys, canonical_json, fingerprint
from heygen_async.models.structs import encode
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop
from tests.journal.journals import viewed

NOW = 1_800_000_000.0
SINGLE, BATCHED = "run:1:abc", "run:batch:abc"


def record_of(**fields: Any) -> ItemRecord:
    empty: dict[str, Any] = dict.fromkeys(ItemRecord.__struct_fields__)
    known: dict[str, Any] = {
        "key": "k",
        "position": 0,
        "attempt": 1,
        "state": "intended",
        "operation": "videos.create",
        "path_arguments": (),
        "idempotency_key": SINGLE,
        "callback_id": SINGLE,
        "fingerprint": "f",
        "payload": b"{}",
        "resends": 0,
        "intended_at": NOW,
    }
    return ItemRecord(**(empty | known | fields))


def action_for(record: ItemRecord, fingerprint: str = "f", **policy: Any) -> Action:
    return resume_action(record, fingerprint, ResumePolicy(**policy), NOW)


YOUNG = (0.0, 1.0, REPLAY_SECONDS - 1)
OLD = (REPLAY_SECONDS, REPLAY_SECONDS + 1, 10 * REPLAY_SECONDS)
FUTURE = (-0.5, -3600.0, -10 * REPLAY_SECONDS)


@pytest.mark.parametrize("policy", [{}, {"retry_failed": True}, {"resubmit_uncertain": True}])
@pytest.mark.parametrize(
    ("key", "ages", "action"),
    [
        (SINGLE, YOUNG, Action.RESEND),
        (BATCHED, YOUNG, Action.RESEND_BATCH),
        (SINGLE, OLD, Action.SEARCH),
        (BATCHED, OLD, Action.SEARCH),
        (SINGLE, FUTURE, Action.SEARCH),  # a wrong clock: the age is unknown
        (BATCHED, FUTURE, Action.SEARCH),
    ],
)
def test_an_intended_item_by_its_age(
    key: str, ages: tuple[float, ...], action: Action, policy: dict[str, Any]
) -> None:
    for age in ages:
        record = record_of(idempotency_key=key, intended_at=NOW - age)
        assert action_for(record, **policy) is action
        assert action_for(record, "another", **policy) is Action.REFUSE


@pytest.mark.parametrize("age", [*YOUNG, *OLD, *FUTURE])
@pytest.mark.parametrize("key", [SINGLE, BATCHED])
def test_other_states_have_no_age(key: str, age: float) -> None:
    at: dict[str, Any] = {"idempotency_key": key, "intended_at": NOW - age}
    policies: list[dict[str, Any]] = [{}, {"retry_failed": True}, {"resubmit_uncertain": True}]
    for policy in policies:
        completed = record_of(state="completed", **at)
        assert action_for(completed, **policy) is Action.RETURN
        assert action_for(completed, "another", **policy) is Action.REFUSE
        submitted = record_of(state="submitted", job_id="j", **at)
        assert action_for(submitted, **policy) is Action.WAIT
        assert action_for(submitted, "another", **policy) is Action.REFUSE
        uncertain = record_of(state="uncertain", **at)
        assert action_for(uncertain, **policy) is Action.SEARCH
        assert action_for(uncertain, "another", **policy) is Action.REFUSE


@pytest.mark.parametrize(
    ("error_type", "by_itself"),
    [
        ("JobFailed", False),
        ("BadRequest", False),
        (None, False),
        ("AuthenticationError", True),
        ("PaymentRequired", True),
        ("QuotaExceeded", True),
        ("RateLimited", True),
    ],
)
def test_a_failed_item_is_submitted_again_if_it_may_succeed_now(
    error_type: str | None, by_itself: bool
) -> None:
    failed = record_of(state="failed", error_type=error_type)
    again = Action.SUBMIT if by_itself else Action.RETURN
    assert action_for(failed) is again
    assert action_for(failed, resubmit_uncertain=True) is again
    assert action_for(failed, retry_failed=True) is Action.SUBMIT
    # An item to be resubmitted can have another request under the same key.
    assert action_for(failed, "another") is (Action.SUBMIT if by_itself else Action.REFUSE)
    assert action_for(failed, "another", retry_failed=True) is Action.SUBMIT


def test_every_record_has_one_action() -> None:
    for state, key, age, finger, retry, resubmit in itertools.product(
        ("intended", "submitted", "completed", "failed", "uncertain"),
        (SINGLE, BATCHED),
        (*YOUNG, *OLD, *FUTURE),
        ("f", "another"),
        (False, True),
        (False, True),
    ):
        record = record_of(state=state, idempotency_key=key, intended_at=NOW - age, job_id="j")
        action = action_for(record, finger, retry_failed=retry, resubmit_uncertain=resubmit)
        sends = action in (Action.RESEND, Action.RESEND_BATCH)
        assert not sends or (state == "intended" and finger == "f" and 0 <= age < REPLAY_SECONDS)
        assert action is not Action.SUBMIT or state == "failed"


def submission_of(request: AvatarVideoRequest, index: int = 0, key: str | None = None) -> Any:
    payload = encode(request)
    return Submission[Any](
        operation="videos.create", request=request, payload=payload, index=index, key=key
    )


def test_a_record_without_an_operation_is_told_by_its_payload() -> None:
    request = AvatarVideoRequest(avatar_id="a", script="s")
    submission = submission_of(request)
    stored = b'{"type":"avatar","script":"s","avatar_id":"a"}'
    legacy = record_of(operation=None, fingerprint="", legacy_fingerprint="old", payload=stored)
    found = identified(legacy, submission)
    assert found.operation == "videos.create"
    assert found.fingerprint == fingerprint("videos.create", (), canonical_json(stored))
    assert found.fingerprint == submission.identity(StableKeys("run")).fingerprint
    known = record_of()
    assert identified(known, submission) is known
    other = identified(msgspec.structs.replace(legacy, payload=b"{}"), submission)
    assert action_for(other, found.fingerprint) is Action.REFUSE


def test_the_outcome_of_an_earlier_run() -> None:
    submission = submission_of(AvatarVideoRequest(avatar_id="a", script="s"))
    completed = record_of(state="completed", result=b'{"id":"v","status":"completed"}', job_id="v")
    result, error = recorded_outcome(completed, submission)
    assert (getattr(result, "id", None), error) == ("v", None)
    failed = record_of(
        state="failed", error_type="JobFailed", error_code="c", error_message="m", job_id="v"
    )
    result, error = recorded_outcome(failed, submission)
    assert result is None
    assert isinstance(error, JobFailed)
    assert (error.job_id, error.code, "m" in str(error)) == ("v", "c", True)
    for without_job in (
        msgspec.structs.replace(failed, job_id=None),
        msgspec.structs.replace(failed, error_type="BadRequest"),
    ):
        _, error = recorded_outcome(without_job, submission)
        assert isinstance(error, RecordedFailure)
        assert (error.error_type, error.code) == (without_job.error_type, "c")
    _, error = recorded_outcome(record_of(state="failed"), submission)
    assert "HeyGen gives no reason" in str(error)


class Stored(NamedTuple):
    """An item and the record that an earlier run left.

    Attributes:
        script: What its video says; equal ones are equal requests.
        key: Whether it has a key of its own.
        state: Its state, or None if the journal does not hold it.
        old: Whether the API has forgotten its key.
        account_error: Whether it failed because the account had no credit.
        changed: Whether it was another request then; of items with a key.
        present: Whether it is among the items now.
    """

    script: int
    key: bool
    state: str | None
    old: bool
    account_error: bool
    changed: bool
    present: bool


stored = st.builds(
    Stored,
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from((None, "intended", "submitted", "completed", "failed", "uncertain")),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from((True, True, True, False)),
)


async def write(heygen: HeyGen, sandbox: Sandbox, path: Path, items: list[Stored]) -> None:
    """Write the journal of an earlier run."""
    moment = 0.0
    store = SqliteJournal(path, clock=lambda: moment)
    opened = await store.open(RunSpec(kind="requests", subject=""))
    keys = StableKeys(opened.run.run_id)
    for index, item in enumerate(items):
        if item.state is None:
            continue
        request = request_of(sandbox, item)
        if item.key and item.changed:
            request = msgspec.structs.replace(request, title="Then")
        submission = submission_of(request, index, f"k{index}" if item.key else None)
        begun: Any = None
        moment = time.time() - (2 * REPLAY_SECONDS if item.old else 60.0)
        while begun is not Begin.NEW:
            identity = submission.identity(keys)
            sent_under = keys.single_key(identity.record_key, identity.fingerprint, 1)
            intent = Intent(
                identity.record_key,
                index,
                1,
                "videos.create",
                (),
                sent_under,
                sent_under,
                identity.fingerprint,
                submission.payload,
            )
            (begun,) = await store.begin([intent], "earlier")
            keys.skip(identity)
        if item.state in ("submitted", "completed"):
            job = await heygen.videos.create(request)
            await store.submitted(intent.key, job.id)
            if item.state == "completed":
                video = await job.wait()
                await store.finish(Finish(intent.key, "completed", result=video, usd=1.0))
        if item.state == "failed":
            error = "PaymentRequired" if item.account_error else "BadRequest"
            await store.finish(Finish(intent.key, "failed", error_type=error, error_message="m"))
        if item.state == "uncertain":
            await store.mark_uncertain(intent.key)
    await store.aclose()


def request_of(sandbox: Sandbox, item: Stored) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script=f"Script {item.script}")


async def in_sandbox(work: Callable[[HeyGen, Sandbox, Path], Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Sandbox(speed=1, concurrency=20, epoch=time.time() - 10 * REPLAY_SECONDS) as sandbox,
            HeyGen(sandbox.api_key, base_url=sandbox.base_url) as heygen,
        ):
            await work(heygen, sandbox, Path(folder) / "run.requests.db")


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    items=st.lists(stored, min_size=1, max_size=8),
    retry_failed=st.booleans(),
    resubmit_uncertain=st.booleans(),
)
def test_a_run_does_what_its_dry_run_said(
    items: list[Stored], retry_failed: bool, resubmit_uncertain: bool
) -> None:
    async def work(heygen: HeyGen, sandbox: Sandbox, path: Path) -> None:
        await write(heygen, sandbox, path, items)
        # An item without a key is told by its contents alone, whichever of equal ones it was.
        now = [(index, item) for index, item in enumerate(items) if item.present]
        keys = {id(pair): f"k{pair[0]}" for pair in now}
        content = [pair for pair in now if not pair[1].key]
        keyed = [pair for pair in now if pair[1].key]
        for chosen, key in ((keyed, lambda pair: keys[id(pair)]), (content, None)):
            batch = Batch(
                heygen,
                journal=path,
                retry_failed=retry_failed,
                resubmit_uncertain=resubmit_uncertain,
            )
            run = batch.run(
                chosen,
                request=lambda pair: request_of(sandbox, pair[1]),
                key=key,
                journal=path,
            )
            left = (await run.estimate()).left
            assert left is not None
            held = await viewed(path, lambda reader: reader.totals().items)
            assert left.left_out == held - (len(chosen) - left.new)
            before = sandbox.ledger.count()
            outcomes = [outcome async for outcome in run]
            submitted = sandbox.ledger.count() - before
            met = Counter(type(outcome.error) for outcome in outcomes if not outcome.resumed)
            assert sum(outcome.resumed for outcome in outcomes) == left.completed + left.failed
            assert sum(one.resumed and one.ok for one in outcomes) == left.completed
            assert met[IdempotencyMismatch] == left.changed
            # Of what was never answered, some is too old to be sent again, perhaps that of an equal
            # item which is away now.
            lost = left.unanswered - (submitted - left.new - left.again)
            assert 0 <= lost <= sum(item.old and item.state == "intended" for item in items)
            assert met[UncertainSubmission] == left.uncertain + lost
            assert not (resubmit_uncertain and met[UncertainSubmission])
            sent_or_found = left.new + left.again + left.in_flight + left.unanswered - lost
            assert sum(one.ok and not one.resumed for one in outcomes) == sent_or_found
            assert len(outcomes) == len(chosen)

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(in_sandbox(work))
