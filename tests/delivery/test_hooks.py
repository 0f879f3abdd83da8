"""Receivers of outcomes: functions, webhooks and commands get each item at least once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heygen_async import Batch, ConfigurationError, DeliveryError, HeyGen, InvalidRequest, Outcome
from heygen_async.delivery import CommandHook, WebhookSender
from heygen_async.delivery.command import communicate
from heygen_async.journal import open_reader
from heygen_async.sandbox import Faults, Sandbox
from heygen_async.session.session import Session
from heygen_async.webhooks import UnknownEvent, parse, verify
from tests.transfers_host import open_session

pytestmark = pytest.mark.anyio

SECRET = "whsec_delivery"


def rows(count: int) -> list[dict[str, str]]:
    return [{"name": f"Person {n}"} for n in range(count)]


async def run(
    heygen: HeyGen,
    template_id: str,
    on_done: Any,
    *,
    count: int = 3,
    to: object = None,
    **settings: Any,
) -> list[Outcome[Any]]:
    async with Batch(heygen, on_done=on_done, **settings) as batch:
        rendering = batch.render(template_id, rows(count), key="name")
        outcomes = rendering if to is None else batch.download(rendering, str(to))
        return [outcome async for outcome in outcomes]


class Receiver:
    """A web server that verifies each notification, and answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[web.StreamResponse] = []
        self.got: list[tuple[web.Request, UnknownEvent]] = []
        self.refused = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        event = parse(verify(body, request.headers, SECRET, tolerance=10**9, max_age=10**9))
        assert isinstance(event, UnknownEvent)
        if self.answers:
            answer = self.answers.pop(0)
            if answer.status >= 300:
                self.refused += 1
                return answer
        self.got.append((request, event))
        return web.Response()


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setenv("HEYGEN_NOTIFY_SECRET", SECRET)
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    app.router.add_post("/moved", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=private"
    yield receiver
    await runner.cleanup()


def deliveries(journal: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with open_reader(journal) as reader:
        for key, one in reader.deliveries():
            found.setdefault(one.target, set()).add(key)
    return found


@pytest.mark.parametrize("kind", ["function", "coroutine"])
async def test_a_function_gets_each_outcome_with_its_file(
    heygen: HeyGen, template_id: str, tmp_path: Path, kind: str
) -> None:
    seen: list[Outcome[Any]] = []

    async def coroutine(outcome: Outcome[Any]) -> None:
        assert outcome.file is not None
        assert await asyncio.to_thread(os.path.exists, outcome.file)
        seen.append(outcome)

    on_done: Any = coroutine if kind == "coroutine" else seen.append
    outcomes = await run(heygen, template_id, on_done, to=tmp_path / "{key}.mp4")
    assert [one.file for one in seen] == [one.file for one in outcomes]
    assert len({one.delivery_id for one in seen}) == 3


async def test_what_a_function_has_got_it_does_not_get_again(
    heygen: HeyGen, template_id: str, journal: Path
) -> None:
    got: list[tuple[str, str | None]] = []
    failing = {"Person 1"}

    def on_done(outcome: Outcome[Any]) -> None:
        got.append((outcome.key, outcome.delivery_id))
        if outcome.key in failing:
            raise ValueError("not now")

    outcomes = await run(heygen, template_id, on_done, journal=journal)
    (failed,) = [one for one in outcomes if one.delivery_error]
    assert failed.ok
    assert failed.key == "Person 1"
    assert "ValueError: not now" in str(failed.delivery_error)
    assert isinstance(failed.delivery_error, DeliveryError)
    failing.clear()
    again = await run(heygen, template_id, on_done, journal=journal, finished="skip")
    assert again == []
    assert sorted(key for key, _ in got) == ["Person 0", "Person 1", "Person 1", "Person 2"]
    assert len(set(got)) == 3  # the id is the same
    await run(heygen, template_id, on_done, journal=journal)
    assert len(got) == 4


async def test_failed_items_are_told_too_and_again_when_they_are_made(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, journal: Path
) -> None:
    got: list[tuple[str, bool]] = []

    def on_done(outcome: Outcome[Any]) -> None:
        got.append((outcome.key, outcome.ok))

    sandbox.faults = Faults(fail_jobs=1.0)
    await run(heygen, template_id, on_done, journal=journal)
    sandbox.faults = Faults()
    await run(heygen, template_id, on_done, journal=journal)
    await run(heygen, template_id, on_done, journal=journal, retry_failed=True)
    assert sorted(got) == [(f"Person {n}", ok) for n in range(3) for ok in (False, True)]


async def test_an_item_without_its_file_is_not_told(
    heygen: HeyGen, template_id: str, tmp_path: Path, journal: Path
) -> None:
    got: list[str] = []
    (tmp_path / "out" / "Person 1.mp4").mkdir(parents=True)
    to = tmp_path / "out" / "{key}.mp4"

    def on_done(outcome: Outcome[Any]) -> None:
        got.append(outcome.key)

    await run(heygen, template_id, on_done, journal=journal, to=to)
    assert sorted(got) == ["Person 0", "Person 2"]
    (tmp_path / "out" / "Person 1.mp4").rmdir()
    await run(heygen, template_id, on_done, journal=journal, to=to)
    assert sorted(got) == ["Person 0", "Person 1", "Person 2"]


async def test_a_webhook_of_ours(
    heygen: HeyGen, sandbox: Sandbox, template_id: str, receiver: Receiver, journal: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    hook = WebhookSender(receiver.url)
    assert "private" not in repr(hook) + hook.name
    outcomes = await run(
        heygen, template_id, hook, journal=journal, to=tmp_path / "out" / "{key}.mp4"
    )
    ids = {one.key: one.delivery_id for one in outcomes}
    for request, event in receiver.got:
        data = event.event_data
        assert event.event_type == "item.completed"
        assert data["id"] == event.event_id == ids[data["key"]]
        assert (data["status"], data["error"], data["url"]) == ("completed", None, None)
        assert data["file"] == str(tmp_path / "out" / f"{data['key']}.mp4")
        for name in ("Idempotency-Key", "Heygen-Event-Id"):
            assert request.headers[name] == event.event_id
        assert not {"X-Api-Key", "Authorization"} & set(request.headers)
        assert sandbox.base_url not in json.dumps(event.body)  # no signed URL
    assert len(receiver.got) == 3
    await run(heygen, template_id, WebhookSender(receiver.url), journal=journal)
    assert len(receiver.got) == 3
    assert await asyncio.to_thread(deliveries, journal) == {
        str(tmp_path / "out" / "{key}.mp4"): set(ids),
        hook.name: set(ids),
    }


async def test_a_receiver_that_fails_gets_it_later(
    heygen: HeyGen, template_id: str, receiver: Receiver
) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "120"})
    receiver.answers = [web.Response(status=500), busy, web.Response(status=503)]
    started = asyncio.get_running_loop().time()
    outcomes = await run(heygen, template_id, WebhookSender(receiver.url))
    assert not [one for one in outcomes if one.delivery_error]
    assert len(receiver.got) == 3
    assert receiver.refused == 3
    assert asyncio.get_running_loop().time() - started > 120


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: web.Response(status=410), "answered 410"),
        (lambda: web.Response(status=307, headers={"Location": "https://example.com/"}), "another"),
        (lambda: web.Response(status=307, headers={"Location": "//[bad"}), "another host"),
        (lambda: web.Response(status=308, headers={"Location": "http://localhost:1/"}), "another"),
        (lambda: web.Response(status=302, headers={"Location": "/moved"}), "answered 302"),
    ],
)
async def test_refusals_and_redirects_to_other_hosts(
    heygen: HeyGen,
    template_id: str,
    receiver: Receiver,
    answer: Callable[[], web.Response],
    says: str,
) -> None:
    receiver.answers = [answer()]
    (outcome,) = await run(heygen, template_id, WebhookSender(receiver.url), count=1)
    assert says in str(outcome.delivery_error)
    assert "private" not in str(outcome.delivery_error)
    assert receiver.got == []


async def test_a_redirect_to_the_same_host(
    heygen: HeyGen, template_id: str, receiver: Receiver
) -> None:
    receiver.answers = [web.Response(status=308, headers={"Location": "/moved"})]
    await run(heygen, template_id, WebhookSender(receiver.url), count=1)
    assert [request.path for request, _ in receiver.got] == ["/moved"]


async def test_a_receiver_that_is_gone_is_given_up(
    heygen: HeyGen, template_id: str, receiver: Receiver
) -> None:
    hook = WebhookSender("http://127.0.0.1:1/", patience=600)
    outcomes = await run(heygen, template_id, hook)
    assert all("cannot be reached" in str(one.delivery_error) for one in outcomes)


def test_a_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEYGEN_NOTIFY_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match="HEYGEN_NOTIFY_SECRET"):
        WebhookSender("https://example.com/hook")
    for url in ("http://example.com/hook", "ftp://example.com", "nonsense"):
        with pytest.raises(InvalidRequest, match="notify: "):
            WebhookSender(url, secret=SECRET)


TELL = """
import json, os, sys
event = json.load(sys.stdin)
names = {n: v for n, v in os.environ.items() if n.startswith("HEYGEN_ITEM_")}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps([event, names, sys.argv[2:]]) + "\\n")
print("not for the output")
"""


# The simulated clock does not know that it has to wait for a process.
real_time = pytest.mark.parametrize("anyio_backend", [("asyncio", {})])


def ended(key: str = "k") -> Outcome[Any]:
    return Outcome(key=key, index=0, item=None, delivery_id="an id", file="/videos/k.mp4")


@real_time
async def test_a_command_without_a_shell(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], unused: Session
) -> None:
    told = tmp_path / "told"
    hook = CommandHook([sys.executable, "-c", TELL, str(told), "$(touch x)", "{key}; ls"])
    await hook.open()
    keys = ["$(reboot)", "a\0b", "`x` \ud800 ; & |\n"]
    for key in keys:
        await hook.deliver(ended(key), unused)
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert len(lines) == 3
    for key, (event, names, arguments) in zip(keys, lines, strict=True):
        data = event["event_data"]
        assert arguments == ["$(touch x)", "{key}; ls"]
        assert data["key"] == key.replace("\ud800", "?")
        assert names == {
            "HEYGEN_ITEM_ID": "an id",
            "HEYGEN_ITEM_KEY": data["key"].replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "HEYGEN_ITEM_STATUS": "completed",
            "HEYGEN_ITEM_FILE": "/videos/k.mp4",
            "HEYGEN_ITEM_URL": "",
            "HEYGEN_ITEM_JOB_ID": "",
            "HEYGEN_ITEM_ERROR": "",
        }
    assert "not for the output" not in capfd.readouterr().out


@real_time
async def test_a_command_that_fails_is_tried_again(tmp_path: Path, unused: Session) -> None:
    counted = tmp_path / "count"
    code = 'printf x >> "$0"; exit 3'
    with pytest.raises(DeliveryError, match="ended with exit code 3"):
        await CommandHook(["sh", "-c", code, str(counted)], attempts=2).deliver(ended(), unused)
    assert counted.read_text() == "xx"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_command_may_end_before_it_reads_its_input(loop: str) -> None:
    async def told() -> bytes:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("echo", "a", stdin=pipe, stdout=pipe)
        await process.wait()
        return await communicate(process, b"x" * 1_000_000)

    with asyncio.Runner(loop_factory=pytest.importorskip(loop).new_event_loop) as runner:
        assert runner.run(told()) == b"a\n"


@real_time
async def test_a_command_that_hangs_is_ended_with_its_children(
    tmp_path: Path, unused: Session
) -> None:
    written = tmp_path / "child"
    script = 'sleep 600 & echo $! > "$0"; wait'
    hook = CommandHook(["sh", "-c", script, str(written)], timeout=0.3, attempts=1)
    with pytest.raises(DeliveryError, match=r"did not end within 0\.3 s"):
        await hook.deliver(ended(), unused)
    child = Path(f"/proc/{written.read_text().strip()}")
    while await asyncio.to_thread(alive, child):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def alive(process: Path) -> bool:
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
async def unused() -> AsyncIterator[Session]:
    async with open_session() as session:
        yield session


@pytest.mark.parametrize("command", ["", 'sh "', []])
def test_commands_that_are_none(command: Any) -> None:
    with pytest.raises(ConfigurationError, match="exec: "):
        CommandHook(command)


async def test_a_program_is_looked_for_before_anything_is_paid_for(
    heygen: HeyGen, sandbox: Sandbox, template_id: str
) -> None:
    with pytest.raises(ConfigurationError, match="exec: there is no program 'no-such-program'"):
        await run(heygen, template_id, CommandHook("no-such-program x"))
    assert sandbox.ledger.count() == 0


def test_receivers_are_functions(heygen_settings: Any) -> None:
    with pytest.raises(ConfigurationError, match="on_done: expected a function, got int"):
        Batch(HeyGen("sk_V2_test"), on_done=3)  # type: ignore[arg-type]
