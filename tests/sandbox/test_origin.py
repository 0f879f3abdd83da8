"""Web pages have no access: by their Host, their headers, and a key of each start."""

from __future__ import annotations

import json

import pytest

from heygen_async.sandbox import Faults, Sandbox
from heygen_async.sandbox.server.origin import is_addressed

from .api import Api

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1:8080", True),
        ("127.0.0.1", True),
        ("[::1]:8080", True),
        ("192.168.0.7:80", True),
        ("localhost", True),
        ("LocalHost:8080", True),
        ("app.localhost:8080", True),
        ("heygen", True),
        ("HEYGEN:8080", True),
        ("evil.example", False),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("notlocalhost", False),
        ("localhost@evil.example", False),
        ("heygen.evil.example", False),
        ("", False),
        ("[::1", False),
        ("localhost:port", False),
    ],
)
def test_who_is_addressed(host: str, answered: bool) -> None:
    assert is_addressed(host, frozenset({"heygen"})) is answered


@pytest.mark.sandbox(allowed_hosts=["Heygen"])
async def test_another_host_is_refused_everywhere(api: Api, sandbox: Sandbox) -> None:
    media = (await api.get("/v3/voices")).data[0]["preview_audio_url"]
    before = sandbox.ledger.requests
    for url in (
        f"{sandbox.base_url}/v3/users/me",
        f"{sandbox.base_url}/_sandbox/ledger",
        media,
    ):
        for host, status in (("evil.example", 403), ("heygen:80", 200)):
            headers = {"Host": host}
            if url != media:
                headers["x-api-key"] = sandbox.api_key
            got, _, answer = await api.raw("GET", url, headers=headers)
            assert got == status, (url, host)
            if status == 403:
                assert "allowed_hosts" in json.loads(answer)["error"]["message"]
    assert sandbox.ledger.requests == before + 1


@pytest.mark.parametrize(
    "header",
    ["Origin", "origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "sec-fetch-dest"],
)
async def test_control_paths_are_not_for_browsers(api: Api, sandbox: Sandbox, header: str) -> None:
    headers = {"x-api-key": sandbox.api_key, header: "same-origin"}
    url = f"{sandbox.base_url}/_sandbox/faults"
    for method in ("GET", "PUT", "DELETE"):
        status, _, answer = await api.raw(method, url, headers=headers, data=b'{"drop": 1}')
        assert (status, json.loads(answer)["error"]["code"]) == (403, "forbidden")
    assert sandbox.faults == Faults()
    # The API itself is a matter of its key alone.
    assert (await api.raw("GET", f"{sandbox.base_url}/v3/users/me", headers=headers))[0] == 200


def test_each_sandbox_has_a_key_of_its_own() -> None:
    keys = {Sandbox(seed=7).api_key for _ in range(3)}
    assert len(keys) == 3
    assert all(key.startswith("sk_V2_") and len(key) >= 32 for key in keys)
    assert Sandbox(api_keys=["sk_V2_mine", "other"]).api_key == "sk_V2_mine"
