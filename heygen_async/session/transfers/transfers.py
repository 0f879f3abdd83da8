"""Downloads of media and uploads to presigned URLs, without the API key: these are other hosts.

A transfer that breaks is repeated after the waits of the retry policy. A download continues from
the byte where it stopped: ``Range`` asks for the rest, and ``If-Range`` for the whole file if that
has changed. A download has no overall time limit. It is stalled if less than 16 kB arrive within
the read timeout, and the policy's attempts and patience count from its last 16 kB, so a large file
on a poor line arrives as long as each attempt makes progress.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias

import aiohttp
import msgspec
from yarl import URL

from heygen_async.errors import InvalidRequest, TransferError, URLExpired
from heygen_async.session.addresses import (
    LocalAddressError,
    checked_address,
    redirect_target,
    shown,
)
from heygen_async.session.failures import TRANSPORT_ERRORS, CallSite, unanswered
from heygen_async.session.retry import retry_after_of, wait_before_next, waits
from heygen_async.session.session import Session
from heygen_async.session.settings import Retry
from heygen_async.session.transfers.content import STEP, Body, Expected, expected_by, unexpected
from heygen_async.session.transfers.destinations import Destination, Sink, Version, destination_for
from heygen_async.session.transfers.uploads import StreamedBody, UploadSource

__all__ = ["Progress", "Sink", "download", "put"]

Progress: TypeAlias = Callable[[int, int | None], object]
"""Called with the bytes received so far and those of the whole file, or None if not known."""

logger: logging.Logger = logging.getLogger("heygen_async.session")

_EXPIRED = frozenset({403, 404})
# Codes that storage sends in XML with status 400: for an expired signature or token, and for a
# connection that was too slow.
_EXPIRED_CODES = frozenset({"ExpiredToken", "TokenRefreshRequired"})
_PASSING_CODES = frozenset({"RequestTimeout", "IncompleteBody", "InternalError", "SlowDown"})
_ERROR_BYTES = 4096
_ERROR_SECONDS = 5.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_RENEWALS = 2
_CONTENT_RANGE = r"bytes (\d+)-\d+/(\d+|\*)\Z"


async def download(
    session: Session,
    url: str,
    to: str | os.PathLike[str] | Sink,
    *,
    renew: Callable[[], Awaitable[str | None]] | None = None,
    progress: Progress | None = None,
    expected: Expected | None = None,
) -> int:
    """Download a file from its URL, without the API key.

    If ``to`` is a path, the file appears under its name when it is complete. Until then it is
    ``.name.part`` in the same folder, which stays if the download fails or is cancelled, and which
    the next download to the same path continues. Missing folders are created.

    Args:
        session: Provides the retry policy, the timeouts and the ``transfers`` limiter.
        url: An https URL; http for loopback only.
        to: A path or a sink.
        renew: Returns a fresh URL for one that has expired, or None.
        progress: Called on the event loop as bytes arrive.
        expected: The expected content; by default derived from the name of ``to`` or of the URL. A
            web page, a JSON message or an empty body is then refused.

    Returns:
        The size of the file in bytes.

    Raises:
        InvalidRequest: The URL or ``to`` is invalid.
        URLExpired: The URL has expired and cannot be renewed.
        TransferError: The file cannot be downloaded or written.
    """
    address = checked_address(url)
    destination = destination_for(to)
    if expected is None:
        name = os.fsdecode(to) if isinstance(to, str | os.PathLike) else ""
        expected = expected_by(name) or expected_by(address.path)
    session.bind()
    try:
        await destination.open()
        course = _Course(session.settings.retry)
        furthest, renewals = destination.position, 0
        while (
            setback := await _fetch(session, address, destination, expected, progress)
        ) is not None:
            if destination.position >= furthest + STEP:
                furthest, renewals = destination.position, 0
                course.restart()
            if not isinstance(setback.error, URLExpired):
                await course.wait_after(setback)
                continue
            fresh = await renew() if renew is not None and renewals < _MOST_RENEWALS else None
            if fresh is None:
                raise setback.error
            renewals += 1
            address = checked_address(fresh)
        await destination.finish()
    finally:
        await destination.close()
    return destination.position


async def put(session: Session, url: str, headers: dict[str, str], source: UploadSource) -> str:
    """Upload a file to a presigned URL, without the API key.

    Args:
        session: Provides the retry policy, the upload timeout and the ``transfers`` limiter.
        url: The presigned URL.
        headers: Headers, sent unchanged.
        source: The file; each attempt reads it again.

    Returns:
        The SHA-256 of the bytes that were sent, in hexadecimal.

    Raises:
        URLExpired: The URL has expired.
        TransferError: The file cannot be read or was refused, or the URL cannot be used.
    """
    address: URL | None = None
    with contextlib.suppress(InvalidRequest):  # the API's mistake, not the caller's
        address = checked_address(url)
    if address is None:
        raise TransferError("the API returned an upload URL that is not https://; try again")
    session.bind()
    course = _Course(session.settings.retry)
    while True:
        body = StreamedBody(source)
        setback = await _send(session, address, headers, body)
        if setback is None:
            return body.sha256
        if source.failure is not None:
            raise source.failure
        if isinstance(setback.error, URLExpired):
            raise setback.error
        await course.wait_after(setback)


class _Setback(msgspec.Struct, frozen=True):
    """The reason why an attempt failed, if another one may succeed."""

    error: TransferError
    retry_after: float | None = None


class _Course:
    """The attempts of one transfer."""

    def __init__(self, policy: Retry) -> None:
        self._policy = policy
        self.restart()

    def restart(self) -> None:
        """Start counting again, because there was progress."""
        self._failures = 0
        self._bounds = waits(self._policy)
        self._since = asyncio.get_running_loop().time()

    async def wait_after(self, setback: _Setback) -> None:
        """Wait before the next attempt.

        Raises:
            TransferError: No further attempt is allowed.
        """
        self._failures += 1
        wait = wait_before_next(next(self._bounds), setback.retry_after)
        left = self._policy.patience - (asyncio.get_running_loop().time() - self._since)
        if self._failures >= self._policy.attempts or wait > left:
            raise setback.error
        logger.debug("%s; the next attempt follows in %.1f s", setback.error, wait)
        await asyncio.sleep(wait)


async def _fetch(
    session: Session,
    address: URL,
    destination: Destination,
    expected: Expected | None,
    progress: Progress | None,
) -> _Setback | None:
    """Make one attempt to download the missing bytes."""
    headers = {"Accept-Encoding": "identity"}
    version = destination.version
    # The positions in a compressed file differ from those in the file that is kept.
    if destination.position and version.validator and not version.decompressed:
        headers["Range"] = f"bytes={destination.position}-"
        headers["If-Range"] = version.validator
    async with _place(session):
        response = await _open(session, address, headers)
        if isinstance(response, _Setback):
            return response
        try:
            body = Body(response, session.settings.timeout.read)
            setback = await _prepare(session, response, body, destination, address, expected)
            if setback is None:
                setback = await _receive(session, response, body, destination, address, progress)
            return setback
        finally:
            response.close()


async def _open(
    session: Session, first: URL, headers: dict[str, str]
) -> aiohttp.ClientResponse | _Setback:
    """Return the answer to a GET; follow redirects to allowed targets."""
    timeout = session.settings.timeout
    limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout.connect, sock_read=timeout.read)
    connection = session.connection
    address, local = first, True
    for _ in range(_MOST_REDIRECTS + 1):
        failure: BaseException | None = None
        options = connection.media_options(address, headers)
        # A proxy may be on a private network, and it resolves the name itself.
        media = connection.media if local or "proxy" in options else connection.public_media
        try:
            # A slow head of many lines, or of many interim answers, never stalls the socket.
            async with asyncio.timeout(timeout.connect + timeout.read):
                response = await media.get(
                    address, timeout=limits, allow_redirects=False, auto_decompress=False, **options
                )
        except TRANSPORT_ERRORS as error:
            failure = error
        if failure is not None:
            if isinstance(getattr(failure, "os_error", None), LocalAddressError):
                raise _stray_redirect(first, None)
            return _broken(failure, address, timeout.read)
        if response.status not in _REDIRECTS:
            return response
        response.close()
        local = connection.may_be_local(first)
        target = redirect_target(address, response.headers.get("Location", ""), local=local)
        if target is None:
            raise _stray_redirect(first, response.status)
        address = target
    raise TransferError(f"{shown(first)}: too many redirects", status=response.status)


def _stray_redirect(first: URL, status: int | None) -> TransferError:
    return TransferError(
        f"{shown(first)}: redirects to an address that is not allowed (expected an https URL "
        "of a public host)",
        status=status,
    )


async def _prepare(
    session: Session,
    response: aiohttp.ClientResponse,
    body: Body,
    destination: Destination,
    address: URL,
    expected: Expected | None,
) -> _Setback | None:
    """Move the destination to where the answer's body begins, or return why it cannot be used."""
    status, headers = response.status, response.headers
    validator = _validator(headers)
    if status == 206:
        # The server may have sent another part or another content than requested.
        span = re.match(_CONTENT_RANGE, headers.get("Content-Range", ""))
        same = validator in (None, destination.version.validator)
        if span is not None and int(span[1]) == destination.position and same:
            return None
        await destination.begin(Version())
        return _Setback(
            TransferError(f"{shown(address)}: sent another part than requested", status=status)
        )
    if status == 200:
        failure: BaseException | None = None
        try:
            head = await body.start(headers.get("Content-Encoding", ""))
        except TRANSPORT_ERRORS as error:
            failure = error
        if failure is not None:
            return _broken(failure, address, session.settings.timeout.read)
        problem = unexpected(head, headers.get("Content-Type", ""), expected)
        if problem is not None:
            return _Setback(TransferError(f"{shown(address)}: {problem}", status=status))
        size = None if body.decompressed else response.content_length
        version = Version(validator, size, body.decompressed)
        if not destination.position or not _same(version, destination.version):
            await destination.begin(version)
        return None
    if status == 416:
        await destination.begin(Version())
        return _Setback(
            TransferError(f"{shown(address)}: became shorter during the download", status=status)
        )
    return await _refused(response, address)


async def _receive(
    session: Session,
    response: aiohttp.ClientResponse,
    body: Body,
    destination: Destination,
    address: URL,
    progress: Progress | None,
) -> _Setback | None:
    """Write the body to the destination, as far as it arrives."""
    size = destination.version.size
    # A server without ranges sends the bytes again that are there already.
    skip = destination.position if response.status == 200 else 0
    gathered = bytearray()
    chunk = b" "
    failure: BaseException | None = None
    while chunk:
        try:
            chunk = await body.read()
        except TRANSPORT_ERRORS as error:
            failure, chunk = error, b""
        if skip:
            gathered += chunk[skip:]
            skip -= min(skip, len(chunk))
        else:
            gathered += chunk
        if gathered and (len(gathered) >= destination.batch or not chunk):
            await destination.write(bytes(gathered))
            gathered.clear()
            if progress is not None:
                progress(destination.position, size)
    if failure is not None:
        return _broken(failure, address, session.settings.timeout.read)
    held = destination.position
    if size is None or held == size:
        return None
    if held > size:
        await destination.begin(Version())  # or the requests for more would never end
    return _Setback(
        TransferError(
            f"{shown(address)}: ended after {held:,} of {size:,} bytes", status=response.status
        )
    )


async def _send(
    session: Session, address: URL, headers: dict[str, str], body: aiohttp.Payload
) -> _Setback | None:
    """Make one attempt of a PUT."""
    timeout = session.settings.timeout
    failure: BaseException | None = None
    async with _place(session):
        try:
            response = await session.connection.media.put(
                address,
                data=body,
                skip_auto_headers=("Content-Type",),
                # Not sock_read, which also counts the time during which the body is sent.
                timeout=aiohttp.ClientTimeout(total=timeout.upload, sock_connect=timeout.connect),
                allow_redirects=False,
                **session.connection.media_options(address, headers),
            )
        except TRANSPORT_ERRORS as error:
            failure = error
    if failure is not None:
        return _broken(failure, address, timeout.upload)
    try:
        return None if response.status < 300 else await _refused(response, address)
    finally:
        response.close()


@contextlib.asynccontextmanager
async def _place(session: Session) -> AsyncIterator[None]:
    """Hold a place among the concurrent transfers."""
    if not session.transfers.acquire_nowait():
        await session.transfers.acquire()
    try:
        yield
    finally:
        session.transfers.release()


async def _refused(response: aiohttp.ClientResponse, address: URL) -> _Setback:
    """Return the setback for an error status.

    Raises:
        TransferError: Another attempt would be refused too.
    """
    status = response.status
    code = await _storage_code(response) if status == 400 else ""
    if status in _EXPIRED or code in _EXPIRED_CODES:
        said = f"{status} {code}".rstrip()
        return _Setback(
            URLExpired(f"{shown(address)}: answered {said}; its URL has expired", status=status)
        )
    error = TransferError(f"{shown(address)}: answered {status} {code}".rstrip(), status=status)
    if status in (408, 429) or status >= 500 or code in _PASSING_CODES:
        return _Setback(error, retry_after_of(response.headers, time.time()))
    raise error


async def _storage_code(response: aiohttp.ClientResponse) -> str:
    """Return the code of a storage error in XML, or an empty string."""
    content = bytearray()
    with contextlib.suppress(*TRANSPORT_ERRORS):
        async with asyncio.timeout(_ERROR_SECONDS):
            while len(content) < _ERROR_BYTES and (chunk := await response.content.readany()):
                content += chunk
    found = re.search(rb"<Code>\s*(\w{1,60})\s*</Code>", content[:_ERROR_BYTES])
    return found[1].decode() if found else ""


def _broken(failure: BaseException, address: URL, seconds: float) -> _Setback:
    """Return the setback for a connection that failed.

    Raises:
        TransferError: Another attempt would fail too.
    """
    error = unanswered(failure, CallSite("", ""), seconds)
    transfer_error = TransferError(f"{shown(address)}: {error}")
    if getattr(error, "final", False):
        raise transfer_error
    return _Setback(transfer_error)


def _validator(headers: Mapping[str, str]) -> str | None:
    etag = headers.get("ETag", "")
    # A weak ETag does not guarantee the same bytes.
    return etag if etag.startswith('"') else headers.get("Last-Modified")


def _same(one: Version, other: Version) -> bool:
    return one == other and one.validator is not None
