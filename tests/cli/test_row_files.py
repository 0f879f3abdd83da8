"""Rows of CSV and JSON Lines, and their errors."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async.cli.commands.demo import shipped_rows
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.inputs.row_files import read_rows
from heygen_async.cli.inputs.row_spool import RowSpool
from heygen_async.cli.inputs.variants import NamedVariant, Variants
from heygen_async.models.sources import AssetUrl
from heygen_async.models.template_variables import ImageVariable, TextVariable
from heygen_async.models.templates import TemplateVariableInfo

WELCOME = {"name": TemplateVariableInfo(type="text"), "product": TemplateVariableInfo(type="text")}


def write(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def variants(
    path: Path, variables: dict[str, TemplateVariableInfo] | None = None
) -> list[NamedVariant]:
    return list(Variants(read_rows(path), variables or WELCOME))


def test_csv_with_a_mark_quotes_and_line_breaks(tmp_path: Path) -> None:
    text = '\ufeffname,product\r\n"Ann, ""the\r\nfirst""",Tea\r\n\r\n,Coffee\r\n'
    rows = read_rows(write(tmp_path, text))
    assert [(row.line, row.values) for row in rows] == [
        (3, {"name": 'Ann, "the\r\nfirst"', "product": "Tea"}),
        (5, {"product": "Coffee"}),
    ]


def test_rows_become_variants(tmp_path: Path) -> None:
    first, second = variants(
        write(tmp_path, "key,title,name,product\nanna,For Anna,Anna,Tea\n,,Bo,Coffee\n")
    )
    assert (first.key, first.request.title) == ("anna", "For Anna")
    assert first.request.variables == {
        "name": TextVariable(content="Anna"),
        "product": TextVariable(content="Tea"),
    }
    assert (second.key, second.request.title) == ("2", None)


def test_numbers_of_rows_sort_as_text(tmp_path: Path) -> None:
    rows = "\n".join(f"n{n},p" for n in range(100))
    keys = [v.key for v in variants(write(tmp_path, f"name,product\n{rows}\n"))]
    assert keys[0] == "001"
    assert keys[-1] == "100"
    assert keys == sorted(keys)


def test_key_and_title_may_be_variables(tmp_path: Path) -> None:
    text = TemplateVariableInfo(type="text")
    (variant,) = variants(
        write(tmp_path, "key,title\nC sharp,Song\n"), {"key": text, "title": text}
    )
    assert (variant.key, variant.request.title) == ("1", None)
    assert set(variant.request.variables) == {"key", "title"}


def test_json_lines_with_values_in_the_shape_of_the_api(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '{"name": "Ann", "logo": {"type": "image", "fit": "cover",'
        ' "asset": {"type": "url", "url": "https://example.com/a.png"}}}\n\n'
        '{"name": "Bo", "logo": null, "key": 7}\n',
        "rows.jsonl",
    )
    variables = {
        "name": TemplateVariableInfo(type="text"),
        "logo": TemplateVariableInfo(type="image"),
    }
    first, second = variants(path, variables)
    assert first.request.variables["logo"] == ImageVariable(
        asset=AssetUrl(url="https://example.com/a.png"), fit="cover"
    )
    assert set(second.request.variables) == {"name"}
    assert second.key == "7"


def test_the_shipped_rows_fit_their_template() -> None:
    shipped = variants(shipped_rows())
    assert len(shipped) >= 250
    assert all(variant.request.title for variant in shipped)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rows.txt", "name\nA\n", "ends in .csv, .jsonl or .xlsx"),
        ("rows.csv", "", "no rows"),
        ("rows.csv", "name,product\n", "no rows"),
        ("rows.csv", "name,name\nA,B\n", "two columns are named 'name'"),
        ("rows.csv", "name,\nA,B\n", "column 2 has no name"),
        ("rows.csv", "name;product\nA;B\n", "semicolons separate its columns; .* sep=;"),
        ("rows.csv", "name\tproduct\nA\tB\n", "tabs separate its columns"),
        ("rows.csv", "name,product\nA,B\nA,B,C\n", "line 3: 3 cells under 2 columns"),
        ("rows.csv", 'name,product\nA,"B\n', "line 2: unexpected end of data"),
        ("rows.jsonl", '{"name": "A"}\n[1]\n', "line 2: expected a JSON object"),
        ("rows.jsonl", '{"name": "A"}\n{"name"\n', "line 2: not JSON"),
        ("rows.csv", "name,product\nA,B\nA,\n", "line 3 .row 2., column 'product': is missing"),
        ("rows.csv", "name,produkt\nA,B\n", "no field uses 'produkt'; did you mean 'product'"),
        ("rows.jsonl", '{"name": true, "product": "B"}', "line 1 .row 1., column 'name'"),
        ("rows.jsonl", '{"name": "A", "product": "B", "title": [5]}', "column 'title'"),
        ("rows.csv", "key,name,product\na/b,A,B\nA_b,A,B\n", "line 3 .row 2., column 'key'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        variants(write(tmp_path, text, name))


@pytest.mark.parametrize(
    "encoding", ["cp1252", "mac_roman", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_file_in_another_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    """Name the line of an error far behind the buffers of the file."""
    row, last = ("1,A\n", "2,Zoë\n") if ending == "csv" else ('{"k": 1}\n', '{"k": "Zoë"}\n')
    path = tmp_path / f"rows.{ending}"
    path.write_bytes((row * 20_000 + last).encode(encoding))
    line = 1 if "utf" in encoding else 20_001
    with pytest.raises(CommandError, match=f"line {line}: not .*; save the file as UTF-8"):
        read_rows(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf8_with_and_without_a_mark(tmp_path: Path, encoding: str, end: str) -> None:
    for ending, lines in (("csv", ["name", "Zoë"]), ("jsonl", ['{"name": "Zoë"}'])):
        path = tmp_path / f"rows.{ending}"
        path.write_bytes(end.join([*lines, ""]).encode(encoding))
        assert [row.values for row in read_rows(path)] == [{"name": "Zoë"}]


@pytest.mark.parametrize("first", ["sep={}", '"sep={}"', "SEP={}", "sep={}{}", "\ufeffsep={}"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_first_line_for_excel_names_the_separator(
    tmp_path: Path, first: str, separator: str
) -> None:
    lines = [first.replace("{}", separator), "key,name", '1,"a,;b"', "2,c,d"]
    text = "\n".join(line.replace("key,", f"key{separator}") for line in lines)
    text = text.replace("1,", f"1{separator}").replace("2,c,d", f"2{separator}c{separator}d")
    with pytest.raises(CommandError, match="line 4: 3 cells under 2 columns"):
        read_rows(write(tmp_path, text))
    rows = list(read_rows(write(tmp_path, text.rsplit("\n", 1)[0])))
    assert [(row.line, row.values) for row in rows] == [(3, {"key": "1", "name": "a,;b"})]


@pytest.mark.parametrize("before", ["\n", "\n \r\n", ",,\n", "\u00a0,\n"])
def test_rows_of_blanks_before_the_header_are_left_out(tmp_path: Path, before: str) -> None:
    (row,) = read_rows(write(tmp_path, f"{before}key,name\n1,A\n"))
    assert row.values == {"key": "1", "name": "A"}
    with pytest.raises(CommandError, match="semicolons separate"):
        read_rows(write(tmp_path, f"{before.replace(',', '')}key;name\n1;A\n"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        read_rows(tmp_path / "rows.csv")


def test_many_problems_are_counted(tmp_path: Path) -> None:
    rows = "A,\n" * 30
    with pytest.raises(CommandError, match="30 problems; nothing was submitted") as caught:
        variants(write(tmp_path, f"name,product\n{rows}"))
    assert str(caught.value).endswith("and 20 more")


@pytest.mark.parametrize(
    "text",
    [
        "key,name,product,,\na,Ada,Pen,,\n",
        "key,name,product,\u00a0\na,Ada,Pen, \n",
        "key,name,product\na,Ada,Pen,\n",
        "key,name,product\na,Ada,Pen, ,\u00a0\n",
        "key,name,product\na,Ada,Pen\n,,\n,,,,\n",
        "key,name,product\n , , \na,Ada,Pen\n\u00a0,\u200b,\n",
        "key,name,product\ra,Ada,Pen\r",
        "\ufeffkey,name,product\r\na,Ada,Pen\r\n",
        '"key","name","product"\n"a","Ada","Pen"\n',
    ],
)
def test_what_carries_nothing_is_left_out(tmp_path: Path, text: str) -> None:
    (variant,) = variants(write(tmp_path, text))
    assert variant.key == "a"
    assert variant.request.variables == {
        "name": TextVariable(content="Ada"),
        "product": TextVariable(content="Pen"),
    }


@pytest.mark.parametrize("blank", ["", " ", "  \t", "\u00a0", " \u00a0\u2003", "\u200b", "\ufeff"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_text_of_blanks_is_refused_as_an_empty_one(
    tmp_path: Path, blank: str, ending: str
) -> None:
    text = f"key,name,product\na,Ada,{blank}\n"
    if ending == "jsonl":
        text = json.dumps({"key": "a", "name": "Ada", "product": blank})
    with pytest.raises(CommandError, match="column 'product'"):
        variants(write(tmp_path, text, f"rows.{ending}"))


def test_blanks_around_a_text_stay(tmp_path: Path) -> None:
    (variant,) = variants(write(tmp_path, "name,product\n Ada ,Pen\n"))
    assert variant.request.variables["name"] == TextVariable(content=" Ada ")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ('"key";"name";"product"', "semicolons separate its columns"),
        ('"key, or id";"name"', "semicolons separate its columns"),
        ('"key"\t"name"', "tabs separate its columns"),
        ('"name;product"', "no column fills 'name'"),
        ('key,"name;product"', "no column fills 'name'"),
    ],
)
def test_separators_are_told_from_quoted_characters(
    tmp_path: Path, header: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        variants(write(tmp_path, f"{header}\n{header}\n"))


def test_rows_are_those_that_were_read(tmp_path: Path) -> None:
    path = write(tmp_path, "key,name,product\na,Ada,Pen\nb,Bo,Tea\n")
    found = Variants(read_rows(path), WELCOME)
    path.write_text("key,name,product\nc,,\n")
    assert [variant.key for variant in found] == ["a", "b"]
    assert [variant.key for variant in found] == ["a", "b"]
    assert (found.own_keys, len(found)) == (True, 2)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("key,name,product\na,Ada,Pen\n",))
    writer.start()
    found = Variants(read_rows(path), WELCOME)
    writer.join()
    assert [variant.key for variant in found] == ["a"] == [variant.key for variant in found]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the open files")
def test_the_temporary_file_is_private_and_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    rows = read_rows(write(tmp_path, "name,product\n" + f"{'A' * 500},B\n" * 5000))
    opened = [
        entry
        for entry in Path("/proc/self/fd").iterdir()
        if os.path.lexists(entry) and os.readlink(entry).startswith(str(folder))
    ]
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in opened] == [0o600]
    assert list(folder.iterdir()) == []
    assert len(list(rows)) == 5000


def test_a_disk_without_room_is_an_error_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "name,product\n" + f"{'A' * 500},B\n" * 5000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match="No such file"):
        read_rows(path)


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 200_000)), max_size=40))
def test_a_spool_gives_back_what_it_got(sizes: list[tuple[int, int]]) -> None:
    spool = RowSpool()
    rows = [(line, bytes([line % 256]) * size) for line, size in sizes]
    for line, row in rows:
        spool.append(line, row)
    first, second = iter(spool), iter(spool)
    assert [next(first) for _ in rows[:3]] == rows[:3]
    assert list(second) == rows
    assert list(first) == rows[3:]
    assert len(spool) == len(rows)


def test_many_rows_take_little_memory(tmp_path: Path) -> None:
    """Read 10 MB of rows; memory grows by little more than 8 bytes for each."""
    rows = "".join(f"k{n},{'A' * 3500},B\n" for n in range(3_000))
    path = write(tmp_path, f"key,name,product\n{rows}")
    del rows
    tracemalloc.start()
    try:
        found = Variants(read_rows(path), WELCOME)
        assert sum(1 for _ in found) == 3_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
