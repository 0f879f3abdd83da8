"""Values made from the contract's schemas: valid ones by hypothesis, and every way to break one.

The sandbox is driven by these, and not by schemathesis. That was tried: of the 94 operations its
940 requests reached 36 with a good answer, in 45 seconds, for it knows neither which ids exist nor
the rules between fields; and half of what is wanted here (the same values for the Structs, one
fault in each invalid value, with the name of its field) is beyond its trade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from heygen_async.models.structs import Part
from tests.contract.examples import valid_fields
from tests.contract.schemas import CONTRACT, MODELS, RENAMED, alternatives, example

SCHEMAS: dict[str, dict[str, Any]] = CONTRACT["components"]["schemas"]
JsonObject = dict[str, Any]

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ANYTHING = st.none() | st.booleans() | st.integers(-9, 9) | _TEXT
_URLS = st.sampled_from(["https://files.example/a.mp4", "HTTP://h/?x=%20#y", "http://[::1]:8/é"])
_COLOURS = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)
# Checks of the API beyond its schemas, by the name of the field.
_FORMS: dict[str, st.SearchStrategy[Any]] = {
    "url": _URLS,
    "audio_url": _URLS,
    "callback_url": _URLS,
    "reroute_url": _URLS,
    "value": _COLOURS,
    "content": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    "checksum_sha256": st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
}
_MOST_ITEMS = 2


class Values:
    """Strategies for values that fit a schema.

    Args:
        known: Values to take for fields of these names, such as ids that exist.
        lean: How many of four optional fields stay out.
    """

    def __init__(self, known: Mapping[str, Sequence[Any]] | None = None, lean: int = 2) -> None:
        self._known = known or {}
        self._optional = st.sampled_from([False] * lean + [True] * (4 - lean))
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, schema: Any, name: str = "") -> st.SearchStrategy[Any]:
        """Values that fit ``schema``, as the field ``name``."""
        return st.one_of([self._one(part, name) for part in alternatives(schema)])

    def _one(self, part: JsonObject, name: str) -> st.SearchStrategy[Any]:
        if "ref" in part:
            if part["ref"] not in self._named:
                self._named[part["ref"]] = self._reference(part["ref"])
            return self._named[part["ref"]]
        if "const" in part:
            return st.just(part["const"])
        if "enum" in part:
            return st.sampled_from(part["enum"])
        match part.get("type"):
            case "string":
                return self._text(part, name)
            case "integer" | "number" as kind:
                numbers = _numbers(part, kind)
                # As are times and sizes that cannot be.
                amounts = ("start_time", "end_time", "size_bytes")
                return numbers.map(lambda n: abs(n) or 1) if name in amounts else numbers
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case "array":
                least = part.get("minItems", 0)
                items = self.of(part["items"], name)
                return st.lists(items, min_size=least, max_size=max(least, _MOST_ITEMS))
        return self._object(part)

    def _reference(self, name: str) -> st.SearchStrategy[Any]:
        schema = SCHEMAS[name]
        members = schema.get("oneOf", schema.get("anyOf"))
        if members is None:
            return self._object(schema)
        # Elements hold elements: those inside are asked for when one is drawn.
        return st.deferred(lambda: st.one_of([self.of(member, name) for member in members]))

    def _text(self, part: JsonObject, name: str) -> st.SearchStrategy[Any]:
        if name in self._known:
            return st.sampled_from(self._known[name])
        if name in _FORMS:
            return _FORMS[name]
        if "pattern" in part:
            return st.from_regex(part["pattern"], fullmatch=True)
        least, most = part.get("minLength", 0), part.get("maxLength", 12)
        texts = st.text(
            st.characters(exclude_categories=["Cs"]), min_size=least, max_size=min(most, 12)
        )
        # Ids and words that are spoken are refused where they are empty, which the schemas allow.
        said = name.endswith("_id") or name in ("script", "output_languages")
        return texts.map(_shown) if said else texts

    def _object(self, schema: JsonObject) -> st.SearchStrategy[JsonObject]:
        if "properties" not in schema:
            inner = schema.get("additionalProperties")
            values = self.of(inner) if isinstance(inner, dict) else _ANYTHING
            return st.dictionaries(_TEXT, values, max_size=_MOST_ITEMS)
        required = schema.get("required", [])
        fields = {name: self.of(field, name) for name, field in schema["properties"].items()}

        @st.composite
        def draw_object(draw: st.DrawFn) -> JsonObject:
            return {
                name: draw(field)
                for name, field in fields.items()
                # Without its tag, one of several would be any of them.
                if name in required or "const" in schema["properties"][name] or draw(self._optional)
            }

        return draw_object()


def _numbers(part: JsonObject, kind: str) -> st.SearchStrategy[Any]:
    above: float | None = part.get("exclusiveMinimum")
    low: float = part.get("minimum", -10 if above is None else above)
    high: float = part.get("maximum", max(low, 0) + 1000)
    if kind == "integer":
        step = part.get("multipleOf", 1)
        return st.integers(int(-(-low // step)), int(high // step)).map(lambda n: n * step)

    def fits(number: float) -> bool:
        return above is None or number > above

    return st.floats(low, high, width=32).map(lambda number: round(number, 6)).filter(fits)


def chosen(schema: Any, value: Any) -> Any:
    """Return the alternative of a schema that a JSON object stands for."""
    for part in alternatives(schema):
        if "ref" in part:
            named = SCHEMAS[part["ref"]]
            tags = {key: s["const"] for key, s in named["properties"].items() if "const" in s}
            if all(value.get(key, tag) == tag for key, tag in tags.items()):
                return named
    return schema


class Broken(NamedTuple):
    """A value with one fault.

    Attributes:
        fault: What is wrong.
        place: Dotted path of the field at fault, empty for the value itself.
        value: The value.
    """

    fault: str
    place: tuple[str, ...]
    value: Any


@cache
def smallest(name: str) -> JsonObject:
    """A valid value of a named object: what is required, and what the rules ask for."""
    kind = MODELS.get(RENAMED.get(name, name))
    if isinstance(kind, type) and issubclass(kind, Part):
        fields: JsonObject = msgspec.to_builtins(kind(**valid_fields(kind)))
        return fields
    return dict(example({"$ref": f"#/components/schemas/{name}"}))


def broken(schema: Any, met: set[str] | None = None) -> Iterator[Broken]:
    """Values with one fault each: every field at any depth, in every way its schema knows.

    Args:
        schema: A schema of the contract.
        met: Names of objects that are not taken apart, and takes those that have been: so each
            is taken apart where it is met first. Without it, that is done wherever it is met.
    """
    choices = alternatives(schema)
    allowed = {_json_type(part) for part in choices}
    for value in (7, "text", True, ["text"], {"a": 1}):
        if not _is_of(value, allowed):
            yield Broken("type", (), value)
    tagged = [part["ref"] for part in choices if "ref" in part]
    if len(tagged) > 1:
        first = smallest(tagged[0])
        tag = next(name for name in ("type", "engine_type") if name in first)
        yield Broken("other tag", (tag,), {**first, tag: "unheard-of"})
        yield Broken("no tag", (tag,), _without(first, tag))
    for part in choices:
        if "ref" in part:
            if met is None or part["ref"] not in met:
                if met is not None:
                    met.add(part["ref"])
                parts = _broken_object(SCHEMAS[part["ref"]], smallest(part["ref"]), met)
                yield from (fault for fault in parts if fault.fault != "tag" or len(tagged) == 1)
        elif "properties" in part:
            yield from _broken_object(part, example(part), met)
        elif "enum" in part:
            yield Broken("enum", (), "unheard-of" if isinstance(part["enum"][0], str) else 7)
        elif part.get("type") == "array":
            yield from _broken_array(part, met)
        elif isinstance(part.get("additionalProperties"), dict):
            for fault in broken(part["additionalProperties"], met):
                yield fault._replace(place=("key", *fault.place), value={"key": fault.value})
        else:
            yield from _broken_scalar(part)


def _without(fields: JsonObject, name: str) -> JsonObject:
    return {key: value for key, value in fields.items() if key != name}


def _broken_object(schema: JsonObject, base: JsonObject, met: set[str] | None) -> Iterator[Broken]:
    for field in schema.get("required", []):
        # A class says its tag by itself, and that is another fault.
        fault = "tag" if "const" in schema["properties"][field] else "required"
        yield Broken(fault, (field,), _without(base, field))
    if schema.get("additionalProperties") is False:
        yield Broken("unknown", ("brand_new",), {**base, "brand_new": 1})
    for field, inner in schema["properties"].items():
        if "const" not in inner:
            for part in broken(inner, met):
                value = {**base, field: part.value}
                yield part._replace(place=(field, *part.place), value=value)


def _broken_array(part: JsonObject, met: set[str] | None) -> Iterator[Broken]:
    if part.get("minItems"):
        yield Broken("length", (), [])
    if "maxItems" in part:
        first = alternatives(part["items"])[0]
        item = smallest(first["ref"]) if "ref" in first else example(first)
        yield Broken("length", (), [item] * (part["maxItems"] + 1))
    for fault in broken(part["items"], met):
        yield fault._replace(place=("0", *fault.place), value=[fault.value])


def _broken_scalar(part: JsonObject) -> Iterator[Broken]:
    if "minimum" in part:
        yield Broken("range", (), part["minimum"] - 1)
    if "maximum" in part:
        yield Broken("range", (), part["maximum"] + 1)
    if "exclusiveMinimum" in part:
        yield Broken("range", (), part["exclusiveMinimum"])
    if "multipleOf" in part:
        yield Broken("range", (), part["minimum"] + 1)
    if part.get("minLength"):
        yield Broken("length", (), "")
    if "maxLength" in part:
        yield Broken("length", (), "x" * (part["maxLength"] + 1))
    if "pattern" in part:
        yield Broken("pattern", (), "<no such thing>")


def _json_type(part: JsonObject) -> str:
    if "ref" in part:
        return "object"
    values = part.get("enum", [part["const"]] if "const" in part else [])
    if values:
        return "string" if isinstance(values[0], str) else "number"
    return str(part.get("type", "object"))


def _is_of(value: Any, allowed: set[str]) -> bool:
    kinds = {bool: {"boolean"}, int: {"integer", "number"}, str: {"string"}, list: {"array"}}
    return bool(kinds.get(type(value), {"object"}) & allowed)


def _shown(text: str) -> str:
    """Remove invisible characters, which the SDK refuses in ids."""
    return "".join(filter(str.isprintable, text)).strip() or "x"
