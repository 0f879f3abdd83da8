"""The sandbox's own copy of the API's specification: routes, and validators for every request.

Validators are compiled when first used. Unions with a discriminator are converted to `if`/`then`
chains, which makes an error name the field inside the chosen variant instead of saying that no
variant matches.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from .refusals import Refusal, invalid, invalid_item

try:
    import jsonschema_rs
except ImportError as _error:  # pragma: no cover - needs an environment without the extra
    raise ImportError(
        "The sandbox needs jsonschema-rs: pip install jsonschema-rs (the extra sandbox)"
    ) from _error

__all__ = ["CONTRACT", "LANGUAGES", "Contract", "Operation"]

_FOLDER = Path(__file__).parent / "contract"
_MESSAGE_LIMIT = 300
#: Lists of batches in which one invalid item refuses the whole batch, without naming its field.
_ITEMS = {
    "assets.direct_uploads.batches.create": "files",
    "lipsyncs.batches.create": "lipsyncs",
    "video_translations.batches.create": "video_translations",
    "videos.batches.create": "videos",
}


@dataclass(slots=True)
class Operation:
    """One operation of the specification.

    Attributes:
        id: `operationId`, such as `videos.create`.
        method: HTTP method in capitals.
        path: Path with `{names}`.
        query: Schemas of the query parameters by name.
        required: Names of required query parameters.
        body: Schema of the body, or None if the operation takes none.
        multipart: Whether the body is `multipart/form-data`.
        takes_key: Whether the operation honours `Idempotency-Key`.
        status: Status of a successful answer.
    """

    id: str
    method: str
    path: str
    query: dict[str, dict[str, Any]]
    required: list[str]
    body: dict[str, Any] | None
    multipart: bool
    takes_key: bool
    status: int
    _body_judge: Any = field(default=None, repr=False)
    _query_judge: Any = field(default=None, repr=False)

    @property
    def version(self) -> str:
        """`v1`, `v2` or `v3`, which determines the envelope."""
        return self.path[1:3]


@dataclass(slots=True)
class _Node:
    """One segment of the route tree."""

    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Contract:
    """Routes and validators of an OpenAPI 3.1 document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = {
            name: _decidable(schema) for name, schema in document["components"]["schemas"].items()
        }
        shared = document["components"]["parameters"]
        key_schema = shared["IdempotencyKey"]["schema"]
        self._key_judge = jsonschema_rs.validator_for(key_schema)
        self._root = _Node()
        self.operations: dict[str, Operation] = {}
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                operation = _read_operation(method.upper(), path, described)
                self.operations[operation.id] = operation
                self._place(operation)

    def _place(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.path[1:].split("/"):
            if segment.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.operations[operation.method] = operation

    def route(self, method: str, path: str) -> tuple[Operation, list[str]] | None:
        """Return the operation that serves a raw path, and the values of its path parameters."""
        node = self._root
        values: list[str] = []
        for segment in path[1:].split("/"):
            following = node.fixed.get(segment)
            if following is None:
                following = node.variable
                if following is None or not segment:
                    return None
                values.append(unquote(segment) if "%" in segment else segment)
            node = following
        operation = node.operations.get(method)
        return None if operation is None else (operation, values)

    def judge_key(self, key: str) -> None:
        """Refuse an `Idempotency-Key` of the wrong form."""
        if not self._key_judge.is_valid(key):
            raise invalid(
                "Idempotency-Key", "Idempotency-Key must be 1-255 characters of [A-Za-z0-9_-:.]"
            )

    def judge_query(self, operation: Operation, text: str) -> dict[str, Any]:
        """Read and check a query string; absent parameters get their defaults."""
        values: dict[str, Any] = {
            name: schema["default"]
            for name, schema in operation.query.items()
            if "default" in schema
        }
        if not text and not operation.required:
            return values
        pairs = parse_qsl(text, keep_blank_values=True)
        for name, value in pairs:
            schema = operation.query.get(name)
            if schema is None:
                raise invalid(name, "Extra inputs are not permitted")
            values[name] = _coerce(value, schema)
        if len({name for name, _ in pairs}) < len(pairs):
            raise invalid(pairs[-1][0], "Lists are given once, separated by commas")
        if operation._query_judge is None:
            operation._query_judge = self._judge(
                {"type": "object", "properties": operation.query, "required": operation.required}
            )
        _apply(operation._query_judge, values)
        return values

    def judge_body(self, operation: Operation, raw: bytes, content_type: str) -> dict[str, Any]:
        """Decode and check a JSON body."""
        if content_type != "application/json":
            raise Refusal(
                400, "invalid_parameter", "The request body must be sent as application/json"
            )
        try:
            body = json.loads(raw)
            if b"\\ud" in raw or b"\\uD" in raw:
                # A lone surrogate could not be encoded later.
                json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Refusal(400, "invalid_parameter", "The request body is not valid JSON") from None
        if operation._body_judge is None:
            operation._body_judge = self._judge(operation.body or {})
        try:
            _apply(operation._body_judge, body)
        except Refusal as refusal:
            field, _, rest = (refusal.param or "").partition(".")
            index = rest.partition(".")[0]
            if index and field == _ITEMS.get(operation.id):
                raise invalid_item(field, int(index)) from None
            raise
        except ValueError:  # of the validator, which follows 255 levels
            raise Refusal(
                400, "invalid_parameter", "The request body is nested too deeply"
            ) from None
        checked: dict[str, Any] = body
        return checked

    def _judge(self, schema: dict[str, Any]) -> Any:
        return jsonschema_rs.validator_for(
            {**_decidable(schema), "components": {"schemas": self._schemas}}
        )


def _read_operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    query: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    takes_key = False
    for parameter in described.get("parameters", []):
        if parameter.get("$ref", "").endswith("/IdempotencyKey"):
            takes_key = True
        elif parameter["in"] == "query":
            query[parameter["name"]] = _decidable(parameter["schema"])
            if parameter["required"]:
                required.append(parameter["name"])
    content = described.get("requestBody", {}).get("content", {})
    kind = next(iter(content), None)
    status = next(status for status in described["responses"] if status.startswith("2"))
    return Operation(
        id=described["operationId"],
        method=method,
        path=path,
        query=query,
        required=required,
        body=content[kind]["schema"] if kind else None,
        multipart=kind == "multipart/form-data",
        takes_key=takes_key,
        status=int(status),
    )


def _decidable(schema: Any) -> Any:
    """Return the schema with its unions decided by discriminator or null."""
    if isinstance(schema, list):
        return [_decidable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    mapping = schema.get("discriminator", {}).get("mapping")
    if mapping and "oneOf" in schema:
        name = schema["discriminator"]["propertyName"]
        return {
            "type": "object",
            "required": [name],
            "properties": {name: {"enum": list(mapping)}},
            "allOf": [
                {
                    "if": {"required": [name], "properties": {name: {"const": value}}},
                    "then": {"$ref": target},
                }
                for value, target in mapping.items()
            ],
        }
    options = schema.get("anyOf", [])
    if len(options) == 2 and {"type": "null"} in options:
        other = next(option for option in options if option != {"type": "null"})
        return {"if": {"type": "null"}, "else": _decidable(other)}
    return {key: _decidable(part) for key, part in schema.items()}


def _coerce(value: str, schema: dict[str, Any]) -> Any:
    """Return a query string's value in the type of its schema, if it can be converted."""
    kind = schema.get("type")
    if kind == "array":
        return [part for part in value.split(",") if part]
    try:
        if kind == "integer":
            return int(value)
        if kind == "number":
            return float(value)
    except ValueError:
        return value
    return value


def _apply(judge: Any, instance: object) -> None:
    if judge.is_valid(instance):
        return
    error = next(iter(judge.iter_errors(instance)))
    place = [str(part) for part in error.instance_path]
    keyword = error.schema_path[-1]
    message = error.message
    if keyword == "additionalProperties":
        place.append(error.kind.unexpected[0])
        message = "Extra inputs are not permitted"
    elif keyword == "required":
        place.append(error.kind.property)
        message = "Field required"
    if len(message) > _MESSAGE_LIMIT:
        message = "…" + message[-_MESSAGE_LIMIT:]
    raise Refusal(400, "invalid_parameter", message, param=".".join(place) or None)


def _load(name: str) -> Any:
    return json.loads((_FOLDER / name).read_bytes())


# Read during import: an event loop must not wait for the disk.
CONTRACT = Contract(_load("heygen-api.json"))
#: Codes of the target languages by name, in the API's order. For the few languages without a code
#: the name is used.
LANGUAGES: dict[str, str] = {
    entry["name"]: entry["code"] or entry["name"].lower().replace(" ", "-")
    for entry in _load("languages.json")
}
