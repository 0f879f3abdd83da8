"""Nothing is buffered whole: what large transfers add to the memory of a process.

Small enough to be quick here, large enough to show; HEYGEN_UPLOAD_MB and HEYGEN_DOWNLOAD_MB
change it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from heygen_async.sandbox import Fault, SandboxThread

from .patience import PATIENCE

UPLOAD_MB = int(os.environ.get("HEYGEN_UPLOAD_MB", "40"))
DOWNLOAD_MB = int(os.environ.get("HEYGEN_DOWNLOAD_MB", "60"))
MB = 1_000_000


class LargeFile(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(DOWNLOAD_MB * MB))
        self.end_headers()
        for _ in range(DOWNLOAD_MB):
            self.wfile.write(bytes(MB))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def media_server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), LargeFile) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/large.mp4"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_transfers_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(UPLOAD_MB * MB)  # sparse
    with SandboxThread(api_keys=["sk_V2_mine"]) as sandbox, media_server() as media_url:
        sandbox.faults.add("media", Fault.drop())  # so that the first one is sent twice
        done = subprocess.run(
            [
                *(sys.executable, "-W", "error", "-m", "tests.transfer_memory"),
                *(sandbox.base_url, media_url, str(path), str(UPLOAD_MB)),
            ],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE,
            check=False,
        )
        puts = sandbox.requests.by_operation["media"]
    assert done.returncode == 0, done.stderr
    assert puts == 3
    grown = json.loads(done.stdout)
    assert grown.pop("downloaded") == DOWNLOAD_MB * MB
    print({name: f"{count / MB:.1f} MB" for name, count in grown.items()})
    assert {name: count for name, count in grown.items() if count > 20 * MB} == {}
