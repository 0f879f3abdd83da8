"""Render thousands of variants of a template, with generated speech for audio variables."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from heygen_async.batch import Batch, Outcome, Run
from heygen_async.batch.admission.sampling import candidate
from heygen_async.batch.outcome import Ended, Failed, Succeeded
from heygen_async.batch.submissions import ItemKey, check_keys, text_keys
from heygen_async.batch.variants import InvalidVariants, VariantChecker, VariantProblem
from heygen_async.endpoints.templates import FoundTemplate, Version, find_once
from heygen_async.errors import HeyGenError, InvalidRequest
from heygen_async.journal.keys import content_key, fingerprint
from heygen_async.models.sources import AssetId
from heygen_async.models.templates import TemplateRenderRequest
from heygen_async.models.videos import Video
from heygen_async.models.voices import Speech, SpeechRequest
from heygen_async.pipelines.audio import UPLOADS_AT_ONCE, uploaded
from heygen_async.pipelines.estimates import ChainEstimate, summed
from heygen_async.pipelines.sampling import ChainSample, chosen
from heygen_async.pipelines.stages import (
    Remade,
    StageLink,
    StageProgress,
    count_earlier,
    retake_parts,
    retaken,
    stage_of,
    submitted,
)
from heygen_async.pricing.estimates import RunEstimate
from heygen_async.session.sync_iterables import in_memory, numbered
from heygen_async.session.tasks import in_thread

# The placeholder of a speech that is not made yet.
_PLACEHOLDER = "spoken"


class _Asset(msgspec.Struct, frozen=True):
    asset_id: str | None = None


class _Variable(msgspec.Struct, frozen=True):
    asset: _Asset = _Asset()


class _Sent(msgspec.Struct, frozen=True):
    """The fields used of an earlier variant."""

    variables: dict[str, _Variable]

    def asset_id(self, name: str) -> str | None:
        """Return the asset of a variable, or None."""
        return self.variables[name].asset.asset_id if name in self.variables else None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row in progress.

    Attributes:
        position: Its position, from 0.
        item: The row, as passed by the caller.
        content_key: Its key if it is derived from its content, or None.
        first: Number of its first speech, counted over all rows from 0.
    """

    position: int
    item: Any
    content_key: str | None
    first: int

    def spoken(self) -> Iterator[_Spoken]:
        """Yield its values to speak."""
        number = itertools.count(self.first)
        for name, value in self.item.items():
            if isinstance(value, SpeechRequest):
                yield _Spoken(self, name, value, next(number))


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One value of a row to speak; ``number`` counts them over all rows."""

    row: _Row
    name: str
    request: SpeechRequest
    number: int


class _Rows:
    """Rows of a known number; not a collection, because some rows may have failed already.

    Args:
        given: The rows, as passed by the caller.
        spoken: Number of their values to speak.
        checker: Returns their requests.
        key_of: Returns the key of a row, or None.
        own_keys: Returns a function that derives keys from the content of rows, or None.
        title_of: Returns the title of a row, or None.
        positions: The positions of the rows. Default: from 0.
    """

    def __init__(
        self,
        given: Collection[Mapping[str, Any]],
        spoken: int,
        checker: VariantChecker,
        key_of: Callable[[Any], str] | None,
        own_keys: Callable[[], Callable[[Any], str]] | None,
        title_of: Callable[[Any], str | None] | None,
        positions: Sequence[int] | None = None,
    ) -> None:
        self.positions = positions
        self.spoken = spoken
        self._given = given
        self._checker = checker
        self._key_of = key_of
        self._own_keys = own_keys
        self._title_of = title_of

    def __iter__(self) -> Iterator[_Row]:
        content_key = None if self._own_keys is None else self._own_keys()
        first = 0
        positions = itertools.count() if self.positions is None else self.positions
        for position, item in zip(positions, self._given, strict=False):
            row = _Row(position, item, None if content_key is None else content_key(item), first)
            first += sum(1 for _ in row.spoken())
            yield row

    def __len__(self) -> int:
        return len(self._given)

    async def sampled(self, sample: ChainSample | None, last: Batch) -> _Rows:
        """Return the rows that a chain with a sample makes.

        Args:
            sample: The sample, or None.
            last: The stage of the renders.
        """
        if sample is None:
            return self
        rows = [row async for _, row in numbered(self, last.pull) if not _repeated(row)]
        candidates = [candidate(row.position, self.key(row), _texts_of(row)) for row in rows]
        positions = await chosen(sample, last, candidates, len(self))
        if positions is None:
            return self
        some = [row for row in rows if row.position in positions]
        return _Rows(
            [row.item for row in some],
            sum(1 for row in some for _ in row.spoken()),
            self._checker,
            self._key_of,
            self._own_keys,
            self._title_of,
            positions,
        )

    def key(self, row: _Row) -> str:
        """Return the key of a row."""
        if self._key_of is not None:
            return self._key_of(row.item)
        return row.content_key or str(row.position)

    def request(self, row: _Row, values: Mapping[str, Any]) -> TemplateRenderRequest:
        """Return the request of a row, whose speeches are assets in ``values``."""
        request = self._checker.request(row.position, values)
        if self._title_of is None:
            return request
        title = _checked_title(self._title_of(row.item), row.position)
        return msgspec.structs.replace(request, title=title)


def _repeated(row: _Row) -> bool:
    """Return whether a row equals an earlier one; only then its digest has a number."""
    return row.content_key is not None and "-" in row.content_key


def _texts_of(row: _Row) -> bytes:
    """Return the values of a row as JSON, as far as the choice of a sample depends on them."""
    values = {
        name: {"content": value} if isinstance(value, str) else value
        for name, value in row.item.items()
    }
    return msgspec.json.encode(values, enc_hook=str, order="deterministic")


class _Speeches(Collection[_Spoken]):
    """All values of some rows to speak, and their outcomes.

    Attributes:
        rows: The rows.
        assets: The asset of each, or None.
        usd: The cost of each.
        resent: Number of resends, and their cost, of those that were sent again.
        unspoken: The exceptions of those that were not spoken.
        errors: The exception of each that was not spoken or not uploaded.
    """

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows
        self.assets: list[str | None] = [None] * rows.spoken
        self.usd = array("d", [0.0]) * rows.spoken
        self.resent: dict[int, tuple[int, float]] = {}
        self.unspoken: dict[int, HeyGenError] = {}
        self.errors: dict[int, HeyGenError] = {}

    def __len__(self) -> int:
        return len(self.assets)

    def __iter__(self) -> Iterator[_Spoken]:
        return (spoken for row in self.rows for spoken in row.spoken())

    def __contains__(self, spoken: object) -> bool:
        return any(spoken == other for other in self)

    def values(self, row: _Row) -> dict[str, Any]:
        """Return the values of a row, with assets in place of speeches.

        Raises:
            HeyGenError: One of the speeches failed.
        """
        values = dict(row.item)
        for spoken in row.spoken():
            if spoken.number in self.errors:
                raise self.errors[spoken.number]
            asset_id = self.assets[spoken.number]
            if asset_id is not None:
                values[spoken.name] = AssetId(asset_id=asset_id)
        return values

    def failed(self, row: _Row) -> bool:
        """Return whether one of the speeches of a row was not made, or not uploaded."""
        return any(spoken.number in self.errors for spoken in row.spoken())

    def hand_on(self, row: _Row, taken: Callable[[Ended[Any]], object]) -> None:
        """Note that the reader gets a row; until then its speeches are unfinished.

        Args:
            row: The row.
            taken: Called with the outcome of each of its speeches.
        """
        for spoken in row.spoken():
            error = self.unspoken.get(spoken.number)
            fields: dict[str, Any] = {"key": "", "index": spoken.number, "item": None}
            ended: Ended[None] = Succeeded(result=None, **fields)
            taken(ended if error is None else Failed(error=error, **fields))

    def cost(self, row: _Row) -> tuple[float, int, float]:
        """Return the cost of a row's speeches, and the number and cost of resends."""
        numbers = [spoken.number for spoken in row.spoken()]
        resent = [self.resent[number] for number in numbers if number in self.resent]
        usd = sum(self.usd[number] for number in numbers)
        return usd, sum(count for count, _ in resent), sum(amount for _, amount in resent)


async def personalize(
    batch: Batch,
    template_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: Callable[[Any], ItemKey] | None = None,
    title: Callable[[Any], str | None] | None = None,
    version: Version = "auto",
    test: bool = False,
    template: FoundTemplate | None = None,
    sample: ChainSample | None = None,
    progress: StageProgress | None = None,
) -> AsyncGenerator[Ended[Video]]:
    """Render a variant of a template for each row, after making the speech in it.

    A row is a variant as for ``batch.render``. The value of an audio variable may also be a
    ``SpeechRequest``, whose audio is made and uploaded. All speeches are made before the first
    render. If a speech of a row fails, the row is not rendered.

    Stages, and with a journal their files (of ``launch.db``): ``voices`` and ``renders``, as
    ``launch.voices.db`` and ``launch.renders.db``.

    Args:
        batch: Client, budget, journal and settings of all stages.
        template_id: The template.
        rows: Mappings of variable names to values. A collection is iterated over several times;
            any other iterable is kept in memory.
        key: Returns each row's key. Default: its position; with a journal, a digest of its content.
        title: Returns the title of each row's video in the account, or None.
        version: See ``heygen.templates.generate``.
        test: Render in lower quality, free of charge, through v2. Speech is charged.
        template: As for ``batch.render``.
        sample: Limits the chain to some of the rows.
        progress: See ``StageProgress``.

    Yields:
        An outcome for each row; its cost is that of video and speech.

    Raises:
        InvalidVariants: A row does not match the template; nothing was submitted.
        InvalidRequest: Two rows have the same key, or a title is invalid; nothing was submitted.
        BudgetExceeded: The budget has no room for a stage.
    """
    version = "v2" if test else version
    template = await find_once(template, batch.heygen.templates, template_id, version)
    kept = await _checked_rows(batch, template_id, template, rows, key, title)
    await count_earlier(batch, "voices", "renders")
    last = batch.stage("renders")
    kept, journal = await kept.sampled(sample, last), last.store
    speeches, voices = _Speeches(kept), None
    if len(speeches):
        again = await in_thread(retaken, journal)
        parts = {
            _name(kept, spoken): again[row_key]
            for spoken in (speeches if again else ())
            if (row_key := kept.key(spoken.row)) in again
        }
        await retake_parts(batch.stage("voices").store, parts)
        voices = await _speak(batch, speeches, await submitted(journal, _Sent), progress)

    run = batch.render(
        template_id,
        kept,
        variant=lambda row: kept.request(row, speeches.values(row)),
        key=kept.key,
        version=version,
        test=test,
        template=template,
        journal=journal,
    )
    if sample is not None:
        run = sample.noted(run, kept.positions)

    def personalized(outcome: Ended[Video]) -> Ended[Video]:
        row: _Row = outcome.item
        if voices is not None:
            speeches.hand_on(row, voices.taken)
        usd, resends, resent_usd = speeches.cost(row)
        return msgspec.structs.replace(
            outcome,
            item=row.item,
            usd=None if outcome.usd is None and not usd else (outcome.usd or 0.0) + usd,
            resends=outcome.resends + resends,
            resent_usd=outcome.resent_usd + resent_usd,
            stage="voices" if speeches.failed(row) else "renders",
        )

    async with aclosing(batch.outcomes(run, personalized)) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def estimate_personalize(
    batch: Batch,
    template_id: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: Callable[[Any], ItemKey] | None = None,
    title: Callable[[Any], str | None] | None = None,
    version: Version = "auto",
    test: bool = False,
    template: FoundTemplate | None = None,
    sample: ChainSample | None = None,
) -> ChainEstimate:
    """Estimate the cost of ``personalize`` with these arguments, without a paid call.

    Args:
        batch: Client, journal and settings of all stages.
        template_id: As for ``personalize``.
        rows: As for ``personalize``.
        key: As for ``personalize``.
        title: As for ``personalize``.
        version: As for ``personalize``.
        test: As for ``personalize``.
        template: As for ``personalize``.
        sample: As for ``personalize``.

    Returns:
        The estimate; with a journal, ``left`` is what is left to do.

    Raises:
        InvalidVariants: A row does not match the template.
        InvalidRequest: Two rows have the same key, or a title is invalid.
    """
    version = "v2" if test else version
    template = await find_once(template, batch.heygen.templates, template_id, version)
    kept = await _checked_rows(batch, template_id, template, rows, key, title)
    last = batch.stage("renders")
    kept = await kept.sampled(sample, last)
    sent = await submitted(last.store, _Sent)
    stages: dict[str, RunEstimate] = {}
    speeches = _Speeches(kept)
    if len(speeches):
        stages["voices"] = await _voices(batch.stage("voices"), speeches).estimate()

    def variant(row: _Row) -> TemplateRenderRequest:
        before = sent.get(kept.key(row))
        assets = {
            spoken.name: AssetId(asset_id=_asset_id(before, spoken.name) or _PLACEHOLDER)
            for spoken in row.spoken()
        }
        return kept.request(row, {**row.item, **assets})

    run = last.render(
        template_id,
        Remade(lambda: kept, len(kept)),
        variant=variant,
        key=kept.key,
        version=version,
        test=test,
        template=template,
        journal=last.store,
    )
    return summed({**stages, "renders": await run.estimate()})


async def _checked_rows(
    batch: Batch,
    template_id: str,
    template: FoundTemplate,
    rows: Iterable[Mapping[str, Any]],
    key: Callable[[Any], ItemKey] | None,
    title: Callable[[Any], str | None] | None,
) -> _Rows:
    """Return the rows after checking all of them."""
    if not isinstance(rows, Iterable):
        raise InvalidRequest(
            f"rows: expected a sync iterable of mappings, got {type(rows).__name__}", param="rows"
        )
    given: Collection[Any] = (
        rows
        if isinstance(rows, Collection) and not in_memory(rows)
        else [row async for _, row in numbered(rows, batch.pull)]
    )
    checker = VariantChecker(template.infos())
    problems: list[VariantProblem] = []
    spoken = 0
    async with aclosing(numbered(given, batch.pull)) as every:
        async for position, row in every:
            problems += checker.problems(position, _with_stand_ins(row))
            if not problems:
                spoken += sum(isinstance(value, SpeechRequest) for value in row.values())
                if title is not None:
                    _checked_title(title(row), position)
    if problems:
        raise InvalidVariants(problems)
    key_of = None if key is None else text_keys(key)
    if key_of is not None:
        await check_keys(given, key_of, batch.pull)
    own_keys = None
    if key_of is None and batch.store is not None:
        own_keys = partial(content_keys, template_id)
    return _Rows(given, spoken, checker, key_of, own_keys, title)


def _name(rows: _Rows, spoken: _Spoken) -> str:
    """Return the key of a speech."""
    return f"{rows.key(spoken.row)} {spoken.name}"


def _voices(stage: Batch, speeches: _Speeches) -> Run[Speech]:
    return stage.run(
        speeches,
        request=lambda spoken: spoken.request,
        key=lambda spoken: _name(speeches.rows, spoken),
        journal=stage.store,
    )


async def _speak(
    batch: Batch, speeches: _Speeches, sent: Mapping[str, _Sent], progress: StageProgress | None
) -> Run[Speech]:
    """Replace all values to speak by assets, and return the run that made them."""

    async def asset(outcome: Outcome[Speech]) -> str:
        spoken: _Spoken = outcome.item
        before = sent.get(speeches.rows.key(spoken.row))
        return _asset_id(before, spoken.name) or await uploaded(batch.heygen, outcome)

    run = _voices(stage_of(batch, "voices", progress), speeches)
    passage = StageLink(run, asset, at_once=UPLOADS_AT_ONCE, ordered=False)
    async with aclosing(passage.steps()) as steps:
        async for step in steps:
            number, before = step.before.item.number, step.before
            speeches.usd[number] = before.usd or 0.0
            speeches.assets[number] = step.made
            if before.error is not None:
                speeches.unspoken[number] = before.error
            if before.resends:
                speeches.resent[number] = before.resends, before.resent_usd
            if step.error is not None:
                speeches.errors[number] = step.error
    return run


def _asset_id(before: _Sent | None, name: str) -> str | None:
    return before.asset_id(name) if before else None


def _with_stand_ins(row: Any) -> Any:
    """Return a row without the asset ids of speech that is not made yet."""
    if not isinstance(row, Mapping):
        return row  # the check reports the error
    return {
        name: AssetId(asset_id=_PLACEHOLDER) if isinstance(value, SpeechRequest) else value
        for name, value in row.items()
    }


def _checked_title(title: object, position: int) -> str | None:
    if title is None or isinstance(title, str):
        return title
    raise InvalidRequest(
        f"title: expected text or None for row {position + 1}, got {title!r}", param="title"
    )


def content_keys(template_id: str) -> Callable[[Any], str]:
    """Return a function that derives keys from the content of rows; equal rows get a number.

    A run with a journal uses these keys if the caller passes none.
    """
    seen: set[int] = set()
    repeated: Counter[int] = Counter()

    def key(row: Mapping[str, Any]) -> str:
        digest = fingerprint(template_id, (), msgspec.json.encode(row, order="deterministic"))
        short = hash(digest)
        if short in seen:
            repeated[short] += 1
        seen.add(short)
        return content_key(digest, 1 + repeated[short])

    return key
