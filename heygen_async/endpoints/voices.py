"""Voices and text to speech."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from heygen_async.endpoints.explanations import explain
from heygen_async.endpoints.lost_creates import CLOCK_MARGIN, is_clone, lost_creates
from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import BadRequest, NotFound
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.structs import encode, expect
from heygen_async.models.voices import (
    CreatedVoiceClone,
    DeletedVoice,
    Speech,
    SpeechRequest,
    Voice,
    VoiceCloneRequest,
    VoiceDesign,
    VoiceDesignRequest,
    VoiceDetail,
)
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

LIST: Endpoint[Page[Voice]] = Endpoint(
    operation="voices.list", method="GET", path="/v3/voices", answer=Voice, envelope="page"
)
GET: Endpoint[VoiceDetail] = Endpoint(
    operation="voices.get", method="GET", path="/v3/voices/{voice_id}", answer=VoiceDetail
)
SPEECH: Endpoint[Speech] = Endpoint(
    operation="voices.speech",
    method="POST",
    path="/v3/voices/speech",
    answer=Speech,
)
DESIGN: Endpoint[VoiceDesign] = Endpoint(
    operation="voices.design", method="POST", path="/v3/voices", answer=VoiceDesign
)
CLONE: Endpoint[CreatedVoiceClone] = Endpoint(
    operation="voices.clone",
    method="POST",
    path="/v3/voices/clone",
    answer=CreatedVoiceClone,
    creates=lambda created: [created.voice_clone_id],
)
DELETE: Endpoint[DeletedVoice] = Endpoint(
    operation="voices.delete",
    method="DELETE",
    path="/v3/voices/{voice_id}",
    answer=DeletedVoice,
)

# The API's status of voices is "complete", without a d; voices that were not cloned have none.
VOICE_CLONE: JobKind[VoiceDetail] = JobKind(
    name="voice_clone",
    result=VoiceDetail,
    get=GET,
    expected=60.0,
    completed=frozenset({"complete", "completed", ""}),
    id_field="voice_id",
    place=(__name__, "VOICE_CLONE"),
)


class Voices(Resource):
    """``heygen.voices``."""

    def list(
        self,
        *,
        type: Literal["public", "private"] | None = None,  # noqa: A002, the API's own name
        engine: str | None = None,
        language: str | None = None,
        gender: str | None = None,
        limit: int | None = None,
    ) -> Pages[Voice]:
        """List voices of the account or of the public library.

        Args:
            type: ``public`` (the API's default) or ``private``.
            engine: Only those that an engine supports, such as ``starfish`` for ``speech``.
            language: Only those of this language.
            gender: Only those of this gender.
            limit: Items per page, 1 to 100; the API's default is 20.
        """
        query = {
            "type": type,
            "engine": engine,
            "language": language,
            "gender": gender,
            "limit": limit,
        }
        return self._pages(LIST, LIST.at(), query)

    async def get(self, voice_id: str) -> VoiceDetail:
        """Return one voice.

        Args:
            voice_id: The voice's id.

        Raises:
            NotFound: The voice does not exist.
        """
        return await self._session.call(GET, GET.at(voice_id))

    async def speech(
        self,
        request: SpeechRequest,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> Speech:
        """Turn text into speech; returns when the audio is complete.

        Args:
            request: Text and voice; the voice must support the engine ``starfish``.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after an attempt that may have been carried out and paid for.

        Returns:
            A signed URL of the audio (wav or mp3), its duration in seconds, and timestamps of
            the words, among them the sentinels ``<start>`` and ``<end>``.
        """
        expect(request, SpeechRequest)
        try:
            return await self._session.call(
                SPEECH,
                SPEECH.at(),
                body=encode(request),
                idempotency_key=idempotency_key,
                resend=resend,
            )
        except (BadRequest, NotFound) as error:
            await explain(self._session, error, request)
            raise

    async def design(
        self,
        request: VoiceDesignRequest,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> VoiceDesign:
        """Return up to three voices that match a description.

        Args:
            request: The description, 1 to 1,000 characters, and further properties of the voice.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after an attempt that may have been carried out and paid for.
        """
        expect(request, VoiceDesignRequest)
        return await self._session.call(
            DESIGN,
            DESIGN.at(),
            body=encode(request),
            idempotency_key=idempotency_key,
            resend=resend,
        )

    async def clone(
        self,
        request: VoiceCloneRequest,
        *,
        idempotency_key: str | None = None,
        resend: bool = False,
    ) -> Job[VoiceDetail]:
        """Start to clone a voice from a recording.

        The API takes no Idempotency-Key here. After an attempt that may have been carried out, the
        private voices are searched for the clone, which takes up to 45 seconds.

        Args:
            request: The recording and a name.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.
            resend: Send it again after such an attempt instead of searching; there may then be two
                clones.

        Returns:
            The job; ``await job.wait()`` returns the ``VoiceDetail``; use its ``voice_id`` for
            scripts.

        Raises:
            CallError: With ``maybe_carried_out`` if a clone may have been made but is not found.
        """
        expect(request, VoiceCloneRequest)
        name = request.voice_name
        search = partial(self._clones_named, name, self._session.now() - CLOCK_MARGIN)
        call = self._submit(
            CLONE,
            CLONE.at(),
            body=encode(request),
            idempotency_key=idempotency_key,
            resend=resend,
        )
        voice_id, created = await lost_creates(self).create(CLONE, call, name, search)
        return self._job(VOICE_CLONE, voice_id, created, request=request)

    async def _clones_named(self, name: str, since: float) -> Sequence[str]:
        """Return the ids of the private voices of this name that were created since a unix time."""
        named = [
            voice.voice_id
            async for voice in self.list(type="private", limit=100)
            if voice.name == name and not lost_creates(self).taken(voice.voice_id)
        ]
        return [one for one in named if is_clone(await self.get(one), name, since)]

    async def delete(self, voice_id: str) -> DeletedVoice:
        """Delete a voice of the account.

        Args:
            voice_id: The voice's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The voice does not exist.
        """
        return await self._delete(DELETE, voice_id, DeletedVoice(voice_id=voice_id))
