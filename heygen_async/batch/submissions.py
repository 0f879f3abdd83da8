"""What a bulk run does with its items: one request for each."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import cached_property, partial
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from heygen_async.batch.account_search import AccountSearch
from heygen_async.batch.resume import EarlierRuns
from heygen_async.batch.variants import Variant, VariantChecker
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.errors import InvalidRequest, InvalidResponse, NotFound
from heygen_async.journal import fingerprint
from heygen_async.models.languages import same_language
from heygen_async.models.structs import Request, encode
from heygen_async.models.templates import Template
from heygen_async.models.video_translations import VideoTranslation, VideoTranslationRequest
from heygen_async.models.videos import Video
from heygen_async.pricing.estimates import Estimate, RunEstimate, estimate, summed
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.session.tasks import in_thread

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Via: TypeAlias = Literal["single", "api-batch"]
"""How items are sent: one by one, or up to 100 together, which HeyGen starts as it has room."""

# The API replays the answer to a key for 24 h; a little less, for clocks that differ.
REPLAYED_FOR = 24 * 3600.0 - 600.0
# Items that are estimated in one go.
_AT_ONCE = 500


class Pending(Protocol[T_co]):
    """Something that HeyGen has accepted and that will give a result; a ``Job`` is one."""

    @property
    def id(self) -> str:
        """Its id at HeyGen."""

    async def wait(self, timeout: float | None = None) -> T_co:
        """Its result, or ``JobFailed`` or ``JobTimeout`` raised."""


class Submission(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One item as it will be sent.

    Attributes:
        request: The request.
        payload: Its body, without what a run adds.
        place: What it is sent to; with the payload it tells one submission from another.
        result: What its job gives.
        send: Sends it under an idempotency key, or under a fresh one for None.
        attach: Gives what was accepted under an id before.
        search: Looks in the account for its job, where the answer was lost. Takes the
            idempotency key, which was its ``callback_id`` unless the request has one, the title,
            and the unix seconds of when it was sent; gives the job's id, or None where the
            account shows none, or none that is certainly its own.
        seconds: Length of its output in seconds, where that is known before it is made.
    """

    request: Request
    payload: bytes
    place: str
    result: type[T]
    send: Callable[[str | None], Awaitable[Pending[T]]]
    attach: Callable[[str], Pending[T]]
    search: Callable[[str, str | None, float], Awaitable[str | None]]
    seconds: float | None = None


class Plan(ABC, Generic[T]):
    """Turns the items of one run into submissions.

    Attributes:
        kind: Kind of run, as a journal has it.
        subject: What it is about, as a journal has it.
        test: Whether its renders are tests, which cost nothing.
        prices: What its jobs cost, for an estimate.
        earlier: Its journal as earlier runs have left it, or None without a journal.
    """

    kind: str
    subject: str
    test: bool = False
    prices: PriceTable = PRICES
    earlier: EarlierRuns | None = None
    _heygen: HeyGen

    @cached_property
    def account(self) -> AccountSearch:
        """Where jobs are looked for whose submission was never answered."""
        return AccountSearch(self._heygen, self.earlier)

    @abstractmethod
    async def prepare(self) -> None:
        """Ask what must be known before the first item; no paid call."""

    def check(self, items: Collection[Any]) -> None:
        """Check all items of a collection.

        Raises:
            InvalidRequest: Naming what is wrong with which.
        """
        for index, item in enumerate(items):
            self.submission(index, item)

    @abstractmethod
    def submission(self, index: int, item: Any) -> Submission[T]:
        """The request of one item.

        Raises:
            InvalidRequest: The item cannot be sent.
        """

    def estimate(self, submission: Submission[T], prices: PriceTable) -> Estimate:
        """What a submission will probably cost."""
        return estimate(submission.request, prices, seconds=submission.seconds, test=self.test)


class RenderPlan(Plan[Video]):
    """Renders variants of one template."""

    kind = "render"

    def __init__(
        self,
        heygen: HeyGen,
        template_id: str,
        version: Version,
        test: bool,
        variant_of: Callable[[Any], Variant] | None = None,
    ) -> None:
        # A run must not go on with the renders of a test, nor a test with those that were paid for.
        self.subject: str = f"{template_id} (test)" if test else template_id
        self.test = test
        self._template_id = template_id
        self._heygen = heygen
        self._version: Version = "v2" if test else version
        self._variant_of = variant_of
        self._checker: VariantChecker
        self._template: Template | None = None

    async def prepare(self) -> None:
        """Ask for the template's variables, and for its scripts, which tell what it costs."""
        found = await self._heygen.templates.variables(self._template_id, version=self._version)
        self._checker = VariantChecker(found)
        if self._version != "v2":
            with contextlib.suppress(NotFound):
                self._template = await self._heygen.templates.get(self._template_id)

    def check(self, items: Collection[Any]) -> None:
        """Check all variants, and name every row and variable at fault."""
        self._checker.check_all(map(self._variant, items))

    def estimate(self, submission: Submission[Video], prices: PriceTable) -> Estimate:
        """What a variant will probably cost, from its scripts."""
        return estimate(submission.request, prices, template=self._template, test=self.test)

    def _variant(self, item: Any) -> Any:
        return item if self._variant_of is None else self._variant_of(item)

    def submission(self, index: int, item: Any) -> Submission[Video]:
        """One variant."""
        request = self._checker.request(index, self._variant(item))

        async def send(key: str | None) -> Pending[Video]:
            return await self._heygen.templates.generate(
                self._template_id,
                with_callback_id(request, key),
                version=self._version,
                test=self.test,
                idempotency_key=key,
            )

        return Submission(
            request=request,
            payload=request.v3(),
            place=f"template/{self._template_id}",
            result=Video,
            send=send,
            attach=lambda job_id: self._heygen.jobs.attach(Video, job_id),
            search=partial(self.account.video, request),
        )


class TranslatePlan(Plan[VideoTranslation]):
    """Dubs videos: an item is a language, or a video with a language.

    Args:
        heygen: The client.
        subject: What the journal says it is about.
        video: The video that goes with items that are languages alone.
    """

    kind = "translate"

    def __init__(
        self, heygen: HeyGen, subject: str, video: VideoTranslationRequest | None = None
    ) -> None:
        self.subject = subject
        self._heygen = heygen
        self._video = video
        self._offered: frozenset[str]

    async def prepare(self) -> None:
        """Ask for the languages that HeyGen offers."""
        self._offered = frozenset(await self._heygen.video_translations.languages())

    def submission(
        self, index: int, item: str | tuple[VideoTranslationRequest, str]
    ) -> Submission[VideoTranslation]:
        """One video in one language."""
        if isinstance(item, tuple):
            base, language = item
        else:
            assert self._video is not None
            base, language = self._video, item
        check_language(language, self._offered)
        request = msgspec.structs.replace(base, output_languages=[language])

        async def send(key: str | None) -> Pending[VideoTranslation]:
            return await send_translation(self._heygen, request, key)

        return Submission(
            request=request,
            payload=encode(request),
            place="video-translations",
            result=VideoTranslation,
            send=send,
            attach=lambda job_id: self._heygen.jobs.attach(VideoTranslation, job_id),
            search=partial(self.account.translation, request),
        )


async def send_translation(
    heygen: HeyGen, request: VideoTranslationRequest, key: str | None
) -> Pending[VideoTranslation]:
    """Start the translation of one video into one language."""
    jobs = await heygen.video_translations.create(
        with_callback_id(request, key), idempotency_key=key
    )
    if not jobs:
        raise InvalidResponse("the answer names no translation", status=200)
    return jobs[0]


RequestT = TypeVar("RequestT", bound=Request)


def called_back_unnamed(request: Request) -> bool:
    """Whether a request has a ``callback_url`` and no ``callback_id`` of its own."""
    url = getattr(request, "callback_url", None)
    return url is not None and getattr(request, "callback_id", None) is None


def with_callback_id(request: RequestT, key: str | None) -> RequestT:
    """The request with its idempotency key as ``callback_id``, if it takes one and has none.

    So the account's own lists tell later what became of a submission whose answer was lost. One
    with a ``callback_url`` gets its id at the endpoint, as nobody must be able to guess it.
    """
    if key is None or getattr(request, "callback_id", "") is not None:
        return request
    if called_back_unnamed(request):
        return request
    return msgspec.structs.replace(request, callback_id=key)


async def estimate_run(
    plan: Plan[Any],
    items: Any,
    prices: PriceTable,
    key: Callable[[Any], str] | None = None,
) -> RunEstimate:
    """What a run will probably cost, and how much of it is left to pay after earlier runs.

    All items are checked as the run would check them.

    Args:
        plan: What the run does.
        items: A collection of its items.
        prices: What jobs cost.
        key: Gives each item's key, to find those that are the same.

    Raises:
        InvalidRequest: An item cannot be sent, two have the same key, or ``items`` is no
            collection, so that nothing would be left to run.
        JournalError: The plan has a journal that cannot be read, or is that of another run.
    """
    if not isinstance(items, Collection):
        raise InvalidRequest(
            "items: an estimate needs a collection, such as a list; an iterator would be used up",
            param="items",
        )
    await plan.prepare()
    plan.check(items)
    if key is not None:
        check_keys(items, key)
    reckoning = None
    if plan.earlier is not None:
        reckoning = await in_thread(plan.earlier.reckoning, plan.kind, plan.subject)
    estimates = []
    for index, item in enumerate(items):
        submission = plan.submission(index, item)
        expected = plan.estimate(submission, prices)
        estimates.append(expected)
        if reckoning is not None:
            sent_as = fingerprint(submission.place, submission.payload)
            reckoning.add(None if key is None else key(item), sent_as, expected)
        if index % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)  # a long list must not hold up the event loop
    left = None if reckoning is None else reckoning.remainder()
    return msgspec.structs.replace(summed(estimates, prices.as_of), left=left)


def check_keys(items: Iterable[Any], key: Callable[[Any], str]) -> None:
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
    """Refuse a language that HeyGen does not offer, and say how it calls that language.

    Raises:
        InvalidRequest: With the language in its message.
    """
    if language not in offered:
        names = same_language(language, offered)
        hint = f"; did you mean {' or '.join(map(repr, names))}?" if names else ""
        raise InvalidRequest(
            f"languages: HeyGen does not translate into {language!r}{hint}", param="languages"
        )
