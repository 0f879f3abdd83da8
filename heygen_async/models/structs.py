"""The parents of all requests and answers; the checks and the encoding of requests.

* :class:`Request` is the body of a call, :class:`Part` a part of one. Both are checked when
  they are created: a mistake is found before anything is sent, and the error names the field.
  msgspec checks types only when it decodes, so ``__post_init__`` checks them: it converts every
  field that differs from its default by its annotation and discards the result, and then checks
  the rules between fields.
* :class:`Answer` is an answer of the API. Answers are lenient: unknown fields are ignored,
  unknown enum values are kept, and null means the same as a missing field.

All of them are frozen, keyword-only and picklable, and their repr contains neither the query of a
signed URL nor file contents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from functools import cache
from itertools import compress
from operator import is_not
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    NoReturn,
    Optional,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
)

import msgspec

from heygen_async.errors import InvalidRequest
from heygen_async.models.mistakes import example, unknown_field, wrong_field
from heygen_async.models.plain import plain_dict, plain_json, pydantic_schema

HttpUrl: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?i:https?)://[^\s/?#]+\S*\Z",
        max_length=2047,
        title="an http:// or https:// URL",
    ),
]
"""A URL that HeyGen calls or downloads from: http or https, under 2,048 characters."""

Timestamp: TypeAlias = int | float
"""Unix seconds. Integers according to the API; fractions are accepted."""

T = TypeVar("T")
ResultT = TypeVar("ResultT", covariant=True)
if TYPE_CHECKING:
    Nullable = Annotated[T, "null stands for the default"]
else:
    Nullable = Optional[T]  # noqa: UP045, a bare `T | None` takes no subscript
"""An answer field in which null is replaced by the default (:class:`AnswerWithDefaults`)."""

_LONGEST_SHOWN = 200
_DEEPEST_SHOWN = 8
_CONTAINERS = (Sequence, Mapping)
# An empty folder is the root; the caller chooses the id of a callback.
_BLANK_IDS = frozenset({"folder_id", "parent_id", "callback_id"})
# Invisible characters that can be copied with a text: no-break spaces, zero width.
_BLANKS = " \t\n\r\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff"
_NOT_BLANK = frozenset({"script", "output_languages"})
_PLAIN_TEXT = (str, str | None)
_UNSHOWN_FIELDS = frozenset({"data", "secret", "upload_headers"})
# ``re`` compiles and caches these patterns when they are first used, not at import.
_URL_USERINFO = r"(?i)(https?://)[^\s/@?#]*@"
# If the whole text is a URL, everything after "?" is cut, even after a blank; a URL within a text
# is cut up to the next blank.
_URL_QUERY = r"(?i)(?s:(\A\s*https?://[^?#]*[?#]).+)|(https?://[^\s?#]*[?#])\S+"


@cache
def _defaults(struct: type[msgspec.Struct]) -> tuple[tuple[str, Any, Any], ...]:
    """Return name, default and default factory of every field, NODEFAULT if there is none."""
    fields = [
        (field.name, field.default, field.default_factory)
        for field in msgspec.structs.fields(struct)
    ]
    return tuple(sorted(fields, key=lambda field: field[0] == "extra"))


def _redacted(value: object, depth: int = 0) -> object:
    """Return the value without the queries of URLs, which may be signatures, and shortened."""
    if isinstance(value, str):
        text = re.sub(_URL_USERINFO, r"\1…@", value[: 10 * _LONGEST_SHOWN])
        text = re.sub(_URL_QUERY, lambda match: f"{match[1] or match[2]}…", text)
        if len(text) > _LONGEST_SHOWN:
            return f"{text[:_LONGEST_SHOWN]}… ({len(value):,} characters)"
        return text
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value):,} bytes"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth == _DEEPEST_SHOWN:
            return "…"
        if isinstance(value, Mapping):
            return {key: _redacted(item, depth + 1) for key, item in value.items()}
        items = [_redacted(item, depth + 1) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _rich_repr(self: msgspec.Struct) -> list[tuple[str, Any]]:
    """Return the fields that differ from their defaults, safe to print and to log."""
    return [
        (name, "…" if name in _UNSHOWN_FIELDS else _redacted(value))
        for name, default, factory in _defaults(type(self))
        if (value := getattr(self, name)) is not default and (value or factory is msgspec.NODEFAULT)
    ]


def _repr(self: msgspec.Struct) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in _rich_repr(self))
    return f"{type(self).__name__}({fields})"


# Both parents define their repr. A common parent would avoid the repetition, but creating all the
# classes would take 2 % longer.
class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Parent of answers of the API."""

    def __repr__(self) -> str:
        return _repr(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return _rich_repr(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the API's answer as JSON values."""
        return plain_dict(self)

    def to_json(self) -> str:
        """Return ``to_dict()`` as JSON text."""
        return plain_json(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Describe the class for Pydantic and FastAPI. Called by Pydantic only."""
        return pydantic_schema(cls)


class AnswerWithDefaults(Answer, frozen=True, kw_only=True):
    """Parent of answers with :data:`Nullable` fields: null becomes the default."""

    def __post_init__(self) -> None:
        for name, default, factory in _defaults(type(self)):
            if getattr(self, name) is None and default is not None:
                value = default if factory is msgspec.NODEFAULT else factory()
                msgspec.structs.force_setattr(self, name, value)


class _PartMeta(msgspec.StructMeta):
    """Explains calls of a class whose fields are wrong."""

    if not TYPE_CHECKING:  # type checkers would lose what the classes take

        def __call__(self, *args: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*args, **fields)
            except TypeError as error:
                wrong = wrong_field(self, args, fields)
                if wrong is None or isinstance(error, InvalidRequest):
                    raise
                raise wrong from None


class Part(msgspec.Struct, metaclass=_PartMeta, frozen=True, kw_only=True, omit_defaults=True):
    """Parent of the parts of a request body.

    Raises:
        InvalidRequest: A field has a wrong type, is out of range, or breaks a rule between
            fields; ``param`` names it.
    """

    def __repr__(self) -> str:
        return _repr(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return _rich_repr(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, as they are sent."""
        return plain_dict(self)

    def to_json(self) -> str:
        """Return ``to_dict()`` as JSON text."""
        return plain_json(self.to_dict())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Describe the class for Pydantic and FastAPI. Called by Pydantic only."""
        return pydantic_schema(cls)

    def __reduce__(self) -> tuple[Any, ...]:
        # Without defaults: they are recognized by identity, which a pickle does not preserve, and
        # the copy would have another body and fingerprint.
        values = zip(_fields(type(self)), msgspec.structs.astuple(self), strict=True)
        given = {field.name: value for field, value in values if value is not field.default}
        return _made_again, (type(self), given)

    def __post_init__(self) -> None:
        _check_fields(self)
        self._check_rules()

    def _check_rules(self) -> None:
        """Check the rules between fields, whose own values are already valid."""


class Request(Part, frozen=True, kw_only=True):
    """Parent of request bodies.

    Attributes:
        extra: Fields or values that this SDK does not know, as they are sent. They are merged into
            the body. A field cannot be set both here and by its own name.
    """

    extra: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_fields(self)
        if self.extra:
            for name in self.extra.keys() & _set_fields(self).keys():
                refuse(f"extra.{name}", f"{name} is also set by its own name; set it once")
        self._check_rules()

    def to_dict(self) -> dict[str, Any]:
        """Return the body as it is sent, including ``extra``."""
        fields: dict[str, Any] = msgspec.json.decode(encode(self))
        return fields


class JobRequest(Request, Generic[ResultT], frozen=True, kw_only=True):
    """Parent of requests that start one job each, named with the type of its result."""


def _made_again(kind: type[Part], fields: dict[str, Any]) -> Part:
    return kind(**fields)


def expect(request: object, wanted: Any) -> None:
    """Refuse a request of another class, and suggest how to make one.

    Args:
        request: The argument of a call.
        wanted: The class, or a union of classes.

    Raises:
        InvalidRequest: It is something else, such as a text or a dict.
    """
    if isinstance(request, wanted):
        return
    kinds: tuple[type[Request], ...] = get_args(wanted) or (wanted,)
    kind = _meant(kinds, request)
    if isinstance(request, Mapping):
        for name in request:
            if name not in kind.__struct_fields__ and name != kind.__struct_config__.tag_field:
                refuse("request", unknown_field(kind, str(name)))
    names = _listed([one.__name__ for one in kinds])
    refuse("request", f"expected {names}, got {brief(request)}; write {example(kind)}")


def _meant(kinds: Sequence[type[msgspec.Struct]], value: object) -> type[msgspec.Struct]:
    """Return which of the classes a dict is meant to be, by its tag, or else the first."""
    tag = value.get("type") if isinstance(value, Mapping) else None
    return next((kind for kind in kinds if kind.__struct_config__.tag == tag), kinds[0])


def refuse(param: str, reason: str) -> NoReturn:
    """Raise InvalidRequest for the field ``param``."""
    raise InvalidRequest(f"{param}: {reason}", param=param) from None


def given(part: Part, *names: str) -> list[str]:
    """Return those of the named fields that are not None or are in ``extra``."""
    there = [name for name in names if getattr(part, name) is not None]
    if isinstance(part, Request) and part.extra:
        there += [name for name in names if name in part.extra and name not in there]
    return there


def refuse_more_than_one(part: Part, *names: str) -> list[str]:
    """Refuse a part in which several of the named fields are set; return the field that is set."""
    there = given(part, *names)
    if len(there) > 1:
        refuse(there[1], f"cannot be combined with {there[0]}; set one of {_listed(names)}")
    return there


def refuse_impossible_times(start: float | None, end: float | None) -> None:
    """Refuse impossible start and end times of a part of a video.

    Args:
        start: The field ``start_time``.
        end: The field ``end_time``.
    """
    if start is not None and start < 0:
        refuse("start_time", f"expected seconds >= 0, got {start}")
    if end is not None and end <= 0:
        refuse("end_time", f"expected seconds > 0, got {end}")
    if start is not None and end is not None and start >= end:
        refuse("start_time", f"{start} is not before end_time {end}")


def require_one(part: Part, *names: str) -> None:
    """Refuse a part in which not exactly one of the named fields is set.

    A part with ``extra`` may have none of them: ``extra`` may contain a field that is new to the
    SDK.
    """
    there = refuse_more_than_one(part, *names)
    if not there and not (isinstance(part, Request) and part.extra):
        refuse(names[0], f"set one of {_listed(names)}")


def _plain(value: object) -> str:
    """Encode subclasses of str, such as numpy's, which the encoder refuses."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


# Sorted, because equal requests must have equal bodies and fingerprints: rows of a table and
# documents of a database can have their members in any order.
_encoder = msgspec.json.Encoder(enc_hook=_plain, order="sorted")


def encode(request: Request) -> bytes:
    """Return the JSON body of a request, its members sorted at every depth.

    Raises:
        InvalidRequest: A text contains a lone surrogate, or ``extra`` a value that JSON cannot
            express.
    """
    merges = request.extra or any(
        item.extra for name in _lists_of_requests(type(request)) for item in getattr(request, name)
    )
    return encode_body(body(request) if merges else request)


def body(request: Request) -> dict[str, Any]:
    """Return the fields that are sent, including ``extra``; nested parts stay Structs."""
    fields = _set_fields(request)
    for name in _lists_of_requests(type(request)):
        fields[name] = [body(item) for item in getattr(request, name)]
    return fields | request.extra


def encode_body(fields: Request | dict[str, Any]) -> bytes:
    """Return the sorted JSON of a request without ``extra``, or of the result of :func:`body`.

    Raises:
        InvalidRequest: As for :func:`encode`.
    """
    try:
        return _encoder.encode(fields)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        for name, value in (fields if isinstance(fields, dict) else body(fields)).items():
            try:
                _encoder.encode(value)
            except (TypeError, ValueError, OverflowError, RecursionError) as reason:
                raise InvalidRequest(f"{name}: not JSON: {reason}", param=name) from None
        raise InvalidRequest(f"not JSON: {error}") from None


class _Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a request, prepared for its check.

    Attributes:
        name: Its name, here and in the JSON.
        default: Its default; a value identical to it needs no check.
        probe: A Struct with only this field. msgspec prepares the types inside a Struct once, so
            converting to it takes a tenth of the time of converting to the bare annotation.
        parts: The Structs in the annotation, or ().
        url: The one of them that stands for a URL, or None.
        container: ``Sequence`` or ``Mapping`` if its items are ``parts``, or None.
        choices: The values of its Literal, or ().
        title: A description of its pattern, if it has one.
        not_blank: Whether its texts must not be blank: ids, scripts and names of languages.
        is_id: Whether its texts are ids, which have no blanks around them either.
        plain_text: Whether it may be any text, such as an id or a title.
    """

    name: str
    default: Any
    probe: type[msgspec.Struct]
    parts: tuple[type[msgspec.Struct], ...]
    url: type[msgspec.Struct] | None
    container: type | None
    choices: tuple[Any, ...]
    title: str | None
    not_blank: bool
    is_id: bool
    plain_text: bool


@cache
def _fields(part: type[Part]) -> tuple[_Field, ...]:
    fields = []
    for field in msgspec.structs.fields(part):
        types = list(_walk(field.type))
        parts = tuple(
            kind for kind in types if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        )
        fields.append(
            _Field(
                name=field.name,
                default=field.default,
                probe=msgspec.defstruct("Probe", [(field.name, field.type)]),
                parts=parts,
                url=next((kind for kind in parts if kind.__struct_config__.tag == "url"), None),
                container=next(
                    (origin for kind in types if (origin := get_origin(kind)) in _CONTAINERS), None
                ),
                choices=tuple(
                    choice
                    for kind in types
                    if get_origin(kind) is Literal
                    for choice in get_args(kind)
                ),
                title=next((kind.title for kind in types if isinstance(kind, msgspec.Meta)), None),
                not_blank=field.name in _NOT_BLANK
                or (field.name.endswith("_id") and field.name not in _BLANK_IDS),
                is_id=field.name.endswith("_id"),
                plain_text=field.type in _PLAIN_TEXT,
            )
        )
    return tuple(fields)


@cache
def _defaults_and_fields(part: type[Part]) -> tuple[tuple[Any, ...], tuple[_Field, ...]]:
    fields = _fields(part)
    return tuple(field.default for field in fields), fields


@cache
def _lists_of_requests(request: type[Request]) -> tuple[str, ...]:
    """Return the fields with whole requests, each with an ``extra`` of its own."""
    return tuple(
        field.name
        for field in _fields(request)
        if any(issubclass(part, Request) for part in field.parts)
    )


def _walk(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _walk(argument)


def _set_fields(part: Part) -> dict[str, Any]:
    """Return the tag and the fields that differ from their defaults, without ``extra``."""
    config = part.__struct_config__
    fields = {} if config.tag_field is None else {config.tag_field: config.tag}
    for field, value in zip(_fields(type(part)), msgspec.structs.astuple(part), strict=True):
        if value is not field.default and field.name != "extra":
            fields[field.name] = value
    return fields


def _check_fields(part: Part) -> None:
    defaults, fields = _defaults_and_fields(type(part))
    values = msgspec.structs.astuple(part)
    # Most fields are not set: they take no turn of the loop.
    for index, field in compress(enumerate(fields), map(is_not, values, defaults)):
        value = values[index]
        if field.plain_text and type(value) is str and value.isascii():
            pass  # all that a conversion would check
        elif field.name != "extra" or value != {}:
            _check_value(part, field, value)
        if field.not_blank:
            _refuse_blank(field, value)


def _check_value(part: Part, field: _Field, value: Any) -> None:
    if field.container and isinstance(value, set | frozenset):
        refuse(field.name, f"expected a list, because the order counts, got {brief(value)}")
    if field.url is not None and isinstance(value, str | list | tuple):
        value = _with_urls(part, field, field.url, value)
    if field.parts:
        _check_parts(field, value)
    elif type(value) is float and not math.isfinite(value):
        refuse(field.name, f"expected a finite number, got {value}")
    elif isinstance(value, str) and not value.isascii() and not _is_unicode(value):
        refuse(field.name, f"expected text without lone surrogates, got {brief(value)}")
    try:
        msgspec.convert({field.name: value}, field.probe)
    except msgspec.ValidationError as error:
        _refuse_value(field, value, error)
    except UnicodeEncodeError:  # from a text in a list or a mapping
        refuse(field.name, f"expected text without lone surrogates, got {brief(value)}")


def _refuse_blank(field: _Field, value: object) -> None:
    if type(value) is str and (value if field.is_id else value[:1]).isalnum():
        return
    for index, item in enumerate(value if isinstance(value, list | tuple) else [value]):
        if not isinstance(item, str):
            continue
        place = f" at [{index}]" if item is not value else ""
        if not item.strip(_BLANKS).strip():
            refuse(field.name, f"expected a text that is not empty, got {brief(item)}{place}")
        if field.is_id and (not item.isprintable() or item != item.strip()):
            what = "an id without blanks around it or invisible characters"
            refuse(field.name, f"expected {what}, got {brief(item)}{place}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _with_urls(part: Part, field: _Field, kind: type[msgspec.Struct], value: Any) -> object:
    """Replace a plain URL with the part that stands for a URL; return the new value."""

    def taken(item: object) -> object:
        is_url = isinstance(item, str) and item.lower().startswith(("http://", "https://"))
        return kind(url=item) if is_url else item

    if isinstance(value, str):
        made = taken(value)
    elif field.container is Sequence and any(isinstance(item, str) for item in value):
        made = type(value)(map(taken, value))
    else:
        return value
    msgspec.structs.force_setattr(part, field.name, made)
    return made


def _check_parts(field: _Field, value: object) -> None:
    """Refuse values that are not the field's Structs; msgspec alone would accept plain dicts.

    Plain dicts would bypass the rules between fields, and their repr would show everything.
    """
    items: dict[str, object]
    if field.container is None:
        items = {} if value is None else {field.name: value}
    elif isinstance(value, Mapping) and field.container is Mapping:
        items = {f"{field.name}.{key}": item for key, item in value.items()}
    elif isinstance(value, list | tuple) and field.container is Sequence:
        items = {f"{field.name}[{index}]": item for index, item in enumerate(value)}
    else:
        return
    for param, item in items.items():
        if not isinstance(item, field.parts):
            names = _listed([part.__name__ for part in field.parts])
            # A text is not a URL, or it would have been taken.
            kinds = [
                kind for kind in field.parts if kind is not field.url or not isinstance(item, str)
            ]
            meant = _meant(kinds, item)
            hint = f"; write {example(meant)}" if isinstance(item, str | Mapping) else ""
            refuse(param, f"expected {names}, got {brief(item)}{hint}")


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "array": "a list",
    "object": "a mapping",
    "null": "None",
}


def _refuse_value(field: _Field, value: object, error: msgspec.ValidationError) -> NoReturn:
    # msgspec says, for example: Expected `str`, got `int` - at `$.output_languages[1]`
    complaint, _, path = str(error).rpartition(" - at ")
    is_key = path.startswith("`key` in ")
    param = path.removeprefix("`key` in ").strip("`").removeprefix("$.")
    complaint = re.sub(r", got `[^`]*`\Z", "", complaint)
    item = re.search(r"\[(\d+)\]$", param)
    if item and isinstance(value, list | tuple):
        value = value[int(item[1])]
    if complaint.startswith("Invalid enum value"):
        complaint = f"expected {_listed([repr(choice) for choice in field.choices])}"
    elif is_key:
        complaint = "expected a mapping whose keys are texts"
    elif "matching regex" in complaint:
        complaint = f"expected {field.title or 'another form'}"
    else:
        complaint = re.sub(r"`(.*?)`", _in_words, complaint[:1].lower() + complaint[1:])
    if " of length " in complaint and isinstance(value, Sized):
        refuse(param, f"{complaint}, got {len(value)}: {brief(value)}")
    refuse(param, f"{complaint}, got {brief(value)}")


def _in_words(types: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types[1].split(" | "))


def brief(value: object) -> str:
    """Return a short repr for messages, without the query of a URL."""
    text = repr(_redacted(value))
    return text if len(text) <= 80 else f"{text[:80]}…"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
