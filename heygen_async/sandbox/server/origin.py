"""Check the origin and host of a request, to keep web pages away."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_addressed", "is_from_browser"]


@lru_cache(maxsize=64)
def is_addressed(host: str, names: frozenset[str]) -> bool:
    """Return whether the `Host` header names the sandbox.

    A web page can make its own name point to this machine (DNS rebinding) and then access the
    sandbox as its own host, with its name in the `Host` header. An IP address is always accepted.

    Args:
        host: The `Host` header.
        names: Names of the sandbox besides `localhost`, in lower case.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        _ = urlsplit(f"//{host}").port  # raises if it is invalid
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_from_browser(headers: Iterable[str]) -> bool:
    """Return whether a request carries a header that browsers send for a page.

    Args:
        headers: The names of its headers.
    """
    return any(
        name.lower() == "origin" or name.lower().startswith("sec-fetch-") for name in headers
    )
