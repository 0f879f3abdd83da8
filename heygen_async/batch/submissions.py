"""Turn the items of a run into submissions, and check them before any paid call."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from functools import partial
from numbers import Integral
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from heygen_async.batch.operations import OPERATIONS, Submission, operation_of
from heygen_async.batch.resume import RemainingWorkCounter
from heygen_async.batch.tables.columns import RowFields, column_key
from heygen_async.batch.tables.values import text_of
from heygen_async.batch.variants import (
    InvalidVariants,
    Variant,
    VariantChecker,
    VariantProblem,
)
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import FoundTemplate, Version, find_once
from heygen_async.errors import InvalidRequest
from heygen_async.media.probes import Source
from heygen_async.media.source_lengths import SourceLengths, sources_of
from heygen_async.models.languages import same_language
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.models.sources import AssetId, AssetUrl
from heygen_async.models.structs import Request, encode
from heygen_async.models.templates import Template, TemplateVariableInfo
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import Video
from heygen_async.pricing.charges import TYPICAL_AGENT_SECONDS
from heygen_async.pricing.estimates import Estimate, RunEstimate, RunTotal, estimate
from heygen_async.pricing.prices import PriceTable
from heygen_async.session.sync_iterables import Pull, chunks, in_memory, numbered

T = TypeVar("T")

ItemKey: TypeAlias = str | int | UUID
"""The key of an item; numbers and UUIDs are converted to text."""

KeyOf: TypeAlias = str | Callable[[Any], ItemKey]
"""Source of an item's key: a function, or the name of a column of its row."""

Via: TypeAlias = Literal["single", "api-batch"]
"""How items are sent: one by one, or up to 100 together, which HeyGen starts as it has capacity."""

SourceVideo: TypeAlias = str | AssetUrl | AssetId | VideoTranslationRequest
"""A video to dub: its URL, an asset, or a complete request."""

_INTO_LANGUAGES = (VideoTranslationRequest, ProofreadRequest)


class SubmissionBuilder(ABC, Generic[T]):
    """Build the submissions of one run.

    Attributes:
        kind: Kind of run, as the journal stores it.
        subject: Its subject, as the journal stores it.
        title: What people call the subject, such as the name of a template; None if unknown.
        prices: Prices of its jobs.
        has_sources: Whether its items can have sources that need probing.
        pull: Where to read collections that are not in memory.
        agent_seconds: Typical length in seconds of a Video Agent's video; used to price estimates,
            not for reservations.
    """

    kind: str
    subject: str
    title: str | None = None
    prices: PriceTable
    has_sources: bool = True
    pull: Pull = "thread"
    agent_seconds: float = TYPICAL_AGENT_SECONDS

    @abstractmethod
    async def prepare(self) -> None:
        """Fetch the data that is needed before the first item. Makes no paid call."""

    @abstractmethod
    async def check(self, items: Collection[Any]) -> set[Source]:
        """Check all items of a collection.

        Returns:
            The sources of those whose length is not given.

        Raises:
            InvalidRequest: An item cannot be sent; the message names the item and the error.
        """

    @abstractmethod
    def submission(self, index: int, item: Any, key: str | None = None) -> Submission[T]:
        """Return the submission of one item.

        Raises:
            InvalidRequest: The item cannot be sent.
        """

    def estimate(self, submission: Submission[T]) -> Estimate:
        """Return the estimated cost of a submission."""
        return estimate(
            submission.request,
            self.prices,
            seconds=submission.seconds,
            scouted=submission.scouted,
            agent_seconds=self.agent_seconds,
        )


class RenderBuilder(SubmissionBuilder[Video]):
    """Render variants of one template.

    Args:
        heygen: The client.
        template_id: The template.
        prices: Prices of renders.
        version: The version of the API that serves the template.
        test: Render in lower quality, free of charge.
        variant_of: Makes the variant of an item. Default: the item is the variant.
        rows: Whether items are rows of a table, whose other columns are ignored.
        found: The template, if it was fetched before.

    Attributes:
        template_id: The template.
        variables: The variables of the template, with their defaults.
        template: The template, unless v2 serves it.
    """

    kind = "render"
    has_sources = False

    def __init__(
        self,
        heygen: HeyGen,
        template_id: str,
        prices: PriceTable,
        *,
        version: Version,
        test: bool,
        variant_of: Callable[[Any], Variant] | None = None,
        rows: bool = False,
        found: FoundTemplate | None = None,
    ) -> None:
        if isinstance(found, Template) and found.id != template_id:
            raise InvalidRequest(f"template: got {found.id}, not {template_id}", param="template")
        # A run must not continue test renders, and a test run must not continue paid renders.
        self.subject: str = f"{template_id} (test)" if test else template_id
        self.prices = prices
        self._templates = heygen.templates
        self.template_id: str = template_id
        self._version: Version = "v2" if test else version
        self._test = test
        self._variant_of = variant_of
        self._rows = rows
        self._found = found
        self._checker: VariantChecker
        self.variables: Mapping[str, TemplateVariableInfo] = {}
        self.template: Template | None = None

    async def prepare(self) -> None:
        """Fetch the template's variables, and its scripts, which determine the cost."""
        version, templates = self._version, self._templates
        self._found = found = await find_once(self._found, templates, self.template_id, version)
        self.variables, self._version = found.infos(), "v2"
        if isinstance(found, Template):
            self.template, self._version = found, "v3"
            self.title: str | None = found.name
        self._checker = VariantChecker(self.variables)
        if self._rows:
            self._variant_of = RowFields(self.variables)

    async def check(self, items: Collection[Any]) -> set[Source]:
        """Check all variants, and report every invalid row and variable."""
        problems: list[VariantProblem] = []
        async with aclosing(numbered(items, self.pull)) as every:
            async for index, item in every:
                problems += self._checker.problems(index, self.variant(item))
        if problems:
            raise InvalidVariants(problems)
        return set()

    def submission(self, index: int, item: Any, key: str | None = None) -> Submission[Video]:
        """Return the submission of one variant."""
        request = self._checker.request(index, self.variant(item))
        return Submission(
            operation="templates.generate",
            path_arguments=(self.template_id,),
            request=request,
            payload=request.v3(),
            index=index,
            key=key,
            version=self._version,
            test=self._test,
        )

    def estimate(self, submission: Submission[Video]) -> Estimate:
        """Return the estimated cost of a variant, from its scripts."""
        return estimate(
            submission.request, self.prices, template=self.template, test=submission.test
        )

    def variant(self, item: Any) -> Any:
        """Return the variant of an item."""
        return item if self._variant_of is None else self._variant_of(item)


class RequestsBuilder(SubmissionBuilder[Any]):
    """Build submissions from requests of any kind that starts one job; kinds can be mixed.

    Args:
        heygen: The client.
        items: The items.
        prices: Prices of jobs.
        kind: Kind of run, as the journal stores it.
        subject: Its subject, as the journal stores it.
        request_of: Makes the request of an item.
        seconds_of: Returns the length of an item's output in seconds, or None.
        via: How the items are sent.
        into_languages: Whether every item is a translation, so that all languages are checked.
    """

    def __init__(
        self,
        heygen: HeyGen,
        items: object,
        prices: PriceTable,
        *,
        kind: str,
        subject: str = "",
        request_of: Callable[[Any], Any] = lambda item: item,
        seconds_of: Callable[[Any], float | None] = lambda item: None,
        via: Via = "single",
        into_languages: bool = False,
    ) -> None:
        self.kind = kind
        self.subject = subject
        self.prices = prices
        self._heygen = heygen
        self._items = items
        self._request_of = request_of
        self._seconds_of = seconds_of
        self._via = via
        self._into_languages = into_languages
        self._offered: frozenset[str] | None = None

    async def prepare(self) -> None:
        """Fetch the languages that HeyGen offers, if the items are a collection of translations.

        The contents of an iterator are known too late; HeyGen refuses its invalid languages one by
        one, free of charge.
        """
        if self._into_languages or await self._names_languages():
            self._offered = frozenset(await self._heygen.video_translations.languages())

    async def _names_languages(self) -> bool:
        if not isinstance(self._items, Collection):
            return False
        async with aclosing(numbered(self._items, self.pull)) as items:
            return any([isinstance(item, _INTO_LANGUAGES) async for _, item in items])

    async def check(self, items: Collection[Any]) -> set[Source]:
        """Check all requests, and report the first that cannot be sent."""
        sources: set[Source] = set()
        async with aclosing(numbered(items, self.pull)) as every:
            async for index, item in every:
                try:
                    submission = self.submission(index, item)
                except InvalidRequest as error:
                    what = f"item {index + 1}: {error}"
                    raise InvalidRequest(what, param=error.param) from None
                if submission.seconds is None:
                    sources.update(sources_of(submission.request))
        return sources

    def submission(self, index: int, item: Any, key: str | None = None) -> Submission[Any]:
        """Return the submission of one request."""
        request = self._request_of(item)
        operation = operation_of(request)
        if self._via == "api-batch" and OPERATIONS[operation].server_batch is None:
            raise InvalidRequest(
                "via: HeyGen's own batches take videos, translations and lipsyncs, not "
                f"{type(request).__name__}; use via='single'",
                param="via",
            )
        if self._offered is not None and isinstance(request, _INTO_LANGUAGES):
            check_language(request.output_languages[0], self._offered)
        return Submission(
            operation=operation,
            path_arguments=_path_arguments(request),
            request=request,
            payload=encode(request),
            index=index,
            key=key,
            seconds=self._seconds_of(item),
        )


class Manifest(NamedTuple):
    """The items of a run, and the builder of their submissions.

    Attributes:
        items: The items.
        builder: Builds their submissions.
        key: Returns each item's key, or None for default keys.
        lengths: The known lengths of their sources.
    """

    items: Any
    builder: SubmissionBuilder[Any]
    key: Callable[[Any], str] | None
    lengths: SourceLengths


def _path_arguments(request: Request) -> tuple[str, ...]:
    proofread_id = getattr(request, "proofread_id", None)
    return () if proofread_id is None else (proofread_id,)


async def estimate_run(
    builder: SubmissionBuilder[Any],
    items: Any,
    key: Callable[[Any], str] | None,
    lengths: SourceLengths,
    open_counter: Callable[[], RemainingWorkCounter | None],
) -> RunEstimate:
    """Return the estimated cost of a run, and the part that remains after earlier runs.

    All items are checked as the run would check them.

    Args:
        builder: Builds the submissions.
        items: A collection of items.
        key: Returns each item's key, or None for default keys.
        lengths: The known lengths of the sources; sources of remaining items are probed.
        open_counter: Reads the journal, or None without one; blocks.

    Raises:
        InvalidRequest: An item cannot be sent, two items have the same key, or ``items`` is not a
            collection, so that nothing would be left to run.
        JournalError: The journal cannot be read, or belongs to another run.
    """
    if not isinstance(items, Collection):
        raise InvalidRequest(
            "items: an estimate needs a collection, such as a list; an iterator would be used up",
            param="items",
        )
    await builder.prepare()
    await check_and_probe(builder, items, key, lengths, open_counter)
    return await estimate_items(builder, items, key, lengths, open_counter, ask_agents=True)


async def check_and_probe(
    builder: SubmissionBuilder[Any],
    items: Collection[Any],
    key: Callable[[Any], str] | None,
    lengths: SourceLengths,
    open_counter: Callable[[], RemainingWorkCounter | None],
) -> bool:
    """Check all items, and probe the sources of those that will be submitted without a length.

    Sources of items that an earlier run submitted may have been removed.

    Returns:
        Whether there are items with sources, as far as is known.

    Raises:
        InvalidRequest: An item cannot be sent, or two items have the same key.
        InvalidSources: HeyGen cannot use some of the sources; all of them are named.
        JournalError: The journal cannot be read.
    """
    sources = await builder.check(items)
    if key is not None:
        await check_keys(items, key, builder.pull)
    if not (builder.has_sources and lengths.enabled):
        return builder.has_sources
    if sources and (counter := await asyncio.to_thread(open_counter)) is not None:
        sources.clear()
        async with aclosing(_submissions(builder, items, key)) as every:
            async for one in every:
                if counter.submits(one) and one.seconds is None:
                    sources.update(sources_of(one.request))
    await lengths.probe(sources)
    return bool(sources)


async def _submissions(
    builder: SubmissionBuilder[Any], items: Collection[Any], key: Callable[[Any], str] | None
) -> AsyncGenerator[Submission[Any]]:
    async with aclosing(numbered(items, builder.pull)) as every:
        async for index, item in every:
            yield builder.submission(index, item, None if key is None else key(item))


async def estimate_items(
    builder: SubmissionBuilder[Any],
    items: Collection[Any],
    key: Callable[[Any], str] | None,
    lengths: SourceLengths,
    open_counter: Callable[[], RemainingWorkCounter | None],
    *,
    ask_agents: bool = False,
) -> RunEstimate:
    """Return the result of ``estimate_run`` for items that were checked and probed.

    With ``ask_agents``, the length of Video Agent videos is taken from the account if the journal
    does not have it; only ``usd`` depends on it.
    """
    counter = await asyncio.to_thread(open_counter)
    agent_seconds = None if counter is None else counter.agent_seconds
    total = RunTotal()
    async with aclosing(_submissions(builder, items, key)) as every:
        async for submission in every:
            if type(submission.request) is VideoAgentRequest:
                if agent_seconds is None and ask_agents:
                    agent_seconds = await lengths.agent_seconds()
                builder.agent_seconds = agent_seconds or TYPICAL_AGENT_SECONDS
            expected = builder.estimate(submission.measured(lengths))
            total.add(expected)
            if counter is not None:
                counter.add(submission, expected)
    left = None if counter is None else counter.remaining()
    return msgspec.structs.replace(total.estimate(builder.prices.as_of), left=left)


def text_keys(key: KeyOf) -> Callable[[Any], str]:
    """Return a function that gives the key of an item as text.

    The function raises ``InvalidRequest`` if the key is not text, an integer or a UUID.

    Args:
        key: Returns the key of an item, or is the name of the column that holds it.
    """
    key_of = column_key(key) if isinstance(key, str) else key

    def text_key(item: Any) -> str:
        found = key_of(item)
        if isinstance(found, str):
            return str.__str__(found)  # also for a member of an enum
        if isinstance(found, UUID):
            return str(found)
        number = None if isinstance(found, bool) else found
        if isinstance(number, Integral):
            return str(int(number))
        raise InvalidRequest(
            f"key: expected text, a whole number or a UUID for each item, got {found!r}",
            param="key",
        )

    return text_key


async def check_keys(
    items: Iterable[Any], key: Callable[[Any], str], pull: Pull = "thread"
) -> None:
    """Refuse items with duplicate or invalid keys.

    Args:
        items: The items.
        key: Returns the key of each item.
        pull: Where the items are read if they are not in memory.

    Raises:
        InvalidRequest: A key is duplicate or invalid; the message has the key and the positions,
            counted from 1.
    """
    positions: dict[int, int] = {}  # by hash: keys are many, and may be long
    position = 0
    async with aclosing(chunks(items, pull)) as parts:
        async for part in parts:
            for item in part:
                position += 1
                try:
                    name = key(item)
                except InvalidRequest as error:
                    raise InvalidRequest(f"item {position}: {error}", param=error.param) from None
                if (first := positions.setdefault(hash(name), position)) != position:
                    both = f"items {first} and {position}"
                    raise InvalidRequest(f"key: {both} have the same key {name!r}", param="key")


def check_language(language: str, offered: Collection[str]) -> None:
    """Refuse a language that HeyGen does not offer, and suggest HeyGen's name for it.

    Raises:
        InvalidRequest: HeyGen does not offer the language; the message names it.
    """
    if language not in offered:
        names = same_language(language, offered)
        hint = f"; did you mean {' or '.join(map(repr, names))}?" if names else ""
        raise InvalidRequest(
            f"languages: HeyGen does not translate into {language!r}{hint}", param="languages"
        )


class TranslationItems(NamedTuple):
    """The items of a run that dubs videos.

    Attributes:
        items: Languages, or pairs of a video and a language.
        request_of: Makes the request of an item.
        video_of: Returns the video of an item, in the caller's form or as a request.
        key: Returns the key of an item.
        subject: Subject of the run, as the journal stores it.
    """

    items: Any
    request_of: Callable[[Any], VideoTranslationRequest]
    video_of: Callable[[Any], Any]
    key: Callable[[Any], str]
    subject: str


def translation_items(
    video: SourceVideo | Iterable[Any],
    languages: Iterable[str] | AsyncIterable[str],
    request: Callable[[Any], SourceVideo] | None,
    name_of: KeyOf | None,
    rows: RowFields | None = None,
) -> TranslationItems:
    """Return the items for one or several videos in many languages.

    With ``rows``, which converts rows to fields, several videos are rows of a table.
    """
    if isinstance(video, SourceVideo):
        only = _translation_of(video)
        return TranslationItems(
            languages,
            lambda language: msgspec.structs.replace(only, output_languages=[language]),
            lambda language: msgspec.structs.replace(only, output_languages=[language]),
            str,
            source_name(only),
        )
    name_text = None if name_of is None else text_keys(name_of)
    if rows is not None and request is None:
        request = partial(_translation_of_row, rows)

    def template(item: Any) -> VideoTranslationRequest:
        return _translation_of(item if request is None else request(item))

    def video_of(pair: tuple[Any, str]) -> Any:
        return template(pair[0]) if request is None else pair[0]

    def key(pair: tuple[Any, str]) -> str:
        name = source_name(template(pair[0])) if name_text is None else name_text(video_of(pair))
        return f"{name} {pair[1]}"

    if isinstance(video, Collection) and not in_memory(video):
        videos: Collection[Any] = video
    else:
        videos = [one if request else _translation_of(one) for one in video]
    return TranslationItems(
        _pairs(videos, languages),
        lambda pair: msgspec.structs.replace(template(pair[0]), output_languages=[pair[1]]),
        video_of,
        key,
        "videos",
    )


def _translation_of(video: SourceVideo) -> VideoTranslationRequest:
    """Return the request for a video; its languages are set for each item."""
    if isinstance(video, VideoTranslationRequest):
        return video
    if isinstance(video, str):
        video = AssetUrl(url=video)
    return VideoTranslationRequest(video=video, output_languages=["English"])


TRANSLATION_COLUMNS = ("video", "title", "input_language", "length")
"""Fields that ``batch.translate`` reads from a row."""


def _translation_of_row(fields_of: RowFields, row: Any) -> VideoTranslationRequest:
    fields = {name: text_of(value) for name, value in fields_of(row).items() if name != "length"}
    if "video" not in fields:
        raise InvalidRequest(
            'video: missing in the row; put a URL or a file into its column "video"', param="video"
        )
    return msgspec.structs.replace(_translation_of(fields.pop("video")), **fields)


def source_name(request: VideoTranslationRequest) -> str:
    """Return the name of a video: its URL without a query, which may be signed, or its asset id."""
    source = request.video
    return source.url.partition("?")[0] if isinstance(source, AssetUrl) else source.asset_id


class _Pairs(Collection[tuple[Any, str]]):
    """Pairs of each video of a collection and each language, created during iteration."""

    def __init__(self, videos: Collection[Any], languages: Collection[str]) -> None:
        self._videos = videos
        self._languages = languages

    def __len__(self) -> int:
        return len(self._videos) * len(self._languages)

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        return ((video, language) for video in self._videos for language in self._languages)

    def __contains__(self, pair: object) -> bool:
        return any(pair == other for other in self)


def _pairs(videos: Collection[Any], languages: Iterable[str] | AsyncIterable[str]) -> Any:
    """Return all pairs of videos and languages, as the same kind of iterable as the languages."""
    if isinstance(languages, AsyncIterable):
        return _pairs_async(videos, languages)
    if isinstance(languages, Collection):
        pairs = _Pairs(videos, languages)
        return list(pairs) if in_memory(videos) else pairs
    return ((video, language) for language in languages for video in videos)


async def _pairs_async(
    videos: Collection[Any], languages: AsyncIterable[str]
) -> AsyncIterator[tuple[Any, str]]:
    async for language in languages:
        for video in videos:
            yield video, language
