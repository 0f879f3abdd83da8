"""Values for ``key=``: text, whole numbers and UUIDs; others are refused by item."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    AssetUrl,
    AvatarVideoRequest,
    Batch,
    HeyGen,
    InvalidRequest,
    narrate,
    personalize,
)
from heygen_async.sandbox import Sandbox
from tests.journal.journals import viewed

pytestmark = pytest.mark.anyio

ONE = uuid.UUID(int=1)


class Colour(str, enum.Enum):  # noqa: UP042, as older code has it
    RED = "red"


class Number(enum.IntEnum):
    SEVEN = 7


GOOD = [("Ada", "Ada"), (7, "7"), (-7, "-7"), (ONE, str(ONE)), (Colour.RED, "red"), ("", "")]
GOOD += [(Number.SEVEN, "7"), (10**30, str(10**30))]
BAD = [None, True, False, b"Ada", 1.5, ("a",), ["a"], object(), float("nan")]


def request(sandbox: Sandbox) -> AvatarVideoRequest:
    return AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")


@pytest.mark.parametrize(("given", "text"), GOOD)
@pytest.mark.parametrize("kept", [True, False])
async def test_a_key_is_its_text(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, given: Any, text: str, kept: bool
) -> None:
    for _ in range(2):
        async with Batch(heygen, journal=journal if kept else None) as batch:
            run = batch.run([request(sandbox)], key=lambda _: given)
            (outcome,) = [outcome async for outcome in run]
        assert (outcome.ok, outcome.key, type(outcome.key)) == (True, text, str)
    assert sandbox.ledger.count() == (1 if kept else 2)
    if kept:
        path = journal.with_suffix(".requests.db")
        assert await viewed(path, lambda view: [one.key for one in view.records()]) == [text]


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: type(wrong).__name__)
async def test_what_is_no_key_is_refused_before_the_first_paid_call(
    sandbox: Sandbox, heygen: HeyGen, wrong: Any
) -> None:
    template_id = sandbox.add_template()
    rows = [{"name": "Ada"}, {"name": "Bob"}]

    def key(row: Any) -> Any:
        return wrong if row["name"] == "Bob" else "Ada"

    async with Batch(heygen) as batch:
        runs: list[Callable[[], Any]] = [
            lambda: batch.render(template_id, rows, key=key),
            lambda: personalize(batch, template_id, rows, key=key),
            lambda: batch.run([request(sandbox)], key=lambda _: wrong),
            lambda: batch.speech(["Hi"], voice_id=sandbox.voice_id, key=lambda _: wrong),
            lambda: narrate(
                batch,
                ["Hi"],
                avatar_id=sandbox.avatar_id,
                voice_id=sandbox.voice_id,
                key=lambda _: wrong,
            ),
            lambda: batch.translate(
                [AssetUrl(url="https://example.com/a.mp4")],
                ["French (France)"],
                key=lambda _: wrong,
            ),
        ]
        for run in runs:
            with pytest.raises(InvalidRequest) as caught:
                async for _ in run():
                    pass
            assert caught.value.param == "key"
            assert "item " in str(caught.value)
        with pytest.raises(InvalidRequest) as caught:
            await batch.render(template_id, rows, key=key).estimate()
        assert caught.value.param == "key"
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: type(wrong).__name__)
async def test_in_an_iterator_it_fails_alone(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, wrong: Any
) -> None:
    template_id = sandbox.add_template()
    rows = iter([{"name": "Ada"}, {"name": "Bob"}, {"name": "Eve"}])

    def key(row: Any) -> Any:
        return wrong if row["name"] == "Bob" else row["name"]

    async with Batch(heygen, journal=journal, ordered=True) as batch:
        run = batch.render(template_id, rows, key=key)
        outcomes = [outcome async for outcome in run]
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    error = outcomes[1].error
    assert isinstance(error, InvalidRequest)
    assert error.param == "key"
    assert sandbox.ledger.count() == 2


async def test_a_number_and_its_text_are_one_key(sandbox: Sandbox, heygen: HeyGen) -> None:
    keys: Iterator[Any] = iter([1, "1"])
    async with Batch(heygen) as batch:
        run = batch.run([request(sandbox)] * 2, key=lambda _: next(keys))
        with pytest.raises(InvalidRequest, match="same key"):
            async for _ in run:
                pass
