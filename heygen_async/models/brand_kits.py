"""Brand kits: logo and colours of a brand."""

from __future__ import annotations

from heygen_async.models.structs import AnswerWithDefaults, Nullable


class BrandKit(AnswerWithDefaults, frozen=True, kw_only=True):
    """A brand kit of the account.

    Attributes:
        brand_kit_id: Its id.
        name: Its name.
        colors: Its colours.
        logo_url: Its logo.
    """

    brand_kit_id: str
    name: str
    colors: Nullable[tuple[str, ...]] = ()
    logo_url: str | None = None
