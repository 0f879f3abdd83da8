"""Variants of a template by the thousand, with voices from speech where they are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from heygen_async.batch import Batch, Outcome, Run
from heygen_async.batch.submissions import ItemKey, check_keys, text_keys
from heygen_async.batch.variants import VariantChecker
from heygen_async.endpoints.templates import Version
from heygen_async.errors import HeyGenError, InvalidRequest
from heygen_async.journal.keys import content_key, fingerprint
from heygen_async.models.sources import AssetId
from heygen_async.models.templates import TemplateRenderRequest
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech, SpeechRequest
from heygen_async.pipelines.audio import UPLOADS_AT_ONCE, uploaded
from heygen_async.pipelines.estimates import ChainEstimate, summed
from heygen_async.pipelines.stages import (
    Passage,
    StageProgress,
    count_earlier,
    stage_of,
    submitted,
)
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.session.sync_iterables import numbered

# In the place of a speech that is still to be made.
_PLACEHOLDER = "spoken"


class _Asset(msgspec.Struct, frozen=True):
    asset_id: str | None = None


class _Variable(msgspec.Struct, frozen=True):
    asset: _Asset = _Asset()


class _Sent(msgspec.Struct, frozen=True):
    """What is looked at of a variant that was submitted before."""

    variables: dict[str, _Variable]

    def asset_id(self, name: str) -> str | None:
        """The asset of a variable, or None."""
        return self.variables[name].asset.asset_id if name in self.variables else None


@dataclass(slots=True, eq=False)
class _Row:
    """A row on its way; what is to be spoken becomes an asset."""

    position: int
    key: str
    item: Mapping[str, Any]
    title: str | None
    values: dict[str, Any] = field(default_factory=dict)
    usd: float = 0.0
    resends: int = 0
    resent_usd: float = 0.0
    error: HeyGenError | None = None
    speeches: list[Outcome[Speech]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One value of a row that is to be spoken."""

    row: _Row
    name: str
    request: SpeechRequest


class _Rows:
    """Rows of a known number; no collection, as rows that have failed already may be among them."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[_Row]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


async def personalize(
    batch: Batch,
    template_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: Callable[[Any], ItemKey] | None = None,
    title: Callable[[Any], str | None] | None = None,
    version: Version = "auto",
    test: bool = False,
    progress: StageProgress | None = None,
) -> AsyncGenerator[Outcome[Video]]:
    """Render a variant of a template for each row; what a row wants spoken is spoken first.

    A row is a variant as ``batch.render`` takes it. The value of an audio variable may also be a
    ``SpeechRequest``: it is spoken, and the audio uploaded, which is where the voice of a row
    comes from. All speeches come before the first render. A row of which one fails is not
    rendered.

    Stages, and with a journal their files (of ``launch.db``): ``voices`` and ``renders``, as
    ``launch.voices.db`` and ``launch.renders.db``.

    Args:
        batch: Client, budget, journal and settings of all stages.
        template_id: The template.
        rows: Mappings of variable names to values; kept in memory.
        key: Gives each row's key. Default: its position; with a journal, a digest of its content.
        title: Gives the title of each row's video in the account, or None.
        version: See ``heygen.templates.generate``.
        test: Render in lower quality, free of charge, through v2. Speech is charged.
        progress: See ``StageProgress``.

    Yields:
        An outcome for each row; its cost is that of video and speech.

    Raises:
        InvalidVariants: A row does not fit the template; nothing was submitted.
        InvalidRequest: Two rows have the same key, or a title is none; nothing was submitted.
        BudgetExceeded: The budget has no room for a stage.
    """
    kept, checker = await _checked_rows(batch, template_id, rows, key, title, version, test=test)
    await count_earlier(batch, "voices", "renders")
    journal = batch.stage("renders").store
    taken = await _speak(batch, kept, await submitted(journal, _Sent), progress)

    run = batch.render(
        template_id,
        _Rows(kept),
        variant=lambda row: _variant(checker, row),
        key=lambda row: row.key,
        version=version,
        test=test,
        journal=journal,
    )
    async with aclosing(aiter(run)) as outcomes:
        async for outcome in outcomes:
            row: _Row = outcome.item
            for speech in row.speeches:
                taken(speech)
            usd = None if outcome.usd is None and not row.usd else (outcome.usd or 0.0) + row.usd
            yield msgspec.structs.replace(
                outcome,
                item=row.item,
                usd=usd,
                resends=outcome.resends + row.resends,
                resent_usd=outcome.resent_usd + row.resent_usd,
            )


async def estimate_personalize(
    batch: Batch,
    template_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: Callable[[Any], ItemKey] | None = None,
    title: Callable[[Any], str | None] | None = None,
    version: Version = "auto",
    test: bool = False,
) -> ChainEstimate:
    """Estimate what ``personalize`` would cost with these arguments; no paid call.

    Args:
        batch: Client, journal and settings of all stages.
        template_id: As for ``personalize``.
        rows: As for ``personalize``.
        key: As for ``personalize``.
        title: As for ``personalize``.
        version: As for ``personalize``.
        test: As for ``personalize``.

    Returns:
        The estimate; with a journal, ``left`` is what is left to do.

    Raises:
        InvalidVariants: A row does not fit the template.
        InvalidRequest: Two rows have the same key, or a title is none.
    """
    kept, checker = await _checked_rows(batch, template_id, rows, key, title, version, test=test)
    last = batch.stage("renders")
    sent = await submitted(last.store, _Sent)
    stages: dict[str, RunEstimate] = {}
    if spoken := _spoken_in(kept):
        stages["voices"] = await _voices(batch.stage("voices"), spoken).estimate()
    for one in spoken:
        asset_id = sent[one.row.key].asset_id(one.name) if one.row.key in sent else None
        one.row.values[one.name] = AssetId(asset_id=asset_id or _PLACEHOLDER)
    run = last.render(
        template_id,
        kept,
        variant=lambda row: _variant(checker, row),
        key=lambda row: row.key,
        version=version,
        test=test,
        journal=last.store,
    )
    return summed({**stages, "renders": await run.estimate()})


async def _checked_rows(
    batch: Batch,
    template_id: str,
    rows: Iterable[Mapping[str, Any]],
    key: Callable[[Any], ItemKey] | None,
    title: Callable[[Any], str | None] | None,
    version: Version,
    *,
    test: bool,
) -> tuple[list[_Row], VariantChecker]:
    """Return the rows, and what makes requests of them; all of them were checked."""
    if not isinstance(rows, Iterable):
        raise InvalidRequest(
            f"rows: expected a sync iterable of mappings, got {type(rows).__name__}", param="rows"
        )
    given = [row async for _, row in numbered(rows, batch.pull)]
    found = await batch.heygen.templates.variables(template_id, version="v2" if test else version)
    checker = VariantChecker(found)
    checker.check_all(_with_stand_ins(row) for row in given)
    key_of: Callable[[Any], str] | None = None
    if key is not None:
        key_of = text_keys(key)
        await check_keys(given, key_of)
    elif batch.store is not None:
        key_of = _own_keys(template_id)
    kept = [
        _Row(
            position,
            str(position) if key_of is None else key_of(row),
            row,
            None if title is None else _checked_title(title(row), position),
            dict(row),
        )
        for position, row in enumerate(given)
    ]
    return kept, checker


def _variant(checker: VariantChecker, row: _Row) -> TemplateRenderRequest:
    if row.error is not None:
        raise row.error
    request = checker.request(row.position, row.values)
    return msgspec.structs.replace(request, title=row.title)


def _spoken_in(rows: Iterable[_Row]) -> list[_Spoken]:
    return [
        _Spoken(row, name, value)
        for row in rows
        for name, value in row.item.items()
        if isinstance(value, SpeechRequest)
    ]


def _voices(stage: Batch, spoken: list[_Spoken]) -> Run[Speech]:
    return stage.run(
        spoken,
        request=lambda one: one.request,
        key=lambda one: f"{one.row.key} {one.name}",
        journal=stage.store,
    )


async def _speak(
    batch: Batch, rows: Sequence[_Row], sent: Mapping[str, _Sent], progress: StageProgress | None
) -> Callable[[Outcome[Speech]], object]:
    """Put an asset in the place of all that is to be spoken.

    Returns:
        What to call with each speech of a row when the row is handed on.
    """
    spoken = _spoken_in(rows)
    if not spoken:
        return lambda speech: None

    async def asset(outcome: Outcome[Speech]) -> str:
        one: _Spoken = outcome.item
        before = sent.get(one.row.key)
        known = before.asset_id(one.name) if before else None
        return known or await uploaded(batch.heygen, outcome)

    stage = stage_of(batch, "voices", progress)
    run = _voices(stage, spoken)
    passage = Passage(run, asset, at_once=UPLOADS_AT_ONCE, ordered=False)
    async with aclosing(passage.steps()) as steps:
        async for step in steps:
            one: _Spoken = step.before.item
            one.row.usd += step.before.usd or 0.0
            one.row.resends += step.before.resends
            one.row.resent_usd += step.before.resent_usd
            one.row.speeches.append(step.before)
            if step.made is None:
                one.row.error = step.error
            else:
                one.row.values[one.name] = AssetId(asset_id=step.made)
    return run.taken


def _with_stand_ins(row: Any) -> Any:
    """A row as it will be, but for the ids of what is still to be spoken."""
    if not isinstance(row, Mapping):
        return row  # the check says what is wrong
    return {
        name: AssetId(asset_id="spoken") if isinstance(value, SpeechRequest) else value
        for name, value in row.items()
    }


def _checked_title(title: object, position: int) -> str | None:
    if title is None or isinstance(title, str):
        return title
    raise InvalidRequest(
        f"title: expected text or None for row {position + 1}, got {title!r}", param="title"
    )


def _own_keys(template_id: str) -> Callable[[Any], str]:
    """Gives rows keys from their content; equal ones get a number."""
    seen: Counter[str] = Counter()

    def key(row: Mapping[str, Any]) -> str:
        digest = fingerprint(template_id, (), msgspec.json.encode(row, order="deterministic"))
        seen[digest] += 1
        return content_key(digest, seen[digest])

    return key
