"""The command line: options, exit codes, and sentences instead of tracebacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from heygen_async.cli import main
from heygen_async.cli.app import app
from heygen_async.sandbox import Fault, Sandbox
from heygen_async.version import __version__

KEY = "sk_V2_a_key_that_must_not_show"

pytestmark = pytest.mark.sandbox(api_keys=[KEY])


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("name,product\nA,B\n")
    return path


def heygen_async(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert KEY not in result.output
    assert "Traceback" not in result.output
    return result


def test_the_version() -> None:
    assert heygen_async("--version").output == f"heygen-async {__version__}\n"


def test_the_version_loads_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("typer", "asyncio", "heygen_async.errors"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("sys.argv", ["heygen-async", "--version"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert capsys.readouterr().out == f"heygen-async {__version__}\n"


def test_the_list_of_commands_is_theirs() -> None:
    """Check the list of commands, which is written down so that nothing is loaded."""
    group: Any = get_command(app)
    for name, listed in group.commands.items():
        loaded = group.load(name)
        first = " ".join(loaded.help.partition("\n\n")[0].split())
        assert f"{first} ".startswith(f"{listed.help} "), name


def test_help_loads_none_of_the_engine() -> None:
    code = (
        "import sys; from heygen_async.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    for words in (["--help"], ["render", "--help"]):
        process = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        heavy = {"aiohttp", "msgspec", "heygen_async.client", "heygen_async.batch"}
        assert not heavy & set(process.stderr.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("heygen-async rep", ["report"]),
        ("heygen-async proofread s", ["show"]),
        ("heygen-async translate --vi", ["--via"]),
        ("heygen-async translate --via s", ["single"]),
    ],
)
def test_shell_completion(words: str, offered: list[str]) -> None:
    env = {
        "_HEYGEN_ASYNC_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    result = CliRunner().invoke(app, [], env=env, prog_name="heygen-async")
    assert result.output.split() == offered


@pytest.mark.parametrize(
    "command",
    [
        "agent",
        "api",
        "assets list",
        "avatars list",
        "delete",
        "demo",
        "download",
        "get",
        "languages list",
        "localize",
        "narrate",
        "personalize",
        "proofread edit",
        "proofread show",
        "render",
        "report",
        "sandbox",
        "speech",
        "status",
        "templates list",
        "templates show",
        "translate",
        "upload",
        "video create",
        "videos list",
        "voices list",
        "wait",
        "whoami",
    ],
)
def test_each_command_explains_itself(command: str) -> None:
    result = heygen_async(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize("command", [[], ["render"], ["translate"]])
def test_exit_codes_are_told(command: list[str]) -> None:
    said = " ".join(heygen_async(*command, "--help").output.split())
    assert "0 all done, 1 some failed, 2 bad usage, 3 no access, 4 timeout, 130" in said
    assert ("a second one stops at once" in said) == bool(command)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["render"],
        ["render", "template"],
        ["render", "template", "rows.csv", "--concurrency", "0"],
        ["demo", "--rows", "0"],
        ["sandbox", "--port", "99999"],
        ["localize", "--to", "English"],
        ["localize", "video.mp4", "--to", "English", "--also", "gif"],
        ["render", "template", "rows.csv", "--download", "out", "--also", "video"],
        ["narrate", "texts.csv"],
        ["narrate", "nowhere.csv", "--avatar", "a"],
        ["personalize", "template", "nowhere.csv"],
        ["proofread"],
        ["proofread", "edit", "unknown"],
        ["proofread", "show", "unknown"],
    ],
)
def test_bad_usage(arguments: list[str]) -> None:
    assert heygen_async(*arguments).exit_code == 2


def test_no_key(rows: Path) -> None:
    result = heygen_async("render", "template", rows)
    assert result.exit_code == 2
    assert "HEYGEN_API_KEY" in result.stderr


def test_a_base_url_that_would_leak_the_key(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", KEY)
    result = heygen_async("render", "template", rows, "--base-url", "http://example.com")
    assert result.exit_code == 2
    assert "https" in result.stderr


@pytest.mark.usefixtures("sandbox_thread")
def test_a_wrong_key(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", "sk_V2_wrong_key")
    result = heygen_async("render", "template", rows)
    assert result.exit_code == 3
    assert "check HEYGEN_API_KEY" in result.stderr
    assert "wrong_key" not in result.output


def test_bad_rows(sandbox_thread: Sandbox, rows: Path) -> None:
    rows.write_text("name,product\nA,\n")
    result = heygen_async("render", sandbox_thread.template_id("Welcome"), rows)
    assert result.exit_code == 2
    assert "line 2 (row 1), column 'product': is missing" in result.stderr
    assert result.stdout == ""
    assert sandbox_thread.ledger.count() == 0


def test_languages_that_do_not_exist(sandbox_thread: Sandbox) -> None:
    result = heygen_async("translate", "https://example.com/a.mp4", "--to", "Klingon")
    assert result.exit_code == 2
    assert "'Klingon'" in result.stderr
    assert sandbox_thread.ledger.count() == 0


def test_a_call_without_rights(sandbox_thread: Sandbox) -> None:
    sandbox_thread.faults.add("video_translations.languages", Fault.status(403))
    result = heygen_async("translate", "https://example.com/a.mp4", "--all")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: 403 forbidden")


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = heygen_async("demo", "--out", tmp_path / "file")
    assert result.exit_code == 2
    assert "file" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["videos", "rows.csv", "--avatar", "Amara", "--script-file", "text.txt"],
        ["narrate", "text.txt", "--avatar", "Amara"],
        ["video", "create", "--avatar", "Amara", "--script", "@text.txt"],
        ["api", "POST", "/v3/videos", "-d", "@text.txt"],
    ],
    ids=lambda words: words[0],
)
def test_texts_that_cannot_be_read(
    sandbox_thread: Sandbox, rows: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(rows.parent)
    result = heygen_async(*words)
    assert result.exit_code == 2
    assert result.stderr.endswith("text.txt: No such file or directory\n")
    Path("text.txt").write_bytes(b"caf\xe9 noir")
    result = heygen_async(*words)
    assert result.exit_code == 2
    assert "text.txt: not text in UTF-8: invalid continuation byte at byte 3" in result.stderr


def test_a_port_that_is_taken(sandbox_thread: Sandbox) -> None:
    port = sandbox_thread.base_url.rpartition(":")[2]
    result = heygen_async("sandbox", "--port", port)
    assert result.exit_code == 2
    assert f"port {port}: " in result.stderr


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = dict(sys.modules)
    for name, module in loaded.items():
        if name.startswith(("heygen_async.cli.", f"{missing}.")):
            monkeypatch.delitem(sys.modules, name)
            # The import below sets the attribute of the parent as well, which must be undone.
            parent, _, child = name.rpartition(".")
            monkeypatch.setattr(loaded[parent], child, module, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("sys.argv", ["heygen-async", "whoami"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert f"needs {missing}, which is not installed: pip install typer rich" in (
        capsys.readouterr().err
    )


def test_ctrl_c_while_it_loads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "heygen_async.cli.app", Interrupted("app"))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_without_what_the_sandbox_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    result = heygen_async("demo")
    assert result.exit_code == 2
    assert "pip install jsonschema-rs" in result.stderr


def test_a_test_render_does_not_warn_of_what_nobody_can_change(
    sandbox_thread: Sandbox, rows: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    template_id = sandbox_thread.template_id("Welcome")
    result = heygen_async("render", template_id, rows, "--test", "--dry-run")
    assert result.exit_code == 0
    assert sandbox_thread.requests.by_operation["templates.get_v2"]
    assert "deprecated" not in result.stderr + capfd.readouterr().err
