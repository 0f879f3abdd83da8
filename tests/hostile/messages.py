"""Text from outside (error messages, ids, keys) that reaches logs, memory and terminals."""

from __future__ import annotations

import json
import logging
import pickle
from functools import partial
from typing import Any

from heygen_async import HeyGen, Retry, Video
from heygen_async.errors import HeyGenError
from heygen_async.webhooks import WebhookReceiver

from ..session.wire import answering, raw_server
from ..webhooks.signing import SECRET, event_body, signed
from .adversary import KEY, Adversary, Played, outcome_of
from .answers import json_answer, raw_answer

CONTROLS = "\x1b]52;c;eA==\x07\x1b[2J\r\n\x9b31m\u2028\u202e\0"


class Log(logging.Handler):
    """Keeps what all loggers of the package have said."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


async def refused(answer: bytes) -> Played:
    """Read an error, and log and pickle it."""
    log = Log()
    package = logging.getLogger("heygen_async")
    package.addHandler(log)
    package.setLevel(logging.DEBUG)
    retry = Retry(attempts=2, first=0.01)

    async def call(heygen: HeyGen) -> None:
        try:
            await heygen.videos.get("v")
        except HeyGenError as error:
            pickle.loads(pickle.dumps(error))
            package.getChild("session").error("%s", error)
            raise

    async with (
        raw_server(answering(answer)) as server,
        HeyGen(KEY, base_url=server.base_url, retry=retry) as heygen,
    ):
        outcome = await outcome_of(call(heygen))
    said = "".join(log.lines)
    if KEY in said:
        outcome = "the key is in the log"
    if any(not character.isprintable() for character in said):
        outcome = "control characters in the log"
    return Played(outcome, len(server.requests))


async def failed(reason: Any) -> Played:
    """Wait for a video that has failed for this reason."""
    body = {"data": {"id": "v", "status": "failed", "failure_message": "no", "error": reason}}

    async def wait(heygen: HeyGen) -> None:
        try:
            await heygen.jobs.attach(Video, "v").wait(timeout=10)
        except HeyGenError as error:
            pickle.loads(pickle.dumps(error))
            raise

    async with (
        raw_server(answering(json_answer(body))) as server,
        HeyGen(KEY, base_url=server.base_url) as heygen,
    ):
        return Played(await outcome_of(wait(heygen)), len(server.requests))


async def delivered(field: str, size: int, count: int) -> Played:
    """Deliver many signed events and unsigned callbacks, with long ids."""
    answers = set[int]()
    async with (
        HeyGen(KEY, base_url="http://127.0.0.1:9") as heygen,
        WebhookReceiver(heygen, SECRET) as receiver,
    ):
        for number in range(count):
            data = {"video_id": "v", "callback_id": "c"}
            identity = f"{number}{'x' * size}"
            event_id = identity if field == "event_id" else str(number)
            if field != "event_id":
                data[field] = identity
            body = event_body(data=data, event_id=event_id)
            for headers in (signed(body), {"Content-Type": "application/json"}):
                answers.add((await receiver.handle(body, headers)).status)
    return Played(f"answered {sorted(answers)}", 0)


def nested(depth: int) -> Any:
    value: Any = KEY
    for _ in range(depth):
        value = {"a": [value]}
    return value


def error(message: Any, **more: Any) -> bytes:
    body = {"error": {"code": "invalid_parameter", "message": message, **more}}
    return json_answer(body, status=400)


REFUSALS = {
    "20 kB of dots": error("." * 20_000),
    "100 kB of dots": error("." * 100_000),
    "10 MB of dots": error("." * 10_000_000),
    "10 MB of beginnings of URLs": error("a://" * 2_500_000),
    "10 MB of beginnings of keys": error("sk_" * 3_300_000),
    "10 MB of Bearer": error("Bearer " * 1_400_000),
    "10 MB that echo the key": error(KEY * 600_000),
    "10 MB of HTML": raw_answer(b"<html>" + b"." * 10_000_000, status=400),
    "100,000 details": error("no", errors=[{"code": "c", "message": "m" * 50}] * 100_000),
    "a detail of 10 MB": error("no", errors=[{"code": "." * 10_000_000}]),
    "control characters": error(CONTROLS * 10, param=CONTROLS, doc_url=CONTROLS),
    "a code and a request id with control characters": raw_answer(
        json.dumps({"error": {"code": CONTROLS, "message": "no"}}).encode(),
        status=400,
        headers={"X-Request-Id": "\x9b31m\x85"},
    ),
    "a message 300 objects deep": error(nested(150)),
}

ADVERSARIES = [
    *(
        Adversary(
            f"messages: {name}",
            partial(refused, answer),
            "BadRequest",
            requests=1,
            seconds=5,
            megabytes=120 if len(answer) > 5_000_000 else 20,
        )
        for name, answer in REFUSALS.items()
    ),
    *(
        Adversary(
            f"messages: a job that failed, {name}",
            partial(failed, reason),
            "JobFailed",
            requests=3,
            seconds=5,
            megabytes=60,
        )
        for name, reason in (
            ("for 2 MB of dots", {"message": "." * 2_000_000}),
            ("with the key in it", {"message": KEY, KEY: [KEY]}),
            ("for an object 400 deep", nested(200)),
            ("for an object 900 deep", nested(450)),
            ("for 100,000 objects", [{"a": 1}] * 100_000),
        )
    ),
    *(
        Adversary(
            f"messages: 100 deliveries with a {field} of 900 kB",
            partial(delivered, field, 900_000, 100),
            "answered [200]",
            requests=0,
            seconds=20,
            megabytes=20,
        )
        for field in ("event_id", "video_id", "callback_id")
    ),
]
