"""The settings of calls: host, key, timeouts and retries."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import math
import os
import re
import ssl as ssl_module
import string
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

import msgspec

from heygen_async.errors import ConfigurationError

_API_NAME = "api.heygen.com"
API_HOST = f"https://{_API_NAME}"
_WEBSITES = r"(?:(?:app|www|docs|developers)\.)?heygen\.com"

# Characters around pasted values: blanks of all kinds, and characters without a width.
_INVISIBLE = string.whitespace + "\u00a0\u2007\u202f\u3000\u200b\u200c\u200d\u2060\ufeff"
# What a key may consist of, and what stands before it in the line of a file of settings.
_KEY_ALONE = r"[!#%&+\-./0-9:=?@A-Z^_a-z|~]+"
_ASSIGNMENT = r"\A(?:export\s+)?HEYGEN_[A-Z_]+\s*=\s*"
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "``")

CallKind: TypeAlias = Literal["read", "write", "upload"]
SlotsFor: TypeAlias = Literal["bulk", "all"]


class HoldsSecret(Protocol):
    """A type that reveals its secret only on request, such as pydantic's ``SecretStr``."""

    def get_secret_value(self) -> str:
        """Return the secret."""


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """The most seconds that one attempt may take, by kind of call; queueing does not count.

    The defaults exceed the API's own latency: reads are answered within 2 s (p99), and the creation
    of a video takes up to 31 s (p99).

    Attributes:
        read: GET requests; also the time in which a download must receive at least 16 kB.
        write: POST, PUT, PATCH and DELETE.
        upload: Bodies of files.
        connect: Opening a connection, as part of an attempt.
        cancel: How long a cancelled call that creates jobs still waits for its answer, before the
            client waits for it in the background.
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
    """The policy for repeating failed attempts.

    A call is repeated after a lost connection, a timeout or a 5xx other than 501 and 505, if it is
    a read, is idempotent, or has an Idempotency-Key that is less than 24 h old; after any 429 that
    is not about a quota; and after a 409 for a call that is still in progress or a resource that is
    not ready. The wait between two attempts grows exponentially with full jitter, and is at least
    ``Retry-After``. Polls for jobs do not follow this policy: the client polls again anyway.

    Attributes:
        attempts: The most times that one call is sent if it fails for other reasons than 429 and
            409, which are limited by ``patience`` alone.
        patience: Seconds from the first failure for which one call is repeated. An answer that asks
            to wait longer raises at once. The time that a bulk run waits for a job slot does not
            count.
        first: Upper bound of the first wait, in seconds; it doubles with each attempt.
        longest: Upper bound of any wait that the API did not ask for, in seconds.
        unkeyed: The action after an attempt that may have been carried out, for a call that takes
            no Idempotency-Key (``video_agents.create`` and ``send``, ``voices.speech``, ``design``
            and ``clone``). ``raise`` (default): raise an error with ``maybe_carried_out``, unless
            the result is found in the account. ``resend``: send it again, and perhaps pay twice.
    """

    attempts: int = 5
    patience: float = 600.0
    first: float = 0.5
    longest: float = 30.0
    unkeyed: Literal["raise", "resend"] = "raise"

    def __post_init__(self) -> None:
        if not (isinstance(self.attempts, int) and self.attempts >= 1):
            raise ConfigurationError(f"retry.attempts: expected 1 or more, got {self.attempts!r}")
        for name, most in (("patience", math.inf), ("first", 1e9), ("longest", 1e9)):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 <= value <= most):
                raise ConfigurationError(f"retry.{name}: expected seconds >= 0, got {value!r}")
        if self.unkeyed not in ("raise", "resend"):
            raise ConfigurationError(
                f"retry.unkeyed: expected raise or resend, got {self.unkeyed!r}"
            )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a session; pickled with the client.

    Attributes:
        base_url: Scheme and host, without a trailing slash.
        api_key: Sent as ``x-api-key``; exclusive with ``token``.
        token: OAuth token, sent as ``Authorization: Bearer``.
        timeout: Seconds per attempt.
        retry: The retry policy.
        trust_env: Whether ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are obeyed.
        ssl: A context, or the path of certificates to trust besides the system's; None for the
            system's certificates alone.
    """

    base_url: str
    api_key: str | None
    token: str | None
    timeout: Timeout
    retry: Retry
    trust_env: bool
    ssl: Any = None

    def __reduce__(self) -> Any:
        if self.ssl is not None and not isinstance(self.ssl, str):
            raise ConfigurationError(
                "ssl: a client with an SSLContext cannot be pickled; pass the path of a file of "
                "certificates instead"
            )
        return super().__reduce__()

    @property
    def secret(self) -> str:
        """The key or token in use."""
        return self.api_key or self.token or ""

    @property
    def account(self) -> str:
        """32 hexadecimal digits that identify the key and host without revealing them."""
        return hashlib.sha256(f"{self.base_url}\n{self.secret}".encode()).hexdigest()[:32]

    @property
    def auth_headers(self) -> dict[str, str]:
        """The header that authenticates the caller."""
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
    api_key: object,
    token: object,
    base_url: object,
    timeout: Timeout | float | str,
    retry: Retry | int | str,
    trust_env: bool,
    ssl: object = None,
) -> Settings:
    """Take missing settings from the environment, and check all of them.

    Unambiguous variants are accepted: blanks, line ends and quotes around a value, numbers as text,
    types that hold a secret or a URL.

    Raises:
        ConfigurationError: There is no key, there are both a key and a token, or a setting is
            invalid; the message names it, and the variable if it is from the environment.
    """
    if api_key is not None and token is not None:
        raise ConfigurationError(
            "Pass api_key or token, not both: the API refuses a call with both."
        )
    key_from, base_from = "api_key", "base_url"
    if api_key is None and token is None:
        api_key, key_from = os.environ.get("HEYGEN_API_KEY"), "HEYGEN_API_KEY"
    key = None if api_key is None else checked_secret(key_from, api_key)
    bearer = None if token is None else checked_secret("token", token)
    if not key and not bearer:
        raise ConfigurationError(
            "No API key: set the environment variable HEYGEN_API_KEY or pass "
            "HeyGen(api_key=...). Keys are made under Settings > API in HeyGen's app."
        )
    base = "" if base_url is None else _unquoted(str(base_url))
    if not base and (found := _unquoted(os.environ.get("HEYGEN_API_BASE", ""))):
        base, base_from = found, "HEYGEN_API_BASE"
    if not isinstance(timeout, Timeout):
        seconds = number_of("timeout", timeout)
        timeout = Timeout(read=seconds, write=seconds, upload=seconds)
    if not isinstance(retry, Retry):
        retry = Retry(attempts=count_of("retry", retry))
    if isinstance(ssl, os.PathLike):
        ssl = os.fspath(ssl)
    return Settings(
        base_url=checked_base_url(base or API_HOST, base_from),
        api_key=key,
        token=bearer,
        timeout=timeout,
        retry=retry,
        trust_env=trust_env,
        ssl=ssl,
    )


def checked_secret(name: str, value: object) -> str:
    """Return a key or token without blanks and quotes around it.

    Args:
        name: The setting, for the message.
        value: Text, or an object that holds a secret (``get_secret_value``).

    Raises:
        ConfigurationError: It cannot be sent in a header.
    """
    secret = value
    with contextlib.suppress(AttributeError, TypeError):
        secret = value.get_secret_value()  # type: ignore[attr-defined]
    if not isinstance(secret, str):
        raise ConfigurationError(f"{name}: expected text, got {type(secret).__name__}")
    given = secret != ""
    secret = _unquoted(re.sub(_ASSIGNMENT, "", _unquoted(secret)))
    if given and not re.fullmatch(_KEY_ALONE, secret):
        # The value itself must not appear here.
        raise ConfigurationError(
            f"{name}: expected printable ASCII without blanks, line breaks, quotes, brackets, "
            "commas or backslashes."
        )
    return secret


def _unquoted(text: str) -> str:
    """Return a text without blanks, invisible characters and quotes around it."""
    text = text.strip(_INVISIBLE)
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        return text[1:-1].strip(_INVISIBLE)
    return text


def number_of(name: str, value: object) -> float:
    """Return a number, which may be written as text.

    Raises:
        ConfigurationError: It is not one. Its range is checked elsewhere.
    """
    with contextlib.suppress(TypeError, ValueError):
        if not isinstance(value, bool):
            return value if isinstance(value, int | float) else float(value)  # type: ignore[arg-type]
    raise ConfigurationError(f"{name}: expected a number, got {value!r}")


def count_of(name: str, value: object) -> int:
    """Return a whole number, which may be written as text.

    Raises:
        ConfigurationError: It is not one. Its range is checked elsewhere.
    """
    number = number_of(name, value)
    if not float(number).is_integer():
        raise ConfigurationError(f"{name}: expected a whole number, got {value!r}")
    return int(number)


def ssl_context(given: object) -> ssl_module.SSLContext | bool:
    """Return the argument ``ssl`` for aiohttp: a context, or True for the system's certificates.

    Args:
        given: A context, the path of a file of certificates to trust besides the system's, or
            None.

    Raises:
        ConfigurationError: It is none of these, or the certificates cannot be read.
    """
    if given is None or given is True or isinstance(given, ssl_module.SSLContext):
        return True if given is None else given
    if not isinstance(given, str):
        raise ConfigurationError(
            "ssl: expected an ssl.SSLContext or the path of a file of certificates, got "
            f"{given!r}. Verification cannot be switched off: the API key could be sent to anybody."
        )
    context = ssl_module.create_default_context()
    try:
        context.load_verify_locations(cafile=given)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"ssl: cannot read certificates of {given}: {reason}") from None
    return context


def checked_base_url(base_url: str, name: str = "base_url") -> str:
    """Return the base URL without a trailing slash.

    Args:
        base_url: https, or http for loopback only.
        name: The setting or variable that holds it, for messages.

    Raises:
        ConfigurationError: It is neither, or ends with a version of the API.
    """
    try:
        parts = urlsplit(base_url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    # It is used unchanged in every request. Credentials in it would appear in messages and logs.
    plain = base_url.isascii() and base_url.isprintable() and not set(base_url) & set(" ?#@\\")
    if not host or not plain:
        raise ConfigurationError(
            f"{name}: expected scheme and host such as https://api.heygen.com as base_url, "
            "without credentials, query or fragment."
        )
    if re.fullmatch(_WEBSITES, host):
        raise ConfigurationError(f"{name}: {host} is a website; the API is at {API_HOST}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(
            f"{name}: base_url {parts.scheme}://{host} would send the API key in the clear; use "
            "https (plain http is for loopback only)."
        )
    base_url = base_url.rstrip("/")
    found = re.search(r"(?i)/(v\d+)(/.*)?\Z" if host == _API_NAME else r"(?i)/(v\d+)\Z", base_url)
    if found:
        version = found[1]
        raise ConfigurationError(
            f"{name}: expected a base_url without a version; leave off /{version}, which each call "
            "adds."
        )
    return base_url


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
