"""``Batch``: bulk runs over one client. The client knows nothing of it."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, Unpack, get_args, overload
from weakref import WeakSet

from heygen_async.batch.downloads import FilePattern, downloaded
from heygen_async.batch.outcome import Ended, OnError, Progress
from heygen_async.batch.resume import ResumePolicy, spent_by
from heygen_async.batch.run import Run, RunSettings, logger
from heygen_async.batch.server_batches import batch_sizes
from heygen_async.batch.submissions import (
    TRANSLATION_COLUMNS,
    ItemKey,
    KeyOf,
    RenderBuilder,
    RequestsBuilder,
    SourceVideo,
    SubmissionBuilder,
    Via,
    text_keys,
    translation_items,
)
from heygen_async.batch.tables.columns import RowFields
from heygen_async.batch.tables.frames import rows_of
from heygen_async.batch.variants import Variant
from heygen_async.client import HeyGen
from heygen_async.endpoints.templates import Version
from heygen_async.errors import ConfigurationError, InvalidRequest
from heygen_async.journal import JournalLocation, JournalStore, MemoryJournal, journal_store
from heygen_async.media.source_lengths import SourceLengths
from heygen_async.models.outputs import Output
from heygen_async.models.structs import JobRequest, Request
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech, SpeechRequest
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.session.sync_iterables import Pull
from heygen_async.session.tasks import in_thread

T = TypeVar("T")
ItemT = TypeVar("ItemT")

Items: TypeAlias = Iterable[T] | AsyncIterable[T]


class _RunOptions(TypedDict, total=False):
    """What ``Batch.run`` takes for requests of every kind."""

    key: KeyOf | None
    via: Via
    journal: JournalLocation | None


class Batch:
    """Run many jobs through the account's slots, in bounded memory.

    ``async with Batch(heygen) as batch:`` ends whatever run was left open. One failed item
    never stops the others, unless you ask for it.

    Args:
        heygen: The client; interactive calls on it go before those of a batch.
        concurrency: Jobs of one run that may be under way at once. Default: the ceiling of the
            client's ``JobSlots``, which learn what the account allows; with ``via="api-batch"``
            see ``run``.
        on_error: ``collect`` (default) reports failed items among the outcomes; ``stop``
            submits nothing after the first failure, lets running jobs finish, and raises
            ``BatchStopped`` at the end; ``stop-if-all-fail`` does so if the first 20 items all
            fail within 60 s and with one reason, of which ``collect`` warns. A refused key and
            an exhausted quota stop a run either way, since all other items would meet the same.
        ordered: Yield outcomes in the order of the items. Default False: as they finish.
        job_timeout: Seconds after which a job is given up as ``JobTimeout``; it goes on at
            HeyGen. Default 7200; None waits for as long as it takes.
        progress: Called with a ``Progress`` after each outcome, on the event loop. If it raises,
            that is logged and it is not called again.
        journal: A file that makes runs survive a crash: killed at any moment and started again
            with the same items, a run waits for what was submitted, sends again what may not
            have arrived (under the same key, which the API replays), and pays for nothing
            twice. One run has one file: a render takes this one, other runs one beside it
            with ``.translate``, ``.requests`` or ``.speech`` in its name, and each can be given
            its own.
        run_id: Part of all idempotency keys, beside an item's key and its request. Default:
            derived from the journal's name and what the run does, so that the same items make the
            same keys even if the file is lost. Requests that name a file which is uploaded anew,
            as later stages of the pipelines do, are other ones then.
        finished: With a journal, whether items that ended in an earlier run are yielded again
            (``yield``, the default) or left out (``skip``).
        retry_failed: With a journal, submit items again that failed in an earlier run.
        resubmit_uncertain: With a journal, send items again whose submission was cut off and of
            which the account shows no job, more than 24 h ago or without an idempotency key
            (Video Agent, voice clones); they might be paid for twice. Default False: they fail
            with ``UncertainSubmission``. A client with ``Retry(unkeyed="resend")`` sends those
            without a key again.
        max_cost: USD that the runs of this batch may cost, by estimate, those before a resume
            included. At the cap nothing more is submitted; what is under way ends, and the run
            raises ``BudgetExceeded``. Warnings are logged at 50 % and at 80 %.
        until_empty: Start a collection although the account cannot pay for all of it. Default
            False: before the first paid call the estimate, or ``max_cost`` if that is lower, is
            compared with the balance in USD of the account, or with what is left under its
            spending cap; a run that costs more raises ``InsufficientBalance``. Credits, wallets
            with auto-reload, and accounts that do not tell refuse nothing.
        give_up_after: Seconds after which a run ends whose submissions HeyGen neither accepts nor
            refuses for good, since too many jobs run (429), since it asks for a pause
            (``Retry-After``), or since the account has no credit (402). It goes on for as long as
            any of its jobs is in flight. Meanwhile a warning tells why it pauses, and after a
            402 how much is missing; it goes on by itself when the balance moves. At the end it
            raises ``BatchStopped``; no item has failed, and the next run submits the rest.
            Default 3600; None waits for as long as it takes.
        max_jobs: Jobs that the runs of this batch may submit, those before a resume included.
        measure: Probe the sources of translations, lipsyncs, proofreads, clones and audio, each
            once: of a collection before the first paid call, of an iterator before its own. Only
            the head and the index of a file are read. Lengths found go into estimates and budget;
            sources that HeyGen cannot use, such as web pages, expired links and private files,
            raise one ``InvalidRequest`` that names all of them. Where a length stays unknown, a
            warning is logged. False probes nothing.
        prices: What jobs cost. Default: HeyGen's published prices, as of their date.
        pull: Where sync iterables are read that are not a list, tuple or range. ``thread``
            (default): in one thread of their own, from ``len`` and ``iter`` to the end, the
            ``close`` of a generator included, so that an iterator that blocks does not hold up
            the event loop. It is read up to 32 items ahead while ``next`` takes under 1 ms, and
            one item ahead otherwise; items read and not submitted when a run ends are left to
            the next run. ``loop``: on the event loop, for objects that are tied to its thread.
    """

    def __init__(
        self,
        heygen: HeyGen,
        *,
        concurrency: int | None = None,
        on_error: OnError = "collect",
        ordered: bool = False,
        job_timeout: float | None = 7200.0,
        progress: Callable[[Progress], None] | None = None,
        journal: JournalLocation | None = None,
        run_id: str | None = None,
        finished: Literal["yield", "skip"] = "yield",
        retry_failed: bool = False,
        resubmit_uncertain: bool = False,
        max_cost: float | None = None,
        max_jobs: int | None = None,
        until_empty: bool = False,
        give_up_after: float | None = 3600.0,
        measure: bool = True,
        prices: PriceTable = PRICES,
        pull: Pull = "thread",
    ) -> None:
        if concurrency is not None and concurrency < 1:
            raise ConfigurationError(f"concurrency: expected 1 or more, got {concurrency!r}")
        if on_error not in get_args(OnError):
            known = ", ".join(get_args(OnError))
            raise ConfigurationError(f"on_error: expected one of {known}, got {on_error!r}")
        if pull not in get_args(Pull):
            raise ConfigurationError(f"pull: expected thread or loop, got {pull!r}")
        if give_up_after is not None and not give_up_after >= 0:
            raise ConfigurationError(f"give_up_after: expected >= 0, got {give_up_after!r}")
        if finished not in ("yield", "skip"):
            raise ConfigurationError(f"finished: expected yield or skip, got {finished!r}")
        self._heygen = heygen
        self._store = None if journal is None else journal_store(journal)
        self._run_id = run_id
        self._finished: Literal["yield", "skip"] = finished
        self._policy = ResumePolicy(
            retry_failed=retry_failed,
            resubmit_uncertain=resubmit_uncertain,
            resend_unkeyed=heygen._session.settings.retry.unkeyed == "resend",
        )
        self._budget = AsyncBudget(max_cost, max_jobs, warn=logger.warning)
        self._until_empty = until_empty
        self._give_up_after = give_up_after
        self._lengths = SourceLengths(heygen, enabled=measure)
        self._prices = prices
        self._pull: Pull = pull
        self._concurrency = concurrency
        self._on_error: OnError = on_error
        self._ordered = ordered
        self._job_timeout = job_timeout
        self._progress = progress
        # Runs that have started; they leave it when they are closed without unfinished jobs.
        self._runs: set[Run[Any]] = set()
        # All runs that somebody keeps, begun or not: one that never began is ended too.
        self._created: WeakSet[Run[Any]] = WeakSet()

    def __getstate__(self) -> dict[str, Any]:
        kept = vars(self).items()
        return {name: value for name, value in kept if name not in ("_runs", "_created")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _runs=set(), _created=WeakSet())

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
        for run in {*self._runs, *self._created}:
            await run.aclose()

    def __repr__(self) -> str:
        budget = self._budget
        shown = {
            "journal": None if self._store is None else self._store.name,
            "max_cost": budget.max_cost,
            "max_jobs": budget.max_jobs,
        }
        settings = "".join(f", {name}={what!r}" for name, what in shown.items() if what is not None)
        return f"<{type(self).__name__} of {len(self._runs)} open runs{settings}>"

    @property
    def heygen(self) -> HeyGen:
        """The client."""
        return self._heygen

    @property
    def journal(self) -> Path | None:
        """The journal's file, or None if there is no journal or it is not a file."""
        return None if self._store is None else self._store.path

    @property
    def store(self) -> JournalStore | None:
        """The journal as a store, or None."""
        return self._store

    @property
    def ordered(self) -> bool:
        """Whether outcomes come in the order of the items."""
        return self._ordered

    @property
    def pull(self) -> Pull:
        """Where sync iterables are read."""
        return self._pull

    @property
    def retry_failed(self) -> bool:
        """Whether items that failed in an earlier run are submitted again."""
        return self._policy.retry_failed

    @property
    def unfinished(self) -> dict[str, str]:
        """Jobs of its runs that HeyGen accepted and whose end is not known: ids by item key.

        A key that several runs have stands for the job of one; the others are under ``key#2``
        and so on.
        """
        found: dict[str, str] = {}
        for run in self._runs:
            for key, job in run.unfinished.items():
                names = itertools.chain([key], (f"{key}#{number}" for number in itertools.count(2)))
                found[next(name for name in names if name not in found)] = job
        return found

    def stage(self, name: str, *, progress: Callable[[Progress], None] | None = None) -> Batch:
        """Return a batch for one stage of a chain of runs, where each feeds the next.

        It has the client, the budget and the settings of this one, hands on all outcomes, those
        of earlier runs too, and ends with this one. Its journal is beside this one's:
        ``launch.NAME.db``.

        Args:
            name: What its journal and its keys are told by.
            progress: Called with a ``Progress`` after each outcome of the stage.
        """
        stage = copy.copy(self)
        stage._runs, stage._created = self._runs, self._created
        stage._store = self._beside(name)
        stage._run_id = None if self._run_id is None else f"{self._run_id}.{name}"
        stage._progress = progress
        stage._finished = "yield"
        return stage

    async def length_of(self, request: Request) -> float | None:
        """Return the length in seconds that the sources of a request give its job, or None.

        They are probed, unless they were for this batch.

        Args:
            request: The request. A source that HeyGen cannot use is not an error here.
        """
        await self._lengths.probe_item(request, refuse=False)
        return self._lengths.seconds(request)

    async def count_earlier(self) -> None:
        """Count now what earlier runs of this batch's journal have spent.

        Each run does so when it begins. A stage of a chain that begins late, or not at all, has
        to be counted before the stages ahead of it spend what is left.

        Raises:
            JournalError: The journal cannot be read.
        """
        store = self._store
        name, totals = (None, None) if store is None else await in_thread(spent_by, store)
        if name is not None and totals is not None and self._budget.meets(name):
            in_flight = totals.in_flight(resubmit_uncertain=self._policy.resubmit_uncertain)
            self._budget.carry_over(totals.usd_most, totals.ended_jobs, in_flight)

    def render(
        self,
        template_id: str,
        variants: Iterable[Any] | AsyncIterable[Any],
        *,
        variant: Callable[[Any], Variant] | None = None,
        key: KeyOf | None = None,
        version: Version = "auto",
        test: bool = False,
        journal: JournalLocation | None = None,
    ) -> Run[Video]:
        """Render variants of a template.

        Names and types of all variables are checked against the template before the first
        paid call where ``variants`` is a collection; where it is an iterator, each variant is
        checked before its own.

        Args:
            template_id: The template.
            variants: Mappings of variable names to values, or ``TemplateRenderRequest``s; any
                sync or async iterable, pulled only as fast as slots free up. A frame of pandas or
                polars, or a table of Arrow: columns are matched with variables whatever their
                case, blanks and underscores, and those that feed none are left alone.
            variant: Makes the variant of an item, where items are none themselves. An item for
                which it raises a ``HeyGenError`` fails with that.
            key: Gives each variant's key: text, a whole number or a UUID; or names a column, where
                variants are rows: of a frame, or mappings, which are then treated as such.
                Default: its position; with a journal, a digest of its content. For a collection
                all keys are made, and compared, before the first paid call.
            version: See ``heygen.templates.generate``.
            test: Render in lower quality, free of charge, through v2.
            journal: A journal for this run alone, in place of the batch's.

        Returns:
            The run; iterate it for ``Outcome[Video]``.

        Raises:
            InvalidVariants: When the iteration begins; with ``on_error="collect"`` a variant of
                an iterator fails alone.
            InvalidRequest: Two variants of a collection have the same key, or one has something
                else for a key; in an iterator it fails alone.
        """
        rows = rows_of(variants)
        builder = RenderBuilder(
            self._heygen,
            template_id,
            self._prices,
            version=version,
            test=test,
            variant_of=variant,
            rows=variant is None and (rows is not variants or isinstance(key, str)),
        )
        return self._run(builder, rows, key, journal, self._store)

    def translate(
        self,
        video: SourceVideo | Iterable[Any],
        languages: Iterable[str] | AsyncIterable[str],
        *,
        request: Callable[[Any], SourceVideo] | None = None,
        key: KeyOf | None = None,
        seconds: float | Callable[[Any], float | None] | None = None,
        via: Via = "single",
        journal: JournalLocation | None = None,
    ) -> Run[VideoTranslation]:
        """Dub videos into many languages, one job for each video and language.

        Args:
            video: A URL, an asset, or a whole request whose ``output_languages`` are replaced
                by one of ``languages`` at a time; or several of these. A collection other than
                a list or a tuple is iterated over as it is needed, any other iterable is kept. Or
                rows with columns ``video``, ``title``, ``input_language`` and ``length``: a frame
                as for ``render``, or mappings with the name of a column as ``key``.
            languages: Names as ``heygen.video_translations.languages()`` lists them. Those of a
                collection are checked before the first paid call.
            request: Makes the video of an item, where those of an iterable are none themselves;
                ``key`` and ``seconds`` are then called with the item, and not with a request.
            key: Gives the name of each of several videos, from its request. Default: its URL
                without a query, or its asset id.
            seconds: Length of the source in seconds where you know it, or a function that gives
                that of each request; for estimate and budget. Default: see ``measure``.
            via: Whether each is sent by itself, or many together; see ``run``.
            journal: A journal for this run alone, in place of the batch's.

        Returns:
            The run; iterate it for ``Outcome[VideoTranslation]``. The key of an item is its
            language; with several videos, the name of the video and the language.

        Raises:
            ConfigurationError: At once: ``via`` is neither ``single`` nor ``api-batch``.
            InvalidRequest: When the iteration begins: a language that HeyGen does not offer, or
                one that a collection names twice.
        """
        if isinstance(languages, str):
            raise InvalidRequest("languages: expected several names, got one", param="languages")
        rows, fields = rows_of(video), RowFields(TRANSLATION_COLUMNS)
        if rows is video and not isinstance(key, str):
            items = translation_items(video, languages, request, key)
        else:
            items = translation_items(rows, languages, request, key, fields)
            if seconds is None and request is None:
                seconds = partial(_length_of, fields)
        builder = RequestsBuilder(
            self._heygen,
            items.items,
            self._prices,
            kind="translate",
            subject=items.subject,
            request_of=items.request_of,
            seconds_of=lambda item: seconds(items.video_of(item)) if callable(seconds) else seconds,
            via=via,
            into_languages=True,
        )
        default_store = self._beside("translate")
        return self._run(builder, items.items, items.key, journal, default_store, via)

    @overload
    def run(
        self,
        requests: Items[JobRequest[T]],
        *,
        seconds: Callable[[Any], float | None] | None = None,
        **options: Unpack[_RunOptions],
    ) -> Run[T]: ...
    @overload
    def run(
        self,
        requests: Items[Request],
        *,
        seconds: Callable[[Any], float | None] | None = None,
        **options: Unpack[_RunOptions],
    ) -> Run[Any]: ...
    @overload
    def run(
        self,
        requests: Items[ItemT],
        *,
        request: Callable[[ItemT], JobRequest[T]],
        seconds: Callable[[ItemT], float | None] | None = None,
        key: str | Callable[[ItemT], ItemKey] | None = None,
        via: Via = "single",
        journal: JournalLocation | None = None,
    ) -> Run[T]: ...
    @overload
    def run(
        self,
        requests: Items[ItemT],
        *,
        request: Callable[[ItemT], Request],
        seconds: Callable[[ItemT], float | None] | None = None,
        key: str | Callable[[ItemT], ItemKey] | None = None,
        via: Via = "single",
        journal: JournalLocation | None = None,
    ) -> Run[Any]: ...
    def run(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        request: Callable[[Any], Request] | None = None,
        seconds: Callable[[Any], float | None] | None = None,
        key: KeyOf | None = None,
        via: Via = "single",
        journal: JournalLocation | None = None,
    ) -> Run[Any]:
        """Send requests of any kind that starts one job; kinds can be mixed.

        Args:
            requests: Requests for videos (avatar, image, cinematic, studio), for the Video Agent
                in mode ``generate``, for translations and proofreads into exactly one language,
                for lipsyncs, background and filler-word removals, voice clones and speech;
                ``ProofreadRender``s.
            request: Makes the request of an item, where items are none themselves. An item for
                which it raises a ``HeyGenError`` fails with that.
            seconds: Gives the length of an item's output in seconds where you know it, such as
                that of its audio, or None; for estimate and budget, which cannot see it in the
                request.
            key: Gives each request's key, as for ``render``.
            via: ``single`` (default) sends each by itself, as slots of the account free up.
                ``api-batch`` sends up to 100 videos, translations or lipsyncs in one request
                of HeyGen's own batches, one product at a time, and leaves it to HeyGen to start
                them as it has room. They take none of the client's ``JobSlots``: ``concurrency``
                bounds how many are queued or run at HeyGen (by default 200, or the ceiling of
                the slots and 100 more), and batches have half of it at most. A resumed run goes
                on with each item as it was sent.
            journal: A journal for this run alone, in place of the batch's.

        Returns:
            The run; iterate it for outcomes whose ``result`` is what each kind of job gives:
            ``Video``, ``VideoAgentSession``, ``VideoTranslation``, ``Lipsync``, ``Proofread``,
            ``VoiceDetail`` or ``Speech``.

        Raises:
            ConfigurationError: At once: ``via`` is neither of the two.
            InvalidRequest: When the iteration begins: something else is among the requests of
                a collection, with ``api-batch`` also what HeyGen has no batches of; a language
                that HeyGen does not offer; or two have the same key. In an iterator such an
                item fails alone.
        """
        requests = rows_of(requests)
        builder = RequestsBuilder(
            self._heygen,
            requests,
            self._prices,
            kind="requests",
            request_of=request or (lambda item: item),
            seconds_of=seconds or (lambda item: None),
            via=via,
        )
        return self._run(builder, requests, key, journal, self._beside("requests"), via)

    def speech(
        self,
        texts: Iterable[str | SpeechRequest] | AsyncIterable[str | SpeechRequest],
        *,
        voice_id: str | None = None,
        request: Callable[[Any], str | SpeechRequest] | None = None,
        key: KeyOf | None = None,
        journal: JournalLocation | None = None,
        **fields: Any,
    ) -> Run[Speech]:
        """Have many texts spoken.

        A speech is no job that could be asked for again, and takes no idempotency key. One whose
        answer was lost is sent again, and may be paid for twice; ``run.report.resent`` counts
        those.

        Args:
            texts: Texts, or whole requests, which ``voice_id`` and ``fields`` leave alone.
            voice_id: The voice of the plain texts.
            request: Makes the text or the request of an item, where items are none themselves.
            key: Gives each text's key, as for ``render``.
            journal: A journal for this run alone, in place of the batch's.
            **fields: Further fields of ``SpeechRequest`` for the plain texts, such as ``speed``.

        Returns:
            The run; iterate it for ``Outcome[Speech]``.

        Raises:
            InvalidRequest: At once, where one text is given for several; when the iteration
                begins, where a text cannot be spoken or has no voice.
        """
        if isinstance(texts, str):
            raise InvalidRequest("texts: expected several texts, got one", param="texts")

        def request_of(given: Any) -> Any:
            item = given if request is None else request(given)
            if not isinstance(item, str):
                return item
            if voice_id is None:
                raise InvalidRequest("voice_id: required for a plain text", param="voice_id")
            try:
                return SpeechRequest(text=item, voice_id=voice_id, **fields)
            except TypeError as error:  # a field that there is not
                raise InvalidRequest(str(error)) from None

        texts = rows_of(texts)
        builder = RequestsBuilder(
            self._heygen, texts, self._prices, kind="speech", request_of=request_of
        )
        return self._run(builder, texts, key, journal, self._beside("speech"))

    def download(
        self,
        run: Run[T],
        to: str | os.PathLike[str],
        *,
        also: Sequence[Output] = (),
        parallel: int = 8,
    ) -> AsyncGenerator[Ended[T]]:
        """Iterate over a run, and download what its jobs make as they end.

        Outcomes come once their files are there: ``outcome.file`` and ``outcome.also`` say where,
        ``outcome.download_error`` why one is not, while ``outcome.ok`` goes on to speak of the
        job alone. An interrupted download goes on where it stopped, also in the next run; files
        appear under their names when they are complete. Items that come out of the journal and
        whose file is there are not fetched again, unless the pattern has ``{index}`` alone: the
        file may then be that of another item. With ``finished="skip"`` they do not come, but
        what is missing of their files is fetched; only those come whose file cannot be. URLs of
        videos and translations that have expired are renewed; those of speech cannot be.

        Args:
            run: The run; it is iterated here, and ends when this is left.
            to: Pattern of the paths, such as ``"videos/{key}.mp4"``, of ``{key}``, ``{index}``
                (or ``{index:05}``) and ``{job_id}``. What they bring in never leads out of the
                folder: a name with characters that do not fit has them replaced, and eight
                digits added that tell it from others. So does one that differs from another in
                capitals alone, where the file system takes the two for one.
            also: Further files of each result: ``captioned``, ``subtitles``, ``thumbnail``,
                ``gif``, ``audio``. Those that it has are fetched, under the name of the main
                file with another ending: ``Ada.srt``, ``Ada.captioned.mp4``, ``Ada.jpg``.
            parallel: Results that are fetched at the same time at most; the run waits for those.

        Returns:
            The run's outcomes, as ``ordered`` asks for. A Video Agent's is downloaded as its
            video, proofreads and voices have nothing to download.

        Raises:
            InvalidRequest: At once: the pattern has no place for a key, or another one, or
                ``also`` asks for what there is not.
        """
        if parallel < 1:
            raise InvalidRequest(f"parallel: expected 1 or more, got {parallel}", param="parallel")
        return downloaded(
            self._heygen,
            run.with_finished(until_taken=True),
            FilePattern(to, also),
            parallel=parallel,
            ordered=self._ordered,
            skip_resumed=self._finished == "skip",
            taken=run.taken,
        )

    def _beside(self, kind: str) -> JournalStore | None:
        """Return the journal of another kind of run than a render, which has the batch's own."""
        return None if self._store is None else self._store.beside(kind)

    def _run(
        self,
        builder: SubmissionBuilder[T],
        items: Any,
        key: KeyOf | None,
        journal: JournalLocation | None,
        default_store: JournalStore | None,
        via: Via = "single",
    ) -> Run[T]:
        if via not in ("single", "api-batch"):
            raise ConfigurationError(f"via: expected single or api-batch, got {via!r}")
        ceiling = self._heygen.slots.ceiling
        sizes = batch_sizes(self._concurrency, ceiling) if via == "api-batch" else None
        workers = sizes.in_flight_limit if sizes else min(self._concurrency or ceiling, ceiling)
        store = default_store if journal is None else journal_store(journal)
        capped = self._budget.max_cost is not None or self._budget.max_jobs is not None
        if sizes is not None and capped and store is not None and store.shared:
            raise ConfigurationError(
                "via: api-batch cannot keep to a cap in a journal that many processes share; "
                "use via='single'"
            )
        builder.pull = self._pull
        settings = RunSettings(
            workers=workers,
            sizes=sizes,
            ordered=self._ordered,
            on_error=self._on_error,
            finished=self._finished,
            policy=self._policy,
            job_timeout=self._job_timeout,
            progress=self._progress,
            run_id=self._run_id,
            until_empty=self._until_empty,
            give_up_after=self._give_up_after,
            journaled=store is not None,
            notes={
                "concurrency": workers,
                "via": via,
                "max_cost": self._budget.max_cost,
                "max_jobs": self._budget.max_jobs,
                "prices_as_of": self._prices.as_of.isoformat(),
            },
        )
        store = MemoryJournal(keep_finished=False) if store is None else store
        run = Run(
            self._heygen,
            items,
            builder,
            store,
            self._budget,
            settings,
            None if key is None else text_keys(key),
            self._lengths,
            self._runs,
        )
        self._created.add(run)
        return run


def _length_of(fields: RowFields, row: Any) -> float | None:
    """Return the length in seconds that a row tells, or None."""
    length = fields(row).get("length")
    try:
        return None if length is None else float(length)
    except (TypeError, ValueError):
        raise InvalidRequest(f"length: expected seconds, got {length!r}", param="length") from None
