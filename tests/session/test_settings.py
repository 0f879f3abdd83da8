"""Keys, hosts, timeouts and the retry policy, from arguments and from the environment."""

from __future__ import annotations

import math
import pickle
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from rich.pretty import pretty_repr
from yarl import URL

from heygen_async import Batch, HeyGen, personalize
from heygen_async.errors import ConfigurationError
from heygen_async.session.settings import (
    API_HOST,
    Retry,
    Settings,
    Timeout,
    checked_base_url,
    settings_from,
)

from ..tls_host import CERTIFICATE

KEY = "sk_V2_settings"


def settings(**given: Any) -> Settings:
    defaults: dict[str, Any] = {
        "api_key": None,
        "token": None,
        "base_url": None,
        "timeout": Timeout(),
        "retry": Retry(),
        "trust_env": True,
    }
    return settings_from(**{**defaults, **given})


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", KEY)
    monkeypatch.setenv("HEYGEN_API_BASE", "http://localhost:81/")
    found = settings()
    assert (found.api_key, found.base_url) == (KEY, "http://localhost:81")
    assert found.auth_headers == {"x-api-key": KEY}
    assert settings(base_url=API_HOST).base_url == API_HOST
    # A token argument has priority over a key of the environment.
    assert settings(token="t").auth_headers == {"Authorization": "Bearer t"}
    assert settings(api_key=" other ").secret == "other"


@pytest.mark.parametrize("given", [{}, {"api_key": ""}, {"token": ""}])
def test_no_key(given: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="set the environment variable HEYGEN_API_KEY"):
        settings(**given)


def test_an_empty_key_does_not_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", KEY)
    with pytest.raises(ConfigurationError):
        settings(api_key="")


def test_key_and_token() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        settings(api_key=KEY, token="t")


@pytest.mark.parametrize("bad", [f"{KEY}\r\nX: y", f"{KEY}é", "   ", "\x00"])
@pytest.mark.parametrize("name", ["api_key", "token"])
def test_keys_that_no_header_can_carry(name: str, bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(**{name: bad})
    assert KEY not in str(caught.value)


def test_repr_and_pickle() -> None:
    made = settings(api_key=KEY, retry=3, timeout=7)
    assert KEY not in repr(made)
    assert KEY not in str(made)
    assert KEY not in pretty_repr(made)
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.retry == Retry(attempts=3)
    assert made.timeout == Timeout(read=7, write=7, upload=7)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.heygen.com",
        "https://eu.example:8443/heygen",
        "http://127.0.0.1:80",
        "http://127.9.9.9",
        "http://[::1]:8080",
        "http://localhost",
        "http://api.localhost:1",
        "HTTPS://API.heygen.com",
    ],
)
def test_usable_base_urls(base_url: str) -> None:
    assert checked_base_url(f"{base_url}/") == base_url
    assert checked_base_url(base_url) == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.heygen.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://notlocalhost",
        "ftp://localhost",
        "localhost:8080",
        "//api.heygen.com",
        "https://",
        "",
        "/v3",
        "https://user:pw@api.heygen.com",
        "https://user@api.heygen.com",
        "https://@api.heygen.com",
        "http://localhost@example.com",
        "http://example.com\\@localhost",
        "https://api.heygen.com?x=1",
        "https://api.heygen.com?",
        "https://api.heygen.com#x",
        "https://api.heygen.com:99999",
        "https://[::1",
        " https://api.heygen.com",
        "https://api.hey\ngen.com",
        "https://api.heygén.com",
    ],
)
def test_unusable_base_urls(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        checked_base_url(base_url)
    assert "pw" not in str(caught.value)


@given(st.text() | st.text().map("http://localhost{}".format))
def test_any_base_url(text: str) -> None:
    try:
        base_url = checked_base_url(text)
    except ConfigurationError:
        return
    assert base_url.isascii()
    assert not set(base_url) & set(" ?#@\r\n\t")


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, None, "1"])
@pytest.mark.parametrize("name", ["read", "write", "upload", "connect"])
def test_bad_timeouts(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"timeout.{name}"):
        Timeout(**{name: value})


@pytest.mark.parametrize(
    "given",
    [{"attempts": 0}, {"attempts": -1}, {"patience": -1}, {"first": math.nan}, {"longest": -0.1}],
)
def test_bad_policies(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"retry.{next(iter(given))}"):
        Retry(**given)


PASTED = [
    f"{KEY}\n",
    f"{KEY}\r\n",
    f" \t{KEY} ",
    f"{KEY}\u200b",
    f"\ufeff{KEY}",
    f"\u00a0{KEY}\u2060",
    f"\u201c{KEY}\u201d",
    f"'{KEY}'\n",
    f'"{KEY}"',
    f'" {KEY}"',
    f"HEYGEN_API_KEY={KEY}",
    f"export HEYGEN_API_KEY = '{KEY}'",
]


@pytest.mark.parametrize("pasted", PASTED)
def test_keys_as_people_paste_them(monkeypatch: pytest.MonkeyPatch, pasted: str) -> None:
    assert settings(api_key=pasted).secret == KEY
    assert settings(token=pasted).secret == KEY
    assert settings(api_key=SecretStr(pasted)).secret == KEY
    monkeypatch.setenv("HEYGEN_API_KEY", pasted)
    assert settings().secret == KEY


@pytest.mark.parametrize(
    "bad",
    [
        *(f"{KEY} {KEY}", f"{KEY}\u200b{KEY}", '""', "\u200b", "é"),
        *("${HEYGEN_API_KEY}", "<your key>", "********", f"{KEY}\\n", f"{KEY},", "HEYGEN_API_KEY="),
    ],
)
def test_a_bad_key_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("HEYGEN_API_KEY", bad)
    with pytest.raises(ConfigurationError, match=r"^HEYGEN_API_KEY: ") as caught:
        settings()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("bad", [7, b"sk_V2_bytes", ["sk_V2_list"], SecretStr])
def test_keys_of_other_types(bad: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_key: expected text") as caught:
        settings(api_key=bad)
    assert "sk_V2" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://eu.example/heygen/",
        " https://eu.example/heygen\n",
        '"https://eu.example/heygen"',
        "\u200bhttps://eu.example/heygen\ufeff",
        URL("https://eu.example/heygen/"),
    ],
)
def test_base_urls_as_people_paste_them(monkeypatch: pytest.MonkeyPatch, base_url: Any) -> None:
    assert settings(api_key=KEY, base_url=base_url).base_url == "https://eu.example/heygen"
    monkeypatch.setenv("HEYGEN_API_BASE", str(base_url))
    assert settings(api_key=KEY).base_url == "https://eu.example/heygen"


@pytest.mark.parametrize("ending", ["/v3", "/v2/", "/v1", "/api/v3", "/v3/videos"])
def test_a_base_url_with_a_version(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url: .*leave off /v\d"):
        settings(api_key=KEY, base_url=f"https://api.heygen.com{ending}")
    monkeypatch.setenv("HEYGEN_API_BASE", f"https://api.heygen.com{ending}")
    with pytest.raises(ConfigurationError, match=r"^HEYGEN_API_BASE: .*leave off /v\d"):
        settings(api_key=KEY)


@pytest.mark.parametrize("host", ["app.heygen.com", "HeyGen.com", "docs.heygen.com/reference"])
def test_a_website_is_not_the_api(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is a website; the API is at https://api\."):
        settings(api_key=KEY, base_url=f"https://{host}")


def test_versions_of_a_gateway_are_its_own() -> None:
    assert checked_base_url("https://eu.example/v1/heygen") == "https://eu.example/v1/heygen"
    with pytest.raises(ConfigurationError, match="leave off /V3"):
        checked_base_url("https://eu.example/V3")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYGEN_API_BASE", " ")
    assert settings(api_key=KEY).base_url == API_HOST


def test_numbers_as_text() -> None:
    made = settings(api_key=KEY, timeout="7.5", retry=" 3 ")
    assert (made.timeout.read, made.retry.attempts) == (7.5, 3)
    assert HeyGen(KEY, requests="20", jobs="3", timeout="30").slots.limit == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, "many") for name in ("timeout", "retry", "requests", "jobs")],
        *[(name, "2.5") for name in ("retry", "requests", "jobs")],
        *[(name, []) for name in ("timeout", "retry", "requests", "jobs")],
        *[(name, True) for name in ("timeout", "retry", "requests", "jobs")],
    ],
)
def test_numbers_that_are_none(name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a"):
        HeyGen(KEY, **options)


@pytest.mark.parametrize("value", ["3", None, 1.5])
def test_a_policy_of_other_types(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"retry\.attempts"):
        Retry(attempts=value)


def test_certificates(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    for bad in (tmp_path / "missing.pem", str(tmp_path / "empty.pem")):
        with pytest.raises(ConfigurationError, match=r"ssl: cannot read certificates of .*\.pem"):
            HeyGen(KEY, ssl=bad)
    for odd in (False, 7):
        with pytest.raises(ConfigurationError, match=r"ssl: expected an ssl\.SSLContext"):
            HeyGen(KEY, ssl=odd)  # type: ignore[arg-type]
    context = HeyGen(KEY, ssl=ssl.create_default_context())
    with pytest.raises(ConfigurationError, match="cannot be pickled; pass the path"):
        pickle.dumps(context)
    assert pickle.loads(pickle.dumps(HeyGen(KEY, ssl=CERTIFICATE)))


def test_a_client_that_was_refused_can_be_shown() -> None:
    assert repr(HeyGen.__new__(HeyGen)) == "HeyGen()"


CALLS: dict[str, Callable[[HeyGen], Awaitable[Any]]] = {
    "async with": lambda heygen: heygen.__aenter__(),
    "a call": lambda heygen: heygen.users.me(),
    "a list": lambda heygen: anext(aiter(heygen.videos.list())),
    "an upload": lambda heygen: heygen.upload(b"\x89PNG\r\n\x1a\n"),
    "a download": lambda heygen: heygen.download("https://files.example/a.mp4", "a.mp4"),
    "a close": lambda heygen: heygen.aclose(),
    "a run": lambda heygen: anext(aiter(Batch(heygen).render("template", [{"name": "A"}]))),
    "an estimate": lambda heygen: Batch(heygen).render("template", [{"name": "A"}]).estimate(),
    "a chain": lambda heygen: anext(personalize(Batch(heygen), "template", [{"name": "A"}])),
}


@pytest.mark.parametrize("call", CALLS)
def test_another_event_loop_than_that_of_asyncio(call: str) -> None:
    # As trio would run it.
    with pytest.raises(
        ConfigurationError, match="requires a running asyncio event loop; with trio"
    ):
        next(CALLS[call](HeyGen(KEY)).__await__())
