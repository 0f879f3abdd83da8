"""Frames, Arrow tables and rows of any list as items of runs."""

from __future__ import annotations

import asyncio
import datetime
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import Batch, HeyGen, InvalidRequest, InvalidVariants
from heygen_async.batch.tables.columns import match_columns, normalized
from heygen_async.batch.tables.frames import rows_of
from heygen_async.batch.tables.values import cell, is_missing, text_of
from heygen_async.journal import open_reader
from heygen_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

TABLE: dict[str, list[Any]] = {
    "Customer ID": [7, 8, 9],
    "NAME": ["Ada", "Grace", "Joan"],
    "Product": [1, None, 3],
    "Company Size": ["10-50", None, "1"],
}
KINDS = ["pandas", "polars", "arrow", "dicts"]


def table(kind: str, columns: Mapping[str, list[Any]] = TABLE) -> Any:
    if kind == "pandas":
        return pytest.importorskip("pandas").DataFrame(columns)
    if kind == "polars":
        return pytest.importorskip("polars").DataFrame(columns)
    if kind == "arrow":
        return pytest.importorskip("pyarrow").table(dict(columns))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def payloads(journal: Path) -> list[Any]:
    with open_reader(journal) as reader:
        return [json.loads(record.payload) for record in reader.records()]


def full(columns: Mapping[str, list[Any]] = TABLE) -> dict[str, list[Any]]:
    return {**columns, "Product": [1, 2, 3]}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_table_is_rendered(
    sandbox: Sandbox, heygen: HeyGen, template_id: str, kind: str
) -> None:
    template = sandbox.template_id("Welcome")
    run = Batch(heygen, ordered=True).render(template, table(kind, full()), key="customer_id")
    outcomes = [outcome async for outcome in run]
    assert [outcome.key for outcome in outcomes] == ["7", "8", "9"]
    row = outcomes[1].to_row()
    assert list(row)[:5] == [*TABLE, "status"]
    assert (row["Company Size"], row["status"]) == (None, "completed")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_cell_is_missing(sandbox: Sandbox, heygen: HeyGen, kind: str) -> None:
    run = Batch(heygen).render(sandbox.template_id("Welcome"), table(kind), key="Customer ID")
    with pytest.raises(InvalidVariants, match=r"row 2, variable 'product': is missing"):
        await run.rows()
    assert sandbox.ledger.count() == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_number_is_the_same_text_in_every_kind_of_table(
    sandbox: Sandbox, heygen: HeyGen, journal: Path, kind: str
) -> None:
    columns = {**TABLE, "Product": [1.0, 2.5, 3.0]}
    batch = Batch(heygen, journal=journal)
    await batch.render(sandbox.template_id("Welcome"), table(kind, columns), key="NAME").rows()
    sent = await asyncio.to_thread(payloads, journal)
    assert [one["variables"]["product"]["content"] for one in sent] == ["1", "2.5", "3"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_table_of_videos_is_dubbed(sandbox: Sandbox, heygen: HeyGen, kind: str) -> None:
    columns: dict[str, list[Any]] = {
        "Id": [1, 2],
        "Video": ["https://example.com/a.mp4", "https://example.com/b.mp4"],
        "Length": [30.0, 60.5],
        "owner": ["x", None],
    }
    async with Batch(heygen, measure=False) as batch:
        run = batch.translate(table(kind, columns), ["French (France)"], key="id")
        estimate = await run.estimate()
        rows = [outcome async for outcome in run]
    assert estimate.seconds == 90.5
    assert {outcome.key for outcome in rows} == {"1 French (France)", "2 French (France)"}


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
async def test_the_same_rows_resume_from_another_kind_of_table(
    sandbox: Sandbox, heygen: HeyGen, journal: Any, kind: str
) -> None:
    template = sandbox.template_id("Welcome")
    for form in ("dicts", kind):
        async with Batch(heygen, journal=journal) as batch:
            run = batch.render(template, table(form, full()), key="Customer ID")
            await run.rows()
    assert run.report.resumed == 3
    assert sandbox.ledger.count("templates.generate") == 3


async def test_what_is_wrong_with_a_table_is_named(sandbox: Sandbox, heygen: HeyGen) -> None:
    template = sandbox.template_id("Welcome")
    batch = Batch(heygen)

    async def refused(rows: list[dict[str, Any]], key: Any = "id") -> str:
        with pytest.raises(InvalidRequest) as caught:
            await batch.render(template, rows, key=key).rows()
        return str(caught.value)

    row: dict[str, Any] = {"id": 1, "name": "A", "product": "B"}
    assert "'Nmae'; did you mean 'name'" in await refused([{"Nmae": 1, "product": 1, "id": 1}])
    assert "both 'Name' and 'NAME'" in await refused([{"Name": 1, "NAME": 2, "id": 1}])
    assert "nothing in the column 'id'" in await refused([row | {"id": float("nan")}])
    assert "nothing in the column 'ID2'" in await refused([row], key="ID2")
    assert "items 1 and 2 have the same key '1'" in await refused([row, row | {"id": 1.0}])
    # Mappings without the name of a column are variants, in which each name counts.
    assert "no such variable" in await refused([row], key=None)
    assert sandbox.ledger.count() == 0


async def test_a_lazy_frame_is_refused(heygen: HeyGen, template_id: str) -> None:
    polars = pytest.importorskip("polars")
    with pytest.raises(InvalidRequest, match="collect"):
        Batch(heygen).render(template_id, polars.LazyFrame({"name": ["A"]}))


def test_no_library_of_tables_is_imported() -> None:
    code = (
        "import sys, heygen_async.batch; from heygen_async.batch.tables import frames;"
        "assert not {'pandas', 'polars', 'pyarrow', 'openpyxl'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cells() -> None:
    pandas = pytest.importorskip("pandas")
    missing = [None, float("nan"), pandas.NA, pandas.NaT, Decimal("nan")]
    assert all(map(is_missing, missing))
    assert not any(map(is_missing, ["", "nan", 0, False, [], {}, object()]))
    assert text_of(pandas.Timestamp("2026-11-29")) == "2026-11-29"
    assert text_of(datetime.datetime(2026, 11, 29, 8, 30)) == "2026-11-29 08:30:00"
    assert [text_of(value) for value in (1, 1.0, 1.5, "1.0", Decimal("2.50"))] == [
        "1",
        "1",
        "1.5",
        "1.0",
        "2.50",
    ]
    assert text_of(True) is True
    assert cell(1e300) == 1e300
    assert cell(pandas.Series([1]).iloc[0]) == 1


@given(st.integers(-(2**53), 2**53))
def test_a_whole_float_is_its_number(number: int) -> None:
    assert text_of(float(number)) == str(number)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["First Name", "EMAIL"], {"first_name": "First Name", "email": "EMAIL"}),
        (["first_name", "First Name", "e-mail"], {"first_name": "first_name", "email": "e-mail"}),
        (["firstName"], {"first_name": "firstName"}),
        (["First Name", "Email 2", "Email"], {"first_name": "First Name", "email": "Email"}),
        (["First Name", "Company Size", "Name", "Owner"], {"first_name": "First Name"}),
    ],
)
def test_columns_feed_fields(columns: list[str], found: dict[str, str]) -> None:
    assert match_columns(columns, ["first_name", "email"]) == found


@pytest.mark.parametrize("column", ["frist_name", "First Nam", "emial", "e_mails"])
def test_near_misses(column: str) -> None:
    with pytest.raises(InvalidRequest, match="did you mean"):
        match_columns([column], ["first_name", "email"])
    assert match_columns([column], ["first_name", "email"], {column: ""}) == {}


def test_names_in_other_forms() -> None:
    assert normalized("\ufeff\uff26irst  NAME_") == "firstname"
    swap: Callable[[str], str] = str.swapcase
    assert normalized(swap("Straße")) == normalized("STRASSE")


def test_other_objects_stay_what_they_are() -> None:
    rows = [{"a": 1}]
    assert rows_of(rows) is rows


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_rows_can_be_read_many_times(kind: str) -> None:
    rows = rows_of(table(kind, {"n": list(range(2500))}))
    assert len(rows) == 2500
    assert [row["n"] for row in rows] == list(range(2500)) == [row["n"] for row in rows]
