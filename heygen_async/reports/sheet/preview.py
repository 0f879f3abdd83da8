"""``preview``: write the contact sheet of a run."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from heygen_async.batch import Run
from heygen_async.batch.operations import Submission
from heygen_async.batch.submissions import RenderBuilder, SubmissionBuilder
from heygen_async.batch.variants import InvalidVariants, VariantChecker
from heygen_async.errors import InvalidRequest, NotFound
from heygen_async.media.probes import InvalidSources
from heygen_async.models.sources import AssetBase64, AssetId, AssetUrl
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import TemplateRenderRequest, TemplateVariableInfo
from heygen_async.pricing.estimates import CostTotal
from heygen_async.reports.page import write_page
from heygen_async.reports.sheet.contents import Contents, contents_of, contents_of_render
from heygen_async.reports.sheet.lookups import Lookups
from heygen_async.reports.sheet.page import Item, Sheet, sheet_page
from heygen_async.reports.sheet.warnings import KINDS, Shapes, Warned, voices_of, warnings_of
from heygen_async.session.sync_iterables import numbered

MOST_ITEMS = 20_000
"""The most items on a sheet."""

# Ids of files; a dry run of the command names a local file that it does not upload.
_ID = re.compile(r"[\w-]+")
_WITHOUT_PAUSE = 200  # items after which other tasks of the loop have their turn
# The most characters of what the page shows.
_LONGEST_KEY = 200
_LONGEST_TEXT = 1_500
_LONGEST_DETAIL = 400
_LONGEST_DATA = 100_000


class _Draft(NamedTuple):
    """One item before anything is looked up.

    Attributes:
        key: Its key, or its number.
        request: Its request, as far as it can be made.
        submission: What will be sent; None if it cannot be.
        contents: What it shows and says.
        warned: What keeps it from being sent.
    """

    key: str
    request: Request | None
    submission: Submission[Any] | None
    contents: Contents
    warned: tuple[Warned, ...] = ()


async def preview(run: Run[Any], page: str | os.PathLike[str]) -> None:
    """Write a page that shows what a run will make, and warns of what may go wrong.

    Makes no paid call. Items that cannot be sent are on the page, and are not an error. Each look,
    voice, uploaded file and source is looked up once; with ``Batch(measure=False)`` no source is
    looked at. The page has the first 20,000 items.

    Args:
        run: A run that need not be iterated.
        page: File of the page, which is replaced atomically.

    Raises:
        InvalidRequest: The items are not a collection: a preview would consume an iterator.
        HeyGenError: The template cannot be read, or the API refuses the key.
        OSError: The page cannot be written.
    """
    items, builder, _, lengths = run.manifest
    if not isinstance(items, Collection):
        raise InvalidRequest(
            "items: a preview needs a collection, such as a list; an iterator would be used up",
            param="items",
        )
    await builder.prepare()
    variables: Mapping[str, TemplateVariableInfo] = {}
    if isinstance(builder, RenderBuilder):
        variables = builder.variables
        if builder.template is None:  # of a test render too, which goes through v2
            with contextlib.suppress(NotFound):
                builder.template = await run.heygen.templates.get(builder.template_id)
    drafts = [draft async for draft in _drafts(run, items)]
    sources = {
        file.source
        for draft in drafts
        for file in draft.contents.files
        if isinstance(file.source, AssetUrl)
        or (isinstance(file.source, AssetId) and _ID.fullmatch(file.source.asset_id))
    }
    own = {
        name: AssetUrl(url=info.asset.url)
        for name, info in variables.items()
        if info.type == "image" and info.asset is not None and info.asset.url
    }
    with contextlib.suppress(InvalidSources):  # the page names them
        await lengths.probe(sources | set(own.values()))
    lookups = Lookups(run.heygen)
    await lookups.load(
        (look for draft in drafts for look in draft.contents.looks),
        (voice for draft in drafts for voice in draft.contents.voices),
        (source.asset_id for source in sources if isinstance(source, AssetId)),
    )
    own_shapes = {name: lengths.found[url] for name, url in own.items() if url in lengths.found}
    shapes = Shapes(lengths.found, own_shapes)
    sheet = _Sheet(run, lookups, shapes, variables)
    for number, draft in enumerate(drafts):
        sheet.add(draft)
        if number % _WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)
    await asyncio.to_thread(lambda: write_page(Path(page), sheet_page(sheet.finished())))


async def _drafts(run: Run[Any], items: Collection[Any]) -> AsyncIterator[_Draft]:
    builder, key_of = run.manifest.builder, run.manifest.key
    known: dict[str, str] = {}
    async with aclosing(numbered(items, builder.pull)) as every:
        async for index, item in every:
            if index == MOST_ITEMS:
                return
            key = f"item {index + 1}"
            try:
                own = None if key_of is None else key_of(item)
                key = own or key
                draft = _sent(key, builder.submission(index, item, own), builder)
            except InvalidRequest as error:
                draft = _refused(key, index, item, builder, error)
            first = known.setdefault(key, f"item {index + 1}")
            if first != f"item {index + 1}":
                same = Warned("refused", f"it has the same key as {first}")
                draft = draft._replace(warned=(*draft.warned, same))
            yield draft


def _sent(key: str, submission: Submission[Any], builder: SubmissionBuilder[Any]) -> _Draft:
    contents = _contents(submission.request, builder)
    return _Draft(key, submission.request, submission, contents)


def _contents(request: Request, builder: SubmissionBuilder[Any]) -> Contents:
    if isinstance(builder, RenderBuilder) and isinstance(request, TemplateRenderRequest):
        return contents_of_render(request, builder.template, builder.variables)
    return contents_of(request)


def _refused(
    key: str, index: int, item: Any, builder: SubmissionBuilder[Any], error: InvalidRequest
) -> _Draft:
    """Return an item that cannot be sent; texts of a template that are left out are shown."""
    if isinstance(builder, RenderBuilder) and isinstance(error, InvalidVariants):
        checker = VariantChecker(builder.variables, all_texts=False)
        try:
            request = checker.request(index, builder.variant(item))
        except InvalidVariants as refusal:
            reasons = [
                f"{problem.variable}: {problem.reason}" if problem.variable else problem.reason
                for problem in refusal.problems
            ]
            return _Draft(key, None, None, Contents(), tuple(Warned("refused", r) for r in reasons))
        except InvalidRequest as refusal:
            error = refusal
        else:
            return _Draft(key, request, None, _contents(request, builder))
    return _Draft(key, None, None, Contents(), (Warned("refused", str(error)),))


class _Sheet:
    """The sheet in the making."""

    def __init__(
        self,
        run: Run[Any],
        lookups: Lookups,
        shapes: Shapes,
        variables: Mapping[str, TemplateVariableInfo],
    ) -> None:
        items, self._builder, _, self._lengths = run.manifest
        self._lookups, self._shapes, self._variables = lookups, shapes, variables
        builder = self._builder
        template = builder.template if isinstance(builder, RenderBuilder) else None
        self._template = template
        self._sheet = Sheet(
            title=(template.name if template else builder.title or builder.subject) or builder.kind,
            kind=builder.kind,
            count=len(items),
            thumbnail="" if template is None else _web(template.thumbnail_url),
            scenes=[scene.script or "" for scene in template.scenes] if template else (),
        )
        self._scenes = {
            scene.scene_id: number
            for number, scene in enumerate(template.scenes if template else ())
        }
        self._files: dict[Any, int] = {}
        self._looks: dict[str, int] = {}
        self._known: dict[bytes, str] = {}
        self._total = CostTotal()

    def add(self, draft: _Draft) -> None:
        """Add an item."""
        request, contents = draft.request, draft.contents
        warned = [*draft.warned]
        if request is not None:
            warned += warnings_of(request, contents, self._variables, self._lookups, self._shapes)
            first = self._known.setdefault(_digest(request), draft.key)
            if first != draft.key:
                warned.append(Warned("equal", f"it makes the same as {first}"))
        seconds, cost = None, "cannot be sent"
        if draft.submission is not None:
            expected = self._builder.estimate(draft.submission.measured(self._lengths))
            self._total.add(expected)
            seconds, cost = expected.seconds, expected.amount
        kinds = list(KINDS)
        order = sorted({(kinds.index(kind), detail) for kind, detail in warned})
        voices = voices_of(contents, self._lookups)
        looks = [self._look(look) for look in contents.looks]
        item = Item(
            key=_short(draft.key, _LONGEST_KEY),
            values=_values(request),
            scripts=self._scripts(request, contents),
            files=[(file.name, self._file(file.source), file.fit) for file in contents.files],
            look=next(iter(looks), -1),
            voice=", ".join(map(self._voice, voices)),
            language=contents.language or "",
            shape=self._shape(request),
            seconds=None if seconds is None else round(seconds, 1),
            cost=cost,
            warnings=[(kind, _short(detail, _LONGEST_DETAIL)) for kind, detail in order],
        )
        self._sheet.items.append(item)

    def finished(self) -> Sheet:
        """Return the sheet with its total."""
        self._sheet.cost = self._total.range().amount
        return self._sheet

    def _scripts(
        self, request: Request | None, contents: Contents
    ) -> list[tuple[int | str, float]]:
        if isinstance(request, TemplateRenderRequest) and self._template is not None:
            wanted = request.scene_ids or self._template.scene_ids or list(self._scenes)
            return [
                (self._scenes[scene_id], round(script.seconds, 1))
                for scene_id, script in zip(wanted, contents.scripts, strict=True)
                if scene_id in self._scenes
            ]
        return [
            (_short(script.text, _LONGEST_TEXT), round(script.seconds, 1))
            for script in contents.scripts
            if script.text
        ]

    def _file(self, source: Any) -> int:
        position = self._files.setdefault(source, len(self._files))
        if position == len(self._sheet.files):
            self._sheet.files.append(self._described(source))
        return position

    def _described(self, source: Any) -> tuple[str, str, str]:
        """Return name, URL and MIME type of a file."""
        info = self._shapes.found.get(source)
        kind = (info.media_type if info else None) or ""
        if isinstance(source, AssetBase64):
            kind, size = source.media_type, len(source.data)
            url = f"data:{kind};base64,{source.data}" if size <= _LONGEST_DATA else ""
            return "in the request", url if kind.startswith("image/") else "", kind
        if isinstance(source, AssetId):
            asset = self._lookups.assets.get(source.asset_id)
            if asset is None:
                return source.asset_id, "", kind
            return asset.name or asset.id, _web(asset.url), kind or asset.type or ""
        path = source.url.partition("?")[0]
        return path.rpartition("/")[2] or path, _web(source.url), kind

    def _look(self, look_id: str) -> int:
        position = self._looks.setdefault(look_id, len(self._looks))
        if position == len(self._sheet.looks):
            look = self._lookups.looks.get(look_id)
            name = look_id if look is None else look.name
            self._sheet.looks.append((name, "" if look is None else _web(look.preview_image_url)))
        return position

    def _voice(self, voice_id: str) -> str:
        voice = self._lookups.voices.get(voice_id)
        if voice is None:
            return f"voice {voice_id}"
        return f"{voice.name or voice_id} ({voice.language or 'language unknown'})"

    def _shape(self, request: Request | None) -> str:
        own = None if self._template is None else self._template.aspect_ratio
        return str(own or getattr(request, "aspect_ratio", None) or "")


def _values(request: Request | None) -> dict[str, str]:
    """Return the values of text variables."""
    if not isinstance(request, TemplateRenderRequest):
        return {}
    return {
        name: _short(value.content, _LONGEST_TEXT)
        for name, value in request.variables.items()
        if isinstance(value, TextVariable)
    }


def _digest(request: Request) -> bytes:
    """Return a digest of a request without its title, callback and folder."""
    made = {
        name: getattr(request, name)
        for name in request.__struct_fields__
        if name not in ("title", "callback_id", "callback_url", "folder_id")
    }
    content = msgspec.json.encode([type(request).__name__, made], order="deterministic")
    return hashlib.sha256(content).digest()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _web(url: str | None) -> str:
    """Return the URL of a picture if a page may load it, or an empty text."""
    return url if url and url.lower().startswith(("http://", "https://")) else ""
