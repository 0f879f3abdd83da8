"""Whatever the API answers about jobs, the load is bounded and no wait is lost."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from heygen_async import APIError, HeyGen, HeyGenError, JobFailed, NotFound, Video
from heygen_async.sandbox.turned_loop import TurnedEventLoop

from .adversary import Adversary, Said, listing, most_within, shortest_gap, video

WORDS = ["completed", "failed", "processing", "waiting", "not_found", "daydreaming", "", "deleted"]
LIES = 150.0
"""Seconds for which the server lies; then every video is completed."""


def error(status: int, code: str, message: str = "no") -> Said:
    return status, {"error": {"code": code, "message": message}}


FAILURES: dict[str, Said] = {
    "500": error(500, "internal_error"),
    "502": (502, b"<html>"),
    "garbled": (200, b'{"data": ['),
    "another shape": (200, {"data": {"id": 7}}),
    "a list": (200, {"data": []}),
    "inside": error(200, "internal_error"),
    "429": error(429, "rate_limit_exceeded"),
    "429 for a day": (*error(429, "rate_limit_exceeded")[:2], {"Retry-After": "86400"}),
    "503 for a day": (*error(503, "internal_error")[:2], {"Retry-After": "86400"}),
}

mixtures = st.fixed_dictionaries(
    {
        "words": st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
        "detail_words": st.lists(
            st.sampled_from(["processing", "waiting", "daydreaming", "", "completed"]),
            min_size=1,
            max_size=3,
        ),
        "failures": st.lists(st.sampled_from(sorted(FAILURES)), min_size=1, max_size=3),
        "statuses_fail": st.sampled_from([0.0, 0.2, 1.0]),
        "details_fail": st.sampled_from([0.0, 0.2]),
        "omitted": st.sampled_from([0.0, 0.3, 1.0]),
        "missing": st.sampled_from([0.0, 0.1]),
        "strangers": st.booleans(),
        "seed": st.integers(0, 1_000),
    }
)


class Mixture:
    """Answer wrongly in given proportions until ``LIES`` seconds have passed."""

    def __init__(self, mixture: dict[str, Any]) -> None:
        self.mixture = mixture
        self.chance = random.Random(mixture["seed"])

    def truthful(self) -> bool:
        return asyncio.get_running_loop().time() > LIES

    def statuses(self, ids: list[str]) -> Said:
        if self.truthful():
            return 200, listing((job_id, "completed") for job_id in ids)
        mixture, chance = self.mixture, self.chance
        if chance.random() < mixture["statuses_fail"]:
            return FAILURES[chance.choice(mixture["failures"])]
        listed = [job_id for job_id in ids if chance.random() >= mixture["omitted"]]
        if mixture["strangers"]:
            listed += ["stranger", *listed, ""]
        return 200, listing((job_id, chance.choice(mixture["words"])) for job_id in listed)

    def detail(self, job_id: str) -> Said:
        if self.truthful():
            return 200, video(job_id, "completed")
        mixture, chance = self.mixture, self.chance
        if chance.random() < mixture["details_fail"]:
            return FAILURES[chance.choice(mixture["failures"])]
        if chance.random() < mixture["missing"]:
            return error(404, "not_found")
        # A completed one lacks its URL.
        return 200, video(job_id, chance.choice(mixture["detail_words"]), video_url=None)


@settings(max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@example(
    mixture={
        "detail_words": ["", "daydreaming"],
        "failures": ["503 for a day"],
        "strangers": True,
        "missing": 0.1,
        "omitted": 0.3,
        "seed": 239,
        "statuses_fail": 0.2,
        "words": ["", "completed"],
        "details_fail": 0.0,
    },
    count=101,
)
@example(
    mixture={
        "detail_words": ["", "processing"],
        "failures": ["502", "a list", "503 for a day"],
        "strangers": False,
        "missing": 0.0,
        "omitted": 1.0,
        "seed": 80,
        "statuses_fail": 1.0,
        "words": ["waiting", "not_found"],
        "details_fail": 0.0,
    },
    count=101,
)
@given(mixture=mixtures, count=st.sampled_from([1, 2, 12, 101]))
def test_requests_are_bounded_and_no_wait_is_lost(mixture: dict[str, Any], count: int) -> None:
    async def play() -> None:
        lies = Mixture(mixture)
        server = Adversary(lies.statuses, lies.detail)
        async with server.serving() as base_url, HeyGen("k", base_url=base_url) as heygen:
            jobs = [heygen.jobs.attach(Video, f"v{number}") for number in range(count)]
            waits = (job.wait(timeout=5 * LIES) for job in jobs)
            results = await asyncio.gather(*waits, return_exceptions=True)
            seconds = asyncio.get_running_loop().time()
        for result in results:
            # An id that was never seen may be given up, and an answer may stay unreadable.
            assert isinstance(result, Video | HeyGenError), result
            assert not isinstance(result, TimeoutError), result
        # A server that hid a job for minutes is asked for it less and less often.
        # A pause that an answer asks for lasts ten minutes at most.
        assert seconds < LIES + 600
        for times in server.asked_singly.values():
            assert shortest_gap(times) > 0.999
        assert server.asked_singly.keys() <= {job.id for job in jobs}
        chunks = -(-count // 100)
        assert most_within(server.asked_together, 0.199) <= chunks

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(play())


def play(server: Adversary, count: int, **options: Any) -> tuple[list[Any], float]:
    """Wait for jobs of a server, and return their outcomes and the seconds."""

    async def wait() -> tuple[list[Any], float]:
        async with server.serving() as url, HeyGen("k", base_url=url, **options) as heygen:
            jobs = [heygen.jobs.attach(Video, f"v{number}") for number in range(count)]
            waits = (job.wait(timeout=600) for job in jobs)
            results = await asyncio.gather(*waits, return_exceptions=True)
            return list(results), asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        return runner.run(wait())


def at() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("count", [10, 50])
def test_a_detail_that_lags_is_requested_after_1_2_4_8_seconds(count: int) -> None:
    server = Adversary(
        lambda ids: (200, listing((job_id, "completed") for job_id in ids)),
        lambda job_id: (200, video(job_id, "completed" if at() > 6 else "processing")),
    )
    results, seconds = play(server, count)
    assert {result.status for result in results} == {"completed"}
    assert seconds < 10
    assert len(server.asked_together) == 1  # a job counts once
    for times in server.asked_singly.values():
        assert [time - times[0] for time in times] == pytest.approx([0, 1, 3, 7], abs=0.1)


@pytest.mark.parametrize("count", [1, 12])
def test_a_storm_of_notifications_costs_a_request_a_job_and_second_at_most(count: int) -> None:
    server = Adversary(
        lambda ids: (200, listing((job_id, "processing") for job_id in ids)),
        lambda job_id: (200, video(job_id, "completed" if at() > 60 else "processing")),
    )

    async def storm() -> None:
        async with server.serving() as url, HeyGen("k", base_url=url) as heygen:
            jobs = [heygen.jobs.attach(Video, f"v{number}") for number in range(count)]
            waiting = asyncio.gather(*(job.wait() for job in jobs))
            while not waiting.done():
                for job in jobs:
                    heygen.jobs.hint("video", job.id, verified=False)
                await asyncio.sleep(0.05)
            await waiting
            assert at() < 75

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(storm())
    for times in server.asked_singly.values():
        assert shortest_gap(times) > 0.999
        assert len(times) <= 61


def test_listeners_that_begin_one_after_another_share_polls() -> None:
    def word() -> str:
        return "completed" if at() > 20 else "processing"

    server = Adversary(
        lambda ids: (200, listing((job_id, word()) for job_id in ids)),
        lambda job_id: (200, video(job_id, word())),
    )

    async def listen(heygen: HeyGen, number: int) -> None:
        await asyncio.sleep(number * 0.03)
        job = heygen.jobs.attach(Video, f"v{number // 2}")
        async for _ in job.updates(every=2):
            pass

    async def play() -> None:
        async with server.serving() as url, HeyGen("k", base_url=url) as heygen:
            others = [heygen.jobs.attach(Video, f"w{number}").wait() for number in range(20)]
            await asyncio.gather(*others, *(listen(heygen, number) for number in range(60)))
            assert at() < 40

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(play())
    assert most_within(server.asked_together, 0.199) <= 1
    for times in server.asked_singly.values():
        assert shortest_gap(times) > 0.999


def test_a_statuses_call_that_keeps_failing_is_replaced_by_details() -> None:
    server = Adversary(
        lambda ids: FAILURES["500"],
        lambda job_id: (200, video(job_id, "completed" if at() > 100 else "processing")),
    )
    results, seconds = play(server, 30)
    assert {result.status for result in results} == {"completed"}
    assert seconds < 140
    assert len(server.asked_together) <= 60  # the retries of the calls included
    assert sum(map(len, server.asked_singly.values())) <= 30 * 10


def test_a_request_for_statuses_that_keeps_failing_beside_good_ones() -> None:
    """Let one id spoil the answers for its hundred."""
    server = Adversary(
        lambda ids: (
            FAILURES["500"]
            if "v0" in ids
            else (200, listing((one, "completed" if at() > 50 else "processing") for one in ids))
        ),
        lambda job_id: (200, video(job_id, "completed" if at() > 50 else "processing")),
    )
    results, seconds = play(server, 110)
    assert {result.status for result in results} == {"completed"}
    assert seconds < 100


def test_ids_that_are_left_out_for_ever_are_requested_singly_and_slowly() -> None:
    server = Adversary(
        lambda ids: (200, listing([])),
        lambda job_id: (200, video(job_id, "completed" if at() > 200 else "processing")),
    )
    results, seconds = play(server, 30)
    assert {result.status for result in results} == {"completed"}
    assert seconds < 225
    assert max(map(len, server.asked_singly.values())) <= 20


def test_5xx_for_ever_costs_less_than_a_request_a_job_and_second() -> None:
    server = Adversary(lambda ids: FAILURES["500"], lambda job_id: FAILURES["500"])
    results, seconds = play(server, 12)
    assert all(isinstance(result, TimeoutError) for result in results)
    assert max(map(len, server.asked_singly.values())) <= seconds
    assert len(server.asked_together) <= seconds


def test_a_status_that_goes_back_ends_nothing() -> None:
    words = iter(["completed", "processing", "completed", "processing", "completed"])
    server = Adversary(
        lambda ids: (200, listing((job_id, "processing") for job_id in ids)),
        lambda job_id: (200, video(job_id, next(words), video_url=None if at() < 3 else "u")),
    )
    (result,), _ = play(server, 1)
    assert (result.status, result.video_url) == ("completed", "u")


def test_an_unknown_status_ends_no_wait_and_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Adversary(
        lambda ids: (200, listing((job_id, "daydreaming") for job_id in ids)),
        lambda job_id: (200, video(job_id, "completed" if at() > 300 else "day\x1b[1mdreaming")),
    )
    results, _ = play(server, 1)
    assert results[0].status == "completed"
    warnings = [record for record in caplog.records if "unknown status" in record.getMessage()]
    assert 3 <= len(warnings) <= 12
    assert "\x1b" not in caplog.text
    assert warnings[-1].levelno == logging.WARNING
    assert "after 0 s" in warnings[0].getMessage()


def test_a_detail_with_another_id_is_kept_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    other = "\x1b[2J" + "w" * 5_000
    server = Adversary(
        lambda ids: (200, listing((job_id, "processing") for job_id in ids)),
        lambda job_id: (200, video(other, "completed" if at() > 60 else "processing")),
    )

    async def wait() -> None:
        async with server.serving() as url, HeyGen("k", base_url=url) as heygen:
            job = heygen.jobs.attach(Video, "v0")
            result = await job.wait()
            assert (job.id, result.id, result.status) == ("v0", other, "completed")

    with asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        runner.run(wait())
    assert len(server.asked_singly["v0"]) > 2
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    shown = "\\x1b[2J" + "w" * 96
    assert [record.getMessage() for record in told] == [
        f"the detail of video v0 has another id, {shown}; it is treated as that of the "
        "requested job"
    ]


@pytest.mark.parametrize("word", ["canceled", "cancelled", "deleted", "expired"])
@pytest.mark.parametrize("count", [1, 12])
def test_a_job_that_was_called_off_has_ended(word: str, count: int) -> None:
    server = Adversary(
        lambda ids: (200, listing((job_id, word) for job_id in ids)),
        lambda job_id: (200, video(job_id, word)),
    )
    results, seconds = play(server, count)
    assert {type(result) for result in results} == {JobFailed}
    assert f"its status is {word}" in str(results[0])
    assert seconds < 5


REASONS: dict[str, Any] = {
    "failure_message": {"failure_message": "too loud"},
    "failure_reason": {"failure_reason": "too loud"},
    "error.message": {"error": {"code": 7, "message": "too loud"}},
    "error": {"error": "too loud"},
    "msg": {"msg": "too loud", "code": "LOUD"},
    "null beside it": {"failure_message": None, "error": {"message": "too loud"}},
    "of another type": {"failure_message": ["?"], "failure_reason": "too loud"},
}


@pytest.mark.parametrize("fields", REASONS.values(), ids=REASONS)
def test_a_reason_is_found_wherever_it_is(fields: dict[str, Any]) -> None:
    server = Adversary(
        lambda ids: (200, listing([])), lambda job_id: (200, video(job_id, "failed", **fields))
    )
    ((failed,), _) = play(server, 1)
    assert isinstance(failed, JobFailed)
    assert failed.message == "too loud"
    assert failed.last.failure_message == "too loud"


def test_no_reason_costs_no_wait() -> None:
    server = Adversary(
        lambda ids: (200, listing([])), lambda job_id: (200, video(job_id, "failed", error=[]))
    )
    ((failed,), seconds) = play(server, 1)
    assert isinstance(failed, JobFailed)
    assert failed.message == "HeyGen gives no reason"
    assert seconds < 1.5  # asked again, a second later


ABOUT_THE_JOB: dict[str, Said] = {
    "moderated": error(400, "content_policy_violation", "not allowed"),
    "gone": error(410, "deleted", "not allowed"),
    "inside a success": error(200, "content_policy_violation", "not allowed"),
    "of v1": (200, {"code": 40012, "message": "not allowed", "data": None}),
    "forbidden": error(403, "content_policy_violation", "not allowed"),
    "in conflict": error(409, "video_deleted", "not allowed"),
}


@pytest.mark.parametrize("said", ABOUT_THE_JOB.values(), ids=ABOUT_THE_JOB)
@pytest.mark.parametrize("count", [1, 12])
def test_an_error_about_a_job_ends_its_wait_alone(said: Said, count: int) -> None:
    server = Adversary(
        lambda ids: (
            said
            if "v0" in ids
            else (200, listing((one, "completed" if at() > 60 else "processing") for one in ids))
        ),
        lambda job_id: (
            said
            if job_id == "v0" and at() > 30
            else (200, video(job_id, "completed" if at() > 60 else "processing"))
        ),
    )
    results, seconds = play(server, count)
    assert isinstance(results[0], JobFailed)
    assert results[0].message == "not allowed"
    assert results[0].last.status == "processing"
    assert {result.status for result in results[1:]} <= {"completed"}
    assert seconds < 100


@pytest.mark.parametrize("said", [error(403, "forbidden"), error(401, "unauthorized")])
def test_a_refusal_of_the_key_is_no_failure_of_a_job(said: Said) -> None:
    server = Adversary(
        lambda ids: said, lambda job_id: said if at() > 30 else (200, video(job_id, "processing"))
    )
    ((refused,), _) = play(server, 1)
    assert isinstance(refused, APIError)
    assert refused.status == said[0]


def test_a_detail_that_is_not_ready_is_asked_for_again() -> None:
    server = Adversary(
        lambda ids: (200, listing([])),
        lambda job_id: (
            error(409, "resource_not_ready") if at() < 30 else (200, video(job_id, "completed"))
        ),
    )
    ((result,), _) = play(server, 1)
    assert result.status == "completed"


LISTED: dict[str, tuple[dict[str, Any], str]] = {
    "an object": ({"status": "failed", "error": {"message": "too loud"}}, "too loud"),
    "a text": ({"status": "failed", "error": "too loud"}, "too loud"),
    "nothing": ({"status": "failed"}, "HeyGen gives no reason"),
    "deleted": ({"status": "deleted"}, "its status is deleted"),
}


@pytest.mark.parametrize(("entry", "message"), LISTED.values(), ids=LISTED)
@pytest.mark.parametrize("gone", [True, False])
def test_a_failure_that_only_the_list_explains(
    entry: dict[str, Any], message: str, gone: bool
) -> None:
    status = entry["status"]
    server = Adversary(
        lambda ids: (200, {"data": [{"video_id": job_id, **entry} for job_id in ids]}),
        lambda job_id: FOUND_NOTHING if gone else (200, video(job_id, status)),
    )
    results, seconds = play(server, 12)
    assert {type(result) for result in results} == {JobFailed}
    assert {result.message for result in results} == {message}
    assert seconds < 61  # as long as one that was seen and is not found
    assert max(map(len, server.asked_singly.values())) <= 10


def test_an_error_about_a_job_that_was_only_listed_ends_its_wait() -> None:
    server = Adversary(
        lambda ids: (200, listing((job_id, "failed") for job_id in ids)),
        lambda job_id: error(400, "invalid_parameter", "not allowed"),
    )
    results, seconds = play(server, 12)
    assert [result.message for result in results] == ["not allowed"] * 12
    assert seconds < 1


def test_a_job_that_was_seen_is_missing_for_a_minute_before_that_counts() -> None:
    server = Adversary(
        lambda ids: (200, listing([])),
        lambda job_id: (200, video(job_id, "processing")) if at() < 20 else FOUND_NOTHING,
    )
    ((failed,), seconds) = play(server, 1)
    assert isinstance(failed, NotFound)
    missing = [time for time in server.asked_singly["v0"] if time >= 20]
    assert 60 <= missing[-1] - missing[0] <= 61
    assert len(missing) <= 10  # a deleted video costs a few requests
    assert seconds == pytest.approx(missing[-1], abs=0.1)


FOUND_NOTHING = error(404, "not_found", "Video not found.")


@pytest.mark.parametrize("gap", [5, 55])
def test_a_job_that_is_missing_for_a_while_is_waited_for(gap: float) -> None:
    def detail(job_id: str) -> Said:
        if 20 < at() < 20 + gap:
            return FOUND_NOTHING
        return 200, video(job_id, "completed" if at() > 20 + gap else "processing")

    server = Adversary(lambda ids: (200, listing([])), detail)
    ((result,), _) = play(server, 1)
    assert result.status == "completed"
