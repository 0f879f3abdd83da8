"""Runs in notebooks: the bar, and the example as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heygen_async import Batch, HeyGen, Progress
from heygen_async.errors import ConfigurationError
from heygen_async.reports.figures import figures_of
from heygen_async.reports.notebooks import NotebookBar, show_progress
from tests.batch.conftest import names
from tests.journal.journals import ENVIRONMENT
from tests.patience import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "bulk_render.ipynb"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
print(nbformat.writes(notebook))
"""


def bar(title: str = "", **progress: Any) -> NotebookBar:
    figures = {"running": 0, "completed": 0, "failed": 0, "elapsed": 0.0, "limit": 10}
    return NotebookBar(title, figures_of(Progress(**{**figures, **progress})))


def test_a_bar_is_html_and_text() -> None:
    run = bar("<b>Mine", total=40, completed=3, running=7, elapsed=6.0, usd=1.5)
    assert (
        repr(run)
        == "<b>Mine 3/40 6 s · 7 running · 30 waiting · 30.0/min · ~1.50 USD · 1 min 14 s left"
    )
    html = run._repr_html_()
    assert "&lt;b&gt;Mine" in html
    assert 'value="3" max="40"' in html
    assert "script" not in html
    assert repr(bar(total=None, completed=3, resumes_in=12.0)).startswith("3/? 0 s")
    assert "asked to wait 12 s" in repr(bar(total=None, resumes_in=12.0))
    assert "value=" not in bar(total=None)._repr_html_()


@pytest.mark.anyio
async def test_outside_of_a_notebook_its_text_is_printed(
    heygen: HeyGen, template_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("IPython")
    async with Batch(heygen, progress=show_progress("Greetings")) as batch:
        await batch.render(template_id, names(3)).rows()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Greetings 0/3")
    assert lines[-1].startswith("Greetings 3/3")


def test_without_ipython_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ConfigurationError, match="IPython is not installed"):
        show_progress()


def test_the_example_keeps_no_outputs() -> None:
    cells = json.loads(EXAMPLE.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.crash
def test_the_example_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, EXAMPLE],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    outputs = [
        output for cell in json.loads(done.stdout)["cells"] for output in cell.get("outputs", ())
    ]
    (shown,) = [one["data"] for one in outputs if one["output_type"] == "display_data"]
    assert "24/24" in "".join(shown["text/html"])
    assert any("24" in "".join(one.get("data", {}).get("text/html", "")) for one in outputs[-1:])
    assert (tmp_path / "notebook.db").exists()
