"""Takes secrets out of text: API keys, tokens and the query of signed URLs."""

from __future__ import annotations

import re

# Patterns, which re compiles and keeps at their first use: most programs redact nothing.
# Keys look like sk_V2_…, older ones hg_…; HeyGen's own tools redact them with this pattern.
_KEY = r"\b(?:hg|sk)_[A-Za-z0-9_-]{4,}"
_BEARER = r"(?i)\bbearer\s+[^\s\"',;]+"
# A plain fragment, such as that of the API's error pages, is no secret.
_QUERY = r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s\"'<>?#]*)(?:\?[^\s\"'<>]*|#[^\s\"'<>=]*=[^\s\"'<>]*)"
_USERINFO = r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s\"'<>/@]*@"


def redact(text: str, secret: str | None = None, *, longest: int | None = None) -> str:
    """Replace keys, tokens and URL queries in ``text``.

    Args:
        text: Any text that may end in a log or an exception.
        secret: The key or token in use, replaced wherever it stands, whatever its form.
        longest: Characters to keep. The secret is replaced before the cut, which could leave
            half of it.
    """
    if secret:
        text = text.replace(secret, "***")
    text = text[:longest]
    text = re.sub(_KEY, "***", text)
    text = re.sub(_BEARER, "Bearer ***", text)
    text = re.sub(_USERINFO, r"\1***@", text)
    return re.sub(_QUERY, r"\1?***", text)
