"""The contract, and the Structs that are its schemas by name."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from heygen_async import models
from heygen_async.models import structs
from heygen_async.models.structs import Answer, Part

PATH = Path(models.__file__).parents[1] / "sandbox/contract/heygen-api.json"
CONTRACT: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
_NAMED: dict[str, dict[str, Any]] = CONTRACT["components"]["schemas"]


def _merged(union: str) -> dict[str, Any]:
    """The schema of the one Struct that serves a union of answers, further types included."""
    schema = _NAMED[union]
    parts = schema["oneOf"] if "oneOf" in schema else schema["anyOf"]
    members = [_NAMED[part["$ref"].rpartition("/")[2]] for part in parts]
    fields = {name: field for member in members for name, field in member["properties"].items()}
    required = set.intersection(*(set(member["required"]) for member in members))
    return {
        "type": "object",
        "properties": {**fields, "type": {"type": "string"}},
        "required": sorted(required),
    }


MERGED = ("FrameBackground", "SceneElement", "ScriptEntry")
"""Unions of answers that one Struct serves under the name of the union."""
# Two of ours go by other names, see the deliberate differences. The schemas of search results
# differ in their type alone.
SCHEMAS: dict[str, dict[str, Any]] = {
    **_NAMED,
    **{union: _merged(union) for union in MERGED},
    "BatchStatus": _NAMED["Batch"],
    "AssetSearchResult": {
        **_NAMED["ImageSearchResult"],
        "properties": {**_NAMED["ImageSearchResult"]["properties"], "type": {"type": "string"}},
    },
}

# Schemas whose Struct is another one's: the variants of a batch differ by fields that the batch
# itself has.
RENAMED: dict[str, str] = {
    "BatchAvatarVideoRequest": "AvatarVideoRequest",
    "BatchCinematicAvatarVideoRequest": "CinematicAvatarVideoRequest",
    "BatchImageVideoRequest": "ImageVideoRequest",
    "BatchStudioVideoRequest": "StudioVideoRequest",
    "DirectUploadBatchFile": "DirectUploadRequest",
}

MODELS: dict[str, Any] = {
    name: value
    for found in pkgutil.iter_modules(models.__path__, f"{models.__name__}.")
    for name, value in vars(importlib.import_module(found.name)).items()
    if not name.startswith("_")
}
_CLASSES = [
    value
    for value in dict.fromkeys(MODELS.values())
    if isinstance(value, type) and value.__module__ != structs.__name__
]
PARTS: list[type[Part]] = [kind for kind in _CLASSES if issubclass(kind, Part)]
ANSWERS: list[type[Answer]] = [kind for kind in _CLASSES if issubclass(kind, Answer)]
STRUCTS: list[type[msgspec.Struct]] = [*PARTS, *ANSWERS]


def alternatives(schema: Any) -> list[dict[str, Any]]:
    """The schemas that ``schema`` allows one of, references to unions resolved, null last."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = SCHEMAS.get(name, {})
        if "enum" in target:
            return [target]
        if "oneOf" in target:
            return [part for choice in target["oneOf"] for part in alternatives(choice)]
        return [{"ref": name}]
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return [part for choice in schema[key] for part in alternatives(choice)]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [part for kind in kinds for part in alternatives({**schema, "type": kind})]
    if kinds == "null":
        return [{"type": "null"}]
    return (
        [{**schema, "enum": [value for value in schema["enum"] if value is not None]}]
        if ("enum" in schema)
        else [schema]
    )


def example(schema: Any) -> Any:
    """The smallest value that fits: the first alternative, required fields only."""
    schema = alternatives(schema)[0]
    if "ref" in schema:
        target = SCHEMAS[schema["ref"]]
        return {name: example(target["properties"][name]) for name in target.get("required", [])}
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            return "text"
        case "integer":
            return max(3, schema.get("minimum", 0))
        case "number":
            return 0.5
        case "boolean":
            return True
        case "array":
            return [example(schema["items"])]
        case "object":
            if "properties" in schema:
                required = schema.get("required", schema["properties"])
                return {key: example(schema["properties"][key]) for key in required}
            inner = schema.get("additionalProperties")
            return {"key": example(inner)} if isinstance(inner, dict) else {"key": "value"}
        case other:
            raise NotImplementedError(f"{other}: {schema}")


def references(schema: Any) -> Iterator[str]:
    """Names of all schemas that a piece of the contract refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema and "/schemas/" in schema["$ref"]:
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)
