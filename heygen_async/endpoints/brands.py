"""Brand glossaries and brand kits."""

from __future__ import annotations

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.models.brands import (
    BrandGlossaryDetail,
    BrandGlossaryRequest,
    BrandGlossaryUpdate,
    BrandKitDetail,
    BrandKitRequest,
    BrandKitUpdate,
    CreatedBrandKit,
    DeletedBrandGlossary,
    DeletedBrandKit,
)
from heygen_async.models.libraries import BrandGlossary, BrandKit
from heygen_async.models.structs import encode, expect
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

GLOSSARIES_LIST: Endpoint[Page[BrandGlossary]] = Endpoint(
    operation="brand_glossaries.list",
    method="GET",
    path="/v3/brand-glossaries",
    answer=BrandGlossary,
    envelope="page",
)
GLOSSARIES_CREATE: Endpoint[BrandGlossaryDetail] = Endpoint(
    operation="brand_glossaries.create",
    method="POST",
    path="/v3/brand-glossaries",
    answer=BrandGlossaryDetail,
    keyed=True,
)
GLOSSARIES_GET: Endpoint[BrandGlossaryDetail] = Endpoint(
    operation="brand_glossaries.get",
    method="GET",
    path="/v3/brand-glossaries/{brand_glossary_id}",
    answer=BrandGlossaryDetail,
)
GLOSSARIES_UPDATE: Endpoint[BrandGlossaryDetail] = Endpoint(
    operation="brand_glossaries.update",
    method="PATCH",
    path="/v3/brand-glossaries/{brand_glossary_id}",
    answer=BrandGlossaryDetail,
)
GLOSSARIES_DELETE: Endpoint[DeletedBrandGlossary] = Endpoint(
    operation="brand_glossaries.delete",
    method="DELETE",
    path="/v3/brand-glossaries/{brand_glossary_id}",
    answer=DeletedBrandGlossary,
)
KITS_LIST: Endpoint[Page[BrandKit]] = Endpoint(
    operation="brand_kits.list",
    method="GET",
    path="/v3/brand-kits",
    answer=BrandKit,
    envelope="page",
)
KITS_CREATE: Endpoint[CreatedBrandKit] = Endpoint(
    operation="brand_kits.create",
    method="POST",
    path="/v3/brand-kits",
    answer=CreatedBrandKit,
    keyed=True,
)
KITS_GET: Endpoint[BrandKitDetail] = Endpoint(
    operation="brand_kits.get",
    method="GET",
    path="/v3/brand-kits/{brand_kit_id}",
    answer=BrandKitDetail,
)
KITS_UPDATE: Endpoint[BrandKitDetail] = Endpoint(
    operation="brand_kits.update",
    method="PATCH",
    path="/v3/brand-kits/{brand_kit_id}",
    answer=BrandKitDetail,
)
KITS_DELETE: Endpoint[DeletedBrandKit] = Endpoint(
    operation="brand_kits.delete",
    method="DELETE",
    path="/v3/brand-kits/{brand_kit_id}",
    answer=DeletedBrandKit,
)

# HeyGen says that a kit usually takes under two minutes.
BRAND_KIT: JobKind[BrandKitDetail] = JobKind(
    name="brand_kit",
    result=BrandKitDetail,
    get=KITS_GET,
    expected=60.0,
    failed=frozenset({"error"}),
    failure=lambda _: (None, "HeyGen could not make a brand kit from the website"),
    id_field="brand_kit_id",
    place=(__name__, "BRAND_KIT"),
)


class BrandGlossaries(Resource):
    """``heygen.brand_glossaries``."""

    def list(self, *, limit: int | None = None) -> Pages[BrandGlossary]:
        """List the account's glossaries.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(GLOSSARIES_LIST, GLOSSARIES_LIST.at(), {"limit": limit})

    async def create(
        self, request: BrandGlossaryRequest, *, idempotency_key: str | None = None
    ) -> BrandGlossaryDetail:
        """Create a glossary.

        Args:
            request: Its name and its terms.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The glossary; use its ``brand_glossary_id`` in requests.

        Raises:
            Conflict: A glossary of that name exists.
        """
        expect(request, BrandGlossaryRequest)
        return await self._session.call(
            GLOSSARIES_CREATE,
            GLOSSARIES_CREATE.at(),
            body=encode(request),
            idempotency_key=idempotency_key,
        )

    async def get(self, brand_glossary_id: str) -> BrandGlossaryDetail:
        """Return one glossary with its terms.

        Args:
            brand_glossary_id: The glossary's id.

        Raises:
            NotFound: The glossary does not exist.
        """
        return await self._session.call(GLOSSARIES_GET, GLOSSARIES_GET.at(brand_glossary_id))

    async def update(
        self, brand_glossary_id: str, request: BrandGlossaryUpdate
    ) -> BrandGlossaryDetail:
        """Change a glossary. A list in the request replaces the stored one; other lists are kept.

        Args:
            brand_glossary_id: The glossary's id.
            request: The changes.

        Returns:
            The updated glossary.

        Raises:
            NotFound: The glossary does not exist.
            Conflict: Another glossary has that name.
        """
        expect(request, BrandGlossaryUpdate)
        path = GLOSSARIES_UPDATE.at(brand_glossary_id)
        return await self._session.call(GLOSSARIES_UPDATE, path, body=encode(request))

    async def delete(self, brand_glossary_id: str) -> DeletedBrandGlossary:
        """Delete a glossary. Requests that refer to it work without it.

        Args:
            brand_glossary_id: The glossary's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The glossary does not exist.
        """
        deleted = DeletedBrandGlossary(brand_glossary_id=brand_glossary_id)
        return await self._delete(GLOSSARIES_DELETE, brand_glossary_id, deleted)


class BrandKits(Resource):
    """``heygen.brand_kits``."""

    def list(self, *, limit: int | None = None) -> Pages[BrandKit]:
        """List the account's brand kits.

        Args:
            limit: Items per page, 1 to 100; the API's default is 20.
        """
        return self._pages(KITS_LIST, KITS_LIST.at(), {"limit": limit})

    async def create(
        self, request: BrandKitRequest, *, idempotency_key: str | None = None
    ) -> Job[BrandKitDetail]:
        """Start to create a brand kit from a website.

        Args:
            request: The website.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``BrandKitDetail``.
        """
        expect(request, BrandKitRequest)
        created = await self._session.call(
            KITS_CREATE, KITS_CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        return self._job(BRAND_KIT, created.brand_kit_id, created, request=request)

    async def get(self, brand_kit_id: str) -> BrandKitDetail:
        """Return one brand kit with newly signed URLs.

        Args:
            brand_kit_id: The kit's id.

        Raises:
            NotFound: The brand kit does not exist.
        """
        return await self._session.call(KITS_GET, KITS_GET.at(brand_kit_id))

    async def update(self, brand_kit_id: str, request: BrandKitUpdate) -> BrandKitDetail:
        """Change a brand kit. Roles in the request replace the stored ones; other roles are kept.

        Args:
            brand_kit_id: The kit's id.
            request: The changes.

        Returns:
            The updated kit.

        Raises:
            NotFound: The brand kit does not exist.
            Conflict: The request has roles and the kit is ``loading``, or the kit is in ``error``.
            PermissionDenied: The kit is shared by another workspace.
        """
        expect(request, BrandKitUpdate)
        path = KITS_UPDATE.at(brand_kit_id)
        return await self._session.call(KITS_UPDATE, path, body=encode(request))

    async def delete(self, brand_kit_id: str) -> DeletedBrandKit:
        """Delete a brand kit.

        Args:
            brand_kit_id: The kit's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The brand kit does not exist.
        """
        deleted = DeletedBrandKit(brand_kit_id=brand_kit_id)
        return await self._delete(KITS_DELETE, brand_kit_id, deleted)
