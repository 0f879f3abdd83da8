"""Both submitters keep what the protocol promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from heygen_async import HeyGen
from heygen_async.batch.server_batches import ServerBatchSubmitter, batch_sizes
from heygen_async.batch.submitter import SingleSubmitter, Submitter
from heygen_async.journal import MemoryJournal
from heygen_async.journal.keys import StableKeys
from heygen_async.sandbox import Sandbox
from tests.conformance.submitter import SubmitterSuite, Submitting

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(durations={"video": 60.0})]


def single(heygen: HeyGen, store: MemoryJournal, keys: StableKeys, owner: str) -> Submitter:
    return SingleSubmitter(heygen, store, keys, owner)


def batched(heygen: HeyGen, store: MemoryJournal, keys: StableKeys, owner: str) -> Submitter:
    return ServerBatchSubmitter(
        heygen,
        store,
        keys,
        owner,
        single=SingleSubmitter(heygen, store, keys, owner),
        sizes=batch_sizes(None, 10),
        in_flight=lambda: 0,
        no_more=lambda: True,
    )


class TestSubmitters(SubmitterSuite):
    @pytest.fixture(params=[single, batched], ids=["single", "server batches"])
    async def submitting(
        self, request: pytest.FixtureRequest, heygen: HeyGen, sandbox: Sandbox
    ) -> AsyncIterator[Submitting]:
        submitting = Submitting(heygen, sandbox, request.param)
        await submitting.open()
        yield submitting
        await submitting.submitter.aclose()
