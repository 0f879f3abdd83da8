"""Check the dubs of a chain for what a person should look at first."""

from __future__ import annotations

import io
import logging
from typing import Any

from heygen_async.batch import Batch
from heygen_async.batch.outcome import Ended
from heygen_async.captions import parse_srt
from heygen_async.dubs.issues import Issue, dub_issues
from heygen_async.dubs.notes import DubNotes
from heygen_async.errors import HeyGenError
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.session.tasks import in_thread

logger: logging.Logger = logging.getLogger("heygen_async.pipelines")


class DubReview:
    """Check completed dubs, each once; the results stay in the notes of the chain.

    What cannot be fetched is not checked. All calls are free of charge.

    Args:
        batch: The batch of the chain.
        notes: The notes of the chain.
        script: What is said in the source, if it is known from its request.
        glossary_id: The glossary of the dubs, or None.
    """

    def __init__(
        self, batch: Batch, notes: DubNotes, script: str | None, glossary_id: str | None
    ) -> None:
        self._batch = batch
        self._notes = notes
        self._script = script
        self._glossary_id = glossary_id
        self._terms: dict[str, str] | None = None

    async def issues(self, outcome: Ended[VideoTranslation]) -> tuple[Issue, ...]:
        """Return what a person should look at in the dub of an outcome.

        Args:
            outcome: The outcome, whose key is the language and whose item is the first request.
        """
        if not outcome.ok:
            return ()
        note = (await in_thread(self._notes.read)).get(outcome.key)
        if note is not None and note.issues is not None and outcome.resumed:
            return note.issues
        srt = None if note is None else note.corrected or note.translated
        source = self._script
        try:
            cues = parse_srt(srt if srt is not None else await self._subtitles(outcome.result))
            if note is not None and note.source is not None:
                source = "\n".join(cue.text for cue in parse_srt(note.source))
        except HeyGenError as error:  # also without the extra for captions
            logger.debug("%s: the captions are not checked: %s", outcome.key, error)
            cues = []
        found = dub_issues(
            cues,
            source,
            terms=await self._glossary(),
            source_seconds=_part(outcome.item, await self._batch.length_of(outcome.item)),
            dub_seconds=outcome.result.duration,
        )
        await in_thread(lambda: self._notes.note(outcome.key, issues=found))
        return found

    async def _subtitles(self, result: Any) -> str:
        content = io.BytesIO()
        await self._batch.heygen.download(result, content, what="subtitles")
        return content.getvalue().decode("utf-8-sig", "replace")

    async def _glossary(self) -> dict[str, str]:
        """Return the terms of the glossary that must be kept, with what they become."""
        if self._terms is None:
            self._terms = {}
            if self._glossary_id is not None:
                try:
                    found = await self._batch.heygen.brand_glossaries.get(self._glossary_id)
                except HeyGenError as error:
                    logger.warning("glossary %s is not checked: %s", self._glossary_id, error)
                else:
                    self._terms = {one.term: one.term for one in found.do_not_translate_terms}
                    self._terms |= {one.term: one.translation for one in found.forced_translations}
        return self._terms


def _part(request: Any, seconds: float | None) -> float | None:
    """Return the length of the part of a source that a request translates, or None."""
    start, end = getattr(request, "start_time", None), getattr(request, "end_time", None)
    ends = [one for one in (end, seconds) if one is not None]
    return max(0.0, min(ends) - (start or 0.0)) if ends else None
