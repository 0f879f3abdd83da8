"""Proxies of the environment are used, and get no more data than necessary."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from heygen_async import HeyGen
from heygen_async.errors import ConfigurationError, ConnectionFailed, TransferError
from heygen_async.sandbox import Sandbox

from .wire import answering, client, raw_server, video

pytestmark = pytest.mark.anyio

KEY = "sk_V2_mine"


async def forward(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy for plain http: forwards requests without a body, and their answers."""
    method, url, _ = head.split(" ", 2)
    target = urlsplit(url)
    path = f"{target.path}?{target.query}" if target.query else target.path
    from_server, to_server = await asyncio.open_connection(target.hostname, target.port)
    lines = [line for line in head.split("\r\n")[1:] if line]
    kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection"))]
    sent = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
    to_server.write("\r\n".join(sent).encode())
    writer.write(await from_server.read())
    to_server.close()
    await writer.drain()


async def test_a_proxy_of_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with raw_server(forward) as proxy:
        host = urlsplit(proxy.base_url).netloc
        monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@{host}")
        async with client(sandbox) as heygen:
            await heygen.users.me()
        assert len(proxy.requests) == sandbox.ledger.requests == 1
        head = proxy.requests[0][0]
        assert head.startswith(f"GET {sandbox.base_url}/v3/users/me HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head  # user:p@ss
        async with client(sandbox, trust_env=False) as heygen:
            await heygen.users.me()
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("with_port", [False, True])
async def test_no_proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, with_port: bool) -> None:
    host = urlsplit(sandbox.base_url)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", f"x.io,{host.netloc if with_port else host.hostname}")
    async with client(sandbox) as heygen:
        await heygen.users.me()
    assert sandbox.ledger.requests == 1


@pytest.mark.parametrize("credentials", ["", "user:pw@"])
async def test_a_tunnel_is_asked_for_without_the_key(
    monkeypatch: pytest.MonkeyPatch, credentials: str
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(answering(refusal)) as proxy:
        host = urlsplit(proxy.base_url).netloc
        monkeypatch.setenv("HTTPS_PROXY", f"http://{credentials}{host}")
        for settings in ({"api_key": KEY}, {"token": "tok-en-0123"}):
            async with HeyGen(**settings, retry=2) as heygen:  # type: ignore[arg-type]
                with pytest.raises(ConnectionFailed, match="the proxy answered 407") as caught:
                    await heygen.users.me()
            assert not caught.value.sent
            assert "pw" not in str(caught.value)
    assert len(proxy.requests) == 4
    for head, _ in proxy.requests:
        assert head.startswith("CONNECT api.heygen.com:443 HTTP/1.1\r\n")
        assert KEY not in head
        assert "tok-en" not in head
        assert ("Proxy-Authorization" in head) is bool(credentials)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "http://", "http://[::1", "ftp://x:pw@y"]
)
async def test_proxies_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    async with HeyGen(KEY) as heygen:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
            await heygen.users.me()
        assert "pw" not in str(caught.value)
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
            await heygen.download("https://media.example/a.mp4", io.BytesIO())


@pytest.mark.parametrize("form", ["http://user:pw@{}", "user:pw@{}", "{}"])
async def test_media_go_through_the_proxy_in_all_its_forms(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(answering(refusal)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", form.format(urlsplit(proxy.base_url).netloc))
        async with HeyGen(KEY, retry=2) as heygen:
            with pytest.raises(TransferError, match="the proxy answered 407"):
                await heygen.download("https://media.example/a.mp4", io.BytesIO())
    assert len(proxy.requests) == 2
    for head, _ in proxy.requests:
        assert head.startswith("CONNECT media.example:443 HTTP/1.1\r\n")
        assert ("Proxy-Authorization: Basic dXNlcjpwdw==\r\n" in head) is ("pw" in form)
        assert KEY not in head


async def test_media_over_a_plain_proxy_or_past_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with raw_server(forward) as proxy:
        host = urlsplit(proxy.base_url).netloc
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pw@{host}")
        monkeypatch.setenv("NO_PROXY", urlsplit(sandbox.base_url).netloc)
        async with client(sandbox) as heygen:
            made = await (await heygen.videos.create(video(sandbox))).wait()
            size = await heygen.download(made, io.BytesIO())
        assert size > 0
        (head,) = [head for head, _ in proxy.requests]
        assert head.startswith(f"GET {sandbox.media_origin}/")
        assert "Proxy-Authorization: Basic dXNlcjpwdw==\r\n" in head
        async with client(sandbox, trust_env=False) as heygen:
            await heygen.download(made, io.BytesIO())
        assert len(proxy.requests) == 1


async def test_passwords_of_a_netrc_are_not_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\ndefault login b password c\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with client(sandbox) as heygen:
        made = await (await heygen.videos.create(video(sandbox))).wait()
        await heygen.download(made, io.BytesIO())
    (media,) = sandbox.requests.media
    assert "Authorization" not in media.headers
