"""File names from any text, always inside the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.output_folder import OutputFolder, file_stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("anna", "anna"),
        ("Zoë Müller-李娜 (2)", "Zoë Müller-李娜 (2)"),
        ("Zoe\u0308", "Zoë"),
        ("../../x", "_.._x"),
        ("/etc/passwd", "_etc_passwd"),
        ("..\\..\\x", "_.._x"),
        ("C:\\x", "C__x"),
        ("a\x00b\nc", "a_b_c"),
        ("..", "_"),
        (" . ", "_"),
        ("", "_"),
        ("a. ", "a"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("console", "console"),
    ],
)
def test_stems(name: str, stem: str) -> None:
    assert file_stem(name) == stem


def test_long_names_are_cut_between_characters() -> None:
    assert file_stem("é" * 300) == "é" * 100


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "a/../../b", "~/x"])
def test_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.file(name).resolve().parent == (tmp_path / "out").resolve()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="file"):
        OutputFolder(tmp_path / "file")
