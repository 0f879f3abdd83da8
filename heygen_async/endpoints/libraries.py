"""Libraries: sounds for videos, and folders for videos and assets."""

from __future__ import annotations

from typing import Literal

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.models.libraries import Folder, FolderRequest, Sound
from heygen_async.models.structs import encode
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

SOUNDS: Endpoint[Page[Sound]] = Endpoint(
    operation="audio.sounds",
    method="GET",
    path="/v3/audio/sounds",
    answer=Sound,
    envelope="page",
)
CREATE_FOLDER: Endpoint[Folder] = Endpoint(
    operation="folders.create", method="POST", path="/v3/folders", answer=Folder, keyed=True
)
GET_FOLDER: Endpoint[Folder] = Endpoint(
    operation="folders.get", method="GET", path="/v3/folders/{folder_id}", answer=Folder
)


class Audio(Resource):
    """``heygen.audio``."""

    def sounds(
        self,
        query: str,
        *,
        type: Literal["music", "sound_effects"] | None = None,  # noqa: A002, the API's own name
        min_score: float | None = None,
        limit: int | None = None,
    ) -> Pages[Sound]:
        """Search for music or sound effects; the best match comes first.

        Args:
            query: Description of the sound, 1 to 5,000 characters.
            type: ``music`` (the API's default) or ``sound_effects``.
            min_score: The lowest score of a match, 0 to 1; the API's default is 0.7.
            limit: Items per page, 1 to 50; the API's default is 10.

        Returns:
            The results, page by page.
        """
        wanted = {"query": query, "type": type, "min_score": min_score, "limit": limit}
        return self._pages(SOUNDS, SOUNDS.at(), wanted)


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
        """Create a folder.

        Args:
            name: Its name, 1 to 256 characters.
            parent_id: Id of the parent folder. Default: none.
            type: The type of its contents; by default HeyGen chooses.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The folder; use its ``id`` as ``folder_id`` in requests.
        """
        request = FolderRequest(name=name, parent_id=parent_id, type=type)
        return await self._session.call(
            CREATE_FOLDER, CREATE_FOLDER.at(), body=encode(request), idempotency_key=idempotency_key
        )

    async def get(self, folder_id: str) -> Folder:
        """Return one folder.

        Args:
            folder_id: The folder's id.

        Raises:
            NotFound: The folder does not exist.
        """
        return await self._session.call(GET_FOLDER, GET_FOLDER.at(folder_id))
