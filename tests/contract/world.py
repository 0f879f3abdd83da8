"""A sandbox with one of every resource, for requests that need existing ids."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from heygen_async.sandbox import Sandbox
from tests.contract.operations import Operation
from tests.sandbox.api import Api

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
VIDEO = {"type": "url", "url": "https://files.example/a.mp4"}
SETTINGS: dict[str, Any] = {"speed": 1, "concurrency": 1_000_000}


class World:
    """The sandbox, and ids by the path that they belong to, such as ``/v3/videos/``.

    Args:
        sandbox: A sandbox that is open.
        api: Asks it.
        hook: Address of a server that takes deliveries of webhooks.
    """

    def __init__(self, sandbox: Sandbox, api: Api, hook: str) -> None:
        self.sandbox = sandbox
        self.api = api
        self.hook = hook
        self.ids: dict[str, list[str]] = {}
        self.voices = [sandbox.voice_id]
        self.looks = [sandbox.avatar_id]
        self._glossaries = 0
        self._makers: dict[str, Callable[[], Awaitable[list[str]]]] = {
            "/v3/ai-clipping/": self._made("/v3/ai-clipping", {"video": VIDEO}, "ai_clipping_id"),
            "/v3/assets/": self._upload,
            "/v3/assets/batches/": self._upload_batch,
            "/v3/avatars/": self._made(
                "/v3/avatars",
                {"type": "digital_twin", "name": "Ada", "file": VIDEO},
                "avatar_group",
                "id",
            ),
            "/v3/avatars/looks/": self._made(
                "/v3/avatars", {"type": "prompt", "name": "Ada", "prompt": "A"}, "avatar_item", "id"
            ),
            "/v3/background-removals/": self._made(
                "/v3/background-removals", {"video": VIDEO}, "id"
            ),
            "/v3/brand-glossaries/": self._glossary,
            "/v3/brand-kits/": self._made(
                "/v3/brand-kits", {"url": "https://example.com"}, "brand_kit_id"
            ),
            "/v3/filler-word-removals/": self._made(
                "/v3/filler-word-removals", {"video": VIDEO}, "filler_word_removal_id"
            ),
            "/v3/folders/": self._made("/v3/folders", {"name": "Films"}, "folder_id"),
            "/v3/hyperframes/renders/": self._made(
                "/v3/hyperframes/renders", {"project": VIDEO}, "render_id"
            ),
            "/v3/lipsyncs/": self._made("/v3/lipsyncs", self._lipsync, "lipsync_id"),
            "/v3/lipsyncs/batches/": self._made(
                "/v3/lipsyncs/batches", {"lipsyncs": [self._lipsync]}, "batch_id"
            ),
            "/v3/video-agents/": self._made(
                "/v3/video-agents", {"prompt": "A film", "mode": "chat"}, "session_id"
            ),
            "/v3/video-translations/": self._made(
                "/v3/video-translations", self._translation, "video_translation_ids"
            ),
            "/v3/video-translations/batches/": self._made(
                "/v3/video-translations/batches",
                {"video_translations": [self._translation]},
                "batch_id",
            ),
            "/v3/video-translations/proofreads/": self._made(
                "/v3/video-translations/proofreads",
                {**self._translation, "title": "T"},
                "proofread_ids",
            ),
            "/v3/videos/": self._made("/v3/videos", self._avatar, "video_id"),
            "/v3/videos/batches/": self._made(
                "/v3/videos/batches", {"videos": [self._avatar]}, "batch_id"
            ),
            "/v3/voices/": self._made(
                "/v3/voices/clone", {"voice_name": "Ada", "audio": VIDEO}, "voice_clone_id"
            ),
            "/v3/webhooks/endpoints/": self._made(
                "/v3/webhooks/endpoints", {"url": hook}, "endpoint_id"
            ),
        }

    @property
    def _lipsync(self) -> dict[str, Any]:
        return {"video": VIDEO, "audio": VIDEO}

    @property
    def _translation(self) -> dict[str, Any]:
        return {"video": VIDEO, "output_languages": ["French (France)"]}

    @property
    def _avatar(self) -> dict[str, Any]:
        return {"type": "avatar", "avatar_id": self.looks[0], "script": "Hello"}

    def _made(
        self, path: str, body: dict[str, Any], *names: str
    ) -> Callable[[], Awaitable[list[str]]]:
        async def make() -> list[str]:
            found = (await self.api.post(path, body)).data
            for name in names:
                found = found[name]
            return found if isinstance(found, list) else [found]

        return make

    async def _glossary(self) -> list[str]:
        """A glossary of another name than all before."""
        self._glossaries += 1
        body = {"name": f"Names {self._glossaries}"}
        return [(await self.api.post("/v3/brand-glossaries", body)).data["brand_glossary_id"]]

    async def _upload(self) -> list[str]:
        """A direct upload that is complete."""
        file = {"filename": "a.png", "content_type": "image/png", "size_bytes": 3}
        made = (await self.api.post("/v3/assets/direct-uploads", file)).data
        headers = made["upload_headers"]
        await self.api.raw("PUT", made["upload_url"], data=b"abc", headers=headers)
        await self.api.post(f"/v3/assets/{made['asset_id']}/complete", {})
        return [made["asset_id"]]

    async def _upload_batch(self) -> list[str]:
        file = {"filename": "a.png", "content_type": "image/png", "size_bytes": 3}
        path = "/v3/assets/direct-uploads/batches"
        made = (await self.api.post(path, {"files": [file]})).data
        (item,) = made["items"]
        headers = item["upload_headers"]
        await self.api.raw("PUT", item["upload_url"], data=b"abc", headers=headers)
        return [made["batch_id"]]

    async def fill(self) -> None:
        """Make one of everything, and let it end."""
        for kind in self._makers:
            await self.renew(kind)
        batch = {"batch_id": self.ids["/v3/assets/batches/"][0]}
        await self.api.post("/v3/assets/complete/batches", batch)
        listed = (await self.api.get("/v3/templates?limit=100")).data
        self.ids["/v3/templates/"] = [template["id"] for template in listed]
        listed = (await self.api.get("/v2/templates")).data["templates"]
        self.ids["/v2/template/"] = [template["template_id"] for template in listed]
        await asyncio.sleep(8_000)
        (session,) = self.ids["/v3/video-agents/"]
        for _ in range(2):  # on to the storyboard, which is a resource
            await self.api.post(f"/v3/video-agents/{session}", {"message": "Yes"})
            await asyncio.sleep(8_000)
        messages = (await self.api.get(f"/v3/video-agents/{session}")).data["messages"]
        self.ids["/v3/video-agents/{session_id}/resources/"] = [
            resource for message in messages for resource in message.get("resource_ids") or []
        ]

    async def renew(self, kind: str) -> None:
        """Make another one in place of those that there are."""
        self.ids[kind] = await self._makers[kind]()

    def path(self, operation: Operation) -> str:
        """The path of an operation with ids that exist."""
        pattern = operation.path
        return re.sub(r"\{\w+\}", lambda part: self.ids[pattern[: part.start()]][0], pattern)
