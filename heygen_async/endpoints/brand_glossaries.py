"""Brand glossaries: how names and terms are spoken and translated."""

from __future__ import annotations

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.models.brand_glossaries import BrandGlossary
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint

LIST: Endpoint[Page[BrandGlossary]] = Endpoint(
    operation="brand_glossaries.list",
    method="GET",
    path="/v3/brand-glossaries",
    answer=BrandGlossary,
    envelope="page",
)


class BrandGlossaries(Resource):
    """``heygen.brand_glossaries``."""

    def list(self, *, limit: int | None = None) -> Pages[BrandGlossary]:
        """The account's glossaries.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})
