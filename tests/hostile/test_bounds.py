"""The bounds of adversaries can be broken; the adversaries play in a session of their own."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from heygen_async.errors import HeyGenError

from .adversary import KEY, Adversary, Finding, Played, broken_bounds, measured, outcome_of
from .playing import ADVERSARIES, played


async def play() -> Played:
    return Played("answered", 1)


GOOD = Adversary("good", play, "answered", requests=1, seconds=1, megabytes=1)
FINDING = Finding("answered", requests=1, seconds=1.0, megabytes=1.0, held=0.5)


def test_names_are_unique() -> None:
    assert len({adversary.name for adversary in ADVERSARIES}) == len(ADVERSARIES) > 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "NotFound"}, "not answered"),
        ({"requests": 2}, "more than 1 requests"),
        ({"seconds": 1.1}, "more than 1 s"),
        ({"megabytes": 1.1}, "more than 1 MB"),
        ({"held": 0.6}, "the loop was held for more than 0.5 s"),
    ],
)
def test_each_bound_can_be_broken(changes: dict[str, Any], words: str) -> None:
    assert broken_bounds(GOOD, FINDING) == []
    assert broken_bounds(GOOD, msgspec.structs.replace(FINDING, **changes)) == [words]


async def escape() -> Played:
    raise RecursionError("deep")


async def complain() -> Played:
    asyncio.get_running_loop().call_exception_handler({"message": "lost"})
    return Played("answered", 1)


def test_what_escapes_is_told() -> None:
    assert measured(GOOD).outcome == "answered"
    assert measured(GOOD._replace(play=escape)).outcome == "RecursionError escaped: deep"
    assert measured(GOOD._replace(play=complain)).outcome == "a complaint: lost"


@pytest.mark.anyio
async def test_errors_that_tell_too_much() -> None:
    async def fail(message: str) -> None:
        raise HeyGenError(message)

    assert await outcome_of(fail("no")) == "HeyGenError"
    assert await outcome_of(fail(f"{KEY} is wrong")) == "an error with the key"
    assert await outcome_of(fail("." * 5_000)) == "an error of 5,000 characters"


def test_an_adversary_in_a_process_of_its_own() -> None:
    adversary = next(one for one in ADVERSARIES if one.name == "answers: HTTP/1.0")
    finding = played(adversary)
    assert (finding.outcome, finding.requests) == ("answered", 1)
