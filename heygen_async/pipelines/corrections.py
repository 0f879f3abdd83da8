"""Correct subtitles between the two stages of a proofread, without losing a correction."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from heygen_async.client import HeyGen
from heygen_async.delivery.patterns import file_stem
from heygen_async.dubs.notes import DubNotes
from heygen_async.errors import (
    CorrectionFailed,
    HeyGenError,
    InvalidRequest,
    NotFound,
    ProofreadExpired,
)
from heygen_async.models.proofreads import ProofreadRequest
from heygen_async.session.tasks import in_thread
from heygen_async.session.transfers.regular_files import open_private

Correct: TypeAlias = (
    Callable[[str, str], str | Awaitable[str]]
    | Callable[[str, str, str | None], str | Awaitable[str]]
)
"""Corrects subtitles: takes a language and an SRT text, and gives the text as it should be. With a
third parameter that has no default, or is named ``original``, it also gets the SRT text in the
language of the source, or None if HeyGen has none."""

Renew: TypeAlias = bool | Callable[[str], bool | Awaitable[bool]]
"""Whether a new proofread is made for a language whose session has expired."""

logger: logging.Logger = logging.getLogger("heygen_async.pipelines")


@dataclass(frozen=True, slots=True)
class Correction:
    """Corrects the subtitles of proofreads with the caller's function.

    Corrected text stays in a file beside the journal until it is rendered.

    Args:
        heygen: The client.
        correct: Corrects the subtitles of a language.
        at_once: The most calls of ``correct`` at the same time.
        renew: Whether new sessions replace expired ones.
        journal: The journal of the proofreads, if it is a file.
        notes: The notes of the chain, which keep what was corrected.
    """

    heygen: HeyGen
    correct: Correct
    at_once: int
    renew: Renew
    journal: Path | None
    notes: DubNotes

    async def apply(self, proofread_id: str, request: ProofreadRequest) -> str:
        """Correct the subtitles of a proofread, and upload them if they changed.

        Args:
            proofread_id: The session.
            request: Its request, for one language.

        Returns:
            The id of the session, or of a new one if it had expired.

        Raises:
            CorrectionFailed: ``correct`` raised an exception.
            ProofreadExpired: The session has expired.
            HeyGenError: The subtitles could not be downloaded or uploaded.
        """
        proofreads, (language,) = self.heygen.proofreads, request.output_languages
        kept = await in_thread(self._kept, language)
        try:
            srt = await proofreads.srt_text(proofread_id)
        except NotFound as expired:
            proofread_id = await self._renewed(proofread_id, request, kept, expired)
            srt = await proofreads.srt_text(proofread_id)
        given: list[str | None] = [language, srt if kept is None else kept]
        if _takes_original(self.correct):
            given.append(original := await self._original(proofread_id))
        else:  # only for the notes
            original = None
            with contextlib.suppress(HeyGenError):
                original = await self._original(proofread_id)
        corrected = await self._corrected(*given)
        await in_thread(self._note, language, original, srt, corrected)
        if corrected != srt:
            await in_thread(self._keep, language, corrected)
            try:
                await proofreads.update_srt(proofread_id, corrected)
            except NotFound as expired:
                proofread_id = await self._renewed(proofread_id, request, corrected, expired)
                await proofreads.update_srt(proofread_id, corrected)
        return proofread_id

    async def rendered(self, language: str) -> None:
        """Remove the file of a language that was rendered."""
        if path := self._path(language):
            await in_thread(_remove, path)

    async def _renewed(
        self, proofread_id: str, request: ProofreadRequest, srt: str | None, expired: NotFound
    ) -> str:
        (language,) = request.output_languages
        agreed = self.renew(language) if callable(self.renew) else self.renew
        if not (await agreed if inspect.isawaitable(agreed) else agreed):
            path = self._path(language)
            kept = f"; the corrected subtitles are in {path}" if path and srt is not None else ""
            raise ProofreadExpired(
                f"proofread {proofread_id} into {language} has expired, as sessions do after about "
                f"24 h{kept}; pass renew=True, or --renew, to make a new one",
                language=language,
                srt=srt,
            ) from expired
        (job,) = await self.heygen.proofreads.create(request)
        return (await job.wait()).id

    async def _original(self, proofread_id: str) -> str | None:
        try:
            return await self.heygen.proofreads.srt_text(proofread_id, original=True)
        except InvalidRequest:
            return None

    async def _corrected(self, *given: str | None) -> str:
        language = given[0] or ""
        correct: Callable[..., str | Awaitable[str]] = self.correct
        try:
            if inspect.iscoroutinefunction(correct):
                corrected = await correct(*given)
            else:
                corrected = await in_thread(correct, *given)
                if inspect.isawaitable(corrected):
                    corrected = await corrected
            if not isinstance(corrected, str):
                raise TypeError(f"expected the SRT text, got {type(corrected).__name__}")
        except HeyGenError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise CorrectionFailed(
                f"the subtitles in {language} were not corrected ({what})", language=language
            ) from error
        return corrected

    def _note(self, language: str, source: str | None, srt: str, corrected: str) -> None:
        """Note what was corrected; after an upload, HeyGen gives the corrected text."""
        note = self.notes.read().get(language)
        translated = srt if note is None or note.translated is None else note.translated
        self.notes.note(language, source=source, translated=translated, corrected=corrected)

    def _path(self, language: str) -> Path | None:
        if self.journal is None:
            return None
        return self.journal.with_name(f"{self.journal.stem}.{file_stem(language)}.srt")

    def _kept(self, language: str) -> str | None:
        """Return corrected text of an earlier call that was not rendered, or None."""
        path = self._path(language)
        try:
            return None if path is None else path.read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("%s: %s; the saved subtitles are not used", path, error)
            return None

    def _keep(self, language: str, srt: str) -> None:
        path = self._path(language)
        if path is None:
            return
        partial = path.with_name(f".{path.name}.part")
        try:
            with open_private(partial, "wb") as file:
                file.write(srt.encode())
            partial.replace(path)
        except (OSError, UnicodeEncodeError) as error:  # the upload may still succeed
            logger.warning("%s: the corrected subtitles are not kept: %s", path, error)
            _remove(partial)


def _takes_original(correct: Callable[..., object]) -> bool:
    try:
        parameters = list(inspect.signature(correct).parameters.values())
    except (TypeError, ValueError):  # of some functions in C
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    third = [parameter for parameter in parameters if parameter.kind in kinds][2:3]
    return any(one.default is inspect.Parameter.empty or one.name == "original" for one in third)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
