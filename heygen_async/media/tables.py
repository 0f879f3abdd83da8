"""CSV files behind a URL, such as a published sheet: fetched without the API key, in bounds."""

from __future__ import annotations

import asyncio

from yarl import URL

from heygen_async.client import HeyGen
from heygen_async.errors import InvalidRequest
from heygen_async.media.remote import RemoteReader, Unreadable, Unusable, parsed_url
from heygen_async.session.addresses import shown
from heygen_async.session.settings import is_loopback

MOST_BYTES = 64 * 1024 * 1024
"""Size of the largest file that is fetched."""
SECONDS = 60.0
"""Time that it may take."""

_SHEETS = "docs.google.com"
_HOW = "publish the sheet as CSV (File, Share, Publish to web), and use that link"


def is_table_url(text: str) -> bool:
    """Return whether a URL names a table, and not a video: by its ending or its query."""
    try:
        address = parsed_url(text)
    except Unusable:
        return False
    wanted = {address.query.get("output"), address.query.get("format")}
    by_name = address.path.lower().endswith((".csv", ".jsonl", ".ndjson"))
    return by_name or "csv" in wanted or _csv_of_sheet(address) != address


async def fetch_table(heygen: HeyGen, url: str) -> bytes:
    """Fetch a whole file, which is kept in memory.

    Private networks are not reached, redirects are followed under the same rules, and nothing
    knows the key.

    Args:
        heygen: The client. If its API is on this machine, such as the sandbox, so must the file.
        url: An https URL, http on this machine; that of a Google sheet gives its CSV.

    Raises:
        InvalidRequest: It cannot be fetched, is larger than ``MOST_BYTES`` or takes longer than
            ``SECONDS``, or is a web page.
    """
    try:
        address = _csv_of_sheet(parsed_url(url))
        if address.scheme != "https" and not is_loopback(address.host or ""):
            raise Unusable("it is not encrypted; use https://")
        async with (
            asyncio.timeout(SECONDS),
            RemoteReader.open(heygen._session.settings) as reader,
        ):
            if not reader.may_read(address):
                raise Unusable("the API is on this machine, and the file is not")
            part = await reader.read(address, 0, MOST_BYTES + 1)
        if len(part.data) > MOST_BYTES or (part.size or 0) > MOST_BYTES:
            raise Unusable(f"it is larger than {MOST_BYTES >> 20} MB; save it as a file")
        if part.content_type == "text/html" or part.data.lstrip()[:1] == b"<":
            raise Unusable(f"it is a web page, and not CSV; {_HOW}")
    except (Unusable, Unreadable) as error:
        raise InvalidRequest(f"{name_of(url)}: {error}", param="rows") from None
    except TimeoutError:
        raise InvalidRequest(f"{name_of(url)}: it takes longer than {SECONDS:g} s") from None
    return part.data


def name_of(url: str) -> str:
    """Return a URL for messages: without its query, which may be a secret."""
    try:
        return shown(parsed_url(url))
    except Unusable:
        return "the URL of the rows"


def _csv_of_sheet(address: URL) -> URL:
    """Return the URL of a Google sheet's CSV; any other URL as it is."""
    parts = address.parts
    if address.host != _SHEETS or parts[1:3] != ("spreadsheets", "d") or len(parts) < 4:
        return address
    sheet = {"gid": address.query["gid"]} if "gid" in address.query else {}
    if parts[-1] == "pubhtml":
        return address.with_path("/".join(parts[:-1])[1:] + "/pub").with_query(
            {**sheet, "single": "true", "output": "csv"}
        )
    if parts[-1] in ("edit", "view"):
        return address.with_path("/".join(parts[:-1])[1:] + "/export").with_query(
            {"format": "csv", **sheet}
        )
    return address
