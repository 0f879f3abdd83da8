"""Brand glossaries: how names and terms are spoken and translated."""

from __future__ import annotations

from heygen_async.models.structs import Answer


class BrandGlossary(Answer, frozen=True, kw_only=True):
    """A glossary of the account.

    Attributes:
        brand_glossary_id: Its id.
        name: Its name.
        created_at: ISO 8601.
        updated_at: ISO 8601.
    """

    brand_glossary_id: str
    name: str
    created_at: str
    updated_at: str
