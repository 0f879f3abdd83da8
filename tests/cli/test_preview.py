"""``--preview`` writes a page about the rows, and submits nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from heygen_async.cli.app import app
from heygen_async.sandbox import Sandbox
from tests.media.samples import sample


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "sheet.html"


def heygen_async(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def items(page: Path) -> dict[str, Any]:
    """The warnings of each item, by its key."""
    text = page.read_text("utf-8").partition('id="content">')[2].partition("</script>")[0]
    content = json.loads(text)
    return {item[0]: [content["kinds"][kind] for kind, _ in item[-1]] for item in content["items"]}


def test_of_a_template(sandbox_thread: Sandbox, tmp_path: Path, page: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,product\na,Ada,Tea\nb,Bob,Milk\n")
    result = heygen_async("render", "Welcome", rows, "--preview", page)
    assert result.exit_code == 0
    record = json.loads(result.stdout)["dry_run"]
    assert (record["items"], record["preview"]) == (2, str(page))
    assert items(page) == {"a": [], "b": []}
    assert sandbox_thread.ledger.count() == 0


def test_a_text_that_is_left_out_is_shown_and_refused(
    sandbox_thread: Sandbox, tmp_path: Path, page: Path
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("key,name,product\na,Ada,Tea\nb,Bob,\n")
    result = heygen_async("render", "Welcome", rows, "--preview", page)
    assert result.exit_code == 2
    assert "the picture would show {{product}}" in result.stderr
    assert items(page) == {"a": [], "b": ["missing"]}
    assert heygen_async("render", "Welcome", rows, "--dry-run").exit_code == 2
    assert sandbox_thread.ledger.count() == 0


def test_of_videos(sandbox_thread: Sandbox, tmp_path: Path, page: Path) -> None:
    studio = sandbox_thread.add_look("Stu", avatar_type="studio_avatar", engines=("avatar_iv",))
    rows = tmp_path / "rows.csv"
    rows.write_text("key,script,engine\na,Hello,avatar_v\nb,Hello there,avatar_iv\n")
    result = heygen_async("videos", rows, "--avatar", studio, "--preview", page)
    assert result.exit_code == 0
    assert items(page) == {"a": ["look"], "b": []}
    assert sandbox_thread.ledger.count() == 0


def test_of_dubs(sandbox_thread: Sandbox, page: Path) -> None:
    video = f"{sandbox_thread.media_origin}/media/none.mp4"
    result = heygen_async("translate", video, "--to", "Spanish", "--preview", page)
    assert result.exit_code == 2  # the page shows why
    assert items(page) == {"Spanish": ["file"]}
    assert sandbox_thread.ledger.count() == 0


def test_a_local_video_is_named_and_not_uploaded(
    sandbox_thread: Sandbox, tmp_path: Path, page: Path
) -> None:
    video = tmp_path / "film.mp4"
    video.write_bytes(sample("mp4", "mpeg4", "aac"))
    result = heygen_async("translate", video, "--to", "Spanish", "--preview", page)
    assert result.exit_code == 0
    assert items(page) == {"Spanish": []}
    assert "film.mp4" in page.read_text("utf-8")
    assert sandbox_thread.requests.by_operation["assets.upload"] == 0


def test_of_a_test_render(sandbox_thread: Sandbox, tmp_path: Path, page: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("name,product\nAda,Tea\n")
    assert heygen_async("render", "Welcome", rows, "--test", "--preview", page).exit_code == 0
    assert items(page) == {"1": []}
    text = page.read_text("utf-8")
    assert "<h1>Welcome</h1>" in text
    assert "welcome to {{product}}" in text
    assert sandbox_thread.ledger.count() == 0


def test_a_page_that_cannot_be_written(sandbox_thread: Sandbox, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("name,product\nAda,Tea\n")
    result = heygen_async("render", "Welcome", rows, "--preview", tmp_path / "no" / "sheet.html")
    assert result.exit_code == 2
    assert "sheet.html" in result.stderr
    assert "Traceback" not in result.output
