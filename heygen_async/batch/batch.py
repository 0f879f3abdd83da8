"""``Batch``: bulk runs over one client. The client does not depend on it."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar, Unpack, get_args, overload
from weakref import WeakSet

from heygen_async.batch.admission.settings import RunSettings
from heygen_async.batch.downloads import OnDone, Step, delivered_run, output_files, steps_of
from heygen_async.batch.outcome import Ended, OnError, Progress
from heygen_async.batch.resume import ResumePolicy, spent_by
from heygen_async.batch.run import Run, logger
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
from heygen_async.endpoints.templates import FoundTemplate, Version
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
    """Options of ``Batch.run`` for requests of every kind."""

    key: KeyOf | None
    via: Via
    journal: JournalLocation | None


class Batch:
    """Run many jobs through the account's slots, in bounded memory.

    ``async with Batch(heygen) as batch:`` ends any run that is still open. A failed item does not
    stop the others unless you ask for it.

    Args:
        heygen: The client; its interactive calls take precedence over those of a batch.
        concurrency: Jobs of one run that may be in progress at once. Default: the ceiling of the
            client's ``JobSlots``, which learn the account's limit; with ``via="api-batch"`` see
            ``run``.
        on_error: ``collect`` (default) reports failed items among the outcomes; ``stop`` submits
            nothing after the first failure, lets running jobs finish, and raises ``BatchStopped``
            at the end; ``stop-if-all-fail`` does the same if the first 20 items all fail within 60
            s and for the same reason; ``collect`` only logs a warning in this case. A refused key
            and an exhausted quota always stop a run, since all other items would fail in the same
            way.
        ordered: Yield outcomes in the order of the items. Default False: as they finish.
        job_timeout: Seconds after which a job is given up as ``JobTimeout``; it continues at
            HeyGen. Default 7200; None waits indefinitely.
        progress: Called with a ``Progress`` when something has changed, on the event loop: the run
            has begun, HeyGen has accepted a job, an item has ended, submissions pause (each second
            while they do) or continue. Changes within a tenth of a second are reported together, so
            it is called at most ten times a second; the last call shows the end of the run. An
            exception from the callback is logged, and the callback is disabled. Default: none;
            ``heygen_async.reports.notebooks.show_progress`` shows a bar in a notebook.
        journal: A file that lets runs survive a crash. If a run is killed at any moment and started
            again with the same items, it waits for the submitted jobs, resends requests that may
            not have arrived (under the same key, which the API replays), and pays for nothing
            twice. Each run has its own file: a render uses this file, and other runs use a file
            beside it with ``.translate``, ``.requests`` or ``.speech`` in its name. Each run can
            also be given a journal of its own.
        run_id: Part of all idempotency keys, along with an item's key and its request. Default:
            derived from the journal's name and the kind and subject of the run, so the same items
            get the same keys even if the file is lost. A request that names a newly uploaded file,
            as in later stages of the pipelines, is then a different request.
        finished: With a journal, whether items that ended in an earlier run are yielded again
            (``yield``, the default) or left out (``skip``).
        retry_failed: With a journal, resubmit items that failed in an earlier run.
        resubmit_uncertain: With a journal, resend items whose submission was cut off and for which
            the account shows no job, if this was more than 24 h ago or without an idempotency key
            (Video Agent, voice clones). They might be paid for twice. Default False: these items
            fail with ``UncertainSubmission``. A client with ``Retry(unkeyed="resend")`` resends
            those without a key.
        max_cost: Estimated USD that the runs of this batch may cost, including runs before a
            resume. When the cap is reached, nothing more is submitted; jobs in progress finish, and
            the run raises ``BudgetExceeded``. Warnings are logged at 50 % and at 80 %.
        until_empty: Start a collection even if the account cannot pay for all of it. Default False:
            before the first paid call the estimate, or ``max_cost`` if that is lower, is compared
            with the account's balance in USD, or with the amount left under its spending cap; a run
            that costs more raises ``InsufficientBalance``. Accounts with credits, with auto-reload,
            or without a visible balance are not checked.
        give_up_after: Seconds after which a run ends if HeyGen neither accepts nor permanently
            refuses its submissions: too many jobs run (429), HeyGen asks for a pause
            (``Retry-After``), or the account has no credit (402). The run continues while any of
            its jobs is in flight. Meanwhile a warning states why it is paused, and after a 402 how
            much is missing; it continues by itself when the balance changes. When it gives up, it
            raises ``BatchStopped``; no item has failed, and the next run submits the rest. Default
            3600; None waits indefinitely.
        max_jobs: Jobs that the runs of this batch may submit, including those before a resume.
        measure: Probe the sources of translations, lipsyncs, proofreads, clones and audio, each
            once: for a collection before the first paid call, for an iterator before each item's
            own call. Only the head and the index of a file are read. The lengths are used for
            estimates and the budget. Sources that HeyGen cannot use, such as web pages, expired
            links and private files, raise one ``InvalidRequest`` that names all of them. If a
            length remains unknown, a warning is logged. False probes nothing.
        on_done: A function that is called with each outcome, on the event loop, before it is
            yielded and after ``download`` has written its file; a coroutine function is awaited,
            eight at a time.
            Or a ``WebhookSender`` or ``CommandHook`` of ``heygen_async.delivery``; or several of
            these. It gets each item at least once: a journal records who has got which outcome,
            and ``outcome.delivery_id`` is the same each time. If it raises, the outcome has a
            ``delivery_error``, and the next run of the journal tries again.
        prices: Prices of jobs. Default: HeyGen's published prices, as of their date.
        pull: Where to read sync iterables other than a list, tuple or range. ``thread`` (default):
            in a dedicated thread, from ``len`` and ``iter`` to the end, including the ``close`` of
            a generator, so an iterator that blocks does not block the event loop. It is read up to
            32 items ahead while ``next`` takes under 1 ms, and one item ahead otherwise; items that
            were read but not submitted when a run ends are left to the next run. ``loop``: on the
            event loop, for objects that are tied to its thread.
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
        on_done: OnDone | Sequence[OnDone] = (),
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
        self._run_id, self._title = run_id, ""
        self._finished: Literal["yield", "skip"] = finished
        self._policy = ResumePolicy(
            retry_failed=retry_failed,
            resubmit_uncertain=resubmit_uncertain,
            resend_unkeyed=heygen._session.settings.retry.unkeyed == "resend",
        )
        self._budget = AsyncBudget(max_cost, max_jobs, warn=logger.warning)
        self._until_empty = until_empty
        self._give_up_after = give_up_after
        self._steps = steps_of(on_done, heygen._session)
        self._lengths = SourceLengths(heygen, enabled=measure)
        self._prices = prices
        self._pull: Pull = pull
        self._concurrency = concurrency
        self._on_error: OnError = on_error
        self._ordered = ordered
        self._job_timeout = job_timeout
        self._progress = progress
        # Runs that have started; a run is removed when it is closed without unfinished jobs.
        self._runs: set[Run[Any]] = set()
        # All runs that are still referenced, started or not: a run that never started is ended too.
        self._created: WeakSet[Run[Any]] = WeakSet()

    def __getstate__(self) -> dict[str, Any]:
        kept = vars(self).items()
        return {name: value for name, value in kept if name not in ("_runs", "_created")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _runs=set(), _created=WeakSet())

    async def __aenter__(self) -> Batch:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all runs that are still open. Jobs at HeyGen continue."""
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
        """Jobs of its runs that HeyGen accepted and whose outcome is unknown: ids by item key.

        If several runs use the same key, one job has the key, and the others have ``key#2`` and so
        on.
        """
        found: dict[str, str] = {}
        for run in self._runs:
            for key, job in run.unfinished.items():
                names = itertools.chain([key], (f"{key}#{number}" for number in itertools.count(2)))
                found[next(name for name in names if name not in found)] = job
        return found

    def stage(self, name: str, *, progress: Callable[[Progress], None] | None = None) -> Batch:
        """Return a batch for one stage of a chain, in which each run uses the results of another.

        It shares the client, the budget and the settings of this batch, yields all outcomes,
        including those of earlier runs, and ends with this batch. Its journal is beside this
        batch's journal: ``launch.NAME.db``.

        Args:
            name: Part of the name of its journal and of its keys.
            progress: Called with a ``Progress`` when something has changed in the stage.
        """
        stage = copy.copy(self)
        stage._runs, stage._created = self._runs, self._created
        stage._store, stage._title = self._beside(name), name
        stage._run_id = None if self._run_id is None else f"{self._run_id}.{name}"
        stage._progress = progress
        stage._finished = "yield"
        stage._steps = ()
        return stage

    async def length_of(self, request: Request) -> float | None:
        """Return the length in seconds of a request's job, from its sources, or None.

        Sources that this batch has not probed yet are probed.

        Args:
            request: The request. A source that HeyGen cannot use is not an error here.
        """
        await self._lengths.probe_item(request, refuse=False)
        return self._lengths.seconds(request)

    async def count_earlier(self) -> None:
        """Count what earlier runs of this batch's journal have spent.

        Each run does this when it begins. A stage of a chain that begins late, or never, must be
        counted before the earlier stages spend the rest of the budget.

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
        template: FoundTemplate | None = None,
        journal: JournalLocation | None = None,
    ) -> Run[Video]:
        """Render variants of a template.

        Names and types of all variables are checked against the template before the first paid call
        if ``variants`` is a collection. If it is an iterator, each variant is checked before its
        own call.

        Args:
            template_id: The template.
            variants: Mappings of variable names to values, or ``TemplateRenderRequest``s; any sync
                or async iterable, pulled only as fast as slots free up. A frame of pandas or
                polars, or a table of Arrow: columns are matched with variables regardless of case,
                blanks and underscores; columns without a matching variable are ignored.
            variant: Makes the variant of an item, if the items are not variants. If it raises a
                ``HeyGenError``, the item fails with that error.
            key: Returns each variant's key: text, an integer or a UUID. Or the name of a column, if
                the variants are rows of a frame, or mappings, which are then treated as rows.
                Default: its position; with a journal, a digest of its content. For a collection,
                all keys are computed and compared before the first paid call.
            version: See ``heygen.templates.generate``.
            test: Render in lower quality, free of charge, through v2.
            template: The template, if ``heygen.templates.find`` has returned it already; with
                ``test``, through v2. Default: it is fetched.
            journal: A journal for this run only, instead of the batch's.

        Returns:
            The run; iterate it for ``Outcome[Video]``.

        Raises:
            InvalidVariants: Raised when the iteration begins; with ``on_error="collect"`` only the
                invalid variant of an iterator fails.
            InvalidRequest: Two variants of a collection have the same key, or a key has another
                type; in an iterator only this variant fails. Or ``template`` is another template.
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
            found=template,
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
            video: A URL, an asset, or a whole request whose ``output_languages`` are replaced by
                one of ``languages`` at a time; or an iterable of these. A collection other than a
                list or a tuple is iterated over as needed; any other iterable is stored. Or rows
                with columns ``video``, ``title``, ``input_language`` and ``length``: a frame as for
                ``render``, or mappings with the name of a column as ``key``.
            languages: Names as ``heygen.video_translations.languages()`` lists them. Languages in a
                collection are checked before the first paid call.
            request: Makes the video of an item, if the items are not videos; ``key`` and
                ``seconds`` are then called with the item instead of a request.
            key: Returns the name of each of several videos, given its request. Default: its URL
                without a query, or its asset id.
            seconds: Length of the source in seconds if you know it, or a function that returns the
                length for each request; used for the estimate and the budget. Default: see
                ``measure``.
            via: Whether requests are sent one by one or in batches; see ``run``.
            journal: A journal for this run only, instead of the batch's.

        Returns:
            The run; iterate it for ``Outcome[VideoTranslation]``. The key of an item is its
            language; with several videos, the name of the video and the language.

        Raises:
            ConfigurationError: Raised immediately: ``via`` is neither ``single`` nor ``api-batch``.
            InvalidRequest: Raised when the iteration begins: HeyGen does not offer a language, or a
                collection contains a language twice.
        """
        if isinstance(languages, str):
            raise InvalidRequest("languages: expected several names, got one", param="languages")
        rows, fields = rows_of(video), RowFields(TRANSLATION_COLUMNS)
        if rows is video and not isinstance(key, str):
            items = translation_items(video, languages, request, key)
        else:
            items = translation_items(rows, languages, request, key, fields)
            if seconds is None and request is None:
                seconds = fields.length
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
        """Send requests of any kind that starts exactly one job; kinds can be mixed.

        Args:
            requests: Requests for videos (avatar, image, cinematic, studio), for the Video Agent
                in mode ``generate``, for translations and proofreads into exactly one language,
                for lipsyncs, background and filler-word removals, voice clones and speech;
                ``ProofreadRender``s.
            request: Makes the request of an item, if the items are not requests. If it raises a
                ``HeyGenError``, the item fails with that error.
            seconds: Returns the length of an item's output in seconds if you know it, such as the
                length of its audio, or None. Used for the estimate and the budget, if the request
                does not show the length.
            key: Returns each request's key, as for ``render``.
            via: ``single`` (default) sends each request by itself as slots of the account become
                free. ``api-batch`` sends up to 100 videos, translations or lipsyncs in one request
                to HeyGen's batch endpoints, one product per batch, and HeyGen starts them as it has
                capacity. They do not take ``JobSlots`` of the client: ``concurrency`` limits how
                many are queued or running at HeyGen (by default 200, or the ceiling of the slots
                plus 100), and a batch contains at most half of that number. A resumed run continues
                each item in the way it was sent.
            journal: A journal for this run only, instead of the batch's.

        Returns:
            The run; iterate it for outcomes whose ``result`` depends on the kind of job: ``Video``,
            ``VideoAgentSession``, ``VideoTranslation``, ``Lipsync``, ``Proofread``, ``VoiceDetail``
            or ``Speech``.

        Raises:
            ConfigurationError: Raised immediately: ``via`` has another value.
            InvalidRequest: Raised when the iteration begins: a collection contains an item that is
                not such a request, or with ``api-batch`` a request that HeyGen does not accept in
                batches; HeyGen does not offer a language; or two requests have the same key. In an
                iterator only the item itself fails.
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
        """Turn many texts into speech.

        Speech is not a job that can be fetched later, and it takes no idempotency key. A request
        whose answer was lost is sent again and may be paid for twice; ``run.report.resent`` counts
        these requests.

        Args:
            texts: Texts, or complete requests, to which ``voice_id`` and ``fields`` do not apply.
            voice_id: The voice of the plain texts.
            request: Makes the text or the request of an item, if the items are neither.
            key: Returns each text's key, as for ``render``.
            journal: A journal for this run only, instead of the batch's.
            **fields: Additional fields of ``SpeechRequest`` for the plain texts, such as ``speed``.

        Returns:
            The run; iterate it for ``Outcome[Speech]``.

        Raises:
            InvalidRequest: Raised immediately if a single text is given instead of several; raised
                when the iteration begins if a text cannot be spoken or has no voice.
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
            except TypeError as error:  # an unknown field
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
        public_base: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Ended[T]]:
        """Iterate over a run, and download the outputs of its jobs as they end.

        An outcome is yielded when its files are complete: ``outcome.file`` and ``outcome.also`` are
        their paths or URLs, and ``outcome.download_error`` is the reason if a file is missing;
        ``outcome.ok`` refers to the job only. The run goes on while up to 10,000 outcomes wait for
        their files. Files get their final names when they are complete; an interrupted download to
        a path continues where it stopped, also in the next run. Items from the journal whose file
        exists, or was recorded for a URL, are not downloaded again, unless the pattern contains
        only ``{index}``: the file may then belong to another item. With ``finished="skip"`` these
        items are not yielded, but their missing files are downloaded; an item is yielded only if
        its file cannot be. URLs of videos and translations that have expired are renewed; those of
        speech cannot be.

        Args:
            run: The run; this method iterates it, and the run ends when this iteration is left.
            to: Pattern of the paths, such as ``"videos/{key}.mp4"``, of ``{key}``, ``{index}`` (or
                ``{index:05}``), ``{job_id}`` and, for items that are mappings, names of columns:
                ``"videos/{company}/{key}.mp4"``. Their values never lead out of the folder:
                characters that are not allowed in file names are replaced, and eight digits are
                added to keep the name unique. Digits are also added to a name that differs from
                another only in case, if the file system does not distinguish the two. Or a URL
                that fsspec knows, such as ``"s3://bucket/{company}/{key}.mp4"`` (extra
                ``fsspec``): files are then streamed there, and wait for a storage that fails, for
                up to ``give_up_after``.
            also: Additional files of each result: ``captioned``, ``subtitles``, ``thumbnail``,
                ``gif``, ``audio``. Those that exist are downloaded, under the name of the main file
                with another ending: ``Ada.srt``, ``Ada.captioned.mp4``, ``Ada.jpg``.
            parallel: Maximum number of results that are downloaded at the same time.
            public_base: Public URL of the bucket, or of the folder before the first placeholder,
                from which ``outcome.public_url`` is made: ``"https://cdn.example.com"``.
            storage_options: Arguments of the fsspec file system, such as ``endpoint_url``.

        Returns:
            The run's outcomes, in the order that ``ordered`` sets. For a Video Agent session its
            video is downloaded; proofreads and voices have nothing to download.

        Raises:
            InvalidRequest: Raised immediately: the pattern has no valid placeholder or an unknown
                one, or ``also`` names an unknown kind of file. Raised when the iteration begins,
                before anything is paid for: two items of a collection have the same path, or an
                item has no value in a column.
            ConfigurationError: Raised when the iteration begins: fsspec, or its package for the
                URL, is not installed.
        """
        storage = public_base, storage_options, self._give_up_after
        files = output_files(self._heygen, run.manifest, to, also, parallel, *storage)
        return self.outcomes(run, first=[files])

    def outcomes(
        self,
        run: Run[Any],
        convert: Callable[[Ended[Any]], Ended[Any]] | None = None,
        first: Sequence[Step] = (),
    ) -> AsyncGenerator[Ended[Any]]:
        """Iterate over a run, as ``async for outcome in run`` does, converting its outcomes.

        For chains of runs, whose outcomes are made from those of their last run.

        Args:
            run: The run; it ends when this iteration is left.
            convert: Returns the outcome that the receivers of ``on_done`` and the caller get.
            first: Steps of the delivery before these receivers.
        """
        steps = (*first, *self._steps)
        skip = self._finished == "skip"
        return delivered_run(run, steps, convert, ordered=self._ordered, skip_resumed=skip)

    def _beside(self, kind: str) -> JournalStore | None:
        """Return the journal of a run that is not a render; a render uses the batch's own."""
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
        builder.pull, builder.title = self._pull, builder.title or self._title
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
            deliver=self.outcomes if self._steps or builder.kind == "translate" else None,
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
