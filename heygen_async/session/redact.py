"""Takes secrets out of text: API keys, tokens and the query of signed URLs."""

from __future__ import annotations

import re

# Keys look like sk_V2_…, older ones hg_…; HeyGen's own tools redact them with this pattern.
_KEY = re.compile(r"\b(?:hg|sk)_[A-Za-z0-9_-]{4,}")
_BEARER = re.compile(r"(?i)\bbearer\s+[^\s\"',;]+")
_QUERY = re.compile(r"(?i)(https?://[^\s\"'<>?#]*)[?#][^\s\"'<>]*")
_USERINFO = re.compile(r"(?i)(https?://)[^\s\"'<>/@]*@")


def redact(text: str, secret: str | None = None) -> str:
    """Replace keys, tokens and URL queries in ``text``.

    Args:
        text: Any text that may end in a log or an exception.
        secret: The key or token in use, replaced wherever it stands, whatever its form.
    """
    if secret:
        text = text.replace(secret, "***")
    text = _KEY.sub("***", text)
    text = _BEARER.sub("Bearer ***", text)
    text = _USERINFO.sub(r"\1***@", text)
    return _QUERY.sub(r"\1?***", text)
