"""Each example runs unchanged, against a sandbox."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp.test_utils import TestClient, TestServer

from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the examples write to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(EXAMPLES.glob("*.py")) if "sys.argv" in path.read_text()],
    ids=lambda path: path.stem,
)
def test_an_example_without_its_arguments_says_how_to_call_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [str(path)])
    with pytest.raises(SystemExit, match=f"python {path.name} "):
        runpy.run_path(str(path), run_name="__main__")


async def test_first_call(sandbox: Sandbox, folder: Path) -> None:
    await example("first_call").main(sandbox.avatar_id)
    assert (folder / "hello.mp4").stat().st_size > 0


async def test_bulk_render(
    sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = folder / "rows.csv"
    rows.write_text("key,title,name,product\n" + "".join(f"k{n},T,A,B\n" for n in range(11)))
    await example("bulk_render").main(sandbox.template_id("Welcome"), rows)
    assert len(list((folder / "greetings").glob("*.mp4"))) == 11
    assert "11 completed, 0 failed" in capsys.readouterr().out


async def test_translate_everywhere(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    translate = example("translate_everywhere").main
    await translate("https://example.com/a.mp4", "French (France)", "German (Germany)")
    printed = capsys.readouterr().out.splitlines()
    assert {line.split(":")[0] for line in printed} == {"French (France)", "German (Germany)"}


async def test_speech_to_avatar(
    sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await example("speech_to_avatar").main(sandbox.avatar_id)
    assert (folder / "speech.wav").read_bytes()[:4] == b"RIFF"
    assert (folder / "speech.mp4").stat().st_size > 0
    assert "morning" in capsys.readouterr().out


def films(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.mp4"))


async def test_localize(sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await example("localize").main("A teaser", "French (France)", "German (Germany)")
    assert films(folder) == ["French (France).mp4", "German (Germany).mp4"]
    assert "failed" not in capsys.readouterr().out
    assert sandbox.ledger.count("proofreads.generate") == 2


async def test_narrate(sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await example("narrate").main(sandbox.avatar_id, "Good morning.", "Here is what is new.")
    assert "Good morning." in (folder / "news-0.srt").read_text()
    assert (folder / "news-1.mp4").stat().st_size > 0
    assert "news-1: 1 captions" in capsys.readouterr().out


async def test_personalize(
    sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template_id = sandbox.add_template(variables={"name": "text", "greeting": "audio"})
    await example("personalize").main(template_id, "greeting", "Anna", "Bob")
    assert films(folder) == ["Anna.mp4", "Bob.mp4"]
    assert "failed" not in capsys.readouterr().out
    assert sandbox.ledger.count("speech") == 2


async def test_agent_chat(sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "Blue, please." if len(questions) == 1 else ""

    monkeypatch.setattr("builtins.input", answer)
    await example("agent_chat").main("A video about the sea")
    assert len(questions) >= 2
    assert (folder / "agent.mp4").stat().st_size > 0


async def test_web_handler(sandbox: Sandbox) -> None:
    app = example("web_handler").make_app(sandbox.avatar_id)
    async with TestClient(TestServer(app)) as browser:
        async with browser.post("/videos", json={"script": "Hello"}) as answer:
            assert answer.status == 200
            assert (await answer.json())["video_url"].startswith(sandbox.media_origin)
        async with browser.post("/videos", json={}) as answer:
            assert answer.status == 400
            assert "script" in (await answer.json())["error"]
