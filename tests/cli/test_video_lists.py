"""Lists of videos for ``translate``."""

from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.field_rows import FieldRows
from heygen_async.cli.inputs.row_files import read_rows
from heygen_async.cli.inputs.video_lists import VIDEO_FIELDS, NamedVideo, videos_of

URL = "https://example.com/films/Launch%20day.mp4?signed=1"


def videos(
    folder: Path, text: str, key: str | None = None, ending: str = "csv"
) -> list[NamedVideo]:
    path = folder / f"videos.{ending}"
    path.write_text(text)
    rows = FieldRows(read_rows(path), VIDEO_FIELDS, key=key)
    return list(videos_of(rows, keyed=key is not None))


def test_names_come_from_the_files_where_there_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "trailer.mov").write_bytes(b"x")
    found = videos(
        tmp_path, f"video,title,input_language\n{URL},Launch,English\nsub/trailer.mov,,\n"
    )
    assert found == [
        NamedVideo("Launch day", URL, "Launch", controls={"input_language": "English"}),
        NamedVideo("trailer", tmp_path / "sub" / "trailer.mov"),
    ]


@pytest.mark.parametrize("column", [None, "title"])
def test_a_column_names_them(tmp_path: Path, column: str | None) -> None:
    text = f'{{"video": "{URL}", "key": "a", "title": "b"}}\n'
    if column:
        text = text.replace('"key": "a", ', "")
    (video,) = videos(tmp_path, text, column, "jsonl")
    assert (video.key, video.title) == ("b" if column else "a", "b")


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("url\nhttps://a.example/a.mp4\n", None, "no column fills 'video'"),
        (f"video,titel\n{URL},x\n", None, "'titel'; did you mean 'title'"),
        (f"video,title\n{URL},x\n,y\n", None, "line 3: there is no video"),
        (f"video,key\n{URL},x\n{URL},\n", None, "line 3: there is no key"),
        (f"video,id\n{URL},x\n{URL},\n", "id", "line 3: there is no key"),
        (f"video\n{URL}\n", "id", "--key: there is no column 'id'"),
        (
            f"video\n{URL}\n{URL}\n",
            None,
            "line 3: 'Launch day' and line 2 have the same file names; a column",
        ),
        (
            f"video,key\n{URL},Anna\n{URL},anna\n",
            None,
            "line 3: 'anna' and line 2 have the same file names",
        ),
        ("video\nnowhere.mp4\n", None, "line 2: nowhere.mp4: there is no such file"),
    ],
)
def test_lists_that_do_not_do(tmp_path: Path, text: str, key: str | None, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        videos(tmp_path, text, key)
