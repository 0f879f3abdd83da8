"""One job: made or looked up, waited for with a bar, and its file downloaded."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Coroutine, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from heygen_async.batch import Progress
from heygen_async.cli.display import Display, still_running
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.output_folder import file_stem
from heygen_async.cli.signals import Signals
from heygen_async.cli.single.tables import details
from heygen_async.cli.single.things import Found
from heygen_async.client import HeyGen
from heygen_async.endpoints.video_agents import VideoAgentJob
from heygen_async.errors import HeyGenError, InvalidRequest, JobFailed
from heygen_async.jobs.job import Job
from heygen_async.models.outputs import Output, find_output_url
from heygen_async.session.cancellation import accepted_job_ids, created_by

_ENDINGS = {
    "video": ".mp4",
    "captioned": ".mp4",
    "subtitles": ".srt",
    "thumbnail": ".jpg",
    "gif": ".gif",
    "audio": ".mp3",
}
_KNOWN_ENDINGS = frozenset(
    [
        ".mp4",
        ".webm",
        ".mov",
        ".srt",
        ".vtt",
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".gif",
        ".mp3",
        ".wav",
        ".m4a",
        ".pdf",
        ".zip",
    ]
)


async def interruptible(display: Display, command: Coroutine[Any, Any, Exit]) -> Exit:
    """Run a command whose jobs continue after Ctrl-C or SIGTERM, and show these jobs.

    Args:
        display: The display.
        command: The command.
    """
    task = asyncio.current_task()
    assert task is not None

    def stop(_: signal.Signals) -> None:
        task.cancel()

    with Signals(stop) as signals:
        try:
            return await command
        except asyncio.CancelledError as cancelled:
            if signals.received is None:
                raise
            while task.cancelling():
                task.uncancel()
            jobs = await created_by(cancelled)
            display.interrupted({f"job {n}": job_id for n, job_id in enumerate(jobs, 1)})
            stopped = signals.received == signal.SIGINT
            return Exit.INTERRUPTED if stopped else Exit.TERMINATED


def check_target(out: Path | None) -> None:
    """Check that a file can be written, before any paid call. Blocks.

    Args:
        out: The file, or None.

    Raises:
        CommandError: The file cannot be written.
    """
    if out is None:
        return
    if out.is_dir():
        raise CommandError(f"{out}: is a folder; name a file in it")
    if not out.parent.is_dir():
        raise CommandError(f"{out.parent}: there is no such folder")
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise CommandError(f"{out}: no permission to write there")


async def finish(
    heygen: HeyGen,
    display: Display,
    kind: str,
    job: Job[Any],
    *,
    timeout: float | None = None,
    out: Path | None = None,
    known: bool = False,
) -> Exit:
    """Wait for a job, download its file, and show the result.

    Args:
        heygen: The client.
        display: The display.
        kind: Kind of the job, as ``things.KINDS`` has it.
        job: The job.
        timeout: Maximum number of seconds to wait; None waits indefinitely.
        out: The file; None downloads nothing.
        known: Whether the user already knows its id.

    Raises:
        HeyGenError: The job has failed, or its state cannot be fetched.
    """
    if not known:
        display.note(f"HeyGen has accepted {kind.replace('_', ' ')} {job.id}.")
    try:
        state = await result_of(display, job, timeout)
    except JobFailed:
        raise
    except HeyGenError:
        display.warn(still_running({kind: job.id}))
        raise
    except asyncio.CancelledError as cancelled:
        if not accepted_job_ids(cancelled):
            cancelled.job_ids = [job.id]  # type: ignore[attr-defined]
        raise
    more = {}
    if isinstance(job, VideoAgentJob):
        kind, more = "video", {"session_id": job.id}
    made = Found(kind, getattr(state, "id", job.id), state)
    return await show_saved(heygen, display, made, out, more=more)


async def result_of(display: Display, job: Job[Any], timeout: float | None) -> Any:
    """Wait for a job, with a bar; return the video of a Video Agent session.

    Args:
        display: The display.
        job: The job.
        timeout: Maximum number of seconds to wait, or None.

    Raises:
        HeyGenError: As for ``Job.wait``.
    """
    with display.bar("Waiting", 1) as show:

        def tell(completed: int, failed: int) -> None:
            show(
                Progress(
                    total=1,
                    running=1 - completed - failed,
                    completed=completed,
                    failed=failed,
                    elapsed=0.0,  # a rate says nothing of one
                    limit=1,
                )
            )

        tell(0, 0)
        try:
            waiting = job.video(timeout) if isinstance(job, VideoAgentJob) else job.wait(timeout)
            state = await waiting
        except HeyGenError:
            tell(0, 1)
            raise
        tell(1, 0)
    return state


async def show_saved(
    heygen: HeyGen,
    display: Display,
    made: Found,
    out: Path | None,
    *,
    what: Output | None = None,
    more: Mapping[str, Any] | None = None,
) -> Exit:
    """Download the file of a result, and show the result.

    Args:
        heygen: The client.
        display: The display.
        made: The result.
        out: The file; None downloads nothing.
        what: Which of its files; None means the main file.
        more: Additional fields to show.
    """
    record = {**made.record, **(more or {})}
    failure: HeyGenError | None = None
    if out is not None:
        try:
            record["bytes"] = await _download(heygen, made, out, what)
            record["file"] = str(out)
        except HeyGenError as error:  # the result is paid for, so show it anyway
            failure = error
            record["error"] = f"not downloaded: {error}"
    display.result(record, details(record))
    if failure is not None:
        raise failure
    return Exit.DONE


async def _download(heygen: HeyGen, made: Found, out: Path, what: Output | None) -> int:
    state = made.state
    if made.kind in ("video", "video_translation", "lipsync", "filler_word_removal"):
        return await heygen.download(state, out, what=what)
    return await heygen.download(url_of(made, what), out)


def url_of(made: Found, what: Output | None) -> str:
    """Return the URL of a thing's file.

    Args:
        made: The thing.
        what: Which of its files; None means the main file.

    Raises:
        InvalidRequest: The object has no such file.
    """
    url = made.state.url if made.kind == "asset" else find_output_url(made.state, what)
    if url is None:
        kind = made.kind.replace("_", " ")
        raise InvalidRequest(f"{kind} {made.id} has no {what or 'media'} file to download")
    return str(url)


def default_name(made: Found, what: Output | None) -> str:
    """Return a name for a thing's file, from its title or name, or else its id.

    Args:
        made: The thing.
        what: Which of its files; None means the main file.
    """
    title = getattr(made.state, "title", None) or getattr(made.state, "name", None) or made.id
    ending = PurePosixPath(urlsplit(url_of(made, what)).path).suffix.lower()
    if ending not in _KNOWN_ENDINGS:
        ending = _ENDINGS.get(what or "video", "")
    stem = str(title)
    return f"{file_stem(stem.removesuffix(ending))}{ending}"


async def make(
    heygen: HeyGen,
    display: Display,
    kind: str,
    create: Awaitable[Job[Any]],
    *,
    wait: bool,
    timeout: float | None = None,
    out: Path | None = None,
) -> Exit:
    """Create a job; optionally wait for it and download its file.

    Args:
        heygen: The client.
        display: The display.
        kind: Kind of the job.
        create: The call that creates it.
        wait: Wait for the result.
        timeout: Maximum number of seconds to wait, or None.
        out: The file, or None. With a file, the job is also awaited.
    """
    job = await create
    if wait or out is not None:
        return await finish(heygen, display, kind, job, timeout=timeout, out=out)
    record = Found(kind, job.id, job.created).record
    display.result(record, details(record))
    return Exit.DONE
