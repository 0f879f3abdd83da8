"""Patterns with columns: hostile values stay in their place, and no two items share a file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from heygen_async import InvalidRequest, Outcome
from heygen_async.batch.downloads import item_columns
from heygen_async.delivery.patterns import FilePattern, PathChecker, PatternItem

HOSTILE = [
    *("..", ".", "../..", "/etc/passwd", "a/../../b", "a\\..\\b", "C:\\x", "nul", "~root"),
    *("a\x00b", "{key}", "é" * 300, "\ud800", "?x=1", "#x", "*", "%2e%2e%2f", "a//b", " ", "::"),
    *("s3://other/x", "\n", "‮gpj", "ﬁle", "..\u2025"),
]


def outcome(key: str = "k", **row: Any) -> Outcome[Any]:
    return Outcome(key=key, index=3, item=row, job_id="job")


def pattern(to: str) -> FilePattern:
    return FilePattern(to, columns=item_columns)


@pytest.mark.parametrize("value", HOSTILE)
def test_values_name_one_part_each(value: str, tmp_path: Path) -> None:
    row = outcome("k", company=value)
    local = Path(pattern(f"{tmp_path}/{{company}}/{{key}}.mp4").path(row))
    assert local.resolve().parent.parent == tmp_path.resolve()
    remote = pattern("s3://bucket/videos/{company}/{key}.mp4")
    path = remote.path(row)
    first, second, last = path.parts
    assert (first, last) == ("videos", "k.mp4")
    assert second not in ("", ".", "..")
    assert not set(second) & set("/\\\0?#*%:\n")
    assert remote.location(path).startswith("s3://bucket/videos/")
    assert remote.public_url(path, "https://cdn.example.com/").count("/") == 5


def test_values_that_differ_have_paths_that_differ() -> None:
    to = pattern("s3://bucket/{company}/{key}.mp4")
    assert len({to.path(outcome("k", company=value)) for value in HOSTILE}) == len(HOSTILE)


def test_columns_are_texts_as_a_person_writes_them() -> None:
    to = pattern("s3://b/{a b}/{n}-{index:03}.mp4")
    assert to.path(outcome("k", **{"a b": "Ada", "n": 1.0})) == PurePosixPath("Ada/1-003.mp4")
    assert to.columns == ("a b", "n")


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_a_missing_value_names_item_and_column(value: Any) -> None:
    to = pattern("out/{company}/{key}.mp4")
    with pytest.raises(InvalidRequest, match=r"item k .*column 'company'.*columns: company, name"):
        to.path(outcome("k", company=value, name="Ada"))


@pytest.mark.parametrize(
    "to",
    ["s3://{company}/{key}.mp4", "s3://bucket{key}.mp4", "s3:///{key}.mp4", "s3://b/a//{key}.mp4",
     "s3://b/../{key}.mp4", "zip://{key}::s3://b/a.zip", "s3://b/", "s3://b/all.mp4",
     "s3://b/{key.x}.mp4", "s3://b/{company[0]}.mp4", "s3://b/{company!r}.mp4",
     "s3://b/{company:>9}.mp4", "file:///tmp/{key}.mp4"],
)  # fmt: skip
def test_patterns_that_cannot_be_used(to: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        pattern(to)
    assert caught.value.param == "to"


def test_a_password_is_never_shown() -> None:
    to = pattern("sftp://ada:secret@host/{key}.mp4")
    assert to.name == "sftp://host/{key}.mp4"
    assert to.location(to.path(outcome())) == "sftp://host/k.mp4"
    with pytest.raises(InvalidRequest) as caught:
        pattern("sftp://ada:secret@host{key}")
    assert "secret" not in str(caught.value)


def test_items_with_the_same_file_are_named() -> None:
    rows: list[dict[str, Any]] = [
        {"a": "x-y", "b": "z"}, {"a": "q", "b": "r"}, {"a": "X", "b": "y-z"}
    ]  # fmt: skip
    checker = PathChecker(pattern("s3://bucket/{a}-{b}.mp4"))
    checker.add(PatternItem("a", 0), rows[0])
    checker.add(PatternItem("b", 1), rows[1])
    with pytest.raises(InvalidRequest, match=r"items 1 and 3 \(c\) .*s3://bucket/X-y-z.mp4"):
        checker.add(PatternItem("c", 2), rows[2])
    distinct = pattern("s3://bucket/{a}/{key}.mp4")
    assert distinct.distinct
    assert not pattern("s3://bucket/{a}-{key}.mp4").distinct


def test_public_urls_are_those_below_the_bucket_or_folder() -> None:
    row = outcome("Ä b", company="c")
    for to, url in (
        ("s3://bucket/v/{company}/{key}.mp4", "https://cdn/x/v/c/%C3%84%20b.mp4"),
        ("/srv/v/{company}/{key}.mp4", "https://cdn/x/c/%C3%84%20b.mp4"),
        ("{key}.mp4", "https://cdn/x/%C3%84%20b.mp4"),
    ):
        made = pattern(to)
        assert made.public_url(made.path(row), "https://cdn/x/") == url
