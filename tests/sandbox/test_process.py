"""The sandbox outside of the caller's event loop."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from heygen_async.sandbox import Sandbox, SandboxThread, serve
from heygen_async.sandbox.__main__ import main

from ..patience import PATIENCE


def get(base_url: str, path: str, key: str) -> Any:
    request = urllib.request.Request(base_url + path, headers={"x-api-key": key})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def test_a_sandbox_in_a_thread_serves_synchronous_callers() -> None:
    with SandboxThread(speed=0, api_keys=["sk_V2_mine"]) as sandbox:
        me = get(sandbox.base_url, "/v3/users/me", "sk_V2_mine")
        assert me["data"]["username"] == "sandbox"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(sandbox.base_url, "/v3/users/me", "other").close()
        assert sandbox.requests.by_status == {200: 1, 401: 1}
    assert not [t for t in threading.enumerate() if t.name == "heygen-sandbox"]


def test_a_thread_that_cannot_listen_says_so() -> None:
    with pytest.raises(OSError, match="address"), SandboxThread(host="192.0.2.1"):
        pass


def test_the_fixture_for_users(heygen_sandbox: Sandbox) -> None:
    me = get(heygen_sandbox.base_url, "/v3/users/me", heygen_sandbox.api_key)
    assert me["data"]["billing_type"] == "wallet"
    assert heygen_sandbox.clock.speed == 600


def test_the_plugin_imports_nothing_of_weight() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import heygen_async.sandbox.pytest_plugin;"
        "print([m for m in ('aiohttp', 'jsonschema_rs') if m in set(sys.modules) - before])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout.strip() == "[]"


def test_the_process_prints_its_addresses_and_stops_on_a_signal() -> None:
    command = [sys.executable, "-m", "heygen_async.sandbox", "--speed", "1", "--seed", "3"]
    command += ["--faults", '{"fail_jobs": 0.5}']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert get(line["base_url"], "/v3/users/me", line["api_key"])["data"]
        assert line["media_origin"] != line["base_url"]
        assert get(line["base_url"], "/_sandbox/faults", line["api_key"]) == {"fail_jobs": 0.5}
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.anyio
async def test_serve_ends_with_the_signal() -> None:
    out = io.StringIO()
    asyncio.get_running_loop().call_later(5, os.kill, os.getpid(), signal.SIGTERM)
    await serve(out=out, speed=1)
    assert json.loads(out.getvalue())["base_url"].startswith("http://127.0.0.1:")


class StopsWhenWritten(io.StringIO):
    """Standard output that stops the server after its first line."""

    def write(self, text: str) -> int:
        if text.endswith("\n"):
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def test_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StopsWhenWritten()
    monkeypatch.setattr(sys, "stdout", out)
    main(["--concurrency", "3", "--faults", '{"fail_jobs": 0.5}', "--requests-per-second", "9"])
    line = json.loads(out.getvalue())
    assert set(line) == {"base_url", "api_key", "media_origin"}
    monkeypatch.setattr(sys, "stdout", again := StopsWhenWritten())
    main(["--balance", "5", "--allow-host", "heygen"])
    assert json.loads(again.getvalue())["api_key"] != line["api_key"]
    monkeypatch.setattr(sys, "stdout", mine := StopsWhenWritten())
    main(["--api-key", "sk_V2_mine", "--api-key", "sk_V2_other"])
    assert json.loads(mine.getvalue())["api_key"] == "sk_V2_mine"


def test_uvloop_is_used_where_it_is_installed(
    uvloop_installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = set[bool]()

    class NotesItsLoop(StopsWhenWritten):
        def write(self, text: str) -> int:
            loops.add(type(asyncio.get_running_loop()).__module__.startswith("uvloop"))
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", NotesItsLoop())
    main([])
    assert loops == {uvloop_installed}


def test_faults_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--faults", '{"dorp": 0.1}'])
    assert "unknown names: dorp" in capsys.readouterr().err


def test_names_load_at_their_first_use() -> None:
    import heygen_async.sandbox as package

    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError, match="Playground"):
        package.Playground  # noqa: B018
