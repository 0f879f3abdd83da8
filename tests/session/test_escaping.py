"""Control characters from outside reach no terminal and no log line."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heygen_async
import heygen_async.session
from heygen_async import APIError
from heygen_async.session.diagnostics.escaping import escaped

PACKAGE = Path(heygen_async.__file__).parent
ATTACK = "\x1b]52;c;ZXZpbA==\x07\r\n2026-01-01 ERROR forged \x9b2J\u202e"
ESCAPED = r"\x1b]52;c;ZXZpbA==\x07\r\n2026-01-01 ERROR forged \x9b2J\u202e"
LOGGERS = sorted(
    {
        name
        for path in PACKAGE.rglob("*.py")
        if "sandbox" not in path.parts
        for name in re.findall(r'getLogger\("(heygen_async[\w.]*)"\)', path.read_text("utf-8"))
    }
)


def test_an_attack_becomes_readable() -> None:
    assert escaped(ATTACK) == ESCAPED
    assert escaped("a\nb\x1b", lines=True) == "a\nb\\x1b"
    assert escaped("Zoë\u00a0🎉 さくら") == "Zoë\u00a0🎉 さくら"


@given(st.text())
def test_nothing_that_controls_is_left(text: str) -> None:
    shown = escaped(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", shown)
    assert escaped(shown) == shown
    if re.fullmatch(r"[ -~]*", text):
        assert shown == text


@pytest.fixture(params=LOGGERS)
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """Return a logger of the package, and the text of its records."""
    logger, stream = logging.getLogger(request.param), io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_log_lines_have_no_control_characters(
    logged: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = logged
    error = APIError(ATTACK, status=500, code="internal_error")
    logger.error("%s failed in %.1f s: %s", ATTACK, 1.5, error)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith(f"{ESCAPED} failed in 1.5 s: ")
    assert "\x1b" not in stream.getvalue()


def test_tracebacks_in_logs_have_none_either(
    logged: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = logged
    try:
        raise APIError("\x1b[2J\x9b", status=500, code="internal_error")
    except APIError:
        logger.exception("a handler failed")
    assert r"\x1b[2J\x9b" in stream.getvalue()
    assert not re.search(r"[\x1b\x9b]", stream.getvalue())
    assert "Traceback (most recent call last):\n" in stream.getvalue()


def test_an_argument_that_is_safe_stays_what_it_is() -> None:
    records: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger, handler = logging.getLogger(LOGGERS[0]), Keeping()
    logger.addHandler(handler)
    error = ValueError("plain")
    logger.error("%s %s", error, 7)
    logger.removeHandler(handler)
    assert records[0].args == (error, 7)
