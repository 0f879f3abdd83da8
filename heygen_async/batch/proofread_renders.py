"""What a bulk run sends to have a corrected proofread rendered."""

from __future__ import annotations

from typing import Literal

from heygen_async.models.proofreads import ProofreadGenerateRequest


class ProofreadRender(ProofreadGenerateRequest, frozen=True, kw_only=True):
    """A proofread to be rendered, as an item of ``batch.run``; its job is a ``VideoTranslation``.

    It says in one what ``heygen.proofreads.generate`` takes in two arguments; the other fields
    are those of ``ProofreadGenerateRequest``.

    Attributes:
        proofread_id: The session, which has to be ready.
        language: Into which it translates; helps to find the job again, and is not sent.
        mode: The mode of its ``ProofreadRequest``, which the price depends on; it is not sent.
    """

    proofread_id: str
    language: str | None = None
    mode: Literal["speed", "precision"] = "speed"

    def generate(self) -> ProofreadGenerateRequest:
        """What is sent."""
        return ProofreadGenerateRequest(
            captions=self.captions,
            translate_audio_only=self.translate_audio_only,
            callback_url=self.callback_url,
            callback_id=self.callback_id,
            extra=self.extra,
        )
