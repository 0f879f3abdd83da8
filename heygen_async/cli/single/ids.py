"""``get``, ``wait``, ``download`` and ``delete``: handle one object of the account by its id."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from heygen_async.cli.display import Display
from heygen_async.cli.editing import confirmed
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.tables import details
from heygen_async.cli.single.things import KINDS, Found, check_deletable, found
from heygen_async.cli.single.things import delete as delete_thing
from heygen_async.cli.single.waiting import (
    check_target,
    default_name,
    finish,
    interruptible,
    result_of,
    show_saved,
)
from heygen_async.client import HeyGen
from heygen_async.models.outputs import Output


async def get(
    item_id: str, *, display: Display, base_url: str | None, kind: str | None = None
) -> Exit:
    """Show the current state of an object.

    Args:
        item_id: Its id.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        kind: Its kind; None detects it.

    Raises:
        CommandError: Nothing has this id.
        HeyGenError: The API refuses the request.
    """
    async with HeyGen(base_url=base_url) as heygen:
        for thing in await found(heygen, item_id, kind):
            display.result(thing.record, details(thing.record))
    return Exit.DONE


async def wait(
    item_id: str,
    *,
    display: Display,
    base_url: str | None,
    kind: str | None = None,
    timeout: float | None = None,
) -> Exit:
    """Wait until a job has ended, and show its result.

    Args:
        item_id: The job's id.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        kind: Its kind; None detects it.
        timeout: Maximum number of seconds to wait; None waits indefinitely.

    Raises:
        CommandError: Nothing has this id, or it is not a job.
        HeyGenError: The job has failed, or has not ended in time.
    """

    async def waited() -> Exit:
        async with HeyGen(base_url=base_url) as heygen:
            thing = await _job(heygen, item_id, kind)
            job = heygen.jobs.attach(_result(thing), item_id)
            return await finish(heygen, display, thing.kind, job, timeout=timeout, known=True)

    return await interruptible(display, waited())


async def download(
    item_id: str,
    *,
    display: Display,
    base_url: str | None,
    kind: str | None = None,
    timeout: float | None = None,
    out: Path | None = None,
    what: Output | None = None,
) -> Exit:
    """Download the file of a job, once it has ended, or of an asset.

    Args:
        item_id: The id.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        kind: Its kind; None detects it.
        timeout: Maximum number of seconds to wait for the job; None waits indefinitely.
        out: The file, or its folder; None uses the current folder. In a folder the file is named
            after the title, and an existing file is not replaced.
        what: Which of its files; None means the main file.

    Raises:
        CommandError: Nothing has this id, or the file cannot be written.
        HeyGenError: The job has failed, or its file cannot be fetched.
    """

    async def downloaded() -> Exit:
        folder = await asyncio.to_thread(_folder, out)
        async with HeyGen(base_url=base_url) as heygen:
            thing = (await found(heygen, item_id, kind))[0]
            if KINDS[thing.kind].job is not None:
                job = heygen.jobs.attach(_result(thing), item_id)
                state = await result_of(display, job, timeout)
                made = "video" if thing.kind == "video_agent_session" else thing.kind
                thing = Found(made, getattr(state, "id", item_id), state)
            name = default_name(thing, what)
            target = out if folder is None or out is None else out / name
            if folder is not None:
                target = folder / name
                if await asyncio.to_thread(target.exists):
                    raise CommandError(f"{target} is there already; -o {target} replaces it")
            return await show_saved(heygen, display, thing, target, what=what)

    return await interruptible(display, downloaded())


async def delete(
    item_id: str, *, display: Display, base_url: str | None, kind: str | None = None
) -> Exit:
    """Delete an object; without its kind, show it and ask the user.

    Args:
        item_id: Its id.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        kind: Its kind; None detects it and asks.

    Raises:
        CommandError: Nothing has this id, it cannot be deleted, or the user cannot be
            asked.
        HeyGenError: The API refuses to delete it.
    """
    async with HeyGen(base_url=base_url) as heygen:
        if kind is None:
            things = await found(heygen, item_id)
            kinds = ", ".join(thing.kind for thing in things)
            if len(things) > 1:
                raise CommandError(f"{item_id} names several things; say which: --kind {kinds}")
            kind = things[0].kind
            check_deletable(heygen, kind)
            if not sys.stdin.isatty():
                raise CommandError(f"{item_id} is of kind {kind}; to delete it, add --kind {kind}")
            display.people(details(things[0].record))
            if not await confirmed(f"Delete this {kind.replace('_', ' ')} for good?"):
                display.warn("Nothing was deleted.")
                return Exit.SOME_FAILED
        check_deletable(heygen, kind)
        await delete_thing(heygen, item_id, kind)
    record = {"kind": kind, "id": item_id, "deleted": True}
    display.result(record, details(record))
    return Exit.DONE


async def _job(heygen: HeyGen, item_id: str, kind: str | None) -> Found:
    """Return the job that an id names.

    Raises:
        CommandError: Nothing has this id, or it is not a job.
    """
    things = await found(heygen, item_id, kind)
    for thing in things:
        if KINDS[thing.kind].job is not None:
            return thing
    raise CommandError(f"{item_id} is of kind {things[0].kind}, which is not a job to wait for")


def _result(thing: Found) -> type[Any]:
    result = KINDS[thing.kind].job
    assert result is not None
    return result


def _folder(out: Path | None) -> Path | None:
    """Return the folder for a file that gets a default name; None if the file has a name.

    Raises:
        CommandError: The file cannot be written.
    """
    if out is None:
        return Path()
    if out.is_dir():
        return out
    check_target(out)
    return None
