"""Kinds of objects that an id can identify, and the search for the kind of an id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.tables import plain
from heygen_async.client import HeyGen
from heygen_async.errors import BadRequest, HeyGenError, NotFound
from heygen_async.models.avatars import AvatarGroup, AvatarLook
from heygen_async.models.brands import BrandKitDetail
from heygen_async.models.editing import AiClippingJob, BackgroundRemovalJob, FillerWordRemoval
from heygen_async.models.hyperframes import HyperframesRender
from heygen_async.models.lipsyncs import Lipsync
from heygen_async.models.proofreads import Proofread
from heygen_async.models.video_agents import VideoAgentSession
from heygen_async.models.video_translations import VideoTranslation
from heygen_async.models.videos import Video
from heygen_async.models.voices import VoiceDetail


class Kind(NamedTuple):
    """A kind of things.

    Attributes:
        resource: The resource of the client that has them.
        job: Result of such a job, or None if the kind is not a job.
        id_field: The field that holds the id.
    """

    resource: str
    job: type[Any] | None = None
    id_field: str = "id"


# The first kinds are the most common ones.
KINDS: Mapping[str, Kind] = {
    "video": Kind("videos", Video),
    "video_translation": Kind("video_translations", VideoTranslation),
    "video_agent_session": Kind("video_agents", VideoAgentSession, "session_id"),
    "lipsync": Kind("lipsyncs", Lipsync),
    "proofread": Kind("proofreads", Proofread),
    "ai_clipping": Kind("ai_clipping", AiClippingJob),
    "background_removal": Kind("background_removals", BackgroundRemovalJob),
    "filler_word_removal": Kind("filler_word_removals", FillerWordRemoval),
    "hyperframes_render": Kind("hyperframes", HyperframesRender),
    "avatar_look": Kind("avatars.looks", AvatarLook),
    "avatar_group": Kind("avatars", AvatarGroup),
    "voice": Kind("voices", VoiceDetail, "voice_id"),
    "template": Kind("templates"),
    "asset": Kind("assets"),
    "brand_kit": Kind("brand_kits", BrandKitDetail),
    "brand_glossary": Kind("brand_glossaries"),
    "folder": Kind("folders"),
    "video_batch": Kind("videos.batches", None, "batch_id"),
    "video_translation_batch": Kind("video_translations.batches", None, "batch_id"),
    "lipsync_batch": Kind("lipsyncs.batches", None, "batch_id"),
    "asset_batch": Kind("assets.batches", None, "batch_id"),
}


class Found(NamedTuple):
    """A thing of the account.

    Attributes:
        kind: Its kind, a name in ``KINDS``.
        id: Its id.
        state: The API's data about it.
    """

    kind: str
    id: str
    state: Any

    @property
    def record(self) -> dict[str, Any]:
        """It as plain values, with its kind and id first."""
        return {"kind": self.kind, "id": self.id, **plain(self.state)}


async def found(heygen: HeyGen, item_id: str, kind: str | None = None) -> list[Found]:
    """Return the objects with an id: usually one, but a group can share the id of its look.

    Args:
        heygen: The client.
        item_id: The id.
        kind: Its kind; None tries all of them at once, which costs nothing.

    Raises:
        CommandError: Nothing has this id.
        HeyGenError: The API refuses the request.
    """
    kinds = [kind] if kind else list(KINDS)
    answers = await asyncio.gather(*(_look_up(heygen, item_id, name) for name in kinds))
    things = [answer for answer in answers if isinstance(answer, Found)]
    if things:
        return things
    for answer in answers:
        if isinstance(answer, HeyGenError) and not isinstance(answer, NotFound | BadRequest):
            raise answer
    what = f"no {kind.replace('_', ' ')}" if kind else "nothing"
    raise CommandError(f"{what} in this account has the id {item_id!r}", Exit.SOME_FAILED)


async def _look_up(heygen: HeyGen, item_id: str, kind: str) -> Found | HeyGenError:
    get: Callable[[str], Awaitable[Any]] = _method(heygen, kind, "get")
    try:
        return Found(kind, item_id, await get(item_id))
    except (BadRequest, NotFound) as error:
        if kind != "template" or not isinstance(error, NotFound):
            return error
    except HeyGenError as error:
        return error
    try:  # a template of the older editor
        return Found(kind, item_id, await heygen.templates.get_v2(item_id))
    except HeyGenError as error:
        return error


def check_deletable(heygen: HeyGen, kind: str) -> None:
    """Check whether things of a kind can be deleted.

    Raises:
        CommandError: Things of this kind cannot be deleted.
    """
    if not hasattr(attrgetter(KINDS[kind].resource)(heygen), "delete"):
        raise CommandError(f"HeyGen has no way to delete a {kind.replace('_', ' ')}")


async def delete(heygen: HeyGen, item_id: str, kind: str) -> None:
    """Delete a thing.

    Args:
        heygen: The client.
        item_id: Its id.
        kind: Its kind.

    Raises:
        HeyGenError: As for every call; ``NotFound`` if it does not exist.
    """
    await _method(heygen, kind, "delete")(item_id)


def _method(heygen: HeyGen, kind: str, name: str) -> Callable[[str], Awaitable[Any]]:
    method: Callable[[str], Awaitable[Any]] = attrgetter(f"{KINDS[kind].resource}.{name}")(heygen)
    return method
