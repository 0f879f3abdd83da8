"""Webhook endpoints, types of events, and past events."""

from __future__ import annotations

from ..account.account import Account
from ..answers import Json, data, listing
from ..refusals import Refusal, invalid
from ..server.calls import Call, Handler
from ..webhooks.deliveries import Endpoint
from ..webhooks.delivery_client import host_of
from ..webhooks.events import EVENT_TYPES, Event, iso

__all__ = ["HANDLERS"]


def endpoint_json(account: Account, endpoint: Endpoint) -> Json:
    """Return an endpoint as in lists, without its secret."""
    return {
        "endpoint_id": endpoint.id,
        "url": endpoint.url,
        "events": endpoint.events,
        "status": "enabled",
        "created_at": iso(account.clock.epoch + endpoint.created_at),
    }


def _new_secret(account: Account) -> str:
    return f"whsec_{account.new_id()}"


async def _check_address(account: Account, url: str) -> None:
    """Refuse an address that does not answer OPTIONS with success within 1 s."""
    if host_of(url) is None:
        raise invalid("url", "The url must be a web address")
    _check_free(account, url)
    if not await account.deliveries.takes_options(url):
        raise invalid("url", "The url did not answer an OPTIONS request with 2xx within 1 second")
    _check_free(account, url)  # again, because the answer took a while


def _check_free(account: Account, url: str) -> None:
    """Refuse an address that is already registered."""
    if any(endpoint.url == url for endpoint in account.deliveries.endpoints):
        raise Refusal(409, "conflict", "A webhook endpoint with this url already exists.")


async def create(call: Call) -> Json:
    """Serve `webhooks.endpoints.create`; besides a rotation, only its answer has the secret."""
    body, account = call.body, call.account
    await _check_address(account, body["url"])
    endpoint = Endpoint(
        f"ep_{account.new_id()}",
        body["url"],
        _new_secret(account),
        body.get("events"),
        body.get("entity_id"),
        account.clock.now(),
    )
    account.deliveries.register(endpoint)
    return data({**endpoint_json(account, endpoint), "secret": endpoint.secret})


def list_(call: Call) -> Json:
    """Serve `webhooks.endpoints.list`."""
    account = call.account
    page, token = account.deliveries.endpoints.page(call.query["limit"], call.query.get("token"))
    return listing([endpoint_json(account, endpoint) for endpoint in page], token)


async def update(call: Call) -> Json:
    """Serve `webhooks.endpoints.update`; the list of events is replaced, null means all."""
    body, account = call.body, call.account
    endpoint = account.deliveries.endpoints.get(call.path[0])
    if body.get("url") is not None and body["url"] != endpoint.url:
        await _check_address(account, body["url"])
        endpoint.url = body["url"]
    if "events" in body:
        endpoint.events = body["events"]
    return data(endpoint_json(account, endpoint))


def delete(call: Call) -> Json:
    """Serve `webhooks.endpoints.delete`; waiting deliveries to the endpoint are dropped."""
    endpoint = call.account.deliveries.endpoints.remove(call.path[0])
    return {"data": {"endpoint_id": endpoint.id}, "error": None}


def rotate_secret(call: Call) -> Json:
    """Serve `webhooks.endpoints.rotate_secret`; only the new secret signs from now on."""
    endpoint = call.account.deliveries.endpoints.get(call.path[0])
    endpoint.secret = _new_secret(call.account)
    return data({"endpoint_id": endpoint.id, "secret": endpoint.secret})


def event_types(call: Call) -> Json:
    """Serve `webhooks.event_types`: all on one page."""
    return listing(
        [{"event_type": name, "description": text} for name, text in EVENT_TYPES.items()], None
    )


def events(call: Call) -> Json:
    """Serve `webhooks.events`: newest first, including those with lost deliveries."""
    query, deliveries = call.query, call.account.deliveries
    deliveries.catch_up()

    def fits(event: Event) -> bool:
        return query.get("event_type") in (None, event.type) and query.get("entity_id") in (
            None,
            event.entity_id,
        )

    page, token = deliveries.events.page(query["limit"], query.get("token"), fits)
    return listing([event.json() for event in page], token)


HANDLERS: dict[str, Handler] = {
    "webhooks.endpoints.create": create,
    "webhooks.endpoints.list": list_,
    "webhooks.endpoints.update": update,
    "webhooks.endpoints.delete": delete,
    "webhooks.endpoints.rotate_secret": rotate_secret,
    "webhooks.event_types": event_types,
    "webhooks.events": events,
}
