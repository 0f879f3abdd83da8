"""What a person should look at first in a dub."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from heygen_async.captions import Cue
from heygen_async.dubs.issues import Issue, dub_issues
from heygen_async.dubs.notes import DubNote, DubNotes

SOURCE = "Welcome to our Launch Week, where everybody learns about the Orbit editor."


def cue(text: str, start: float = 0.0, seconds: float = 5.0) -> Cue:
    return Cue(start=start, end=start + seconds, text=text)


def test_a_good_dub_has_no_issues() -> None:
    dub = [cue("Bienvenue à notre Launch Week,"), cue("avec l'éditeur Orbit.", 5.0)]
    terms = {"Launch Week": "Launch Week", "editor": "éditeur", "absent": "nowhere"}
    found = dub_issues(dub, SOURCE, terms=terms, source_seconds=10.0, dub_seconds=11.0)
    assert found == ()
    assert dub_issues() == ()
    assert dub_issues(dub, None, terms=terms) == ()


def test_each_kind_of_issue() -> None:
    dub = [
        cue("Bienvenue."),
        cue("where everybody learns about it", 4.0),
        cue("Ce texte est bien trop long pour une seconde.", 9.0, 1.0),
    ]
    terms = {"launch week": "Launch Week", "editor": "éditeur"}
    found = dub_issues(dub, SOURCE, terms=terms, source_seconds=10.0, dub_seconds=12.5)
    assert [(issue.kind, issue.cue) for issue in found] == [
        ("length", None),
        ("glossary", None),
        ("glossary", None),
        ("untranslated", 2),
        ("overlap", 2),
        ("speed", 3),
    ]
    assert str(found[0]) == "it lasts 12.5 s, 25% longer than the source"
    assert str(found[1]) == "'launch week' should be 'Launch Week', and is missing"
    assert str(found[3]) == "caption 2: as in the source: where everybody learns about"


def test_names_alone_do_not_count_as_left_untranslated() -> None:
    source = "Ada Lovelace and Grace Hopper"
    assert (
        dub_issues([cue("Ada Lovelace et Grace Hopper, les grandes dames de jadis")], source) == ()
    )


def test_notes_are_kept_beside_the_journal(tmp_path: Path) -> None:
    issue = Issue(kind="speed", message="too fast", cue=1)
    notes = DubNotes.beside(tmp_path / "launch.db")
    notes.note("French (France)", translated="a", corrected="b")
    notes.note("French (France)", issues=(issue,))
    again = DubNotes.beside(tmp_path / "launch.db").read()
    assert again == {
        "French (France)": DubNote(translated="a", corrected="b", issues=(issue,)),
    }
    (path,) = tmp_path.iterdir()
    assert path.name == "launch.dubs.jsonl"
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o600
    DubNotes.beside(None).note("German (Germany)", issues=())


@pytest.mark.parametrize("content", ["{", '{"French (France)": 1}'])
def test_notes_that_cannot_be_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / "launch.dubs.jsonl").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert DubNotes.beside(tmp_path / "launch.db").read() == {}
        DubNotes.beside(tmp_path / "missing" / "launch.db").note("French (France)", issues=())
    assert "is not used" in caplog.text
    assert "are not kept" in caplog.text
