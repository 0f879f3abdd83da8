"""Check completed dubs for what a person should look at first."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from heygen_async.captions import Cue, parse_srt
from heygen_async.client import HeyGen
from heygen_async.dubs.issues import Issue, dub_issues
from heygen_async.dubs.notes import DubNotes
from heygen_async.errors import HeyGenError
from heygen_async.session.tasks import in_thread

logger: logging.Logger = logging.getLogger("heygen_async.dubs")

# Seconds that a dub waits for its captions; it is not checked without them.
_PATIENCE = 30.0


class DubReview:
    """Check completed dubs, each once; what is found stays in the notes of the run or the chain.

    What cannot be fetched is not checked. All calls are free of charge.

    Args:
        heygen: The client.
        notes: The notes.
        script: What is said in the source, if it is known from its request.
        glossary_id: The glossary of the dubs, or None.
    """

    def __init__(
        self,
        heygen: HeyGen,
        notes: DubNotes,
        script: str | None = None,
        glossary_id: str | None = None,
    ) -> None:
        self._heygen = heygen
        self._notes = notes
        self._script = script
        self._glossary_id = glossary_id
        self._terms: dict[str, str] | None = None

    async def issues(
        self, outcome: Any, request: Any, length: Callable[[], Awaitable[float | None]]
    ) -> tuple[Issue, ...]:
        """Return what a person should look at in the dub of an outcome.

        Those of dubs of earlier runs come from the notes.

        Args:
            outcome: The outcome.
            request: The request of the dub, or of its proofread.
            length: Returns the length of its source in seconds, or None.
        """
        if not outcome.ok:
            return ()
        note = await in_thread(self._notes.of, outcome.key)
        if outcome.resumed and (note is None or note.issues is not None):
            return () if note is None else note.issues or ()
        source, srt = self._script, None
        if note is not None:
            srt = note.corrected or note.translated
            if note.source is not None:
                source = "\n".join(cue.text for cue in _cues(outcome.key, note.source))
        cues = _cues(outcome.key, srt or await self._subtitles(outcome))
        found = dub_issues(
            cues,
            source,
            terms={} if source is None else await self._glossary(),
            source_seconds=_part(request, await length()),
            dub_seconds=outcome.result.duration,
        )
        if found or note is not None:
            await in_thread(lambda: self._notes.note(outcome.key, issues=found))
        return found

    async def _subtitles(self, outcome: Any) -> str:
        """Return the captions that the translation gives, or an empty text."""
        if outcome.result.srt_caption_url is None:
            return ""
        content = io.BytesIO()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._heygen.download(outcome.result, content, what="subtitles")
        except (HeyGenError, TimeoutError) as error:
            logger.debug("%s: the captions are not checked: %s", outcome.key, error)
            return ""
        return content.getvalue().decode("utf-8-sig", "replace")

    async def _glossary(self) -> dict[str, str]:
        """Return the terms of the glossary that must be kept, with what they become."""
        if self._terms is None:
            self._terms = {}
            if self._glossary_id is not None:
                try:
                    found = await self._heygen.brand_glossaries.get(self._glossary_id)
                except HeyGenError as error:
                    logger.warning("glossary %s is not checked: %s", self._glossary_id, error)
                else:
                    self._terms = {one.term: one.term for one in found.do_not_translate_terms}
                    self._terms |= {one.term: one.translation for one in found.forced_translations}
        return self._terms


def _cues(key: str, srt: str) -> list[Cue]:
    try:
        return parse_srt(srt) if srt else []
    except HeyGenError as error:
        logger.debug("%s: the captions are not checked: %s", key, error)
        return []


def _part(request: Any, seconds: float | None) -> float | None:
    """Return the length of the part of a source that a request translates, or None."""
    start, end = getattr(request, "start_time", None), getattr(request, "end_time", None)
    ends = [one for one in (end, seconds) if one is not None]
    return max(0.0, min(ends) - (start or 0.0)) if ends else None
