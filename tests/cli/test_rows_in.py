"""Rows as people have them: exports with many columns, workbooks, published sheets."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from heygen_async.cli.commands.render import render
from heygen_async.cli.commands.translate import translate
from heygen_async.cli.display import Lines
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.inputs.field_rows import FieldRows, RowChoices
from heygen_async.cli.inputs.row_files import load_rows, read_rows
from heygen_async.cli.run_options import RunOptions
from heygen_async.errors import InvalidRequest
from heygen_async.media import tables
from heygen_async.sandbox import Sandbox
from tests.web_servers import under_aiohttp

pytestmark = pytest.mark.anyio

EXPORT = {
    "Record ID": "{n}",
    "First Name": "Name {n}",
    "Product": "Tea",
    "Company Size": "10-50",
    "E-Mail": "n{n}@example.com",
    **{f"Custom Field {number}": f"value {number}" for number in range(25)},
}


def export(folder: Path, count: int = 5) -> Path:
    """A CRM's export of 30 columns."""
    path = folder / "export.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(EXPORT)
        writer.writerows([cell.format(n=n) for cell in EXPORT.values()] for n in range(count))
    return path


async def render_rows(
    sandbox: Sandbox, source: str | Path, *, key: str | None = None, **how: Any
) -> Exit:
    choices = RowChoices.of(how.pop("mapped", ()), how.pop("default", ()), how.pop("where", ()))
    return await render(
        sandbox.template_id("Welcome"),
        source,
        display=Lines(),
        out=how.pop("out", None),
        concurrency=None,
        base_url=None,
        test=False,
        key=key,
        choices=choices,
        options=RunOptions(**how),
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_an_export_of_30_columns(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(EXPORT) == 30
    path = export(tmp_path)
    mapped = ["First Name=name"]
    assert await render_rows(sandbox, path, key="record id", mapped=mapped) == Exit.DONE
    *items, _ = lines(capsys)
    assert sorted(item["key"] for item in items) == ["0", "1", "2", "3", "4"]


async def test_a_dry_run_tells_which_column_feeds_what(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path)
    how: dict[str, Any] = {"key": "Record ID", "mapped": ["First Name=NAME"], "dry_run": True}
    assert await render_rows(sandbox, path, **how) == Exit.DONE
    (last,) = lines(capsys)
    columns = last["dry_run"]["columns"]
    assert list(columns) == list(EXPORT)
    assert {column: field for column, field in columns.items() if field} == {
        "Record ID": "key",
        "First Name": "name",
        "Product": "product",
    }
    assert sandbox.ledger.count() == 0


def rows_of(tmp_path: Path, text: str, fields: list[str], **how: Any) -> FieldRows:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    key = how.pop("key", None)
    return FieldRows(read_rows(path), fields, RowChoices.of(**how), key=key)


def test_defaults_fill_what_is_empty(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "Name\nAda\n,\n \n", ["name", "product"], defaults=["name=there"])
    assert [row.values for row in rows] == [{"name": "Ada"}]
    rows = rows_of(
        tmp_path,
        "id,Name\n1,Ada\n2,\n",
        ["name", "product"],
        defaults=["NAME=there", "product=a=b"],
    )
    assert [row.values for row in rows] == [
        {"name": "Ada", "product": "a=b"},
        {"name": "there", "product": "a=b"},
    ]


def test_rows_that_count(tmp_path: Path) -> None:
    text = "id,Name,Plan,Skip\n1,A,pro,\n2,B,free,\n3,C,pro,x\n4,D,pro,no\n5,E,pro,FALSE\n"
    rows = rows_of(tmp_path, text, ["name", "key"], where=["plan=pro"], key="ID")
    assert [(rows.key(row), row.number, row.values) for row in rows] == [
        ("1", 1, {"name": "A"}),
        ("4", 4, {"name": "D"}),
        ("5", 5, {"name": "E"}),
    ]
    assert (len(rows), rows.total) == (3, 5)
    with pytest.raises(CommandError, match="all 5 rows are left out"):
        rows_of(tmp_path, text, ["name"], where=["plan=none"])
    with pytest.raises(CommandError, match="no column 'plam'"):
        rows_of(tmp_path, text, ["name"], where=["plam=none"])
    with pytest.raises(CommandError, match="expected a name, = and a value"):
        rows_of(tmp_path, text, ["name"], where=["plan"])


def test_a_template_may_have_a_variable_skip(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "name,skip\nA,rope\n", ["name", "skip"])
    assert [row.values for row in rows] == [{"name": "A", "skip": "rope"}]


def test_maps(tmp_path: Path) -> None:
    text = "nmae,a=b\nA,B\n"
    with pytest.raises(CommandError, match=r"did you mean 'name'.*--map COLUMN= ignores"):
        rows_of(tmp_path, text, ["name", "product"])
    rows = rows_of(tmp_path, text, ["name", "product"], mapped=["nmae=", "a=b=product"])
    assert [row.values for row in rows] == [{"product": "B"}]
    with pytest.raises(CommandError, match="nothing here is named 'nam'"):
        rows_of(tmp_path, text, ["name"], mapped=["nmae=nam"])
    with pytest.raises(CommandError, match=r"no column fills 'name'.*\n.*nmae, a=b"):
        rows_of(tmp_path, text, ["name"], mapped=["nmae="]).require("name", "is needed")


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("Other").append(["not", "this"])
    book.save(path)
    return path


def test_a_workbook(tmp_path: Path) -> None:
    import datetime

    path = workbook(
        tmp_path / "rows.xlsx",
        [
            [None, None],
            ["ID", "Name", "When", "Price", "Paid", None],
            [1.0, "Zoë", datetime.datetime(2026, 11, 29), 2.5, True],
            [],
            [2, " ", None, "=1/0", "#N/A", None],
        ],
    )
    rows = read_rows(path)
    assert rows.columns == ["ID", "Name", "When", "Price", "Paid"]
    assert [(row.line, row.values) for row in rows] == [
        (3, {"ID": "1", "Name": "Zoë", "When": "2026-11-29", "Price": "2.5", "Paid": "TRUE"}),
        (5, {"ID": "2"}),
    ]


@pytest.mark.parametrize("content", [b"", b"name\nA\n", b"PK\x03\x04 no archive"])
def test_what_is_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.xlsx"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="not an Excel workbook"):
        read_rows(path)


async def test_a_workbook_is_rendered(sandbox: Sandbox, tmp_path: Path) -> None:
    path = workbook(tmp_path / "rows.xlsx", [["ID", "NAME", "Product"], [7, "Ada", 5]])
    assert await render_rows(sandbox, path, key="id") == Exit.DONE
    assert sandbox.ledger.count("templates.generate") == 1


@pytest.fixture
async def sheets() -> AsyncIterator[str]:
    """A host of published sheets, which records the headers of its requests."""

    async def sheet(request: web.Request) -> web.Response:
        asked.append(request)
        match request.match_info["name"]:
            case "moved":
                raise web.HTTPTemporaryRedirect("/sheet.csv")
            case "page.csv":
                return web.Response(text="<!doctype html>", content_type="text/html")
            case "large.csv":
                return web.Response(text="name\n" + "a\n" * 200_000)
            case "away":
                raise web.HTTPFound("http://192.168.0.1/sheet.csv")
            case "films.csv":
                return web.Response(text="video\n/etc/hostname\n")
        return web.Response(text="id,name,product\n1,Ada,Tea\n", content_type="text/csv")

    asked: list[web.Request] = []
    app = web.Application()
    app.router.add_get("/{name}", sheet)
    async with under_aiohttp(app) as url:
        yield url
    assert not [name for request in asked for name in request.headers if "key" in name.lower()]


@pytest.mark.parametrize("path", ["sheet.csv?secret=1", "moved?output=csv"])
async def test_a_published_sheet(
    sandbox: Sandbox, sheets: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await render_rows(sandbox, f"{sheets}/{path}", key="id") == Exit.DONE
    item, _ = lines(capsys)
    assert item["key"] == "1"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("page.csv?secret=1", "page.csv: it is a web page, and not CSV; publish"),
        ("away", "its address is private"),
        ("large.csv", "larger than 0 MB"),
    ],
)
async def test_sheets_that_cannot_be_had(
    sandbox: Sandbox, sheets: str, path: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 300_000)
    with pytest.raises(InvalidRequest, match=message) as caught:
        await load_rows(f"{sheets}/{path}", None)
    assert "secret" not in str(caught.value)


async def test_a_sheet_elsewhere_is_not_read_for_an_api_on_this_machine(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidRequest, match="the API is on this machine"):
        await load_rows("https://example.com/a.csv", None)


async def test_rows_are_not_fetched_without_encryption() -> None:
    with pytest.raises(InvalidRequest, match="not encrypted"):
        await tables_of("http://example.com/a.csv")


async def tables_of(url: str) -> bytes:
    from heygen_async import HeyGen

    async with HeyGen("key", base_url="https://api.example.com") as heygen:
        return await tables.fetch_table(heygen, url)


async def test_a_list_from_the_network_names_no_files_here(sandbox: Sandbox, sheets: str) -> None:
    with pytest.raises(CommandError, match="can name URLs only"):
        await translate(
            f"{sheets}/films.csv",
            ["French (France)"],
            display=Lines(),
            everything=False,
            out=None,
            concurrency=None,
            base_url=None,
        )


@pytest.mark.parametrize(
    ("url", "table"),
    [
        ("https://docs.google.com/spreadsheets/d/abc/edit?gid=7#gid=7", True),
        ("https://docs.google.com/spreadsheets/d/e/2PACX/pubhtml", True),
        ("https://docs.google.com/spreadsheets/d/e/2PACX/pub?output=csv", True),
        ("https://example.com/films.CSV?a=1", True),
        ("https://example.com/film.mp4", False),
        ("nonsense", False),
    ],
)
def test_urls_of_tables(url: str, table: bool) -> None:
    assert tables.is_table_url(url) is table


async def test_rows_of_standard_input(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = export(tmp_path, 2)
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        code = await render_rows(sandbox, "-", key="Record ID", mapped=["First Name=name"])
    assert code == Exit.DONE
