"""What a user can set about calls: the host, the key, timeouts and retries."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import os
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from heygen_async.errors import ConfigurationError

API_HOST = "https://api.heygen.com"

CallKind: TypeAlias = Literal["read", "write", "upload"]
SlotsFor: TypeAlias = Literal["bulk", "all"]


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that one attempt may take, by kind of call; queueing does not count.

    The defaults leave room over the API's own latency: reads answer within 2 s (p99), the
    creation of a video takes up to 31 s (p99).

    Attributes:
        read: GET requests.
        write: POST, PUT, PATCH and DELETE.
        upload: Bodies of files.
        connect: The part of an attempt that opens a connection.
        cancel: How much longer a cancelled call that creates jobs waits for its answer, before
            the client waits for it in the background.
    """

    read: float = 30.0
    write: float = 120.0
    upload: float = 600.0
    connect: float = 15.0
    cancel: float = 0.9

    def __post_init__(self) -> None:
        for name in ("read", "write", "upload", "connect", "cancel"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                raise ConfigurationError(f"timeout.{name}: expected seconds > 0, got {value!r}")


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How failed attempts are repeated.

    Repeated are: lost connections, timeouts and 5xx other than 501 and 505, where the call is a
    read, is idempotent, or carries an Idempotency-Key that is less than 24 h old; 429 always,
    unless it is a quota; 409 of a call that is still in progress or a resource that is not ready.
    The wait between two attempts grows exponentially with full jitter; ``Retry-After`` is a floor
    under it.

    Attributes:
        attempts: How often one call is sent at most, where it fails for other reasons than
            429 and 409; those end with ``patience`` alone.
        patience: Seconds from the first failure for which one call is repeated. An answer
            that asks to wait longer raises at once. What a bulk run spends in the queue for a
            job slot does not count.
        first: Upper bound of the first wait, in seconds; it doubles with each attempt.
        longest: Upper bound of any wait that the API did not ask for, in seconds.
        unkeyed: What follows an attempt that may have been carried out, of a call that takes no
            Idempotency-Key (``video_agents.create`` and ``send``, ``voices.speech``, ``design``
            and ``clone``). ``raise`` (default): an error with ``maybe_carried_out``, unless the
            account shows what was made. ``resend``: it is sent again, and may be paid for twice.
    """

    attempts: int = 5
    patience: float = 600.0
    first: float = 0.5
    longest: float = 30.0
    unkeyed: Literal["raise", "resend"] = "raise"

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigurationError(f"retry.attempts: expected 1 or more, got {self.attempts!r}")
        for name, most in (("patience", math.inf), ("first", 1e9), ("longest", 1e9)):
            if not 0 <= getattr(self, name) <= most:
                raise ConfigurationError(f"retry.{name}: expected seconds >= 0")
        if self.unkeyed not in ("raise", "resend"):
            raise ConfigurationError(
                f"retry.unkeyed: expected raise or resend, got {self.unkeyed!r}"
            )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a session needs to know; pickles with the client.

    Attributes:
        base_url: Scheme and host, without a trailing slash.
        api_key: Sent as ``x-api-key``; exclusive with ``token``.
        token: OAuth token, sent as ``Authorization: Bearer``.
        timeout: Seconds per attempt.
        retry: The retry policy.
        trust_env: Whether ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are obeyed.
    """

    base_url: str
    api_key: str | None
    token: str | None
    timeout: Timeout
    retry: Retry
    trust_env: bool

    @property
    def secret(self) -> str:
        """The key or token in use."""
        return self.api_key or self.token or ""

    @property
    def account(self) -> str:
        """32 hexadecimal digits that tell this key and host from others, and tell neither."""
        return hashlib.sha256(f"{self.base_url}\n{self.secret}".encode()).hexdigest()[:32]

    @property
    def auth_headers(self) -> dict[str, str]:
        """The one header that says who calls."""
        if self.api_key is not None:
            return {"x-api-key": self.api_key}
        return {"Authorization": f"Bearer {self.token}"}

    def __repr__(self) -> str:
        return f"Settings(base_url={self.base_url!r}, timeout={self.timeout}, retry={self.retry})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # Rich's tracebacks show local variables, and would show all fields of a Struct.
        return [("base_url", self.base_url), ("timeout", self.timeout), ("retry", self.retry)]


def settings_from(
    *,
    api_key: str | None,
    token: str | None,
    base_url: str | None,
    timeout: Timeout | float,
    retry: Retry | int,
    trust_env: bool,
) -> Settings:
    """Fill the gaps from the environment and check everything.

    Raises:
        ConfigurationError: No key, a key and a token, or an unusable base URL.
    """
    if api_key is not None and token is not None:
        raise ConfigurationError("Give api_key or token, not both: the API refuses two.")
    if api_key is None and token is None:
        api_key = os.environ.get("HEYGEN_API_KEY") or None
    if not api_key and not token:
        raise ConfigurationError(
            "No API key: set the environment variable HEYGEN_API_KEY or pass "
            "HeyGen(api_key=...). Keys are made under Settings > API in HeyGen's app."
        )
    for name, value in (("api_key", api_key), ("token", token)):
        if value is not None and not (value.isascii() and value.isprintable() and value.strip()):
            # The value itself must not appear here.
            raise ConfigurationError(f"{name}: expected printable ASCII without line breaks.")
    if not isinstance(timeout, Timeout):
        timeout = Timeout(read=timeout, write=timeout, upload=timeout)
    if not isinstance(retry, Retry):
        retry = Retry(attempts=retry)
    return Settings(
        base_url=checked_base_url(base_url or os.environ.get("HEYGEN_API_BASE") or API_HOST),
        api_key=api_key.strip() if api_key else None,
        token=token.strip() if token else None,
        timeout=timeout,
        retry=retry,
        trust_env=trust_env,
    )


def checked_base_url(base_url: str) -> str:
    """The base URL without a trailing slash; https, or http for loopback only."""
    try:
        parts = urlsplit(base_url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    # Requests are sent to it as it stands. Credentials in it would end up in messages and logs.
    plain = base_url.isascii() and base_url.isprintable() and not set(base_url) & set(" ?#@\\")
    if not host or not plain:
        raise ConfigurationError(
            "base_url: expected scheme and host such as https://api.heygen.com, without "
            "credentials, query or fragment."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(
            f"base_url: {parts.scheme}://{host} would send the API key in the clear; use https "
            "(plain http is for loopback only)."
        )
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
