"""Who a request comes from and to whom it is addressed: what keeps web pages away."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["is_addressed", "is_from_browser"]


@lru_cache(maxsize=64)
def is_addressed(host: str, names: frozenset[str]) -> bool:
    """Return whether a request is addressed to the sandbox, and not to a name that was led to it.

    A web page can let its own name point to this machine (DNS rebinding), and then talks to the
    sandbox as to itself; its name is in the `Host` header. An IP address there is always true.

    Args:
        host: The `Host` header.
        names: Names that are the sandbox's beside `localhost`, in lower case.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        _ = urlsplit(f"//{host}").port  # reading it is what checks it
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
