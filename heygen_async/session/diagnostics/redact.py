"""Remove secrets from text: API keys, tokens and the signatures of URLs.

Every pattern starts at a fixed text (``sk_``, ``bearer``, ``://``) and consumes all that it reads,
which keeps the time linear in the length of the text, whatever a server sends.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgspec

T = TypeVar("T")

LONGEST = 4096
"""The most characters of a text that are kept, by default."""

# ``re`` compiles and caches these patterns when they are first used; most programs redact nothing.
# Keys look like sk_V2_…, older ones hg_…; HeyGen's own tools redact them with this pattern.
_KEY = r"\b(?:hg|sk|whsec)_[A-Za-z0-9_-]{4,}"
_BEARER = r"(?i)\bbearer\s+[^\s\"',;]+"
_URL = r"://[^\s\"'<>]*"
# Matches a signed URL without its scheme.
_SIGNATURE = (
    r"(?i)\b(signature|x-amz-signature|x-amz-credential|x-amz-security-token|access_token)"
    r"=[^\s\"'<>&]+"
)
# The most levels of an answer that are kept in an exception.
_DEEPEST = 50
# A shorter key is not a real one, and could be part of any word.
_SHORTEST_ECHO = 8


def redact(text: str, secret: str | None = None, *, longest: int = LONGEST) -> str:
    """Replace keys, tokens, and the user, query and secret fragment of URLs in ``text``.

    Args:
        text: Any text that may be logged or put into an exception.
        secret: The key or token in use, which is replaced everywhere: as it is, in a URL, in JSON,
            in base64, and broken into lines.
        longest: The most characters to keep.
    """
    # More than is kept, so that a secret at the end is matched in full.
    margin = max(256, 2 * len(secret or ""))
    window = text[: longest + margin]
    # A pattern takes its time even where nothing matches, as in most request ids.
    if secret and _may_echo(window, secret):
        pieces = _pattern(secret).split(window)
        if len(window) < len(text):
            # The replacements could move the start of a further secret into the part that is kept.
            pieces[-1] = pieces[-1][:-margin]
        window = "***".join(pieces)
    if "_" in window:
        window = re.sub(_KEY, "***", window)
    if "bearer" in window.lower():
        window = re.sub(_BEARER, "Bearer ***", window)
    if "://" in window:
        window = re.sub(_URL, _without_secrets, window)
    if "=" in window:
        window = re.sub(_SIGNATURE, r"\1=***", window)
    return window[:longest]


def _may_echo(text: str, secret: str) -> bool:
    """Return whether a text contains the secret in any form, or may contain it in several lines."""
    if "\\" in text or len(text.split(None, 1)) > 1:
        return True
    for form in _forms(secret):  # noqa: SIM110, a generator costs more than all the searches
        if form in text:
            return True
    return False


@lru_cache(maxsize=16)
def _forms(secret: str) -> tuple[str, ...]:
    """Return the forms that a secret has in JSON, in a URL and in base64, the longest first.

    A secret of less than 8 characters has itself alone: others would be part of any word.
    """
    core = secret.rstrip("=")  # which may be left off, or escaped
    if len(core) < _SHORTEST_ECHO:
        return (secret,)
    forms = {secret, core}
    for whole in (secret, core):
        forms |= {whole.replace("/", r"\/"), quote(whole, safe="")}
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):  # the bytes ahead of it in the same text
            encoded = encode(b"\0" * before + core.encode()).decode()
            # What its neighbours have a part in is left out.
            forms.add(encoded[-(-before * 4 // 3) : (before + len(core)) * 4 // 3])
    return tuple(sorted(forms, key=len, reverse=True))


@lru_cache(maxsize=16)
def _pattern(secret: str) -> re.Pattern[str]:
    forms = _forms(secret)
    core = secret.rstrip("=")
    wrapped = r"(?:\s|\\[rn])*".join(map(re.escape, core if core in forms else secret))
    return re.compile("|".join([*map(re.escape, forms), wrapped]))


def _without_secrets(url: re.Match[str]) -> str:
    """Return a URL, from its ``://``, without user, query and secret fragment."""
    shown, query, _ = url[0].partition("?")
    # A plain fragment, such as that of the API's error pages, is not secret.
    if query or "=" in shown.partition("#")[2]:
        return f"{_without_users(shown.partition('#')[0])}?***"
    return _without_users(shown)


def _without_users(url: str) -> str:
    parts = []
    for part in url.split("://"):
        authority, slash, path = part.partition("/")
        _, at, host = authority.rpartition("@")
        parts.append(f"***@{host}{slash}{path}" if at else part)
    return "://".join(parts)


def redacted(value: T) -> T:
    """Return a copy of an answer with redacted texts, for an exception to carry.

    Args:
        value: A Struct, a container or a plain value.
    """
    return cast("T", _redacted(value))


def _redacted(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return redact(value, longest=len(value))
    if isinstance(value, msgspec.Struct):
        fields = {
            name: _redacted(getattr(value, name), depth + 1) for name in value.__struct_fields__
        }
        return msgspec.structs.replace(value, **fields)
    if depth > _DEEPEST and isinstance(value, dict | list):
        return "…"  # deeper levels would exhaust the stack here and in pickle
    if isinstance(value, dict):
        return {key: _redacted(item, depth + 1) for key, item in value.items()}
    return [_redacted(item, depth + 1) for item in value] if isinstance(value, list) else value


def echo_filter(secret: str) -> Callable[[bytes], bytes]:
    """Return a function that replaces the key or token in use in the body of an answer.

    It also matches the forms that the secret has in JSON, in a URL and in base64. A secret of less
    than 8 characters is not replaced, as that would damage other words.
    """
    forms = [form.encode() for form in _forms(secret)]
    if len(secret) < _SHORTEST_ECHO:
        return bytes

    def without_secret(body: bytes) -> bytes:
        for form in forms:
            # ``if form in body`` would take twice as long: it makes an exception first.
            body = body.replace(form, b"***")
        return body

    return without_secret
