"""Rows of CSV and JSON Lines, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from heygen_async.cli.commands.demo import shipped_rows
from heygen_async.cli.exit_codes import CommandError
from heygen_async.cli.row_files import NamedVariant, read_rows, variants_of
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
    return variants_of(path, read_rows(path), variables or WELCOME)


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
        ("rows.txt", "name\nA\n", "ends in .csv or .jsonl"),
        ("rows.csv", "", "no rows"),
        ("rows.csv", "name,product\n", "no rows"),
        ("rows.csv", "name,name\nA,B\n", "two columns are named 'name'"),
        ("rows.csv", "name,\nA,B\n", "column 2 has no name"),
        ("rows.csv", "name;product\nA;B\n", "semicolons separate its columns"),
        ("rows.csv", "name\tproduct\nA\tB\n", "tabs separate its columns"),
        ("rows.csv", "name,product\nA,B\nA,B,C\n", "line 3: 3 cells under 2 columns"),
        ("rows.csv", 'name,product\nA,"B\n', "line 2: unexpected end of data"),
        ("rows.jsonl", '{"name": "A"}\n[1]\n', "line 2: expected a JSON object"),
        ("rows.jsonl", '{"name": "A"}\n{"name"\n', "line 2: not JSON"),
        ("rows.csv", "name,product\nA,B\nA,\n", "line 3 .row 2., column 'product': is missing"),
        ("rows.csv", "name,produkt\nA,B\n", "no variable 'produkt'; did you mean 'product'"),
        ("rows.jsonl", '{"name": 5, "product": "B"}', "line 1 .row 1., column 'name'"),
        ("rows.jsonl", '{"name": "A", "product": "B", "title": 5}', "column 'title'"),
        ("rows.csv", "key,name,product\na/b,A,B\nA_b,A,B\n", "line 3 .row 2., column 'key'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        variants(write(tmp_path, text, name))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("name,product\nZoë,B\n".encode("latin-1"))
    with pytest.raises(CommandError, match="not UTF-8"):
        read_rows(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        read_rows(tmp_path / "rows.csv")


def test_many_problems_are_counted(tmp_path: Path) -> None:
    rows = "A,\n" * 30
    with pytest.raises(CommandError, match="30 problems; nothing was submitted") as caught:
        variants(write(tmp_path, f"name,product\n{rows}"))
    assert str(caught.value).endswith("and 20 more")
