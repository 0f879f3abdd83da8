"""Answers of operations."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

__all__ = ["Answer", "Json", "data", "encode", "listing"]

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """An answer before it is sent, which can be replayed or replaced by a fault."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return the answer as a response of aiohttp."""
        return web.Response(status=self.status, body=self.body, headers=self.headers)


def data(value: object) -> Json:
    """Return the v3 envelope of one object."""
    return {"data": value}


def listing(page: list[Json], next_token: str | None) -> Json:
    """Return the v3 envelope of one page."""
    return {"data": page, "has_more": next_token is not None, "next_token": next_token}


_encoder = json.JSONEncoder(separators=(",", ":"))


def encode(value: object) -> bytes:
    """Return compact JSON."""
    return _encoder.encode(value).encode()
