"""Price table of HeyGen's charges, with the date of the prices."""

from __future__ import annotations

import datetime
import difflib
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from heygen_async.errors import ConfigurationError


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """Prices in USD. The defaults are the published self-serve prices of mid 2026.

    Prices change and contracts differ. Override single prices with ``PriceTable(avatar_iv=0.06)``,
    with ``msgspec.structs.replace(PRICES, …)``, from a mapping (``of``) or from a JSON file
    (``load``), and set ``as_of`` to their date.

    Attributes:
        as_of: Date of the prices.
        avatar_v: Avatar V, per second of output.
        avatar_iv: Avatar IV with a twin or a studio avatar, per second of output.
        avatar_iv_photo: Avatar IV with a photo avatar or an image, per second of output.
        avatar_iii: Avatar III, per second of output. Published as 0.0167 to 0.0433, depending
            on the avatar; the default is the upper end.
        four_k: Factor by which 4K multiplies the price of an avatar.
        cinematic_video: One cinematic video of any length.
        video_agent: Video Agent, per second of output.
        translation_speed: Translation in mode ``speed``, per second and language.
        translation_precision: Translation in mode ``precision``, per second and language.
        translation_speed_audio: Mode ``speed``, audio only, per second and language.
        translation_precision_audio: Mode ``precision``, audio only, per second and language.
        proofread: A proofread, per second, on top of the price of the translation.
        lipsync_speed: Lipsync in mode ``speed``, per second of output.
        lipsync_precision: Lipsync in mode ``precision``, per second of output.
        speech: Text to speech, per second of audio.
        avatar_creation: One avatar.
        clip: One clip of AI clipping.
        filler_words_minute: Filler-word removal, per minute of the source, at least one minute.
        hyperframes: HyperFrames, per second of output, or None: no price is published.
        hyperframes_four_k: Factor by which 4K multiplies the price of HyperFrames.

    Raises:
        ConfigurationError: A price is not a finite number of 0 or more; the message names it.
    """

    as_of: datetime.date = datetime.date(2026, 6, 30)
    avatar_v: float = 0.0667
    avatar_iv: float = 0.0667
    avatar_iv_photo: float = 0.05
    avatar_iii: float = 0.0433
    four_k: float = 1.25
    cinematic_video: float = 7.00
    video_agent: float = 0.0333
    translation_speed: float = 0.0333
    translation_precision: float = 0.0667
    translation_speed_audio: float = 0.0167
    translation_precision_audio: float = 0.0333
    proofread: float = 0.0083
    lipsync_speed: float = 0.0333
    lipsync_precision: float = 0.0667
    speech: float = 0.000667
    avatar_creation: float = 1.00
    clip: float = 0.15
    filler_words_minute: float = 0.30
    hyperframes: float | None = None
    hyperframes_four_k: float = 1.5

    def __post_init__(self) -> None:
        for name, value in msgspec.structs.asdict(self).items():
            if name == "as_of":
                # datetime is a subclass of date, but would print its time of day.
                if type(value) is not datetime.date:
                    raise ConfigurationError(f"prices: as_of: expected a date, got {value!r}")
            elif name == "hyperframes" and value is None:
                pass
            elif (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not math.isfinite(value)
                or value < 0
            ):
                raise ConfigurationError(
                    f"prices: {name}: expected a finite number of 0 or more, got {value!r}"
                )

    @classmethod
    def of(cls, prices: Mapping[str, Any]) -> PriceTable:
        """Return the published prices, overridden by a mapping.

        Args:
            prices: Prices by attribute name; ``as_of`` is a date or a string such as
                ``"2026-06-30"``.

        Raises:
            ConfigurationError: A name is unknown or a value is not a price; the message names it.
        """
        for name in prices:
            if name not in cls.__struct_fields__:
                close = difflib.get_close_matches(str(name), cls.__struct_fields__, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ConfigurationError(f"prices: there is no price named {name!r}{hint}")
        try:
            return msgspec.convert(dict(prices), cls)
        except msgspec.ValidationError as error:
            # msgspec says, for example: Expected `float`, got `str` - at `$.speech`
            reason, _, path = str(error).rpartition(" - at ")
            name = path.strip("`").removeprefix("$.")
            reason = f"{reason[:1].lower()}{reason[1:]}"
            raise ConfigurationError(f"prices: {name}: {reason}") from None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> PriceTable:
        """Return the published prices, overridden by a JSON file.

        Blocks while it reads the file: on an event loop, call it in a thread.

        Args:
            path: File with content such as ``{"as_of": "2026-09-01", "avatar_iv": 0.06}``.

        Raises:
            ConfigurationError: The file cannot be read, is not a JSON object, or contains an
                unknown name or a value that is not a price; the message names the file.
        """
        try:
            prices = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Any])
            return cls.of(prices)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror or error}") from error
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"{path}: not a JSON object of prices: {error}") from None
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{path}: not UTF-8: {error.reason}") from None
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None


_OUTDATED_AFTER = datetime.timedelta(days=60)


def outdated_notice(as_of: datetime.date, today: datetime.date | None = None) -> str | None:
    """Return a notice that prices are more than 60 days old, or None if they are not.

    Args:
        as_of: Date of the prices.
        today: The current date; None uses the clock.
    """
    age = (today or datetime.date.today()) - as_of
    if age <= _OUTDATED_AFTER:
        return None
    return f"the prices are {age.days:,} days old; check them, and pass yours (prices=, --prices)"


PRICES = PriceTable()
"""The published self-serve prices of mid 2026."""
