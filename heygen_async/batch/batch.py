"""``Batch``: bulk runs over one client. The client knows nothing of it."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable
from types import TracebackType
from typing import Any, Literal, TypeVar
from weakref import WeakSet

import msgspec

from heygen_async.batch.report import Progress
from heygen_async.batch.run import Run
from heygen_async.batch.source import Source
from heygen_async.batch.variants import Variant, VariantChecker
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.errors import ConfigurationError, InvalidRequest, InvalidResponse
from heygen_async.jobs.job import Job
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video

T = TypeVar("T")
Item = TypeVar("Item")


class Batch:
    """Runs many jobs through the account's slots, in bounded memory.

    ``async with Batch(heygen) as batch:`` ends whatever run was left open. One failed item
    never stops the others, unless you ask for it.

    Args:
        heygen: The client; interactive calls on it go before those of a batch.
        concurrency: Jobs of one run that may be under way at once. Default: the ceiling of the
            client's ``JobSlots``, which learn what the account allows.
        on_error: ``collect`` (default) reports failed items among the outcomes; ``stop``
            submits nothing after the first failure, lets running jobs finish, and raises
            ``BatchStopped`` at the end. A refused key, an empty account and an exhausted quota
            stop a run either way, since all other items would meet the same.
        ordered: Yield outcomes in the order of the items. Default False: as they finish.
        job_timeout: Seconds after which a job is given up as ``JobTimeout``; it goes on at
            HeyGen. Default 7200; None waits for as long as it takes.
        progress: Called with a ``Progress`` after each outcome, on the event loop. If it raises,
            that is logged and it is not called again.
    """

    def __init__(
        self,
        heygen: HeyGen,
        *,
        concurrency: int | None = None,
        on_error: Literal["collect", "stop"] = "collect",
        ordered: bool = False,
        job_timeout: float | None = 7200.0,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        if concurrency is not None and concurrency < 1:
            raise ConfigurationError(f"concurrency: expected 1 or more, got {concurrency!r}")
        if on_error not in ("collect", "stop"):
            raise ConfigurationError(f"on_error: expected collect or stop, got {on_error!r}")
        self._heygen = heygen
        self._workers = min(concurrency or heygen.slots.ceiling, heygen.slots.ceiling)
        self._on_error = on_error
        self._ordered = ordered
        self._job_timeout = job_timeout
        self._progress = progress
        # A run that nobody iterates over and nobody keeps needs no end.
        self._runs: WeakSet[Run[Any]] = WeakSet()

    async def __aenter__(self) -> Batch:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all runs that are still open. Jobs at HeyGen go on."""
        for run in list(self._runs):
            await run.aclose()

    def render(
        self,
        template_id: str,
        variants: Iterable[Variant] | AsyncIterable[Variant],
        *,
        key: Callable[[Variant], str] | None = None,
        version: Version = "auto",
        test: bool = False,
    ) -> Run[Video]:
        """Render variants of a template.

        Names and types of all variables are checked against the template before the first
        paid call where ``variants`` is a collection; where it is an iterator, each variant is
        checked before its own.

        Args:
            template_id: The template.
            variants: Mappings of variable names to values, or ``TemplateRenderRequest``s; any
                sync or async iterable, pulled only as fast as slots free up.
            key: Gives each variant's key. Default: its position. For a collection all keys are
                made, and compared, before the first paid call.
            version: See ``heygen.templates.generate``.
            test: Render in lower quality, free of charge, through v2.

        Returns:
            The run; iterate it for ``Outcome[Video]``.

        Raises:
            InvalidVariants: When the iteration begins; with ``on_error="collect"`` a variant of
                an iterator fails alone.
            InvalidRequest: Two variants of a collection have the same key.
        """
        checker: VariantChecker

        async def prepare() -> None:
            nonlocal checker
            which: Version = "v2" if test else version
            found = await self._heygen.templates.variables(template_id, version=which)
            checker = VariantChecker(found)
            if isinstance(variants, Collection):
                checker.check_all(variants)

        async def submit(index: int, variant: Variant) -> Job[Video]:
            request = checker.request(index, variant)
            return await self._heygen.templates.generate(
                template_id, request, version=version, test=test
            )

        return self._run(variants, submit, prepare, key)

    def translate(
        self,
        video: str | AssetUrl | AssetId | VideoTranslationRequest,
        languages: Iterable[str] | AsyncIterable[str],
    ) -> Run[VideoTranslation]:
        """Dub one video into many languages, one job each; the language is the item's key.

        Args:
            video: A URL, an asset, or a whole request whose ``output_languages`` are replaced
                by one of ``languages`` at a time.
            languages: Names as ``heygen.video_translations.languages()`` lists them. Those of a
                collection are checked before the first paid call.

        Returns:
            The run; iterate it for ``Outcome[VideoTranslation]``.

        Raises:
            InvalidRequest: When the iteration begins: a language that HeyGen does not offer, or
                one that a collection names twice.
        """
        if isinstance(languages, str):
            raise InvalidRequest("languages: expected several names, got one", param="languages")
        if isinstance(video, str):
            video = AssetUrl(url=video)
        if not isinstance(video, VideoTranslationRequest):
            video = VideoTranslationRequest(video=video, output_languages=["English"])
        request = video
        offered: frozenset[str]

        async def prepare() -> None:
            nonlocal offered
            offered = frozenset(await self._heygen.video_translations.languages())
            if isinstance(languages, Collection):
                for language in languages:
                    check_language(language, offered)

        async def submit(index: int, language: str) -> Job[VideoTranslation]:
            check_language(language, offered)
            jobs = await self._heygen.video_translations.create(
                msgspec.structs.replace(request, output_languages=[language])
            )
            if not jobs:
                raise InvalidResponse("the answer names no translation", status=200)
            return jobs[0]

        return self._run(languages, submit, prepare, str)

    def _run(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        submit: Callable[[int, Item], Awaitable[Job[T]]],
        prepare: Callable[[], Awaitable[None]],
        key: Callable[[Item], str] | None,
    ) -> Run[T]:
        async def check() -> None:
            await prepare()
            if key is not None and isinstance(items, Collection):
                check_keys(items, key)

        run = Run(
            Source(items),
            submit,
            prepare=check,
            key=key,
            slots=self._heygen.slots,
            traffic=self._heygen.traffic,
            workers=self._workers,
            ordered=self._ordered,
            on_error=self._on_error,
            job_timeout=self._job_timeout,
            progress=self._progress,
        )
        self._runs.add(run)
        return run


def check_keys(items: Iterable[Item], key: Callable[[Item], str]) -> None:
    """Refuse items that cannot be told apart.

    Raises:
        InvalidRequest: With the key and both positions, counted from 1.
    """
    positions: dict[str, int] = {}
    for position, item in enumerate(items, 1):
        first = positions.setdefault(key(item), position)
        if first != position:
            raise InvalidRequest(
                f"key: items {first} and {position} have the same key {key(item)!r}", param="key"
            )


def check_language(language: str, offered: Collection[str]) -> None:
    """Refuse a language that HeyGen does not offer, and name the closest that it does.

    Raises:
        InvalidRequest: With the language in its message.
    """
    if language not in offered:
        close = difflib.get_close_matches(str(language), list(offered), n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise InvalidRequest(
            f"languages: HeyGen does not translate into {language!r}{hint}", param="languages"
        )
