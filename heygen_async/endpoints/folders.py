"""Folders: what the account's videos and assets are put in."""

from __future__ import annotations

from typing import Literal

from heygen_async.endpoints.resource import Resource
from heygen_async.models.folders import Folder, FolderRequest
from heygen_async.models.structs import encode
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[Folder] = Endpoint(
    operation="folders.create", method="POST", path="/v3/folders", answer=Folder, keyed=True
)
GET: Endpoint[Folder] = Endpoint(
    operation="folders.get", method="GET", path="/v3/folders/{folder_id}", answer=Folder
)


class Folders(Resource):
    """``heygen.folders``."""

    async def create(
        self,
        name: str,
        *,
        parent_id: str | None = None,
        type: Literal["mixed", "video", "video_translate"] | None = None,  # noqa: A002, the API's
        idempotency_key: str | None = None,
    ) -> Folder:
        """Make a folder.

        Args:
            name: Its name, 1 to 256 characters.
            parent_id: The folder it is in; by default it is in none.
            type: What it takes; by default HeyGen chooses.
            idempotency_key: Your own key; by default each call has a fresh one.

        Returns:
            The folder; requests name its ``id`` as their ``folder_id``.
        """
        request = FolderRequest(name=name, parent_id=parent_id, type=type)
        return await self._session.call(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )

    async def get(self, folder_id: str) -> Folder:
        """One folder.

        Args:
            folder_id: The folder's id.

        Raises:
            NotFound: There is no folder of that id.
        """
        return await self._session.call(GET, GET.at(folder_id))
