"""Exit codes and sentences for what can go wrong."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async.cli.exit_codes import CommandError, Exit, exit_for, exit_for_failures, sentence
from heygen_async.cli.running import run
from heygen_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    HeyGenError,
    InvalidRequest,
    JobFailed,
    JobTimeout,
    NotFound,
    PermissionDenied,
    RequestTimeout,
)

AUTH = AuthenticationError("no", status=401, code="unauthorized")
FORBIDDEN = PermissionDenied("no", status=403, code="forbidden")
LATE = JobTimeout("late", job_id="v1")
SILENT = RequestTimeout("no answer")
FAILED = JobFailed("broken", job_id="v1")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AUTH, 3),
        (FORBIDDEN, 3),
        (LATE, 4),
        (SILENT, 4),
        (ConfigurationError("x"), 2),
        (InvalidRequest("x"), 2),
        (ConnectionFailed("x"), 1),
        (NotFound("x", status=404, code="not_found"), 1),
        (FAILED, 1),
    ],
)
def test_errors_that_end_a_command(error: HeyGenError, code: int) -> None:
    assert exit_for(error) == code


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([], 0),
        ([FAILED], 1),
        ([AUTH, FORBIDDEN], 3),
        ([LATE, SILENT], 4),
        ([LATE, AUTH], 1),
        ([LATE, FAILED], 1),
    ],
)
def test_failures_of_items(failures: list[HeyGenError], code: int) -> None:
    assert exit_for_failures(failures) == code


def test_a_refused_key_says_what_to_do() -> None:
    assert "check HEYGEN_API_KEY" in sentence(AUTH)


def test_uvloop_is_used_where_it_is_installed(uvloop_installed: bool) -> None:
    loops: list[str] = []

    async def command() -> Exit:
        loops.append(type(asyncio.get_running_loop()).__module__)
        return Exit.DONE

    assert run(command) == Exit.DONE
    assert [name.startswith("uvloop") for name in loops] == [uvloop_installed]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CommandError("bad rows"), 2, "Error: bad rows\n"),
        (CommandError("no rights", Exit.AUTH), 3, "Error: no rights\n"),
        (FAILED, 1, "Error: job v1 failed: broken\n"),
        (OSError(28, "No space left on device"), 1, "Error: [Errno 28] No space left on device\n"),
    ],
)
def test_whatever_ends_a_command_is_one_sentence(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command() -> Exit:
        raise error

    assert run(command) == code
    assert capsys.readouterr() == ("", said)
