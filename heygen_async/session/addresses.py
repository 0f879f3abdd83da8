"""The URLs of media and uploads: which may be fetched, and what may be told of them."""

from __future__ import annotations

import contextlib

from yarl import URL

from heygen_async.errors import InvalidRequest
from heygen_async.session.settings import is_loopback


def checked_address(url: str) -> URL:
    """The URL, with its encoding untouched, as a signature covers it.

    Raises:
        InvalidRequest: It is no http(s) URL, or http to another machine.
    """
    address = None
    if isinstance(url, str) and url.isprintable():
        try:
            address = URL(url, encoded=url.isascii() and " " not in url)
            host = address.host
            _ = address.port
        except ValueError:
            address = None
    if address is None or address.scheme not in ("http", "https") or not host:
        # The value itself may carry a signature.
        raise InvalidRequest("url: expected an https:// URL", param="url")
    if address.scheme == "http" and not is_loopback(host):
        raise InvalidRequest(
            f"url: http://{host} is not encrypted; use https (plain http is for loopback only)",
            param="url",
        )
    return address.with_fragment(None)


def redirect_target(address: URL, location: str) -> URL | None:
    """Where an answer from ``address`` redirects to; None where that may not be fetched."""
    with contextlib.suppress(ValueError):  # InvalidRequest is one too
        return checked_address(str(address.join(URL(location, encoded=True))))
    return None


def shown(address: URL) -> str:
    """Scheme, host and path: what may be told of a signed URL."""
    port = "" if address.is_default_port() else f":{address.port}"
    return f"{address.scheme}://{address.host}{port}{address.raw_path}"
