"""The sandbox's account, whose state the operations share."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..answers import Json
from ..clock import Clock
from ..faults import Faults
from ..jobs import Job, JobFactory, Slots
from ..ledger import Ledger, LedgerJob
from ..media.store import MediaStore
from ..media.uploads import FileStore
from ..refusals import Refusal, bad_reference, invalid
from ..webhooks.deliveries import Deliveries
from .agent_sessions import Session
from .batches import Batch
from .resources import (
    AiClipping,
    Asset,
    AvatarGroup,
    BackgroundRemoval,
    BrandGlossary,
    BrandKit,
    FillerWordRemoval,
    Folder,
    HyperframesRender,
    Lipsync,
    Look,
    Proofread,
    Template,
    Translation,
    Video,
    Voice,
)
from .store import Store

__all__ = ["Account"]


class Account:
    """The state of the account.

    Attributes:
        retry_after: Value of `Retry-After` on 429; None derives it from the next job to end.
        funds: USD in the wallet before the first job.
        populated: Whether the resources of a new account were added.
        deleted_glossaries: Ids of deleted brand glossaries, which requests may still use.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int,
        jobs: JobFactory,
        media: MediaStore,
        languages: Mapping[str, str],
        concurrency: int,
        balance: float,
        dub_spread: float = 0.0,
    ) -> None:
        self.clock = clock
        self.funds = balance
        self.jobs = jobs
        self.media = media
        self.languages: dict[str, str] = dict(languages)
        self.retry_after: int | str | None = None
        self.files: FileStore = FileStore()
        self.slots: Slots = Slots(concurrency)
        self.ledger: Ledger = Ledger()
        self.populated = False
        self.voices: Store[Voice] = self._store("voice", newest_first=False)
        self.looks: Store[Look] = self._store("avatar_look", newest_first=False)
        self.groups: Store[AvatarGroup] = self._store("avatar_group", newest_first=False)
        self.templates: Store[Template] = self._store("template", newest_first=False)
        self.videos: Store[Video] = self._store("video")
        self.sessions: Store[Session] = self._store("session")
        self.translations: Store[Translation] = self._store("video_translation")
        self.proofreads: Store[Proofread] = self._store("proofread")
        self.lipsyncs: Store[Lipsync] = self._store("lipsync")
        self.clippings: Store[AiClipping] = self._store("ai_clip")
        self.background_removals: Store[BackgroundRemoval] = self._store("background_removal")
        self.background_removals_by_request: dict[str, BackgroundRemoval] = {}
        self.filler_word_removals: Store[FillerWordRemoval] = self._store("filler_word_removal")
        self.batches: dict[str, Store[Batch]] = {
            product: self._store("batch")
            for product in ("videos", "video_translations", "lipsyncs", "assets")
        }
        self.hyperframes_renders: Store[HyperframesRender] = self._store("hyperframes_render")
        self.assets: Store[Asset] = self._store("asset")
        self.folders: Store[Folder] = self._store("folder")
        self.brand_kits: Store[BrandKit] = self._store("brand_kit", newest_first=False)
        self.sounds: Store[Json] = self._store("resource", newest_first=False)
        self.pictures: Store[Json] = self._store("resource", newest_first=False)
        self.glossaries: Store[BrandGlossary] = self._store("brand_glossary", newest_first=False)
        self.styles: Store[Json] = self._store("style", newest_first=False)
        self.deleted_glossaries: set[str] = set()
        self._ids = random.Random(f"{seed}/ids")  # noqa: S311 - ids are no secrets
        self._seed = seed
        self._dub_spread = dub_spread
        self.faults = Faults()
        self.deliveries: Deliveries = Deliveries(clock, self.slots, seed, lambda: self._faults)

    def _store(self, what: str, *, newest_first: bool = True) -> Store[Any]:
        return Store(
            what,
            newest_first=newest_first,
            # The resources of a new account have always existed.
            now=lambda: self.clock.now() if self.populated else -math.inf,
            lag=lambda: self._faults.list_lag,
        )

    @property
    def faults(self) -> Faults:
        """The plan of faults, which can be replaced at any time."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        faults.seed(self._seed)
        self.jobs.fail, self.jobs.stuck = faults.fail_jobs, faults.stuck_jobs
        self.media.expire = faults.expire_urls
        self._faults = faults

    def new_id(self) -> str:
        """Return an id in the API's form: 32 hexadecimal digits."""
        return f"{self._ids.getrandbits(128):032x}"

    def unix(self, seconds: float) -> int:
        """Return a time of the sandbox's clock in whole unix seconds."""
        return int(self.clock.epoch + seconds)

    @property
    def concurrency(self) -> int:
        """The number of paid jobs that may run at once."""
        return int(self.slots.limit)

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        self.settle()  # apply the old limit to the past
        self.slots.limit = value

    def settle(self) -> None:
        """Start the jobs that wait for a slot and whose turn has come by now."""
        self.slots.settle(self.clock.now())

    def running(self) -> int:
        """Return the number of jobs that hold a slot now."""
        return self.slots.running(self.clock.now())

    @property
    def balance(self) -> float:
        """Remaining USD in the wallet."""
        return self.funds - self.ledger.spent

    def afford(self, usd: float | None) -> None:
        """Refuse with 402 if the wallet cannot pay a job.

        Args:
            usd: The price; None if it is known only afterwards, and the wallet must only not be
                empty.
        """
        # Sums of prices are not exact.
        if self.balance <= 0 if usd is None else usd > self.balance + 1e-6:
            raise Refusal(
                402, "insufficient_credit", "Insufficient credit. Please add to your balance."
            )

    def admit(self, usd: float | None) -> None:
        """Refuse a job with 402, or with 429 while the account runs its limit of jobs."""
        self.afford(usd)
        if self.running() >= self.concurrency:
            raise Refusal(
                429,
                "rate_limit_exceeded",
                f"Concurrent job limit reached ({self.concurrency}). Please retry later.",
                headers={"Retry-After": self._retry_after()},
            )

    def _retry_after(self) -> str:
        if self.retry_after is not None:
            return str(self.retry_after)
        now = self.clock.now()
        end = self.slots.next_end(now)
        if end is None or self.clock.speed == 0:
            return "1"
        return str(math.ceil(min(30.0, max(1.0, (end - now) / self.clock.speed))))

    def begin(self, kind: str, *, slot: bool = True) -> Job:
        """Draw the course of a job that starts now, and take a slot for it.

        Args:
            kind: Key of the durations.
            slot: Whether it counts against the concurrency limit.
        """
        job = self.jobs.start(kind, self.clock.now())
        if slot:
            self.slots.hold(job)
        return job

    def record(
        self,
        kind: str,
        identifier: str,
        operation: str,
        job: Job | None,
        *,
        seconds: float = 0.0,
        usd: float = 0.0,
        key: str | None = None,
        template_id: str | None = None,
        title: str | None = None,
        callback_id: str | None = None,
    ) -> LedgerJob:
        """Write a job into the ledger.

        Args:
            kind: Kind in the ledger.
            identifier: Id of the resource.
            operation: Operation id.
            job: Its course; None if it is complete at once.
            seconds: Length of its output.
            usd: Its price if it succeeds.
            key: Its `Idempotency-Key`.
            template_id: The template it renders.
            title: Its title.
            callback_id: The ``callback_id`` of the request.
        """
        entry = LedgerJob(
            kind,
            identifier,
            operation,
            self.clock.now() if job is None else job.created_at,
            idempotency_key=key,
            template_id=template_id,
            title=title,
            callback_id=callback_id,
        )
        self.ledger.charge(entry, job, seconds, usd)
        self.ledger.jobs.append(entry)
        return entry

    def check_source(self, source: Json | None, field_name: str) -> None:
        """Refuse a media source that is an unknown asset or not a web address."""
        if source is None:
            return
        if source["type"] == "asset_id":
            self.ready_asset(source["asset_id"], f"{field_name}.asset_id")
        elif source["type"] == "url":
            self.check_url(source["url"], f"{field_name}.url")

    def ready_asset(self, asset_id: str, param: str) -> Asset:
        """Return the asset in the field `param` of a body.

        Refuses an asset that was not completed, or is not visible yet because of a fault.
        """
        asset = self.assets.referenced(asset_id, param)
        now = self.clock.now()
        if not asset.is_ready(now):
            raise bad_reference("asset", asset_id, param)
        if now < asset.visible_at:
            if asset.mime_type.startswith("video/"):
                raise Refusal(404, "resource_not_found", "1 video(s) not found", param=param)
            raise bad_reference("asset", asset_id, param)
        return asset

    def mime_type_of(self, source: Json) -> str:
        """Return the type of a source that is an asset or inline; empty for a URL."""
        if source["type"] == "asset_id":
            return self.assets.get(source["asset_id"]).mime_type
        return str(source["media_type"]) if source["type"] == "base64" else ""

    @staticmethod
    def check_url(url: str, field_name: str) -> None:
        """Refuse a URL that is not a web address; nothing is fetched."""
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = SplitResult("", "", "", "", "")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise invalid(
                field_name,
                "Failed to download from url, please check the url is valid and public",
                code="download_failed",
            )

    def source_seconds(self, source: Json) -> float:
        """Return the length of a video or audio source in seconds.

        The sandbox knows the length of its own media and of uploaded wavs. For other sources it
        returns a random length of 20 to 90 seconds, always the same for the same source.
        """
        if source["type"] == "asset_id":
            known = self.media.seconds_of(source["asset_id"])
            name = source["asset_id"]
        elif source["type"] == "url":
            known = self.media.seconds_at(source["url"])
            name = source["url"]
        else:
            known, name = None, source["data"]
        if known is not None:
            return known
        return 20.0 + zlib.crc32(name.encode()) % 7000 / 100

    def dub_seconds(self, seconds: float, language: str) -> float:
        """Length of a dub of a source; always the same for the same language."""
        share = zlib.crc32(language.encode()) % 2001 / 1000 - 1
        return round(seconds * (1 + self._dub_spread * share), 3)
