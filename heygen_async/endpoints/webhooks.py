"""Webhooks: the endpoints to which HeyGen delivers events, and past events.

``heygen_async.webhooks`` receives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

from msgspec import UNSET

from heygen_async.endpoints.resource import Pages, Resource
from heygen_async.models.structs import encode
from heygen_async.models.webhooks import (
    RotatedWebhookSecret,
    WebhookEndpoint,
    WebhookEndpointRequest,
    WebhookEndpointUpdate,
    WebhookEvent,
    WebhookEventName,
    WebhookEventType,
)
from heygen_async.session.answers.codec import Page
from heygen_async.session.endpoint import Endpoint

CREATE: Endpoint[WebhookEndpoint] = Endpoint(
    operation="webhooks.endpoints.create",
    method="POST",
    path="/v3/webhooks/endpoints",
    answer=WebhookEndpoint,
    keyed=True,
)
LIST: Endpoint[Page[WebhookEndpoint]] = Endpoint(
    operation="webhooks.endpoints.list",
    method="GET",
    path="/v3/webhooks/endpoints",
    answer=WebhookEndpoint,
    envelope="page",
)
UPDATE: Endpoint[WebhookEndpoint] = Endpoint(
    operation="webhooks.endpoints.update",
    method="PATCH",
    path="/v3/webhooks/endpoints/{endpoint_id}",
    answer=WebhookEndpoint,
)
DELETE: Endpoint[Any] = Endpoint(
    operation="webhooks.endpoints.delete",
    method="DELETE",
    path="/v3/webhooks/endpoints/{endpoint_id}",
    answer=Any,  # its contents are not documented
)
ROTATE_SECRET: Endpoint[RotatedWebhookSecret] = Endpoint(
    operation="webhooks.endpoints.rotate_secret",
    method="POST",
    path="/v3/webhooks/endpoints/{endpoint_id}/rotate-secret",
    answer=RotatedWebhookSecret,
    keyed=True,
)
EVENT_TYPES: Endpoint[Page[WebhookEventType]] = Endpoint(
    operation="webhooks.event_types",
    method="GET",
    path="/v3/webhooks/event-types",
    answer=WebhookEventType,
    envelope="page",
)
EVENTS: Endpoint[Page[WebhookEvent]] = Endpoint(
    operation="webhooks.events",
    method="GET",
    path="/v3/webhooks/events",
    answer=WebhookEvent,
    envelope="page",
)


class WebhookEndpoints(Resource):
    """``heygen.webhooks.endpoints``."""

    async def create(
        self,
        url: str,
        *,
        events: Sequence[WebhookEventName] | Literal["all"] = "all",
        entity_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Register an address for deliveries.

        Args:
            url: The address. HeyGen sends an OPTIONS request there first.
            events: Types of events to deliver. Default: all.
            entity_id: Only events of this resource. Default: all resources.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The endpoint. Its ``secret`` is shown only once.
        """
        request = WebhookEndpointRequest(
            url=url, events=None if events == "all" else events, entity_id=entity_id
        )
        return await self._session.call(
            CREATE, CREATE.at(), body=encode(request), idempotency_key=idempotency_key
        )

    def list(self, *, limit: int | None = None) -> Pages[WebhookEndpoint]:
        """List the account's endpoints, without their secrets.

        Args:
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        return self._pages(LIST, LIST.at(), {"limit": limit})

    async def update(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Sequence[WebhookEventName] | Literal["all"] | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Change an endpoint. Arguments that are None leave it unchanged.

        Args:
            endpoint_id: The endpoint.
            url: The new address.
            events: The new types of events, which replace all earlier ones.
            idempotency_key: Not sent, because HeyGen takes none here; passing one warns. Kept for
                code written for version 0.1.0.

        Returns:
            The endpoint as it is now, without its secret.
        """
        replaced = UNSET if events is None else None if events == "all" else events
        request = WebhookEndpointUpdate(url=url, events=replaced)
        return await self._session.call(
            UPDATE, UPDATE.at(endpoint_id), body=encode(request), idempotency_key=idempotency_key
        )

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; nothing is delivered to it any more.

        Args:
            endpoint_id: The endpoint's id.

        Raises:
            NotFound: The endpoint does not exist.
        """
        await self._delete(DELETE, endpoint_id, None)

    async def rotate_secret(
        self, endpoint_id: str, *, idempotency_key: str | None = None
    ) -> RotatedWebhookSecret:
        """Give an endpoint a new secret. The old secret becomes invalid at once.

        Args:
            endpoint_id: The endpoint's id.
            idempotency_key: Your own key. Default: a new key for each call.

        Returns:
            The new secret, which is shown only once.
        """
        return await self._session.call(
            ROTATE_SECRET, ROTATE_SECRET.at(endpoint_id), idempotency_key=idempotency_key
        )


class Webhooks(Resource):
    """``heygen.webhooks``."""

    @cached_property
    def endpoints(self) -> WebhookEndpoints:
        """The endpoints to which HeyGen delivers events."""
        return WebhookEndpoints(self._session, self._watcher)

    def event_types(self) -> Pages[WebhookEventType]:
        """List the types of events."""
        return self._pages(EVENT_TYPES, EVENT_TYPES.at(), {})

    def events(
        self,
        *,
        event_type: WebhookEventName | None = None,
        entity_id: str | None = None,
        limit: int | None = None,
    ) -> Pages[WebhookEvent]:
        """List past events, whether delivered or not.

        Args:
            event_type: Only those of this type.
            entity_id: Only those of this resource.
            limit: Items per page, 1 to 100; the API's default is 10.
        """
        query = {"event_type": event_type, "entity_id": entity_id, "limit": limit}
        return self._pages(EVENTS, EVENTS.at(), query)
