"""Counts of the requests to the sandbox."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from .media.store import MediaRequest

__all__ = ["RequestLog"]

_MEDIA_REQUESTS_KEPT = 10_000


@dataclass(slots=True)
class RequestLog:
    """Counts of the requests to the sandbox.

    Attributes:
        by_operation: Requests per operation id; `unknown` if no operation matches.
        by_status: Answers per HTTP status; 0 if a fault prevented the answer.
        media: The latest requests to the media host, with their headers.
    """

    by_operation: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    media: deque[MediaRequest] = field(default_factory=lambda: deque(maxlen=_MEDIA_REQUESTS_KEPT))
