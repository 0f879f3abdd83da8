"""Objects that users pass between processes: clients, jobs, outcomes, reports, errors."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
import pytest

import heygen_async
from heygen_async import (
    AvatarVideoRequest,
    Batch,
    BatchJob,
    BatchStatus,
    HeyGen,
    HeyGenError,
    Job,
    JobEvent,
    Outcome,
    PaymentRequired,
    Progress,
    Report,
    RequestEvent,
    RetryEvent,
    ServerError,
    VariantProblem,
    Video,
    VideoAgentJob,
    VideoAgentRequest,
)
from heygen_async.media.probes import SourceInfo
from heygen_async.models.structs import Answer
from heygen_async.sandbox import Sandbox
from tests.public_names import HOMES

T = TypeVar("T")

KEY = "sk_V2_pickled_0123456789"

pytestmark = pytest.mark.sandbox(durations={"video": 100.0}, api_keys=[KEY])

TWINS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "oldest pickle": lambda thing: pickle.loads(pickle.dumps(thing, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}

every_way = pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)


def _classes(kind: type[T]) -> Iterator[type[T]]:
    for child in kind.__subclasses__():
        yield child
        yield from _classes(child)


def _errors() -> list[type[HeyGenError]]:
    for name in HOMES:
        getattr(heygen_async, name)  # loads all modules that have some
    importlib.import_module("heygen_async.webhooks")
    own = {kind for kind in _classes(HeyGenError) if kind.__module__.startswith("heygen_async")}
    return sorted(own, key=lambda kind: kind.__name__)


# A value for each parameter that some exception has; of its own kind, so that a mix-up shows.
VALUES: dict[str, Any] = {
    "age": -3.5,
    "attempts": 4,
    "code": "insufficient_credit",
    "doc_url": "https://example.com/a#b",
    "error": PaymentRequired("no credit", status=402, code="insufficient_credit"),
    "error_type": "ServerError",
    "garbled": True,
    "job_id": "v1",
    "key": "row 7",
    "last": {"status": "failed"},
    "max_cost": 20.0,
    "max_jobs": 7,
    "message": "it did not work",
    "method": "POST",
    "not_submitted": ("a", "b"),
    "param": "voice_id",
    "path": "/v3/videos",
    "InvalidSources.problems": [SourceInfo(name="launch.mp4", problem="it is empty")],
    "problems": [VariantProblem(3, "name", "expected text")],
    "reason": "busy",
    "request_id": "r-1",
    "reserved": 1.5,
    "retry_after": 9.5,
    "sent": False,
    "spent": 2.5,
    "status": 503,
}


def _made(kind: type[HeyGenError]) -> HeyGenError:
    given: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in _parameters(kind).items():
        value = VALUES.get(f"{kind.__name__}.{name}", VALUES.get(name, f"some {name}"))
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            given.append(value)
    return kind(*given, **named)


def _parameters(kind: type[HeyGenError]) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(kind.__init__).parameters)
    del found["self"]
    return {"message": found["args"]} if "args" in found else found  # of Exception itself


@pytest.mark.parametrize("kind", _errors())
def test_errors(kind: type[HeyGenError]) -> None:
    error = _made(kind)
    error.add_note("while rendering")
    # Each has what it was made of; a message may be among its ``args`` alone.
    assert vars(error).keys() >= _parameters(kind).keys() - {"message"}
    for twin in TWINS.values():
        again = twin(error)
        assert type(again) is kind
        assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))
        assert repr(vars(again)) == repr(vars(error))


@every_way
@pytest.mark.anyio
async def test_clients_and_jobs(
    sandbox: Sandbox, heygen: HeyGen, twin: Callable[[Any], Any]
) -> None:
    request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello there.")
    agent = await heygen.video_agents.create(VideoAgentRequest(prompt="A teaser"))
    batch = await heygen.videos.batches.create([request])
    job = await heygen.videos.create(request)
    again: tuple[HeyGen, Job[Video], VideoAgentJob, BatchJob[Video]]
    again = twin((heygen, job, agent, batch))
    client, job_twin, agent_twin, batch_twin = again
    for one, other in ((job, job_twin), (agent, agent_twin), (batch, batch_twin)):
        assert type(one) is type(other)
        assert one.id == other.id
        assert one.created == other.created
        assert repr(one) == repr(other)
        assert KEY not in repr(other)
    assert KEY not in repr(client) + repr(vars(client))
    async with client:
        assert (await job_twin.wait()).status == "completed"
        assert (await agent_twin.wait()).status == "completed"
        assert [done.ok async for done in batch_twin.results()] == [True]
        assert isinstance(await batch_twin.status(), BatchStatus)
        # One that has ended knows its result no more, and asks again.
        assert (await twin(job_twin).wait()).id == job.id


@every_way
@pytest.mark.anyio
async def test_outcomes_and_reports(
    sandbox: Sandbox, heygen: HeyGen, twin: Callable[[Any], Any]
) -> None:
    sandbox.fail_next("video")
    template_id = sandbox.add_template()
    async with Batch(heygen, ordered=True) as batch:
        run = batch.render(template_id, [{"name": "Ada"}, {"name": "Bob"}])
        outcomes: list[Outcome[Video]] = [outcome async for outcome in run]
    failed, rendered = twin(outcomes)
    assert rendered == outcomes[1]
    assert (failed.key, str(failed.error)) == (outcomes[0].key, str(outcomes[0].error))
    with pytest.raises(heygen_async.JobFailed):
        failed.unwrap()
    report: Report = run.report
    assert twin(report) == report
    assert str(twin(report)) == str(report)


ERROR = ServerError("oops", status=502, code="bad_gateway")
CALL: dict[str, Any] = {
    "operation": "users.me",
    "method": "GET",
    "path": "/v3/users/me",
    "template": "/v3/users/me",
}
RETRY = RetryEvent(**CALL, attempt=1, status=502, seconds=0.1, error=ERROR, wait=1.0, at=9.0)
STRUCTS: list[msgspec.Struct] = [
    Progress(total=9, running=2, completed=1, failed=1, elapsed=8.0, limit=10),
    RETRY,
    RequestEvent(
        **CALL, status=200, attempts=2, seconds=2.0, last_seconds=0.1, began=8.0, retries=(RETRY,)
    ),
    JobEvent(stage="settled", kind="video", id="v1", state="failed", seconds=9.0, began=8.0),
]


@every_way
@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: type(struct).__name__)
def test_structs(struct: msgspec.Struct, twin: Callable[[Any], Any]) -> None:
    assert repr(twin(struct)) == repr(struct)


def test_all_models_are_found_where_they_say() -> None:
    for kind in _classes(Answer):
        if kind.__module__.startswith("heygen_async") and not kind.__name__.startswith("_"):
            assert pickle.loads(pickle.dumps(kind)) is kind
