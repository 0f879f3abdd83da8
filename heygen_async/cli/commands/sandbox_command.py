"""``heygen-async sandbox``: serve a local HeyGen until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Literal

from rich.console import Console
from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.sandbox import Faults, Sandbox


async def serve(
    *,
    display: Display,
    port: int,
    speed: float,
    concurrency: int,
    seed: int,
    faults: str | None = None,
    balance: float = 100_000.0,
    api_keys: Sequence[str] | None = None,
    allowed_hosts: Sequence[str] = (),
    media: Literal["plain", "drawn"] = "plain",
) -> Exit:
    """Serve a sandbox until Ctrl-C or SIGTERM, which end it normally.

    Args:
        display: The display of its address.
        port: 0 picks a free one.
        speed: Sandbox seconds per second.
        concurrency: Jobs that run at once.
        seed: Seed of ids and durations.
        faults: Faults to inject, as JSON; none by default.
        balance: USD in the wallet.
        api_keys: Keys that are accepted; None generates a random key.
        allowed_hosts: Accepted host names in addition to localhost.
        media: Kind of the media files, as `Sandbox` takes it.

    Raises:
        CommandError: The port is in use, the faults are invalid, or packages are missing.
    """
    try:
        plan = Faults() if faults is None else Faults.from_json(faults)
    except ValueError as error:
        raise CommandError(f"--faults: {error}") from None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Event loops on Windows handle no signals; Ctrl-C arrives there as a cancellation.
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    try:
        sandbox = Sandbox(
            port=port,
            speed=speed,
            concurrency=concurrency,
            seed=seed,
            faults=plan,
            balance=balance,
            api_keys=api_keys,
            allowed_hosts=allowed_hosts,
            media=media,
        )
    except ModuleNotFoundError as error:
        raise CommandError(f"--media: {error}") from None
    try:
        await sandbox.open()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error  # asyncio's own is longer
        raise CommandError(f"--port {port}: {reason}; with 0 a free one is chosen") from None
    try:
        print_address(sandbox, display)
        await stop.wait()
    finally:
        await sandbox.aclose()
    display.note("Stopped.")
    return Exit.DONE


def print_address(sandbox: Sandbox, display: Display) -> None:
    """Show the address of a sandbox, and how to use it."""
    record = {
        "base_url": sandbox.base_url,
        "api_key": sandbox.api_key,
        "media_origin": sandbox.media_origin,
        "template_id": sandbox.template_id("Welcome"),
        "avatar_id": sandbox.avatar_id,
        "voice_id": sandbox.voice_id,
    }
    display.result(record, partial(_show, sandbox))


def _show(sandbox: Sandbox, console: Console) -> None:
    console.print(
        Text.assemble(("HeyGen sandbox", "bold"), " at ", (sandbox.base_url, "cyan underline"))
    )
    console.print(
        f"{sandbox.clock.speed:g} sandbox seconds a second, {sandbox.concurrency} jobs at once, "
        "nothing is charged. Ctrl-C stops it.",
        style="dim",
        highlight=False,
    )
    console.print("\nIn another terminal:\n", highlight=False)
    # Print it without wrapping, so that it can be copied at any width of the terminal.
    for line in (
        f"export HEYGEN_API_BASE={sandbox.base_url} HEYGEN_API_KEY={sandbox.api_key}",
        'heygen-async video create --avatar Amara --script "Hello." -o hello.mp4',
        r"printf 'name,product\nAda,Apollo\nGrace,Apollo\n' > rows.csv",
        "heygen-async render Welcome rows.csv --download videos",
    ):
        console.print(Text(f"  {line}", style="green"), soft_wrap=True)
