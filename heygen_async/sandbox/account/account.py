"""What the sandbox's account holds, and what its operations share."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Mapping
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
    """The state behind the operations.

    Attributes:
        retry_after: Value of `Retry-After` on 429; None derives it from the next job to end.
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
    ) -> None:
        self.clock = clock
        self.jobs = jobs
        self.media = media
        self.languages: dict[str, str] = dict(languages)
        self.retry_after: int | str | None = None
        self.files: FileStore = FileStore()
        self.slots: Slots = Slots(concurrency)
        self.ledger: Ledger = Ledger()
        self.voices: Store[Voice] = Store("voice", newest_first=False)
        self.looks: Store[Look] = Store("avatar_look", newest_first=False)
        self.groups: Store[AvatarGroup] = Store("avatar_group", newest_first=False)
        self.templates: Store[Template] = Store("template", newest_first=False)
        self.videos: Store[Video] = Store("video")
        self.sessions: Store[Session] = Store("session")
        self.translations: Store[Translation] = Store("video_translation")
        self.proofreads: Store[Proofread] = Store("proofread")
        self.lipsyncs: Store[Lipsync] = Store("lipsync")
        self.clippings: Store[AiClipping] = Store("ai_clip")
        self.background_removals: Store[BackgroundRemoval] = Store("background_removal")
        self.background_removals_by_request: dict[str, BackgroundRemoval] = {}
        self.filler_word_removals: Store[FillerWordRemoval] = Store("filler_word_removal")
        self.batches: dict[str, Store[Batch]] = {
            product: Store("batch")
            for product in ("videos", "video_translations", "lipsyncs", "assets")
        }
        self.hyperframes_renders: Store[HyperframesRender] = Store("hyperframes_render")
        self.assets: Store[Asset] = Store("asset")
        self.folders: Store[Folder] = Store("folder")
        self.brand_kits: Store[BrandKit] = Store("brand_kit", newest_first=False)
        self.sounds: Store[Json] = Store("resource", newest_first=False)
        self.pictures: Store[Json] = Store("resource", newest_first=False)
        self.glossaries: Store[BrandGlossary] = Store("brand_glossary", newest_first=False)
        self.styles: Store[Json] = Store("style", newest_first=False)
        self._ids = random.Random(f"{seed}/ids")  # noqa: S311 - ids are no secrets
        self._seed = seed
        self.faults = Faults()
        self.deliveries: Deliveries = Deliveries(clock, self.slots, seed, lambda: self._faults)

    @property
    def faults(self) -> Faults:
        """The plan of what goes wrong; another can take its place at any time."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        faults.seed(self._seed)
        self.jobs.fail, self.jobs.stuck = faults.fail_jobs, faults.stuck_jobs
        self.media.expire = faults.expire_urls
        self._faults = faults

    def new_id(self) -> str:
        """An id in the API's form: 32 hexadecimal digits."""
        return f"{self._ids.getrandbits(128):032x}"

    def unix(self, seconds: float) -> int:
        """Whole unix seconds of a moment on the sandbox's clock."""
        return int(self.clock.epoch + seconds)

    @property
    def concurrency(self) -> int:
        """How many paid jobs may run at once."""
        return int(self.slots.limit)

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        self.settle()  # what is past went by the limit of then
        self.slots.limit = value

    def settle(self) -> None:
        """Let the jobs that wait for a slot begin, as far as their turn has come by now."""
        self.slots.settle(self.clock.now())

    def running(self) -> int:
        """How many jobs hold a slot now."""
        return self.slots.running(self.clock.now())

    def admit(self) -> None:
        """Refuse with 429 while as many jobs run as the account may have."""
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
        """Draw the course of a job that starts now, and let it take a slot.

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
        job: Job,
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
            job: Its course.
            seconds: Length of what it makes.
            usd: Its price if it completes.
            key: Its `Idempotency-Key`.
            template_id: The template it renders.
            title: Its title.
            callback_id: The caller's own id.
        """
        entry = LedgerJob(
            kind,
            identifier,
            operation,
            job.created_at,
            idempotency_key=key,
            template_id=template_id,
            title=title,
            callback_id=callback_id,
        )
        entry.charge(job, seconds, usd)
        self.ledger.jobs.append(entry)
        return entry

    def check_source(self, source: Json | None, field_name: str) -> None:
        """Refuse a media source that cannot be had: an unknown asset, or not a web address."""
        if source is None:
            return
        if source["type"] == "asset_id":
            self.ready_asset(source["asset_id"], f"{field_name}.asset_id")
        elif source["type"] == "url":
            self.check_url(source["url"], f"{field_name}.url")

    def ready_asset(self, asset_id: str, param: str) -> Asset:
        """The asset that a body names in its field `param`; refuses one that was not completed."""
        asset = self.assets.referenced(asset_id, param)
        if not asset.is_ready(self.clock.now()):
            raise bad_reference("asset", asset_id, param)
        return asset

    @staticmethod
    def check_url(url: str, field_name: str) -> None:
        """Refuse what is no web address; nothing is fetched."""
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
        """Length of a video or audio source.

        The sandbox knows its own media and uploaded wavs; the length of anything else is made
        up, between 20 and 90 seconds, always the same for the same source.
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
