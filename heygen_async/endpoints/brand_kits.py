"""Brand kits: logo and colours of a brand."""

from __future__ import annotations

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.models.brand_kits import BrandKit
from heygen_async.session.codec import Page
from heygen_async.session.endpoint import Endpoint

LIST: Endpoint[Page[BrandKit]] = Endpoint(
    operation="brand_kits.list",
    method="GET",
    path="/v3/brand-kits",
    answer=BrandKit,
    envelope="page",
)


class BrandKits(Resource):
    """``heygen.brand_kits``."""

    def list(self, *, limit: int | None = None) -> Pages[BrandKit]:
        """The account's brand kits.

        Args:
            limit: Items per page, 1 to 100; the API's default is 20.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})
