"""The plan of faults, as shares of requests, jobs and deliveries."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from ..answers import Json
from ..contract import CONTRACT
from ..jobs import DURATIONS, ShareOfJobs
from .fault import Fault
from .script import Script

__all__ = ["Faults", "Seconds"]

#: A fixed time, or a range (shortest, longest) from which each is drawn.
Seconds: TypeAlias = float | tuple[float, float]

#: Settings that can be limited to one operation; the others are about jobs, media and webhooks.
_OF_OPERATIONS = {
    "drop",
    "drop_answer",
    "error_after_work",
    "status",
    "latency",
    "gateway_timeout",
}


#: Members that are shares, and members that may be ranges of seconds.
_SHARES = ("lost_sessions", "null_video_url", "expire_urls", "duplicate", "lose", "reorder")
_RANGES = ("latency", "hide_assets", "delay")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """A plan of faults, with their shares.

        Sandbox(faults=Faults(drop_answer=0.05, status={503: 0.02}, fail_jobs=0.1))
        sandbox.faults = Faults(operations={"templates.generate": Faults(drop=0.3)})

    A plan is immutable; replace it at any time, even while the sandbox serves. All shares are 0 to
    1, and the draws derive from the sandbox's seed. At most one of `drop`, `drop_answer`,
    `error_after_work` and `status` applies to a request, so their sum is at most 1.

    Besides shares a plan has a script, filled by `add`, of single faults for certain requests. The
    script takes precedence.

    Attributes:
        drop: Share of requests that are read but not carried out or answered: the connection is
            closed.
        drop_answer: Share of requests that are carried out but not answered.
        error_after_work: Share of requests that are carried out but answered 500.
        status: Shares of requests that are refused and not carried out, by HTTP status.
        latency: Seconds of the event loop's time that the work of a request takes; refusals and
            replays are answered at once. During that time the same Idempotency-Key gets 409
            `request_in_progress`.
        gateway_timeout: Seconds of the event loop's time after which a gateway answers 504 with an
            HTML page, if no other fault applies to the request. Its work continues, and its
            Idempotency-Key stays in progress, for as long as `latency` says. 0 (default) for no
            gateway; HeyGen's has been seen to give up after 30.
        operations: Plans with the six settings above for single operations, by operation id. They
            replace the general settings. The media host is the operation `media`, to which the
            general settings do not apply.
        fail_jobs: Share of jobs that fail, for all kinds or by kind (the keys of the sandbox's
            `durations`).
        stuck_jobs: Share of jobs that never end, for all kinds or by kind.
        hide_assets: Seconds of the sandbox's time for which requests with an asset that was just
            uploaded are refused: 404 `resource_not_found` for a video, 400 `asset_not_found` for
            other requests.
        list_lag: Seconds of the sandbox's time for which new resources are missing from lists.
        lost_sessions: Share of Video Agent sessions that answer 404 while their video continues.
        null_video_url: Share of videos whose `video_url` is null for the first second of the
            sandbox's time after they completed.
        expire_urls: Share of signed media addresses that answer 403 at once. The next address
            signed for the same file is valid.
        duplicate: Share of webhook deliveries that are sent twice.
        lose: Share of webhook deliveries that are never sent.
        reorder: Share of webhook deliveries that are sent after later ones.
        delay: Seconds of the sandbox's time by which webhook deliveries are delayed.
        struck: (operation, name of the fault) of each fault that was applied, in order.

    Raises:
        ValueError: A share, time, error status, operation or kind of job is invalid, shares add up
            to more than 1, or a setting of an operation is not about requests.
    """

    drop: float = 0.0
    drop_answer: float = 0.0
    error_after_work: float = 0.0
    status: Mapping[int, float] = field(default_factory=dict)
    latency: Seconds = 0.0
    gateway_timeout: float = 0.0
    operations: Mapping[str, Faults] = field(default_factory=dict)
    fail_jobs: ShareOfJobs = 0.0
    stuck_jobs: ShareOfJobs = 0.0
    hide_assets: Seconds = 0.0
    list_lag: float = 0.0
    lost_sessions: float = 0.0
    null_video_url: float = 0.0
    expire_urls: float = 0.0
    duplicate: float = 0.0
    lose: float = 0.0
    reorder: float = 0.0
    delay: Seconds = 0.0
    struck: list[tuple[str, str]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _script: Script = field(default_factory=Script, init=False, repr=False, compare=False)
    _strikes: random.Random = field(
        default_factory=random.Random, init=False, repr=False, compare=False
    )
    _waits: random.Random = field(
        default_factory=random.Random, init=False, repr=False, compare=False
    )
    _hidings: random.Random = field(
        default_factory=random.Random, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for name in _SHARES:
            _check_shares(name, [getattr(self, name)])
        _check_shares(
            "drop, drop_answer, error_after_work and status",
            [self.drop, self.drop_answer, self.error_after_work, *self.status.values()],
        )
        for status in self.status:
            if not isinstance(status, int) or not 400 <= status <= 599:
                raise ValueError(f"status: expected 400 to 599, got {status!r}")
        for name in _RANGES:
            _check_seconds(name, getattr(self, name))
        for name in ("gateway_timeout", "list_lag"):
            if isinstance(getattr(self, name), tuple):
                raise ValueError(f"{name}: expected seconds, got {getattr(self, name)!r}")
            _check_seconds(name, getattr(self, name))
        for kind in DURATIONS:
            of_kind = [_share_of(self.fail_jobs, kind), _share_of(self.stuck_jobs, kind)]
            _check_shares("fail_jobs and stuck_jobs", of_kind)
        for shares in (self.fail_jobs, self.stuck_jobs):
            unknown = set(shares) - set(DURATIONS) if isinstance(shares, Mapping) else ()
            if unknown:
                raise ValueError(f"unknown kind of job: {', '.join(sorted(unknown))}")
        for operation, faults in self.operations.items():
            if operation not in CONTRACT.operations and operation != "media":
                raise ValueError(f"operations: unknown operation {operation}")
            strange = faults._given() - _OF_OPERATIONS
            if operation == "media":
                strange |= faults._given() & {"gateway_timeout"}
            if strange:
                names = ", ".join(sorted(strange))
                raise ValueError(f"operations: {names} cannot be set for {operation} alone")

    @classmethod
    def from_json(cls, plan: str | bytes | Json) -> Faults:
        """Return a plan from JSON, with the same names, statuses as strings and ranges as arrays.

            Faults.from_json('{"status": {"503": 0.02}, "latency": [0.1, 2]}')

        Args:
            plan: JSON text, or decoded JSON.

        Raises:
            ValueError: It is not JSON, has an unknown name, or is invalid as described above.
        """
        if isinstance(plan, str | bytes):
            plan = json.loads(plan)
        if not isinstance(plan, dict):
            raise ValueError(f"faults: expected an object, got {plan!r}")
        known = {part.name for part in fields(cls) if part.init}
        unknown = set(plan) - known
        if unknown:
            raise ValueError(f"faults: unknown names: {', '.join(sorted(unknown))}")
        read = dict(plan)
        for name in _RANGES:
            if isinstance(read.get(name), list):
                read[name] = tuple(read[name])
        for name in ("status", "operations"):
            if not isinstance(read.get(name, {}), dict):
                raise ValueError(f"{name}: expected an object, got {read[name]!r}")
        if "status" in read:
            read["status"] = {
                int(status) if status.isdecimal() else status: share
                for status, share in read["status"].items()
            }
        if "operations" in read:
            read["operations"] = {
                operation: cls.from_json(faults) for operation, faults in read["operations"].items()
            }
        return cls(**read)

    def to_json(self) -> Json:
        """Return the plan as JSON values, without settings at their defaults."""
        plan: Json = {name: getattr(self, name) for name in sorted(self._given())}
        if "status" in plan:
            plan["status"] = {str(status): share for status, share in self.status.items()}
        if "operations" in plan:
            plan["operations"] = {
                name: faults.to_json() for name, faults in plan["operations"].items()
            }
        return plan

    def _given(self) -> set[str]:
        """Return the names of the settings that differ from their defaults."""
        return {part.name for part in fields(self) if part.init and getattr(self, part.name)}

    def seed(self, seed: int) -> None:
        """Restart the draws, as the sandbox does with a new plan.

        Args:
            seed: Seed of the draws; the sandbox passes its own.
        """
        self._script.chance.seed(f"{seed}/faults")
        self._strikes.seed(f"{seed}/faults/strikes")
        self._waits.seed(f"{seed}/faults/waits")
        self._hidings.seed(f"{seed}/faults/hidings")

    def add(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int | None = 1,
        after: int = 0,
        rate: float = 1.0,
    ) -> None:
        """Add a fault to the script; if several match a request, the first one applies.

        Args:
            operation: An operation id, `media` for the media host, or `*` for all operations.
            fault: The fault.
            times: Number of times that it applies; None for always. Default 1.
            after: Number of matching requests to pass first. Default 0.
            rate: Probability for a matching request, drawn from the sandbox's seed. Default 1.
        """
        self._script.add(operation, fault, times, after, rate)

    def clear(self) -> None:
        """Clear the script; keep the shares and the record of applied faults."""
        self._script.clear()

    def take(self, operation: str) -> Fault | None:
        """Return the fault for this request, or None, and use it up.

        Args:
            operation: The operation id of the request, or `media`.
        """
        fault = self._script.take(operation) or self._draw(operation)
        if fault is not None:
            self.struck.append((operation, fault.name))
        return fault

    def wait(self, operation: str) -> float:
        """Draw the latency of a request.

        Args:
            operation: The operation id of the request, or `media`.

        Returns:
            Seconds of the event loop's time.
        """
        return _drawn(self._waits, self._for(operation).latency)

    def gateway(self, operation: str) -> float | None:
        """Return the seconds after which a gateway gives up on a request, or None for no gateway.

        Args:
            operation: The operation id of the request.
        """
        return self._for(operation).gateway_timeout or None

    def hiding(self) -> float:
        """Draw the sandbox seconds for which a new asset is not visible."""
        return _drawn(self._hidings, self.hide_assets)

    def loses_session(self, session_id: str) -> bool:
        """Return whether a session is not found after its video has started; always the same.

        Args:
            session_id: The session.
        """
        return zlib.crc32(session_id.encode()) < self.lost_sessions * 2**32

    def hides_url(self, video_id: str) -> bool:
        """Return whether the URL of a video is null at first; always the same.

        Args:
            video_id: The video.
        """
        # The id itself is random and derives from the sandbox's seed.
        return zlib.crc32(video_id.encode()) < self.null_video_url * 2**32

    def _for(self, operation: str) -> Faults:
        return self.operations.get(operation, _WELL if operation == "media" else self)

    def _draw(self, operation: str) -> Fault | None:
        plan = self._for(operation)
        if not (plan.drop or plan.drop_answer or plan.error_after_work or plan.status):
            return None
        left = self._strikes.random()
        for share, fault in plan._exchanges():
            left -= share
            if left < 0:
                return fault
        return None

    def _exchanges(self) -> Iterable[tuple[float, Fault]]:
        yield self.drop, Fault.drop()
        yield self.drop_answer, Fault.drop_answer()
        yield self.error_after_work, Fault.status(500, work=True)
        for status, share in self.status.items():
            yield share, Fault.status(status)


def _drawn(chance: random.Random, seconds: Seconds) -> float:
    return chance.uniform(*seconds) if isinstance(seconds, tuple) else seconds


def _share_of(shares: ShareOfJobs, kind: str) -> float:
    return shares.get(kind, 0.0) if isinstance(shares, Mapping) else shares


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_shares(name: str, shares: list[float]) -> None:
    if not all(_is_number(share) and share >= 0 for share in shares):
        raise ValueError(f"{name}: expected a share from 0 to 1")
    # Sums of shares such as 0.1 are not exact.
    if sum(shares) > 1 + 1e-9:
        raise ValueError(f"{name}: the shares add up to more than 1")


def _check_seconds(name: str, seconds: Seconds) -> None:
    least, most = seconds if isinstance(seconds, tuple) and len(seconds) == 2 else (seconds,) * 2
    if not (_is_number(least) and _is_number(most) and 0 <= least <= most < float("inf")):
        raise ValueError(f"{name}: expected seconds or a range of seconds, got {seconds!r}")


_WELL = Faults()
