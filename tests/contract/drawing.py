"""Hypothesis strategies for requests and their parts, made from their annotations."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from heygen_async.errors import InvalidRequest
from heygen_async.models.structs import Part
from tests.contract.schemas import SCHEMAS

_TEXT = st.text(max_size=20)
_REPAIRS = 8


def values(annotation: Any, meta: msgspec.Meta | None = None) -> st.SearchStrategy[Any]:
    """Values that the annotation allows."""
    meta = meta or msgspec.Meta()
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(arguments[0], annotation.__metadata__[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        known = [argument for argument in arguments if not _is_gone(argument)]
        return st.one_of([values(argument) for argument in known])
    if origin is Sequence:
        lists = st.lists(values(arguments[0]), min_size=meta.min_length or 0, max_size=3)
        return lists | lists.map(tuple)
    if origin is Mapping:
        return st.dictionaries(_TEXT, values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return parts(annotation)
    if annotation is Any:
        return st.none() | st.booleans() | st.integers(-9, 9) | _TEXT
    if annotation is type(None):
        return st.none()
    if annotation is msgspec.UnsetType:
        return st.just(msgspec.UNSET)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        step = meta.multiple_of or 1
        low = None if meta.ge is None else int(meta.ge // step)
        high = None if meta.le is None else int(meta.le // step)
        return st.integers(low, high).map(lambda number: int(number * step))
    if annotation is float:
        return st.floats(
            meta.ge if meta.gt is None else meta.gt,
            meta.le,
            exclude_min=meta.gt is not None,
            allow_nan=False,
            allow_infinity=False,
        )
    if annotation is str and meta.pattern:
        if "http" in meta.pattern:
            return st.from_regex(r"https?://[a-z]{1,9}/[a-z]{0,9}(\?[a-z]=1)?", fullmatch=True)
        return st.from_regex(meta.pattern)
    if annotation is str:
        return st.text(min_size=meta.min_length or 0, max_size=max(20, meta.min_length or 0))
    raise NotImplementedError(annotation)


def _is_gone(annotation: Any) -> bool:
    """Return whether the contract no longer has this part, which is kept for its old users."""
    is_part = isinstance(annotation, type) and issubclass(annotation, Part)
    return is_part and annotation.__name__ not in SCHEMAS


def _without_folder(videos: Sequence[Any]) -> Sequence[Any]:
    return [msgspec.structs.replace(video, folder_id=None) for video in videos]


def _spoken(value: Any) -> Any:
    """Replace an empty text by a word: ids are not empty."""
    if isinstance(value, list | tuple):
        return type(value)(map(_spoken, value))
    return value if not isinstance(value, str) or _shown(value).strip() else "x"


def _shown(text: str) -> str:
    return "".join(filter(str.isprintable, text))


def _id(value: Any) -> Any:
    """Remove invisible characters from an id."""
    if isinstance(value, list | tuple):
        return type(value)(map(_id, value))
    return (_shown(value).strip() or "x") if isinstance(value, str) else value


def _languages(value: Sequence[str]) -> Sequence[str]:
    return list(dict.fromkeys(_spoken(value)))


def _later(value: float | None) -> float | None:
    return value if value is None else abs(value) or 1.0


def _size(value: int) -> int:
    return abs(value) % 1_000_000 + 1


# Values that a rule refuses so often that repairs would come too late.
_ADJUSTED: dict[str, Callable[[Any], Any]] = {
    "videos": _without_folder,
    "output_languages": _languages,
    "script": _spoken,
    "start_time": _later,
    "end_time": _later,
    "size_bytes": _size,
}


def _adjusted(part: type[Part], name: str, drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if name == "videos" and part.__name__ != "VideoBatchRequest":
        return drawn
    adjust = _ADJUSTED.get(name, _id if name.endswith("_id") else None)
    return drawn if adjust is None else drawn.map(adjust)


@cache
def parts(part: type[Part]) -> st.SearchStrategy[Part]:
    """Parts with any fields that go together."""
    fields = {
        field.name: (field.required, _adjusted(part, field.name, values(field.type)))
        for field in msgspec.structs.fields(part)
        if field.name != "extra"
    }

    @st.composite
    def draw_part(draw: st.DrawFn) -> Part:
        chosen = {
            name: draw(value)
            for name, (required, value) in fields.items()
            if required or draw(st.booleans())
        }
        for _ in range(_REPAIRS):
            try:
                return part(**chosen)
            except InvalidRequest as error:
                # The field that the error names is the one to drop, or to give.
                name = str(error.param)
                if chosen.get(name) is not None and not fields[name][0]:
                    del chosen[name]
                else:
                    chosen[name] = draw(fields[name][1].filter(lambda value: value is not None))
        raise AssertionError(f"{part.__name__} cannot be made valid from {chosen}")

    return st.deferred(lambda: draw_part())
