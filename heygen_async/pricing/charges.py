"""Charges of a request: the rate of each charge and, if the request states it, the length."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from heygen_async.models.editing import FillerWordRemovalRequest
from heygen_async.models.hyperframes import HyperframesRenderRequest
from heygen_async.models.lipsyncs import LipsyncRequest
from heygen_async.models.proofreads import (
    ProofreadGenerateRequest,
    ProofreadRender,
    ProofreadRequest,
)
from heygen_async.models.structs import Request
from heygen_async.models.template_variables import TextVariable
from heygen_async.models.templates import Dimension, Template, TemplateRenderRequest
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.video_parts import (
    AvatarIIIEngine,
    AvatarInput,
    AvatarScene,
    AvatarVEngine,
    Engine,
    ImageInput,
    ImageScene,
    StudioScene,
    VideoScene,
)
from heygen_async.models.video_translations import VideoTranslationRequest
from heygen_async.models.videos import (
    AvatarVideoRequest,
    CinematicAvatarVideoRequest,
    ImageVideoRequest,
    StudioVideoRequest,
)
from heygen_async.models.voices import SpeechRequest
from heygen_async.pricing.prices import PriceTable
from heygen_async.pricing.speech_length import TOLERANCE, speech_seconds

TYPICAL_AGENT_SECONDS = 60.0
"""Typical length in seconds of a Video Agent's video, until more is known about the account."""

MAX_OUTPUT_SECONDS = 1800.0
"""Maximum length in seconds of HeyGen's output."""
MAX_AUDIO_SECONDS = 600.0
"""Maximum length in seconds of audio that replaces a script."""
MAX_FILLER_WORDS_SECONDS = 7200.0
"""Maximum length in seconds of a source for filler-word removal."""

SOURCE_OVERRUN = 1 / 3
"""Share by which an output may be longer than its source."""
SCOUT_OVERRUN = 1.0
"""Share by which an output may be longer than the longest known output of the same source.

If two outputs each differ from their source by at most a third, they differ from each other by at
most a factor of two.
"""

_LONGEST_TOLD = 86_400.0
_NUMBER = (int, float)

_4K_SIDE = 2160  # pixels of the shorter side, as in 1080p and 720p
_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")

_FROM_TEXT = "length guessed from the text"
_GIVEN = "length as given"
_PHOTO = "Avatar IV, photo"

_Speaking: TypeAlias = (
    AvatarVideoRequest | ImageVideoRequest | AvatarInput | ImageInput | ImageScene | VideoScene
)


def length_told(answer: object, field: str = "duration") -> float | None:
    """Return the length in seconds that an answer states, or None if it is missing or impossible.

    An invalid answer is not an error, since the job is paid for.

    Args:
        answer: The answer.
        field: The field with the length.
    """
    seconds = getattr(answer, field, None)
    if isinstance(seconds, _NUMBER) and 0 <= seconds <= _LONGEST_TOLD:
        return seconds
    return None


class Charge(NamedTuple):
    """One charge of a request.

    Attributes:
        rate: USD per second.
        seconds: Length, or None if unknown.
        product: Product that the rate applies to.
        length: Source of ``seconds``, or the reason why the length is unknown.
        fixed: Fixed amount in USD, independent of the length.
        guess: Whether ``seconds`` is only a typical length, without any basis in the request.
        tolerance: Share by which the length may differ from ``seconds`` in either direction.
        longest: Maximum possible length in seconds, used if the length is unknown.
        follows_source: Whether the output is about as long as its source. It may then be longer
            than ``seconds``; only a budget takes this into account.
    """

    rate: float
    seconds: float | None
    product: str
    length: str
    fixed: float = 0.0
    guess: bool = False
    tolerance: float = 0.0
    longest: float = MAX_OUTPUT_SECONDS
    follows_source: bool = False

    @property
    def basis(self) -> str:
        """Product and source of the length as text."""
        return f"{self.product}; {self.length}"

    @property
    def known(self) -> bool:
        """Whether the price follows from the request or from a given length."""
        return self.rate == 0 or (self.seconds is not None and not self.guess)

    @property
    def usd(self) -> float | None:
        """The price in USD, or None if it depends on a length without even a guess."""
        if self.rate and self.seconds is None:
            return None
        return self.fixed + self.rate * (self.seconds or 0.0)

    @property
    def usd_low(self) -> float:
        """The lowest possible price in USD; an unknown length counts as 0."""
        return self.fixed + (self._at(1 - self.tolerance) if self.known else 0.0)

    @property
    def usd_high(self) -> float:
        """The highest possible price in USD; an unknown length counts as ``longest``."""
        length = self._at(1 + self.tolerance) if self.known else self.rate * self.longest
        return self.fixed + length

    def overrun(self, share: float) -> float:
        """Additional USD beyond ``usd_high`` if the output is longer by this share."""
        return self._at(share) if self.follows_source and self.known else 0.0

    def _at(self, share: float) -> float:
        return self.rate * (self.seconds or 0.0) * share


class Known(msgspec.Struct, frozen=True):
    """What is known of a job besides its request.

    Attributes:
        seconds: Length of the output in seconds if known; for a translation or a proofread, that of
            the source.
        template: The template of a ``TemplateRenderRequest``.
        proofread: The request that a ``ProofreadGenerateRequest`` continues.
        agent_seconds: Typical length in seconds of a Video Agent's video.
    """

    seconds: float | None = None
    template: Template | None = None
    proofread: ProofreadRequest | None = None
    agent_seconds: float = TYPICAL_AGENT_SECONDS


def charges(request: Request, prices: PriceTable, known: Known) -> Sequence[Charge]:
    """Return the charges of a request.

    Args:
        request: The request.
        prices: The price table.
        known: What else is known of its job.

    Returns:
        One charge per scene of a studio video, one per language of a translation; one or two for
        other requests. Empty if no price is known.
    """
    price = _PRICE_OF[type(request)]
    return [] if price is None else price(request, prices, known)


def with_length(parts: Sequence[Charge], seconds: float) -> list[Charge]:
    """Return the charges for an output with a known total length of ``seconds``.

    Several charges share the length in proportion to their estimated lengths. If one of these
    lengths is unknown, the total length is charged at the highest rate.
    """
    if len(parts) > 1 and len({charge.rate for charge in parts}) > 1:
        lengths = [charge.seconds for charge in parts if charge.seconds is not None]
        if len(lengths) == len(parts):
            stretch = seconds / sum(lengths)
            return [
                charge._replace(seconds=length * stretch, length=_GIVEN, guess=False, tolerance=0.0)
                for charge, length in zip(parts, lengths, strict=True)
            ]
    highest = max(parts, key=lambda charge: charge.rate)
    return [highest._replace(seconds=seconds, length=_GIVEN, guess=False, tolerance=0.0)]


def _output(known: Known, *parts: Charge) -> Sequence[Charge]:
    """Return the charges for parts of one output, which share its known or its maximum length."""
    if known.seconds is not None:
        return with_length(parts, known.seconds)
    if len(parts) == 1:
        return parts
    unknown = [charge for charge in parts if not charge.known]
    if sum(charge.longest for charge in unknown) <= MAX_OUTPUT_SECONDS:
        return parts
    highest = max(unknown, key=lambda charge: charge.rate)
    return [
        charge
        if charge.known
        else charge._replace(longest=MAX_OUTPUT_SECONDS if charge is highest else 0.0)
        for charge in parts
    ]


def _size(resolution: str | None, prices: PriceTable) -> float:
    return prices.four_k if resolution == "4k" else 1.0


def _avatar_video(
    request: AvatarVideoRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    rate, product = _avatar_rate(request.engine, prices)
    return _output(known, _spoken(request, rate * _size(request.resolution, prices), product))


def _image_video(request: ImageVideoRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    rate = prices.avatar_iv_photo * _size(request.resolution, prices)
    return _output(known, _spoken(request, rate, _PHOTO))


def _studio_video(
    request: StudioVideoRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    size = _size(request.resolution, prices)
    return _output(known, *(_scene(scene, prices, size) for scene in request.scenes))


def _cinematic_video(
    request: CinematicAvatarVideoRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    product, length = "cinematic video", "one price for any length"
    return [Charge(0.0, request.duration, product, length, fixed=prices.cinematic_video)]


def _agent_video(request: VideoAgentRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    length, seconds = "length a guess, the agent decides it", known.agent_seconds
    return _output(known, Charge(prices.video_agent, seconds, "Video Agent", length, guess=True))


def _speech(request: SpeechRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    spoken = speech_seconds(request.text, request.speed)
    return _output(known, Charge(prices.speech, spoken, "speech", _FROM_TEXT, tolerance=TOLERANCE))


def _avatar_rate(engine: Engine | None, prices: PriceTable) -> tuple[float, str]:
    if type(engine) is AvatarVEngine:
        return prices.avatar_v, "Avatar V"
    if type(engine) is AvatarIIIEngine:
        return prices.avatar_iii, "Avatar III, some avatars cost less"
    return prices.avatar_iv, "Avatar IV, photo avatars cost less"


def _spoken(part: _Speaking, rate: float, product: str) -> Charge:
    if part.script is not None:
        speed = part.voice_settings.speed if part.voice_settings is not None else 1.0
        spoken = speech_seconds(part.script, speed)
        return Charge(rate, spoken, product, _FROM_TEXT, tolerance=TOLERANCE)
    if part.audio_url is not None or part.audio_asset_id is not None:
        length = "length of the audio unknown, at most 600 s"
        longest = MAX_AUDIO_SECONDS
        return Charge(rate, None, product, length, longest=longest, follows_source=True)
    return Charge(rate, None, product, "length unknown")


def _scene(scene: StudioScene, prices: PriceTable, size: float) -> Charge:
    if isinstance(scene, AvatarScene):
        if isinstance(scene.input, ImageInput):
            return _spoken(scene.input, prices.avatar_iv_photo * size, _PHOTO)
        rate, product = _avatar_rate(scene.input.engine, prices)
        return _spoken(scene.input, rate * size, product)
    # HeyGen publishes no price for scenes without an avatar.
    rate, product = prices.avatar_iv * size, "scenes without an avatar as if they had one"
    if isinstance(scene, ImageScene) and scene.duration is not None:
        return Charge(rate, scene.duration, product, "length as requested")
    return _spoken(scene, rate, product)


def _template(request: TemplateRenderRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    template = known.template
    rate = prices.avatar_iv * (prices.four_k if _is_4k(request.dimension) else 1.0)
    product = "template at the rate of Avatar IV"
    if template is None:
        return _output(known, Charge(rate, None, product, "length of the template unknown"))
    scripts = {scene.scene_id: scene.script for scene in template.scenes}
    scene_ids = request.scene_ids or template.scene_ids or list(scripts)
    texts = [_filled(scripts.get(scene_id) or "", request) for scene_id in scene_ids]
    spoken = [text for text in texts if text.strip()]
    parts = []
    if spoken:
        seconds = sum(map(speech_seconds, spoken))
        length = "length guessed from its scripts"
        parts.append(Charge(rate, seconds, product, length, tolerance=TOLERANCE))
    if len(spoken) < len(texts) or not texts:
        silent = f"{len(texts) - len(spoken)} of {len(texts)} scenes without a known script"
        parts.append(Charge(rate, None, product, f"{silent}, their length unknown"))
    return _output(known, *parts)


def _is_4k(dimension: Dimension | None) -> bool:
    return dimension is not None and (
        min(dimension.width, dimension.height) >= _4K_SIDE
        or max(dimension.width, dimension.height) >= _4K_SIDE * 16 // 9
    )


def _filled(script: str, request: TemplateRenderRequest) -> str:
    def replacement(match: re.Match[str]) -> str:
        value = request.variables.get(match[1].strip())
        # The API leaves the placeholder of a missing text variable in the script.
        return value.content if isinstance(value, TextVariable) else match[0]

    return _PLACEHOLDER.sub(replacement, script)


def _translation_rate(mode: str, audio_only: bool, prices: PriceTable) -> float:
    if mode == "precision":
        return prices.translation_precision_audio if audio_only else prices.translation_precision
    return prices.translation_speed_audio if audio_only else prices.translation_speed


def _translation(
    request: VideoTranslationRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    source = known.seconds
    rate = _translation_rate(request.mode, request.translate_audio_only, prices)
    languages = len(request.output_languages)
    product = f"translation, mode {request.mode}, languages: {languages}"
    start, end = max(0.0, request.start_time or 0.0), request.end_time
    if source is not None:
        ends, length = source if end is None else min(source, end), "length of the source as given"
    elif end is not None:
        ends, length = end, "length up to end_time"
    else:
        return [Charge(rate, None, product, "length of the source unknown")] * languages
    seconds = max(0.0, ends - start)
    return [Charge(rate, seconds, product, length, follows_source=True)] * languages


def _lipsync(request: LipsyncRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    precision = request.mode == "precision"
    rate = prices.lipsync_precision if precision else prices.lipsync_speed
    product = f"lipsync, mode {request.mode}"
    if request.end_time is None:
        seconds, length = None, "length of the video unknown"
    else:
        seconds = max(0.0, request.end_time - max(0.0, request.start_time or 0.0))
        length = "length up to end_time"
    return _output(known, Charge(rate, seconds, product, length, follows_source=True))


def _filler_words(
    request: FillerWordRemovalRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    rate, product = prices.filler_words_minute / 60.0, "filler-word removal"
    source = known.seconds
    if source is None:
        minute, longest = rate * 60.0, MAX_FILLER_WORDS_SECONDS - 60.0
        length = "length of the source unknown"
        return [Charge(rate, None, product, length, fixed=minute, longest=longest)]
    missing = rate * max(0.0, 60.0 - source)
    return [Charge(rate, source, product, "at least one minute of the source", fixed=missing)]


def _hyperframes(
    request: HyperframesRenderRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    if prices.hyperframes is None:
        return []
    size = prices.hyperframes_four_k if request.resolution == "4k" else 1.0
    product = f"HyperFrames, {request.resolution}"
    return _output(known, Charge(prices.hyperframes * size, None, product, "length unknown"))


def _proofread(request: ProofreadRequest, prices: PriceTable, known: Known) -> Sequence[Charge]:
    return [Charge(0.0, known.seconds, "proofread", "charged only when it is rendered")]


def _proofread_render(
    request: ProofreadGenerateRequest, prices: PriceTable, known: Known
) -> Sequence[Charge]:
    proofread = known.proofread
    modes: tuple[str, ...] = ("speed", "precision")  # ProofreadGenerateRequest has no mode
    if proofread is not None:
        modes = (proofread.mode,)
    elif isinstance(request, ProofreadRender):
        modes = (request.mode,)
    rate = max(_translation_rate(mode, request.translate_audio_only, prices) for mode in modes)
    mode = f"mode {modes[0]}" if len(modes) == 1 else "the more expensive of its modes"
    product = f"proofread and translation, {mode}"
    length = "length of the source unknown"
    rate += prices.proofread
    return _output(known, Charge(rate, None, product, length, follows_source=True))


_Price: TypeAlias = Callable[[Any, PriceTable, Known], Sequence[Charge]]


class _ByType(dict[type[Request], _Price | None]):
    """The functions that return the charges of requests; None for requests without a price.

    One look-up: ``isinstance`` takes 0.2 us for each Struct that an object is not.
    """

    def __missing__(self, kind: type[Request]) -> _Price | None:
        """Find the function for a subclass, once."""
        known = [self[base] for base in kind.__mro__[1:] if base in self]
        price = self[kind] = known[0] if known else None
        return price


_PRICE_OF = _ByType(
    {
        TemplateRenderRequest: _template,
        AvatarVideoRequest: _avatar_video,
        ImageVideoRequest: _image_video,
        StudioVideoRequest: _studio_video,
        CinematicAvatarVideoRequest: _cinematic_video,
        VideoAgentRequest: _agent_video,
        SpeechRequest: _speech,
        LipsyncRequest: _lipsync,
        VideoTranslationRequest: _translation,
        FillerWordRemovalRequest: _filler_words,
        HyperframesRenderRequest: _hyperframes,
        ProofreadGenerateRequest: _proofread_render,
        ProofreadRequest: _proofread,
    }
)
