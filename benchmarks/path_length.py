"""Count the functions and files of the package that one item and one call pass.

*An item*: a run of the engine behind one slot over jobs that end by themselves (``naps.py``), so
that items go one after the other and none shares a commit or a wait with another; what the client
does for an item is not part of it. *A call*: ``videos.create``, one after the other. *A render*:
``Batch.render`` through the client, which is an item with its variant and its price, a call, and
the polls of its job.

Each is done 10 and then 20 times by one client that has done it before. A function is on the path
if each further item executes it, which means that 20 execute it at least 10 times more often than
10. So opening, closing and the first call of anything do not count, nor does what happens once a
second; polls do, since no job ends without one.

An execution is a call, or one resumption of a coroutine or generator: a loop that was entered at
set-up and takes every item is on the path. All threads count. The body of a comprehension belongs
to the function around it, as it does in the bytecode of Python 3.12; a lambda counts by itself.

The sandbox serves on the same event loop, whose clock is turned, so each run takes the same course.
It shares no function with the rest of the package; its files are left out.

    python benchmarks/path_length.py [--json] [--list]
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeAlias

from naps import nap_run
from tables import report

import heygen_async
from heygen_async import AvatarVideoRequest, Batch, HeyGen
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.turned_loop import TurnedEventLoop

WARM_UP, FEW, MANY = 5, 10, 20

PACKAGE = Path(heygen_async.__file__).parent
APART = PACKAGE / "sandbox"
COMPREHENSION = re.compile(r"(\.<locals>)?\.<(list|set|dict|gen)(comp|expr)>")

# Performs an action the given number of times.
Work: TypeAlias = Callable[[int], Awaitable[None]]


class Function(NamedTuple):
    """A function of the package.

    Attributes:
        file: Its file, from the package's folder.
        name: Its qualified name; for a lambda, with its line.
    """

    file: str
    name: str


class Profile:
    """Counts executions of functions of the package, in the order of first execution."""

    def __init__(self) -> None:
        self._codes: dict[CodeType, int] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Count in this thread, and in threads that start meanwhile."""
        threading.setprofile(self._notice)
        sys.setprofile(self._notice)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def take(self) -> Counter[Function]:
        """Return the counts since the last call, and start again."""
        codes, self._codes = self._codes, {}
        counts: Counter[Function] = Counter()
        for code, executions in codes.items():
            function = _function_of(code)
            if function is not None:
                counts[function] += executions
        return counts

    def _notice(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self._codes[frame.f_code] = self._codes.get(frame.f_code, 0) + 1


def _function_of(code: CodeType) -> Function | None:
    file = Path(code.co_filename)
    if not file.is_relative_to(PACKAGE) or file.is_relative_to(APART):
        return None
    name = COMPREHENSION.sub("", code.co_qualname)
    if name.endswith("<lambda>"):
        name += f":{code.co_firstlineno}"
    return Function(file.relative_to(PACKAGE).as_posix(), name)


async def path_of(work: Work, profile: Profile) -> list[Function]:
    """Return the functions that each further item executes, in the order of first execution."""
    await work(WARM_UP)
    profile.take()
    await work(FEW)
    few = profile.take()
    await work(MANY)
    many = profile.take()
    return [function for function in many if many[function] - few[function] >= MANY - FEW]


async def nap(count: int, journal: Path | None = None) -> None:
    """Run so many items through the engine."""
    async with nap_run(range(count), 1, journal) as run:
        async for outcome in run:
            assert outcome.ok, outcome.error


async def nap_with_journal(count: int) -> None:
    """Run so many items through the engine with a journal."""
    with tempfile.TemporaryDirectory() as folder:
        await nap(count, Path(folder) / "run.db")


async def measure(profile: Profile) -> dict[str, list[Function]]:
    """Return the paths of an item, a call and a render."""
    async with (
        Sandbox(speed=1, concurrency=MANY, durations={"video": 60.0}) as sandbox,
        HeyGen(sandbox.api_key, base_url=sandbox.base_url, jobs=1) as heygen,
    ):
        template = (await heygen.templates.list().first_page()).items[0]
        variables = await heygen.templates.variables(template.id)

        async def render(count: int, journal: Path | None = None) -> None:
            variants = [dict.fromkeys(variables, f"Item {number}") for number in range(count)]
            async with Batch(heygen, journal=journal) as batch:
                async for outcome in batch.render(template.id, variants):
                    assert outcome.ok, outcome.error

        async def render_with_journal(count: int) -> None:
            with tempfile.TemporaryDirectory() as folder:
                await render(count, Path(folder) / "run.db")

        async def create(count: int) -> None:
            request = AvatarVideoRequest(avatar_id=sandbox.avatar_id, script="Hello")
            for _ in range(count):
                await heygen.videos.create(request)
            # Room for the counts of the next time.
            sandbox.clock.advance(3600)

        return {
            "item": await path_of(nap, profile),
            "item_journal": await path_of(nap_with_journal, profile),
            "call": await path_of(create, profile),
            "render": await path_of(render, profile),
            "render_journal": await path_of(render_with_journal, profile),
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    arguments.add_argument("--list", action="store_true", help="print the functions, too")
    options = arguments.parse_args()
    profile = Profile()
    with profile.installed(), asyncio.Runner(loop_factory=TurnedEventLoop) as runner:
        paths = runner.run(measure(profile))
    names = {
        "item": "an item without a journal",
        "item_journal": "an item with a journal",
        "call": "videos.create",
        "render": "a render through the client, without a journal",
        "render_journal": "a render through the client, with a journal",
    }
    if options.list and not options.json:
        for name, path in paths.items():
            print(f"\n{names[name]}\n")
            for function in path:
                print(f"  {function.file}  {function.name}")
    rows = []
    figures: dict[str, int] = {}
    for name, path in paths.items():
        what, _, suffix = name.partition("_")
        row = {"functions": len(path), "files": len({function.file for function in path})}
        rows.append({"what": names[name], **row})
        figures |= {"_".join(filter(None, (what, key, suffix))): row[key] for key in row}
    report("Functions and files of the package on the way", rows, figures, options.json)


if __name__ == "__main__":
    main()
