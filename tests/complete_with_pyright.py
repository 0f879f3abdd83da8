"""Ask pyright's language server what it completes, without running the package.

Run by the session ``types`` of nox, which has pyright: ``python -m tests.complete_with_pyright``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from tests.public_names import HOMES

ROOT = Path(__file__).parents[1]
CODE = "from heygen_async import "


def send(stream: IO[bytes], **message: Any) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, Any]:
    length = 0
    while header := stream.readline().strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    message: dict[str, Any] = json.loads(stream.read(length))
    return message


def completions(code: str) -> set[str]:
    """Return the labels that the language server offers at the end of ``code``."""
    command = [sys.executable, "-m", "pyright.langserver", "--stdio"]
    uri = (ROOT / "completed.py").as_uri()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        root = ROOT.as_uri()
        folders = [{"uri": root, "name": "project"}]
        parameters = {"rootUri": root, "workspaceFolders": folders, "capabilities": {}}
        send(server.stdin, id=1, method="initialize", params={"processId": None, **parameters})
        while receive(server.stdout).get("id") != 1:
            pass
        send(server.stdin, method="initialized", params={})
        document = {"uri": uri, "languageId": "python", "version": 1, "text": code}
        send(server.stdin, method="textDocument/didOpen", params={"textDocument": document})
        position = {"line": 0, "character": len(code)}
        asked = {"textDocument": {"uri": uri}, "position": position}
        send(server.stdin, id=2, method="textDocument/completion", params=asked)
        while (message := receive(server.stdout)).get("id") != 2 or "method" in message:
            if "method" in message and "id" in message:  # it asks for settings
                send(server.stdin, id=message["id"], result=None)
        server.terminate()
    return {item["label"] for item in message["result"]["items"]}


if __name__ == "__main__":
    offered = completions(CODE)
    missing = HOMES.keys() - offered
    assert not missing, f"pyright does not complete: {sorted(missing)}"
    print(f"pyright completes all {len(HOMES)} public names")
