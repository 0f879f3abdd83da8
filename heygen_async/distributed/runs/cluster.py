"""``Cluster``: runs that many machines process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from heygen_async.batch import Batch, Run
from heygen_async.batch.downloads import OutputFiles
from heygen_async.batch.submissions import KeyOf, SourceVideo, check_keys
from heygen_async.batch.variants import Variant
from heygen_async.client import HeyGen
from heygen_async.delivery.patterns import FilePattern
from heygen_async.delivery.remote_files import file_store
from heygen_async.distributed.redis_slots import RedisSlots
from heygen_async.distributed.runs.cluster_run import ClusterRun
from heygen_async.distributed.runs.database import AGAIN, Database, RunRow
from heygen_async.distributed.runs.engine import TASK, Engine, HeartbeatTimes, create_tables
from heygen_async.distributed.runs.intake import Intake, check_items
from heygen_async.distributed.runs.item_traces import RootSpans
from heygen_async.distributed.runs.worker import ClusterWorker
from heygen_async.endpoints.templates import FoundTemplate, Version
from heygen_async.errors import ConfigurationError, JournalError
from heygen_async.journal import RunSpec
from heygen_async.journal.postgres import PostgresJournal
from heygen_async.journal.postgres.connection import connect, locate, migrate
from heygen_async.journal.rules import journal_error
from heygen_async.models.outputs import Output
from heygen_async.models.structs import Request
from heygen_async.models.voices import SpeechRequest
from heygen_async.pricing.async_budget import AsyncBudget
from heygen_async.pricing.prices import PRICES, PriceTable
from heygen_async.session.slots import SlotPool
from heygen_async.session.tasks import in_thread

_DOWNLOADS = 8  # at a time, in each worker
_PATIENCE = 60.0  # seconds for which a file waits for its storage before its shard is given back


class Cluster:
    """Submit, process and inspect runs from any number of processes and machines.

    PostgreSQL stores the journals of the runs and distributes shards of their items to workers.
    Redis or Valkey stores the slots of the account, which all its processes share.

    Extra ``cluster``. PostgreSQL 14 or later.

    Args:
        dsn: The database: ``postgresql://user:password@host:5432/database``, with the parameters
            of libpq, such as ``sslmode`` and ``sslrootcert``.
        slots: The server of the shared slots, ``redis://…``, or a ``SlotPool``. Default: slots of
            this process only, for a single worker per account.
        account: Name of the account for ``slots``, the same in all its processes.
        jobs: Maximum number of concurrent jobs of the account. Default 50.
        heygen: The client, instead of one created from ``HEYGEN_API_KEY`` with these slots. The
            cluster does not close it.
        heartbeats: Times for the detection of dead workers.
        prices: Prices of jobs.

    Attributes:
        name: Host, port and database, for messages.

    Raises:
        ConfigurationError: The DSN or the URL of the slots is invalid, or ``account`` is missing.
    """

    def __init__(
        self,
        dsn: str,
        *,
        slots: str | SlotPool | None = None,
        account: str | None = None,
        jobs: int = 50,
        heygen: HeyGen | None = None,
        heartbeats: HeartbeatTimes | None = None,
        prices: PriceTable = PRICES,
    ) -> None:
        if isinstance(slots, str):
            if account is None:
                raise ConfigurationError("account: shared slots need the name of their account")
            slots = RedisSlots(slots, account=account, ceiling=jobs)
        self._database = Database(dsn)
        self.name: str = self._database.name
        self._location = locate(dsn)
        self._slots: SlotPool | int = jobs if slots is None else slots
        self._given = heygen
        self._heygen = heygen
        self._heartbeats = heartbeats or HeartbeatTimes()
        self._prices = prices
        self._user: str | None = None

    def __repr__(self) -> str:
        return f"Cluster({self._database.name!r})"

    async def __aenter__(self) -> Self:
        await in_thread(self._migrate)
        await self._database.open()
        await create_tables(self._database)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. Runs continue."""
        if self._heygen is not None and self._given is None:
            await self._heygen.aclose()
            if not isinstance(self._slots, int):
                await self._slots.aclose()
        await self._database.aclose()

    @property
    def heygen(self) -> HeyGen:
        """The client.

        Raises:
            ConfigurationError: There is no API key.
        """
        if self._heygen is None:
            self._heygen = HeyGen(jobs=self._slots)
        return self._heygen

    async def run(self, name: str) -> ClusterRun:
        """Return a run that any process has submitted before. Requires no API key.

        Args:
            name: Its name.

        Raises:
            JournalError: The run does not exist.
        """
        return ClusterRun(self._database, await self._database.run_named(name))

    async def submit_render(
        self,
        template_id: str,
        variants: Iterable[Any] | AsyncIterable[Any],
        *,
        name: str,
        max_cost: float | None = None,
        retry_failed: bool = False,
        variant: Callable[[Any], Variant] | None = None,
        key: KeyOf | None = None,
        version: Version = "auto",
        test: bool = False,
        template: FoundTemplate | None = None,
        until_empty: bool = False,
    ) -> ClusterRun:
        """Submit a run that renders variants of a template.

        The variants are read in bounded memory, and checked as in ``Batch.render``: those of a
        collection are all checked before the first one is entered. A submit that was killed can be
        repeated; the same variants under the same name are entered only once.

        Args:
            template_id: The template.
            variants: Any iterable; see ``Batch.render``.
            name: Name of the run. The same name means the same run.
            max_cost: Maximum estimated cost of the run in US dollars, over all workers. The value
                of the latest submit applies.
            retry_failed: Submit all items of the run that have failed so far as new attempts, also
                those that are not among the variants. Workers may be running.
            variant: As for ``Batch.render``.
            key: As for ``Batch.render``.
            version: As for ``Batch.render``.
            test: As for ``Batch.render``.
            template: As for ``Batch.render``.
            until_empty: Start a collection even if the account cannot pay for all of it.

        Returns:
            The run.

        Raises:
            InvalidRequest: A variant cannot be sent. If the variants are an iterator, the preceding
                ones are entered.
            InsufficientBalance: The account cannot pay for the collection.
            IdempotencyMismatch: A different payload was already entered under a variant's key.
            JournalError: The run belongs to another template or account, or was cancelled; or the
                database cannot be reached.
        """
        run = self._batch(max_cost).render(
            template_id,
            variants,
            variant=variant,
            key=key,
            version=version,
            test=test,
            template=template,
        )
        return await self._submit(run, name, max_cost, retry_failed, until_empty)

    async def submit_translate(
        self,
        video: SourceVideo | Iterable[Any],
        languages: Iterable[str] | AsyncIterable[str],
        *,
        name: str,
        max_cost: float | None = None,
        retry_failed: bool = False,
        request: Callable[[Any], SourceVideo] | None = None,
        key: KeyOf | None = None,
        seconds: float | Callable[[Any], float | None] | None = None,
        until_empty: bool = False,
    ) -> ClusterRun:
        """Submit a run that dubs videos into languages; see ``Batch.translate``.

        Args:
            video: As for ``Batch.translate``.
            languages: As for ``Batch.translate``.
            name: As for ``submit_render``.
            max_cost: As for ``submit_render``.
            retry_failed: As for ``submit_render``.
            request: As for ``Batch.translate``.
            key: As for ``Batch.translate``.
            seconds: As for ``Batch.translate``.
            until_empty: As for ``submit_render``.

        Returns:
            The run.

        Raises:
            HeyGenError: As for ``submit_render``.
        """
        run = self._batch(max_cost).translate(
            video, languages, request=request, key=key, seconds=seconds
        )
        return await self._submit(run, name, max_cost, retry_failed, until_empty)

    async def submit_requests(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        name: str,
        max_cost: float | None = None,
        retry_failed: bool = False,
        request: Callable[[Any], Request] = lambda item: item,
        seconds: Callable[[Any], float | None] | None = None,
        key: KeyOf | None = None,
        until_empty: bool = False,
    ) -> ClusterRun:
        """Submit a run of requests of any kind that starts one job; see ``Batch.run``.

        Args:
            requests: As for ``Batch.run``.
            name: As for ``submit_render``.
            max_cost: As for ``submit_render``.
            retry_failed: As for ``submit_render``.
            request: As for ``Batch.run``.
            seconds: As for ``Batch.run``.
            key: As for ``Batch.run``.
            until_empty: As for ``submit_render``.

        Returns:
            The run.

        Raises:
            HeyGenError: As for ``submit_render``.
        """
        run = self._batch(max_cost).run(requests, request=request, seconds=seconds, key=key)
        return await self._submit(run, name, max_cost, retry_failed, until_empty)

    async def submit_speech(
        self,
        texts: Iterable[str | SpeechRequest] | AsyncIterable[str | SpeechRequest],
        *,
        name: str,
        max_cost: float | None = None,
        retry_failed: bool = False,
        voice_id: str | None = None,
        request: Callable[[Any], str | SpeechRequest] | None = None,
        key: KeyOf | None = None,
        until_empty: bool = False,
        **fields: Any,
    ) -> ClusterRun:
        """Submit a run that turns texts into speech; see ``Batch.speech``.

        Args:
            texts: As for ``Batch.speech``.
            name: As for ``submit_render``.
            max_cost: As for ``submit_render``.
            retry_failed: As for ``submit_render``.
            voice_id: As for ``Batch.speech``.
            request: As for ``Batch.speech``.
            key: As for ``Batch.speech``.
            until_empty: As for ``submit_render``.
            **fields: As for ``Batch.speech``.

        Returns:
            The run.

        Raises:
            HeyGenError: As for ``submit_render``.
        """
        run = self._batch(max_cost).speech(
            texts, voice_id=voice_id, request=request, key=key, **fields
        )
        return await self._submit(run, name, max_cost, retry_failed, until_empty)

    async def worker(
        self,
        *,
        concurrency: int = 100,
        download: str | os.PathLike[str] | None = None,
        also: Sequence[Output] = (),
        grace: float = 30.0,
    ) -> ClusterWorker:
        """Return a worker for the runs of this account; start it with ``await worker.run()``.

        Args:
            concurrency: Maximum number of open items at a time, over all shards.
            download: Pattern of the files to download results to, such as
                ``"videos/{key}.mp4"`` or ``"s3://bucket/{key}.mp4"``; see ``Batch.download``. Each
                result is downloaded by one of the workers with a pattern. None downloads nothing.
            also: Additional files of each result.
            grace: Seconds to wait for jobs in flight after ``worker.stop()``.

        Raises:
            AuthenticationError: HeyGen refuses the key.
            ConfigurationError: All active runs belong to another account, or ``concurrency`` is
                less than 1.
        """
        if concurrency < 1:
            raise ConfigurationError(f"concurrency: expected 1 or more, got {concurrency!r}")
        files = None
        if download is not None:
            pattern = FilePattern(download, also)
            # Files of a storage that fails are tried again with their shard.
            store = file_store(pattern, _DOWNLOADS, patience=_PATIENCE)
            files = OutputFiles(self.heygen, pattern, store)
        user, engine = await self._account()
        accounts = await self._database.all("open_accounts")
        if accounts and (user,) not in accounts:
            raise ConfigurationError(
                f"the runs in {self.name} belong to another account than this API key"
            )
        return ClusterWorker(
            self._database,
            engine,
            self.heygen,
            heartbeats=self._heartbeats,
            concurrency=concurrency,
            grace=grace,
            files=files,
            prices=self._prices,
        )

    def _batch(self, max_cost: float | None) -> Batch:
        return Batch(self.heygen, max_cost=max_cost, prices=self._prices)

    def _migrate(self) -> None:
        """Create the tables of the journal. Blocks."""
        with connect(self._location, self._location.server) as connection:
            migrate(connection, self._location.server)

    async def _account(self) -> tuple[str, Engine]:
        """Return the user to whom the key belongs, and an engine with the user's queue."""
        if self._user is None:
            self._user = (await self.heygen.users.me()).username
        digest = hashlib.sha256(self._user.encode()).hexdigest()[:16]
        engine = Engine(self._database, f"heygen-{digest}", self._heartbeats)
        await engine.open()
        return self._user, engine

    async def _submit(
        self,
        run: Run[Any],
        name: str,
        max_cost: float | None,
        retry_failed: bool,
        until_empty: bool,
    ) -> ClusterRun:
        user, engine = await self._account()
        manifest, database = run.manifest, self._database
        builder, items = manifest.builder, manifest.items
        await builder.prepare()
        notes = {"max_cost": max_cost, "prices_as_of": self._prices.as_of.isoformat()}
        spec = RunSpec(kind=builder.kind, subject=builder.subject, settings=notes)
        try:
            known = await database.run_named(name)
        except JournalError as error:
            if error.reason != "missing":
                raise
            await check_items(manifest, self.heygen, AsyncBudget(max_cost), until_empty=until_empty)
        else:
            if known.cancelled:
                raise journal_error(
                    database.name, "other_run", f"run {name!r} was cancelled; give another name"
                )
            if isinstance(items, Collection):
                await builder.check(items)
                if manifest.key is not None:
                    await check_keys(items, manifest.key, builder.pull)
        journal = PostgresJournal(database.dsn, run=name)
        await journal.open(spec)
        await journal.aclose()
        row = await database.run_named(name)
        values = {"run": row.run, "account": user, "max_cost": max_cost}
        ((owner, _),) = await database.all("begin_submit", values)
        if owner != user:
            raise journal_error(
                database.name, "other_run", f"run {name!r} belongs to another account of HeyGen"
            )
        measures = not isinstance(items, Collection)
        async with database.session() as session:
            spans = RootSpans(self.heygen._session.tracer, name)
            intake = Intake(session, row.run, row.budget, name, engine.defer, spans)
            await intake.enter(manifest, measures=measures)
        if retry_failed:
            await database.reopen_failed(row)
        await self._requeue(engine, row)
        await database.all("end_submit", {"run": row.run})
        return ClusterRun(database, row)

    async def _requeue(self, engine: Engine, row: RunRow) -> None:
        """Insert tasks for the shards with open items, for example after a cap."""
        values = {"run": row.run, "again": AGAIN, "task": TASK}
        async with self._database.transaction() as connection:
            for (shard,) in await self._database.all("shards_to_do", values):
                await engine.defer(connection, row.run, shard)
