"""Avatars: groups, one for each person, and their looks, which videos use."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.errors import InvalidResponse
from heygen_async.jobs.job import Job
from heygen_async.jobs.kind import JobKind
from heygen_async.jobs.observation import submitted
from heygen_async.models.avatars import (
    AvatarConsent,
    AvatarConsentRequest,
    AvatarGroup,
    AvatarGroupUpdate,
    AvatarLook,
    AvatarLookUpdate,
    AvatarRequest,
    CreatedAvatar,
)
from heygen_async.models.statuses import DeletedId
from heygen_async.models.structs import encode, expect
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[CreatedAvatar] = Endpoint(
    operation="avatars.create",
    method="POST",
    path="/v3/avatars",
    answer=CreatedAvatar,
    keyed=True,
    creates=lambda created: [] if created.avatar_item is None else [created.avatar_item.id],
)
GET: Endpoint[AvatarGroup] = Endpoint(
    operation="avatars.get", method="GET", path="/v3/avatars/{group_id}", answer=AvatarGroup
)
LIST: Endpoint[Page[AvatarGroup]] = Endpoint(
    operation="avatars.list",
    method="GET",
    path="/v3/avatars",
    answer=AvatarGroup,
    envelope="page",
)
UPDATE: Endpoint[AvatarGroup] = Endpoint(
    operation="avatars.update",
    method="PATCH",
    path="/v3/avatars/{group_id}",
    answer=AvatarGroup,
)
DELETE: Endpoint[DeletedId] = Endpoint(
    operation="avatars.delete", method="DELETE", path="/v3/avatars/{group_id}", answer=DeletedId
)
CONSENT: Endpoint[AvatarConsent] = Endpoint(
    operation="avatars.consent",
    method="POST",
    path="/v3/avatars/{group_id}/consent",
    answer=AvatarConsent,
    keyed=True,
)
LOOKS_GET: Endpoint[AvatarLook] = Endpoint(
    operation="avatars.looks.get",
    method="GET",
    path="/v3/avatars/looks/{look_id}",
    answer=AvatarLook,
)
LOOKS_LIST: Endpoint[Page[AvatarLook]] = Endpoint(
    operation="avatars.looks.list",
    method="GET",
    path="/v3/avatars/looks",
    answer=AvatarLook,
    envelope="page",
)
LOOKS_UPDATE: Endpoint[AvatarLook] = Endpoint(
    operation="avatars.looks.update",
    method="PATCH",
    path="/v3/avatars/looks/{look_id}",
    answer=AvatarLook,
)
LOOKS_DELETE: Endpoint[DeletedId] = Endpoint(
    operation="avatars.looks.delete",
    method="DELETE",
    path="/v3/avatars/looks/{look_id}",
    answer=DeletedId,
)


def _failure(avatar: AvatarGroup | AvatarLook) -> tuple[str | None, str | None]:
    return (None, None) if avatar.error is None else (avatar.error.code, avatar.error.message)


# HeyGen publishes no durations for avatars. Avatars that were not created by a job, such as public
# ones, have no status.
AVATAR_LOOK: JobKind[AvatarLook] = JobKind(
    name="avatar_look",
    result=AvatarLook,
    get=LOOKS_GET,
    expected=180.0,
    completed=frozenset({"completed", ""}),
    paused=frozenset({"pending_consent"}),
    asks="the consent of the person it shows; see heygen.avatars.consent",
    failure=_failure,
    place=(__name__, "AVATAR_LOOK"),
)
AVATAR_GROUP: JobKind[AvatarGroup] = JobKind(
    name="avatar_group",
    result=AvatarGroup,
    get=GET,
    expected=180.0,
    completed=frozenset({"completed", ""}),
    paused=frozenset({"pending_consent"}),
    asks="the consent of the person it shows; see heygen.avatars.consent",
    failure=_failure,
    place=(__name__, "AVATAR_GROUP"),
)


class AvatarLooks(Resource):
    """``heygen.avatars.looks``."""

    async def get(self, look_id: str) -> AvatarLook:
        """Return one look with newly signed preview URLs.

        Args:
            look_id: The look's id, which videos use as ``avatar_id``.

        Raises:
            NotFound: The look does not exist.
        """
        return await self._session.call(LOOKS_GET, LOOKS_GET.at(look_id))

    def list(
        self,
        *,
        group_id: str | None = None,
        avatar_type: Literal["studio_avatar", "digital_twin", "photo_avatar"] | None = None,
        ownership: Literal["public", "private"] | None = None,
        limit: int | None = None,
    ) -> Pages[AvatarLook]:
        """List looks of the account and of the public library.

        Args:
            group_id: Only those of this group.
            avatar_type: Only those of this type.
            ownership: Only public ones, or only your own; by default both.
            limit: Items per page, 1 to 50; the API's default is 20.
        """
        query = {
            "group_id": group_id,
            "avatar_type": avatar_type,
            "ownership": ownership,
            "limit": limit,
        }
        return self._pages(LOOKS_LIST, LOOKS_LIST.at(), query)

    async def update(
        self, look_id: str, *, name: str, idempotency_key: str | None = None
    ) -> AvatarLook:
        """Change the name of a look of your own.

        Args:
            look_id: The look's id.
            name: Its new name.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The updated look.

        Raises:
            NotFound: The look does not exist.
        """
        return await self._session.call(
            LOOKS_UPDATE,
            LOOKS_UPDATE.at(look_id),
            body=encode(AvatarLookUpdate(name=name)),
            idempotency_key=idempotency_key,
        )

    async def delete(self, look_id: str) -> DeletedId:
        """Delete a look of your own.

        Args:
            look_id: The look's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The look does not exist.
        """
        return await self._delete(LOOKS_DELETE, look_id, DeletedId(id=look_id))


class Avatars(Resource):
    """``heygen.avatars``."""

    @cached_property
    def looks(self) -> AvatarLooks:
        """Looks, whose ids videos use as ``avatar_id``."""
        return AvatarLooks(self._session, self._watcher)

    async def create(
        self, request: AvatarRequest, *, idempotency_key: str | None = None
    ) -> Job[AvatarLook]:
        """Start to create an avatar.

        A person in the source video must consent. Until then ``job.wait()`` raises
        ``JobNeedsInput``; submit the consent with ``heygen.avatars.consent`` and wait again::

            job = await heygen.avatars.create(DigitalTwinRequest(name="Ada", file=film))
            group = job.created.avatar_group
            await heygen.avatars.consent(group.id, AvatarConsentRequest(consent_video=consent))
            look = await job.wait()

        Args:
            request: The source of the avatar.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The job; ``await job.wait()`` returns the ``AvatarLook``, whose ``id`` videos use as
            ``avatar_id``. Its group is ``job.created.avatar_group``.

        Raises:
            InvalidResponse: HeyGen creates an avatar, but its answer does not contain the look.
        """
        expect(request, AvatarRequest)
        created = await self._submit(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )
        look, group = created.avatar_item, created.avatar_group
        if look is None:
            where = "" if group is None else f" in group {group.id}"
            raise InvalidResponse(
                f"an avatar is being created{where}, but the answer names no look", status=200
            )
        if look.status in AVATAR_LOOK.paused:
            # Of unknown age: it is polled at once, and its duration is not used to predict others.
            submitted(self._session, AVATAR_LOOK, look.id, request)
            return Job(self._watcher, AVATAR_LOOK, look.id, created=created)
        return self._job(AVATAR_LOOK, look.id, created, request=request)

    async def get(self, group_id: str) -> AvatarGroup:
        """Return one group with newly signed preview URLs.

        Args:
            group_id: The group's id.

        Raises:
            NotFound: The group does not exist.
        """
        return await self._session.call(GET, GET.at(group_id))

    def list(
        self,
        *,
        ownership: Literal["public", "private"] | None = None,
        limit: int | None = None,
    ) -> Pages[AvatarGroup]:
        """List groups of the account and of the public library.

        Args:
            ownership: Only public ones, or only your own; by default both.
            limit: Items per page, 1 to 50; the API's default is 20.
        """
        return self._pages(LIST, LIST.at(), {"ownership": ownership, "limit": limit})

    async def update(
        self, group_id: str, *, default_voice_id: str, idempotency_key: str | None = None
    ) -> AvatarGroup:
        """Set the voice of a group's looks for videos without a voice.

        Args:
            group_id: The group's id.
            default_voice_id: Id of the voice.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The updated group.

        Raises:
            NotFound: The group does not exist.
        """
        return await self._session.call(
            UPDATE,
            UPDATE.at(group_id),
            body=encode(AvatarGroupUpdate(default_voice_id=default_voice_id)),
            idempotency_key=idempotency_key,
        )

    async def delete(self, group_id: str) -> DeletedId:
        """Delete a group of your own with all its looks.

        Args:
            group_id: The group's id.

        Returns:
            Its id, even if an earlier attempt with a lost answer has deleted it.

        Raises:
            NotFound: The group does not exist.
        """
        return await self._delete(DELETE, group_id, DeletedId(id=group_id))

    async def consent(
        self,
        group_id: str,
        request: AvatarConsentRequest | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> AvatarConsent:
        """Submit or request the consent of the person in an avatar.

        Args:
            group_id: The avatar's group.
            request: A video of the consent, or the settings of the page on which the person
                consents.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The group. If no video was passed, ``url`` is the page on which the person consents.
        """
        if request is not None:
            expect(request, AvatarConsentRequest)
        return await self._session.call(
            CONSENT,
            CONSENT.at(group_id),
            body=encode(request or AvatarConsentRequest()),
            idempotency_key=idempotency_key,
        )
