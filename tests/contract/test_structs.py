"""The Structs against the contract, field by field."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest

from heygen_async.models.structs import Answer, Part
from tests.contract.differences import DIFFERENCES, differences
from tests.contract.schemas import (
    ANSWERS,
    CONTRACT,
    MODELS,
    PARTS,
    RENAMED,
    SCHEMAS,
    STRUCTS,
    alternatives,
    references,
)

UNIONS = [
    "AssetSource",
    "AvatarRequest",
    "Engine",
    "MediaSource",
    "SceneBackground",
    "StudioScene",
    "TemplateVariable",
    "VideoRequest",
    "VoiceEngineSettings",
]


def test_structs_without_a_schema_are_the_known_ones() -> None:
    theirs = CONTRACT["components"]["schemas"].keys()
    ours_alone = {kind.__name__ for kind in STRUCTS} - theirs
    unions = {"AssetSearchResult"}  # a Struct here
    assert ours_alone | unions == differences("Struct without a schema").keys()


def test_every_schema_of_the_operations_has_its_struct() -> None:
    seen: set[str] = set()
    todo = {
        name
        for path in CONTRACT["paths"].values()
        for operation in path.values()
        for status in ("200", "201", "202")
        for name in references([operation.get("requestBody"), operation["responses"].get(status)])
    }
    assert len(todo) > 40
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.update(references(CONTRACT["components"]["schemas"][name]))
    assert seen - MODELS.keys() == differences("schema without a Struct").keys()


@pytest.mark.parametrize("name", UNIONS)
def test_unions_have_the_members_of_the_contract(name: str) -> None:
    union = MODELS[name]
    members = {member.__name__ for member in get_args(union) or (union,)}
    assert members == {part["ref"] for part in alternatives(SCHEMAS[name])}


@pytest.mark.parametrize("struct", STRUCTS)
def test_structs_are_frozen_keyword_only_and_documented(struct: type[msgspec.Struct]) -> None:
    assert struct.__struct_config__.frozen
    with pytest.raises(TypeError, match="positional"):
        struct("value")
    assert struct.__struct_config__.omit_defaults
    described = re.findall(r"^    +(\w+): ", struct.__doc__ or "", re.MULTILINE)
    assert set(described) >= set(struct.__struct_fields__) - {"extra"}, "undocumented"
    assert set(described) <= set(struct.__struct_fields__) | {"param"}, "documented in vain"


def _schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([struct])
    schema: dict[str, Any] = components[struct.__name__]
    return schema


def _named(structs: list[Any]) -> list[Any]:
    return [struct for struct in structs if struct.__name__ in SCHEMAS]


def _canonical(schema: dict[str, Any], *, answer: bool) -> set[str]:
    """Return the alternatives of a schema, as texts."""
    return {_canonical_one(part, answer=answer) for part in alternatives(schema)}


def _canonical_one(part: dict[str, Any], *, answer: bool) -> str:
    if "ref" in part:
        return RENAMED.get(part["ref"], str(part["ref"]))
    if "const" in part and answer:
        part = {"type": "string"}  # open, as enums are
    if "const" in part:
        return f"enum {[part['const']]}"
    if "enum" in part and not answer:
        return f"enum {sorted(map(str, part['enum']))}"
    kind = part.get("type", "any")
    if answer:
        # Enums are open and whole numbers may come as fractions, limits are the API's affair.
        kind = {"integer": "number"}.get(kind, kind)
    # Python's `$` also matches before a closing newline, so the Structs say `\\Z`.
    limits = {
        key: float(value) if isinstance(value, int) else str(value).replace("\\Z", "$")
        for key, value in part.items()
        if not answer and key.startswith(("min", "max", "exclusive", "multipleOf", "pattern"))
    }
    if kind == "array":
        return (
            f"array of {sorted(_canonical(part['items'], answer=answer))} {sorted(limits.items())}"
        )
    if kind == "object":
        values = part.get("additionalProperties", {})
        values = values if isinstance(values, dict) else {}
        return f"object of {sorted(_canonical(values, answer=answer))}"
    return f"{kind} {sorted(limits.items())}"


@pytest.mark.parametrize("struct", _named(PARTS))
def test_requests_agree_with_the_contract(struct: type[Part]) -> None:
    theirs, ours = SCHEMAS[struct.__name__], _schema(struct)
    names = set(ours["properties"]) - {"extra"}
    assert names == set(theirs["properties"])
    assert set(ours.get("required", [])) == set(theirs.get("required", []))
    stricter = differences("stricter field of a request")
    looser = differences("looser field of a request")
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    for name in names:
        mine = _canonical(ours["properties"][name], answer=False)
        wanted = _canonical(theirs["properties"][name], answer=False)
        default = theirs["properties"][name].get("default", msgspec.NODEFAULT)
        if f"{struct.__name__}.{name}" in looser:
            assert mine > wanted, f"{name} is no longer looser"
        elif f"{struct.__name__}.{name}" in stricter:
            assert mine != wanted, f"{name} is no longer stricter"
            assert {kind.split()[0] for kind in wanted} <= {"string", "null"}
        elif "null []" in mine - wanted:
            assert defaults[name] is None, f"{name} would go on the wire as null"
            assert mine - {"null []"} == wanted, name
        else:
            assert mine == wanted, name
        if default is not msgspec.NODEFAULT:
            mine_by_default = defaults[name]
            if isinstance(mine_by_default, tuple):  # the empty list
                mine_by_default = list(mine_by_default)
            assert mine_by_default == default, name


@pytest.mark.parametrize("struct", _named(ANSWERS))
def test_answers_agree_with_the_contract(struct: type[Answer]) -> None:
    theirs, ours = SCHEMAS[struct.__name__], _schema(struct)
    assert set(ours["properties"]) == set(theirs["properties"])
    wanted_fields = theirs["properties"]
    required = {
        name
        for name in theirs.get("required", [])
        if {"type": "null"} not in alternatives(wanted_fields[name])
    }
    assert set(ours.get("required", [])) == required
    for name, schema in wanted_fields.items():
        mine = _canonical(ours["properties"][name], answer=True) - {"null []"}
        wanted = _canonical(schema, answer=True) - {"null []"}
        if f"{struct.__name__}.{name}" in differences("other field of an answer"):
            assert mine != wanted, f"{name} no longer differs"
        else:
            assert mine == wanted, name
        if name not in required:
            accepted = _canonical(ours["properties"][name], answer=True)
            assert "null []" in accepted, f"{name} must take null"


@pytest.mark.parametrize(
    "where",
    sorted(
        differences("stricter field of a request")
        | differences("looser field of a request")
        | differences("other field of an answer")
    ),
)
def test_differences_name_fields_that_exist(where: str) -> None:
    struct, _, field = where.partition(".")
    assert field in MODELS[struct].__struct_fields__


def test_every_difference_is_listed_once_and_has_a_reason() -> None:
    assert len({(entry.aspect, entry.where) for entry in DIFFERENCES}) == len(DIFFERENCES)
    assert all(entry.reason for entry in DIFFERENCES)
