"""Keys, hosts, timeouts and the retry policy, from arguments and from the environment."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from heygen_async.errors import ConfigurationError
from heygen_async.session.settings import (
    API_HOST,
    Retry,
    Settings,
    Timeout,
    checked_base_url,
    settings_from,
)

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
    # A token given wins over a key found.
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
