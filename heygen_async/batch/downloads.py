"""Deliver the outcomes of a run as its jobs end: files first, then the user's receivers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from pathlib import PurePath
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable
from weakref import WeakValueDictionary

import msgspec

from heygen_async.batch.outcome import Ended
from heygen_async.batch.run import Run
from heygen_async.batch.submissions import Manifest
from heygen_async.batch.tables.values import is_missing, text_of
from heygen_async.client import HeyGen
from heygen_async.delivery.files import FileStore
from heygen_async.delivery.hooks import CallbackHook, DeliveryHook, text
from heygen_async.delivery.patterns import FilePattern, PathChecker, PatternItem
from heygen_async.delivery.queue import deliver_each
from heygen_async.delivery.remote_files import file_store
from heygen_async.dubs.notes import DubNotes
from heygen_async.dubs.review import DubReview
from heygen_async.errors import ConfigurationError, HeyGenError, InvalidRequest, JournalError
from heygen_async.journal import Delivery
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.outputs import Output, find_output_url
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech
from heygen_async.session.session import Session
from heygen_async.session.sync_iterables import numbered

T = TypeVar("T")

# Reasons of journal errors for an item that has no finished record.
_UNRECORDED = frozenset({"unknown_key", "wrong_state"})
_FILES_AT_ONCE = 8
_HOOKS_AT_ONCE = 8


TargetKind: TypeAlias = Literal["file", "also", "hook"]
"""Kind of a target. ``file``: the files of all completed items. ``also``: additional files, which
not every item has. ``hook``: a receiver of the outcomes of all items.
"""


@runtime_checkable
class Step(Protocol):
    """One step of the delivery of outcomes, such as the files or one receiver.

    Attributes:
        parallel: Maximum number of outcomes that are delivered at the same time.
    """

    parallel: int

    @property
    def targets(self) -> Mapping[str, TargetKind]:
        """Its targets and their kinds, by the names under which the journal records deliveries."""

    async def open(self) -> None:
        """Prepare, before anything is paid for."""

    async def deliver(
        self, outcome: Ended[Any], known: Mapping[str, Delivery]
    ) -> tuple[Ended[Any], list[Delivery]]:
        """Deliver an outcome.

        Args:
            outcome: The outcome.
            known: Its deliveries by earlier runs, by target.

        Returns:
            The outcome with what became of it, and new deliveries, also those that failed.
        """

    async def aclose(self) -> None:
        """Release all resources."""


async def delivered(
    outcomes: AsyncIterable[Ended[T]],
    steps: Sequence[Step],
    *,
    ordered: bool,
    run: Run[Any] | None = None,
    skip_resumed: bool = False,
    taken: Callable[[Ended[Any]], object] = lambda outcome: None,
) -> AsyncGenerator[Ended[T]]:
    """Iterate over outcomes, yielding each when all steps have delivered it or failed.

    A run goes on while outcomes wait for a step: up to 10,000 for each step.

    Args:
        outcomes: The outcomes. Its exceptions are raised after the deliveries in progress.
        steps: The steps, in their order.
        ordered: Keep the order of the outcomes.
        run: The run of the outcomes, whose journal records the deliveries, and which ends with
            this iteration.
        skip_resumed: Deliver items that ended in an earlier run, but yield them only if that
            fails.
        taken: Called with each outcome before it is handed on.
    """
    journal = None if run is None else _Journal(run)
    try:
        async with contextlib.AsyncExitStack() as opened:
            for step in steps:
                await step.open()
                opened.push_async_callback(step.aclose)
            delivering: Any = outcomes
            for step in steps:
                work = partial(_deliver, step, journal)
                delivering = deliver_each(delivering, work, parallel=step.parallel, ordered=ordered)
            await opened.enter_async_context(contextlib.aclosing(delivering))
            async for outcome in delivering:
                taken(outcome)
                failed = outcome.download_error or outcome.delivery_error
                if not (skip_resumed and outcome.resumed and failed is None):
                    yield outcome
    finally:
        if run is not None:
            await run.aclose()


async def _deliver(step: Step, journal: _Journal | None, outcome: Ended[Any]) -> Ended[Any]:
    if journal is None or not step.targets:
        return (await step.deliver(outcome, {}))[0]
    outcome = journal.identified(outcome)
    outcome, deliveries = await step.deliver(outcome, await journal.deliveries(outcome))
    if deliveries:
        await journal.delivered(outcome.key, deliveries)
    return outcome


def delivered_run(
    run: Run[Any],
    steps: Sequence[Step],
    convert: Callable[[Ended[Any]], Ended[Any]] | None,
    *,
    ordered: bool,
    skip_resumed: bool,
) -> AsyncGenerator[Ended[Any]]:
    """Iterate over a run, delivering its outcomes, which are converted before.

    Completed dubs are checked first.

    Arguments as for ``delivered``, and a function that converts outcomes, or None.
    """
    if run.manifest.builder.kind == "translate":
        steps = (DubCheck(run), *steps)
    run.targets = {name: kind for step in steps for name, kind in step.targets.items()}
    originals: dict[tuple[str, int], Ended[Any]] = {}

    async def outcomes() -> AsyncGenerator[Ended[Any]]:
        every = run.with_finished(until_taken=True, keep_open=True)
        async with contextlib.aclosing(every):
            async for outcome in every:
                converted = outcome if convert is None else convert(outcome)
                originals[converted.key, converted.index] = outcome
                yield converted

    def taken(outcome: Ended[Any]) -> None:
        run.taken(originals.pop((outcome.key, outcome.index)))

    return delivered(
        outcomes(), steps, ordered=ordered, run=run, skip_resumed=skip_resumed, taken=taken
    )


class _Journal:
    """Reads and records the deliveries of a run, if it has a journal.

    Args:
        run: The run.
    """

    def __init__(self, run: Run[Any]) -> None:
        self._run = run

    def identified(self, outcome: Ended[T]) -> Ended[T]:
        """Return an outcome with its id, which is the same after each resume."""
        if outcome.delivery_id is not None:
            return outcome
        names = self._run.run_id, outcome.key, outcome.job_id or ""
        digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass"))
        return msgspec.structs.replace(outcome, delivery_id=digest.hexdigest()[:32])

    async def deliveries(self, outcome: Ended[Any]) -> dict[str, Delivery]:
        """Return the deliveries of an outcome by earlier runs, by target."""
        if not (outcome.resumed and self._run.settings.journaled):
            return {}
        earlier = await self._run.store.deliveries(outcome.key)
        return {one.target: one for one in earlier if one.error is None}

    async def delivered(self, key: str, deliveries: list[Delivery]) -> None:
        """Record deliveries."""
        if not self._run.settings.journaled:
            return
        try:
            await self._run.store.delivered(key, deliveries)
        except JournalError as error:
            if error.reason not in _UNRECORDED:
                raise


class DubCheck:
    """Note what a person should look at first in each dub of a run of translations.

    Args:
        run: The run.
    """

    targets: Mapping[str, TargetKind] = {}
    parallel: int = _HOOKS_AT_ONCE

    def __init__(self, run: Run[Any]) -> None:
        self._run = run
        notes = DubNotes.beside(run.store.path if run.settings.journaled else None)
        self._review = DubReview(run.heygen, notes)

    async def open(self) -> None:
        """Do nothing: the notes are read with the first dub."""

    async def deliver(
        self, outcome: Ended[Any], known: Mapping[str, Delivery]
    ) -> tuple[Ended[Any], list[Delivery]]:
        """Return the outcome with its issues."""
        if not outcome.ok:
            return outcome, []
        submission = self._run.manifest.builder.submission(outcome.index, outcome.item)
        request: Any = submission.request

        async def length() -> float | None:
            probed = self._run.manifest.lengths.seconds(request)
            return submission.seconds if probed is None and request.end_time is None else probed

        issues = await self._review.issues(outcome, request, length)
        return msgspec.structs.replace(outcome, issues=issues), []

    async def aclose(self) -> None:
        """Do nothing."""


OnDone: TypeAlias = Callable[[Ended[Any]], object] | DeliveryHook | Step
"""A function that is called with each outcome, or another receiver; see ``Batch``."""


def steps_of(on_done: OnDone | Sequence[OnDone], session: Session) -> tuple[Step, ...]:
    """Return receivers as steps.

    Raises:
        ConfigurationError: One is neither a function nor another receiver.
    """
    steps: list[Step] = []
    for one in on_done if isinstance(on_done, Sequence) else (on_done,):
        if isinstance(one, Step):
            steps.append(one)
        elif isinstance(one, DeliveryHook):
            steps.append(HookStep(one, session))
        elif callable(one):
            steps.append(HookStep(CallbackHook(one), session))
        else:
            raise ConfigurationError(f"on_done: expected a function, got {type(one).__name__}")
    return tuple(steps)


class HookStep:
    """Deliver outcomes to a receiver.

    Args:
        hook: The receiver.
        session: Connections and settings of the client.
    """

    def __init__(self, hook: DeliveryHook, session: Session) -> None:
        self.targets: Mapping[str, TargetKind] = {text(hook.name): "hook"}
        self.parallel: int = _HOOKS_AT_ONCE
        self._hook = hook
        self._session = session

    async def open(self) -> None:
        """Prepare the receiver.

        Raises:
            HeyGenError: It cannot be used.
        """
        await self._hook.open()

    async def deliver(
        self, outcome: Ended[Any], known: Mapping[str, Delivery]
    ) -> tuple[Ended[Any], list[Delivery]]:
        """Deliver an outcome, unless its file is missing."""
        (target,) = self.targets
        if target in known or outcome.download_error is not None:
            return outcome, []
        try:
            await self._hook.deliver(outcome, self._session)
        except HeyGenError as error:
            failed = Delivery(target, error=text(str(error)))
            failure = outcome.delivery_error or error
            return msgspec.structs.replace(outcome, delivery_error=failure), [failed]
        return outcome, [Delivery(target)]

    async def aclose(self) -> None:
        """Do nothing."""


class OutputFiles:
    """Write the outputs of outcomes to files.

    Some file systems do not distinguish names that differ only in case. Such items are saved one
    after the other. If the name of an item turns out to be another item's file, digits are added to
    it. The digits are always the same, so the next run finds the file again.

    Args:
        heygen: The client.
        pattern: Pattern of the paths.
        files: Where the files are written; by default eight at a time where the pattern leads.
        public_base: Public URL of the bucket, or of the folder before the first placeholder.
        manifest: The items of the run, whose paths are checked before anything is paid for.
    """

    def __init__(
        self,
        heygen: HeyGen,
        pattern: FilePattern,
        files: FileStore | None = None,
        *,
        public_base: str | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        self._heygen = heygen
        self._pattern = pattern
        self._files: FileStore = files or file_store(pattern, _FILES_AT_ONCE)
        self._public_base = public_base
        self._manifest = manifest
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._keys: dict[str, str] = {}  # of items by path, if two could have the same
        self.parallel: int = self._files.parallel
        self._name: str = text(pattern.name)
        self.targets: dict[str, TargetKind] = {self._name: "file"}
        for what in pattern.also:
            self.targets[self._target(what)] = "also"

    async def open(self) -> None:
        """Check the paths of a collection, and prepare the place of the files.

        Raises:
            InvalidRequest: Two items have the same path, or one has no value in a column.
            ConfigurationError: The place cannot be used.
        """
        if self._manifest is not None:
            await check_paths(self._pattern, self._manifest)
        await self._files.open()

    async def aclose(self) -> None:
        """Release the place of the files."""
        await self._files.aclose()

    async def saved(self, outcome: Ended[T]) -> Ended[T]:
        """Return the outcome with its files, or with the reason why they are missing."""
        return (await self.deliver(outcome, {}))[0]

    async def deliver(
        self, outcome: Ended[Any], known: Mapping[str, Delivery]
    ) -> tuple[Ended[Any], list[Delivery]]:
        """Write the files of an outcome."""
        result: Any = outcome.result
        if result is None:
            return outcome, []
        if isinstance(video := getattr(result, "video", None), Video):
            result = video  # of a chain that makes more than a video
        failure = outcome.download_error  # the source should have written a file
        paths: dict[Output | None, PurePath] = {}
        found: list[Delivery] = []
        try:
            path = self._path(outcome)
            turn = self._turns.setdefault(str(path).casefold(), asyncio.Lock())
            async with turn:
                if self._pattern.ambiguous(path) or await self._files.is_anothers(
                    path, self._pattern.varying
                ):
                    path = self._pattern.path(outcome, apart=True)
                kept = outcome.resumed and self._pattern.lasting
                if self._pattern.also and isinstance(result, VideoAgentSession):
                    result = await _video_of(self._heygen, result)
                for what, to in self._outputs(result, path):
                    target = self._target(what)
                    location = text(self._pattern.location(to))
                    recorded = target in known and known[target].location == location
                    try:
                        if not (kept and await self._files.keeps(to, recorded=recorded)):
                            await self._files.write(
                                partial(_fetch, self._heygen, result, what=what), to
                            )
                        paths[what] = to
                        if not recorded:
                            found.append(Delivery(target, location, self._url(to)))
                    except HeyGenError as error:
                        found.append(Delivery(target, error=text(str(error))))
                        failure = failure or error
        except HeyGenError as error:
            found.append(Delivery(self._name, error=text(str(error))))
            failure = failure or error
        main = paths.pop(None, None)
        outcome = msgspec.structs.replace(
            outcome,
            file=None if main is None else self._pattern.location(main),
            public_url=None if main is None else self._url(main),
            also={what: self._pattern.location(to) for what, to in paths.items() if what},
            download_error=failure,
        )
        return outcome, found

    def _path(self, outcome: Ended[Any]) -> PurePath:
        path = self._pattern.path(outcome)
        if not self._pattern.distinct:
            key = self._keys.setdefault(str(path), outcome.key)
            if key != outcome.key:
                raise InvalidRequest(
                    f"to: items {key!r} and {outcome.key!r} have the same file "
                    f"{self._pattern.location(path)}; add {{key}} to the pattern",
                    param="to",
                )
        return path

    def _url(self, path: PurePath) -> str | None:
        base = self._public_base
        return None if base is None else self._pattern.public_url(path, base)

    def _target(self, what: Output | None) -> str:
        return self._name if what is None else f"{self._name} {what}"

    def _outputs(self, result: Any, path: PurePath) -> Iterator[tuple[Output | None, PurePath]]:
        """Yield the files of a result with their paths."""
        yield None, path
        main = "video" if find_output_url(result, "video") else "audio"
        for what in self._pattern.also:
            url = find_output_url(result, what)
            if url is not None and what not in ("video", main):
                yield what, self._pattern.beside(path, what, url)


def output_files(
    heygen: HeyGen,
    manifest: Manifest,
    to: str | os.PathLike[str],
    also: Sequence[Output],
    parallel: int,
    public_base: str | None,
    options: Mapping[str, Any] | None,
    patience: float | None,
) -> OutputFiles:
    """Return the step that downloads the outputs of a run; see ``Batch.download``.

    Args:
        heygen: The client.
        manifest: The items of the run.
        to: Pattern of the paths.
        also: Additional files of each result.
        parallel: Maximum number of concurrent downloads.
        public_base: Public URL of the bucket or folder, or None.
        options: Arguments of the fsspec file system of a URL.
        patience: Seconds for which files wait for the server of a URL; None waits indefinitely.

    Raises:
        InvalidRequest: The pattern or another argument cannot be used.
    """
    if parallel < 1:
        raise InvalidRequest(f"parallel: expected 1 or more, got {parallel}", param="parallel")
    items = manifest.items
    is_plain = isinstance(items, list | tuple) and items and not isinstance(items[0], Mapping)
    pattern = FilePattern(to, also, None if is_plain else item_columns)
    files = file_store(pattern, parallel, options=options, patience=patience)
    return OutputFiles(heygen, pattern, files, public_base=public_base, manifest=manifest)


async def check_paths(pattern: FilePattern, manifest: Manifest) -> None:
    """Check the paths of the items of a run, if they are a collection.

    Raises:
        InvalidRequest: Two items have the same path, or one has no value in a column.
    """
    items, key = manifest.items, manifest.key
    if not isinstance(items, Collection) or (pattern.distinct and not pattern.columns):
        return
    checker = PathChecker(pattern)
    async with contextlib.aclosing(numbered(items, manifest.builder.pull)) as every:
        async for index, item in every:
            checker.add(PatternItem(str(index) if key is None else key(item), index), row_of(item))


def item_columns(outcome: Ended[Any]) -> dict[str, Any]:
    """Return the columns of the row that an outcome's item is; empty if it is not a row."""
    return row_of(outcome.item)


def row_of(item: Any) -> dict[str, Any]:
    """Return the values of a row as texts, missing values as None; empty if it is not a row."""
    if not isinstance(item, Mapping):
        return {}
    return {
        str(name): None if is_missing(value) else text_of(value) for name, value in item.items()
    }


async def _fetch(heygen: HeyGen, result: Any, to: Any, *, what: Output | None) -> None:
    match result:
        case Video() | VideoTranslation() | Lipsync():
            await heygen.download(result, to, what=what)
        case VideoAgentSession():
            await heygen.download(await _video_of(heygen, result), to)
        case Speech():
            await heygen.download(result.audio_url, to)
        case _:
            raise InvalidRequest(f"a {type(result).__name__} has no file to download")


async def _video_of(heygen: HeyGen, session: VideoAgentSession) -> Video:
    """Return the video of a session; the session can end before its video."""
    if session.video_id is None:
        raise InvalidRequest(f"session {session.session_id} has no video to download")
    return await heygen.jobs.attach(Video, session.video_id).wait()
