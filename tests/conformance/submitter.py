"""The conformance suite of ``Submitter``, which each implementation runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from heygen_async import (
    PRICES,
    AvatarVideoRequest,
    DuplicateKey,
    HeyGen,
    HeyGenError,
    Video,
)
from heygen_async.batch.submissions import RequestsBuilder
from heygen_async.batch.submitter import ItemInProgress, SubmissionCancelled, Submitter
from heygen_async.journal import ItemRecord, MemoryJournal, Opened, RunSpec
from heygen_async.journal.keys import StableKeys
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.session.limits.free_slots import FreeSlots

OWNER = "tests"


class Submitting:
    """A submitter under test, with its store and the items that it accepts."""

    def __init__(
        self,
        heygen: HeyGen,
        sandbox: Sandbox,
        make: Callable[[HeyGen, MemoryJournal, StableKeys, str], Submitter],
    ) -> None:
        self.heygen = heygen
        self.sandbox = sandbox
        self.store = MemoryJournal()
        self.keys = StableKeys("run")
        self.submitter = make(heygen, self.store, self.keys, OWNER)
        self.accepted: dict[int, str] = {}
        self._slots = FreeSlots(100)

    async def open(self) -> Opened:
        return await self.store.open(RunSpec(kind="requests", subject="", run_id="run"))

    def item(self, index: int, script: str | None = None, key: str | None = None) -> Any:
        text = f"Number {index}" if script is None else script
        request = AvatarVideoRequest(avatar_id=self.sandbox.avatar_id, script=text)
        builder = RequestsBuilder(self.heygen, [], PRICES, kind="requests")
        submission = builder.submission(index, request, key)
        lease = self._slots.try_acquire()
        identity = submission.identity(self.keys)
        return ItemInProgress(
            lease,
            submission=submission,
            identity=identity,
            store=self.store,
            accepted=self._note,
            resent=print,
        )

    def _note(self, item: ItemInProgress[Any], job_id: str) -> None:
        self.accepted[item.submission.index] = job_id

    async def records(self) -> list[ItemRecord]:
        return [record async for record in self.store.iterate()]


class SubmitterSuite:
    """Derive from it, and define the fixture ``submitting``."""

    async def test_items_get_their_jobs(self, submitting: Submitting) -> None:
        items = [submitting.item(index) for index in range(5)]
        jobs = await asyncio.gather(*(submitting.submitter.submit(item) for item in items))
        assert set(submitting.accepted) == set(range(5))
        assert all(record.state == "submitted" for record in await submitting.records())
        videos = await asyncio.gather(*(job.wait() for job in jobs))
        assert all(isinstance(video, Video) for video in videos)
        assert {video.id for video in videos} == {job.id for job in submitting.sandbox.ledger.jobs}
        # The journal holds the ids of the jobs themselves by now.
        assert {record.job_id for record in await submitting.records()} == {
            video.id for video in videos
        }

    async def test_the_intent_is_recorded_before_the_request_leaves(
        self, submitting: Submitting
    ) -> None:
        for operation in ("videos.create", "videos.batches.create"):
            submitting.sandbox.faults.add(operation, Fault.delay(30, work=False))
        task = asyncio.create_task(submitting.submitter.submit(submitting.item(0)))
        await asyncio.sleep(5)  # the request is on its way
        assert submitting.sandbox.ledger.requests == 1
        (record,) = await submitting.records()
        assert (record.state, record.owner) == ("intended", OWNER)
        await (await task).wait()

    async def test_one_key_is_submitted_once(self, submitting: Submitting) -> None:
        await submitting.submitter.submit(submitting.item(0, key="a"))
        with pytest.raises(DuplicateKey, match="'a'"):
            await submitting.submitter.submit(submitting.item(1, key="a"))
        assert submitting.sandbox.ledger.count() == 1

    async def test_a_bad_item_fails_alone(self, submitting: Submitting) -> None:
        items = [submitting.item(index) for index in range(3)]
        bad = structs.replace(items[1].submission.request, avatar_id="unknown")
        submission = RequestsBuilder(submitting.heygen, [], PRICES, kind="requests").submission(
            1, bad
        )
        items[1].submission = submission
        items[1].identity = submission.identity(submitting.keys)

        async def outcome(item: Any) -> object:
            return await (await submitting.submitter.submit(item)).wait()

        results = await asyncio.gather(*map(outcome, items), return_exceptions=True)
        assert isinstance(results[1], HeyGenError)
        assert all(isinstance(results[index], Video) for index in (0, 2))

    async def test_nothing_is_sent_after_a_stop(self, submitting: Submitting) -> None:
        submitting.submitter.stop()
        with pytest.raises(SubmissionCancelled):
            await submitting.submitter.submit(submitting.item(0))
        assert submitting.sandbox.ledger.requests == 0
        assert await submitting.records() == []

    async def test_a_cancelled_submission_tells_its_job(self, submitting: Submitting) -> None:
        for operation in ("videos.create", "videos.batches.create"):
            submitting.sandbox.faults.add(operation, Fault.delay(10))
        item = submitting.item(0)
        task = asyncio.create_task(submitting.submitter.submit(item))
        await asyncio.sleep(9.5)  # the job is made, and the answer on its way
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert item.job_id is not None
        (record,) = await submitting.records()
        assert (record.state, record.job_id) == ("submitted", item.job_id)

    async def test_a_known_job_is_attached(self, submitting: Submitting) -> None:
        item = submitting.item(0)
        job = await submitting.submitter.submit(item)
        again = submitting.submitter.attach(submitting.item(0), job.id)
        assert (await again.wait()).id == (await job.wait()).id
        assert submitting.sandbox.ledger.count() == 1

    async def test_a_request_is_sent_again_under_its_key(self, submitting: Submitting) -> None:
        item = submitting.item(0)
        await submitting.store.begin([item.intent(submitting.keys)], OWNER)
        (record,) = await submitting.records()
        first = await submitting.submitter.resend(submitting.item(0), record.idempotency_key)
        again = await submitting.submitter.resend(submitting.item(0), record.idempotency_key)
        assert first.id == again.id
        assert submitting.sandbox.ledger.count() == 1
