"""The imported package: its names, and the cost of the import."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jedi
import pytest

import heygen_async
from heygen_async.sandbox import SandboxThread
from tests.contract.schemas import MODELS
from tests.patience import PATIENCE
from tests.public_names import HOMES, imports_of_public_names

ROOT = Path(heygen_async.__file__).parents[1]


def _run(code: str, *arguments: str) -> Any:
    """Return the JSON that a fresh interpreter prints, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def test_every_name_resolves_to_that_of_its_module() -> None:
    for name, home in HOMES.items():
        assert getattr(heygen_async, name) is getattr(importlib.import_module(home), name)
    assert getattr(heygen_async, "__all__") == sorted(HOMES)  # noqa: B009


def test_names_stand_once_and_in_order() -> None:
    imports = imports_of_public_names()
    assert imports == sorted(imports)
    assert len(imports) == len(HOMES)
    assert len(Path(heygen_async.__file__).read_text(encoding="utf-8").splitlines()) <= 250


def test_editors_complete_names_without_running_the_package() -> None:
    offered = jedi.Script("from heygen_async import ").complete()
    assert {completion.name for completion in offered} >= HOMES.keys()


def test_what_the_batch_module_offers_is_exported_whole() -> None:
    assert set(importlib.import_module("heygen_async.batch").__all__) <= HOMES.keys()


def test_every_model_is_public() -> None:
    classes = {
        name
        for name, value in MODELS.items()
        if isinstance(value, type) and value.__module__.startswith("heygen_async.models.")
    }
    assert classes - HOMES.keys() == KEPT_BACK


def test_every_error_is_public() -> None:
    errors = importlib.import_module("heygen_async.errors")
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    own = {kind.__name__ for kind in classes if issubclass(kind, BaseException)}
    assert own <= HOMES.keys()


def test_unknown_names_fail_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="'heygen_async' has no attribute 'HeyGenn'"):
        heygen_async.HeyGenn  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError):
        from heygen_async import nothing  # type: ignore[attr-defined]  # noqa: F401


def test_dir_names_everything_before_anything_is_loaded() -> None:
    names = _run("import json, heygen_async; print(json.dumps(dir(heygen_async)))")
    assert set(names) >= HOMES.keys()


def test_the_version_is_one() -> None:
    assert heygen_async.__version__ == importlib.import_module("heygen_async.version").__version__


def test_the_import_loads_nothing_else() -> None:
    code = (
        "import json, sys; before = set(sys.modules); import heygen_async; dir(heygen_async); "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert _run(code) == ["_ast", "heygen_async", "heygen_async.lazy_names"]


def test_errors_load_without_the_client() -> None:
    code = (
        "import json, sys; from heygen_async import JobFailed; "
        "print(json.dumps(sorted({'aiohttp', 'anyio', 'asyncio', 'msgspec'} & set(sys.modules))))"
    )
    assert _run(code) == []


def test_a_star_import_brings_all_names_and_no_sandbox() -> None:
    code = (
        "import json, sys; from heygen_async import *; "
        "print(json.dumps([sorted(globals()), sorted(sys.modules)]))"
    )
    names, modules = _run(code)
    assert HOMES.keys() <= set(names)
    strangers = {"heygen_async.sandbox", "heygen_async.cli", "jsonschema_rs", "typer", "rich"}
    assert not strangers & set(modules)


FIRST_CALLS = """
import asyncio, io, json, sys
from heygen_async import AvatarVideoRequest, HeyGen, HeyGenError, Retry, UploadCache, Video

base_url, avatar_id, cache = sys.argv[1:]
request = AvatarVideoRequest(avatar_id=avatar_id, script="Hello there.")
grown = {}

async def main():
    # The clock is real here, and the sandbox renders in milliseconds.
    expected, retry = {"video": 0.01}, Retry(attempts=2, first=0.01)
    heygen = HeyGen("sk_V2_mine", base_url=base_url, retry=retry, expected=expected)
    known = set(sys.modules)

    async def step(name, call):
        try:
            result = await call
        except HeyGenError as error:
            result = error
        grown[name] = sorted(set(sys.modules) - known)
        known.update(sys.modules)
        return result

    async with heygen:
        await step("get", heygen.users.me())
        await step("list", heygen.voices.list().first_page())
        job = await step("create", heygen.videos.create(request))
        if not isinstance(job, HeyGenError):
            video = await step("wait", job.wait())
            await step("download", heygen.download(video, io.BytesIO()))
            await step("timeout", heygen.jobs.attach(Video, "unknown").wait(0.05))
        await step("upload", heygen.upload(b"ID3 and so on", cache=UploadCache(cache)))
        await step("error", heygen.videos.get("unknown"))
    grown["close"] = sorted(set(sys.modules) - known)

asyncio.run(main())
print(json.dumps(grown))
"""


@pytest.mark.parametrize("address", ["http://localhost", "https://localhost"])
def test_the_first_call_imports_nothing(address: str, tmp_path: Path) -> None:
    # The server does not speak TLS, but all modules are loaded before that shows.
    with SandboxThread(speed=6000, api_keys=["sk_V2_mine"]) as sandbox:
        port = sandbox.base_url.rpartition(":")[2]
        grown = _run(FIRST_CALLS, f"{address}:{port}", sandbox.avatar_id, str(tmp_path / "a.db"))
    assert ("download" in grown) == address.startswith("http:")
    assert {name: modules for name, modules in grown.items() if modules} == {}


FIRST_OF_BULK_AND_DELIVERIES = """
import asyncio, hashlib, hmac, json, sys, time
from heygen_async import Batch, HeyGen, WebhookReceiver

base_url, template_id, journal = sys.argv[1:]
body = b'{"event_type": "avatar_video.success", "event_id": "e", "event_data": {"video_id": "v"}}'
now = str(int(time.time()))
signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
headers = {"Heygen-Signature": signature, "Heygen-Timestamp": now}
grown = {}

async def main():
    heygen = HeyGen("sk_V2_mine", base_url=base_url, expected={"video": 0.01})
    known = set(sys.modules)

    def step(name):
        grown[name] = sorted(set(sys.modules) - known)
        known.update(sys.modules)

    async with heygen:
        async with Batch(heygen, journal=journal) as batch:
            variants = [{"name": "Ada"}, {"name": "Grace"}]
            done = [outcome.ok async for outcome in batch.render(template_id, variants)]
            step("batch")
        async with WebhookReceiver(heygen, "secret") as receiver:
            answer = await receiver.handle(body, headers)
            step("delivery")
    return done, answer.status

print(json.dumps([*asyncio.run(main()), grown]))
"""


def test_the_first_batch_and_the_first_delivery_import_nothing(tmp_path: Path) -> None:
    with SandboxThread(speed=6000, api_keys=["sk_V2_mine"]) as sandbox:
        arguments = sandbox.base_url, sandbox.add_template(), str(tmp_path / "run.db")
        done, status, grown = _run(FIRST_OF_BULK_AND_DELIVERIES, *arguments)
    assert (done, status) == ([True, True], 200)
    assert {name: modules for name, modules in grown.items() if modules} == {}


def test_a_client_loads_nothing_that_it_does_not_need() -> None:
    code = (
        "import json, sys; from heygen_async import HeyGen; HeyGen('k'); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    unneeded = {
        "anyio",  # 13 ms with its backend, for the scopes of those who open some
        "heygen_async.batch",
        "heygen_async.webhooks",
        "sqlite3",
        "statistics",
    }
    assert not unneeded & set(_run(code))


# Names of a home that users meet only as the types of answers, or not at all.
KEPT_BACK = {
    *("Answer", "AnswerWithDefaults", "Part", "Plain", "Request", "JobRequest"),
    *("TemplateListV2", "TemplateRenderV2", "WrongField"),
}
