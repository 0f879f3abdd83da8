"""``RedisServer``: a Redis or Valkey server and its scripts. Extra ``redis``."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from inspect import signature
from typing import Any

from heygen_async.errors import ConfigurationError

try:
    from redis.asyncio import ConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import MovedError, NoScriptError, RedisError
except ImportError as _error:
    raise ImportError(
        "heygen_async.distributed needs redis-py: pip install redis (the extra redis)"
    ) from _error

logger: logging.Logger = logging.getLogger("heygen_async.distributed")

SERVER_ERRORS: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
"""Errors of a server that is unreachable or does not carry out a request."""

_LONGEST_ACCOUNT = 200
# Newer versions of redis-py read their own version from disk for each connection.
_OPTIONS: dict[str, Any] = (
    {"driver_info": None} if "driver_info" in signature(Redis.__init__).parameters else {}
)
# A clock that continues while a machine is suspended, if available.
_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Script:
    """A Lua script, which the server identifies by its hash.

    Args:
        name: Name of the file in this folder.

    Attributes:
        text: Its source.
    """

    def __init__(self, name: str) -> None:
        self.text: str = (files("heygen_async.distributed") / name).read_text(encoding="utf-8")
        self._hash = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        """Run the script by its hash; load it if the server does not have it.

        Args:
            redis: A connection.
            keys: The keys that it uses.
            arguments: Its other arguments.
        """
        execute: Any = redis.execute_command  # untyped in some versions
        try:
            return await execute("EVALSHA", self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await execute("EVAL", self.text, len(keys), *keys, *arguments)


class RedisServer:
    """A Redis or Valkey server, or any node of a cluster.

    All keys of an account are on one node of a cluster. Redirections to another node are followed.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user, password and database in
            the form that redis-py accepts.
        timeout: Seconds that the server may take to answer or to accept a connection. Default 5.
        clock: Returns seconds. For tests: replaces the time of the server and of this process.

    Attributes:
        address: The server without user and password, for messages.

    Raises:
        ConfigurationError: The URL is not a Redis URL.
    """

    def __init__(
        self, url: str, *, timeout: float = 5.0, clock: Callable[[], float] | None = None
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._clock = clock
        try:
            options = ConnectionPool.from_url(url).connection_kwargs
        except ValueError:
            # The message may contain parts of a password with special characters.
            raise ConfigurationError(
                "redis: expected a URL such as redis://user:password@host:6379/0, with the special "
                "characters of its password percent-encoded"
            ) from None
        host = f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self.address: str = str(options.get("path") or host)
        self._node: dict[str, Any] = {}  # host and port of the node from a redirection

    def __repr__(self) -> str:
        return f"RedisServer({self.address!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _server, (type(self), self._url, self._timeout, self._clock)

    def now(self) -> float:
        """Return this process's time, in seconds of a clock that continues during suspension."""
        if self._clock is not None:
            return self._clock()
        return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)

    @property
    def time_argument(self) -> str:
        """The time for a script as text; empty for the server's own time."""
        return "" if self._clock is None else repr(self._clock())

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Redis]:
        """Open a connection for a block."""
        redis = Redis.from_url(
            self._url,
            single_connection_client=True,
            socket_timeout=None,  # redis-py's own handling can swallow a cancellation
            socket_connect_timeout=self._timeout,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            **_OPTIONS,
        )
        redis.connection_pool.connection_kwargs.update(self._node)
        try:
            yield redis
        except MovedError as moved:
            self._node = {"port": moved.port} | ({"host": moved.host} if moved.host else {})
            raise
        finally:
            await redis.aclose()

    async def run(
        self, redis: Redis, script: Script, keys: Sequence[str], arguments: Sequence[str]
    ) -> Any:
        """Run a script; its first argument is the time.

        Args:
            redis: A connection.
            script: The script.
            keys: The keys that it uses.
            arguments: Its arguments after the time.

        Raises:
            RedisError: The server has refused the script or is unreachable.
            TimeoutError: There was no answer in time.
        """
        async with asyncio.timeout(self._timeout):
            await self._connected(redis)
            return await script.run(redis, keys, (self.time_argument, *arguments))

    async def run_once(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        """Run a script on a separate connection, on the cluster node that has the keys.

        Args:
            script: The script.
            keys: The keys that it uses.
            arguments: Its arguments after the time.

        Raises:
            RedisError: The server has refused the script or is unreachable.
            TimeoutError: There was no answer in time.
        """
        try:
            async with self.connect() as redis:
                return await self.run(redis, script, keys, arguments)
        except MovedError:
            async with self.connect() as redis:
                return await self.run(redis, script, keys, arguments)

    async def publish(self, redis: Redis, channel: str, message: bytes) -> None:
        """Send a message to all listeners.

        Args:
            redis: A connection.
            channel: The channel.
            message: The message.

        Raises:
            RedisError: The server has refused the message or is unreachable.
            TimeoutError: There was no answer in time.
        """
        async with asyncio.timeout(self._timeout):
            await self._connected(redis)
            await redis.publish(channel, message)

    async def _connected(self, redis: Redis) -> None:
        try:
            await redis.initialize()
        except BaseException:  # also a timeout: the URL's node knows the new node
            self._node = {}
            raise

    async def listen(
        self,
        channels: Sequence[str],
        on_message: Callable[[str, str], object],
        on_open: Callable[[], object] = lambda: None,
    ) -> None:
        """Call a function with the channel and text of each message, until the task is cancelled.

        A lost connection is reopened after one second. Messages published in the meantime are lost.

        Args:
            channels: The channels to subscribe to.
            on_message: Called on the event loop.
            on_open: Called whenever listening starts or resumes, since messages may have been
                missed.
        """
        while True:
            try:
                async with self.connect() as redis, redis.pubsub() as subscription:
                    async with asyncio.timeout(self._timeout):
                        await subscription.subscribe(*channels)
                    on_open()
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            on_message(message["channel"].decode(), message["data"].decode())
            except Exception as error:  # polling replaces lost messages
                logger.debug("cannot listen for messages of %s: %s", self.address, reason(error))
            await asyncio.sleep(1.0)


def reason(error: Exception) -> str:
    """Return the description of an error in one line."""
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def checked_account(account: str) -> str:
    """Return the name of an account, if it can be part of a key.

    Raises:
        ConfigurationError: The name is invalid.
    """
    if not 0 < len(account) <= _LONGEST_ACCOUNT or set(account) & set("{} \r\n"):
        raise ConfigurationError(
            f"account: expected a name of 1 to {_LONGEST_ACCOUNT} characters without blanks "
            f"and braces, got {account!r:.50}"
        )
    return account


def server_of(server: str | RedisServer) -> RedisServer:
    """Return the server for a URL; return a server unchanged."""
    return RedisServer(server) if isinstance(server, str) else server


def _server(
    kind: type[RedisServer], url: str, timeout: float, clock: Callable[[], float] | None
) -> RedisServer:
    return kind(url, timeout=timeout, clock=clock)
