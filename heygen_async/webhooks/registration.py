"""Register an app's address for events."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, cast, get_args

import msgspec
from yarl import URL

from heygen_async.endpoints.webhooks import WebhookEndpoints
from heygen_async.errors import ConfigurationError, Conflict
from heygen_async.models.webhooks import WebhookEndpoint, WebhookEventName
from heygen_async.webhooks.events import Event

logger: logging.Logger = logging.getLogger("heygen_async.webhooks")

Wanted: TypeAlias = Sequence[WebhookEventName | type[Event]] | Literal["all"]

# Kinds of jobs whose ends HeyGen's documented events notify. For other kinds, the deliveries that
# arrive decide.
_ENDS = {
    "video": {"avatar_video.success", "avatar_video.fail"},
    "video_translation": {"video_translate.success", "video_translate.fail"},
    "ai_clipping": {"ai_clipping.success", "ai_clipping.fail"},
}


def event_names(events: Wanted) -> list[WebhookEventName] | Literal["all"]:
    """Return the names of types of events, sorted, each once.

    Args:
        events: Names or classes, or ``all``.

    Raises:
        ConfigurationError: A type is not known, or the list is empty.
    """
    if events == "all":
        return "all"
    if isinstance(events, str) or not events:
        raise ConfigurationError("events: expected a list of types, or 'all'")
    names = {_name(event) for event in events}
    unknown = names - set(get_args(WebhookEventName))
    if unknown:
        raise ConfigurationError(f"events: unknown types of events: {', '.join(sorted(unknown))}")
    return cast(list[WebhookEventName], sorted(names))


def _name(event: object) -> str:
    if isinstance(event, type) and issubclass(event, Event):
        return str(event.__struct_config__.tag or event.__name__)
    return str(event)


def notified_kinds(names: Iterable[str] | Literal["all"]) -> list[str]:
    """Return the kinds of jobs whose ends these events notify, both success and failure.

    Args:
        names: Types of events, or ``all``.
    """
    if names == "all":
        return list(_ENDS)
    wanted = set(names)
    return [kind for kind, needed in _ENDS.items() if needed <= wanted]


def canonical(url: str) -> str:
    """Return the same spelling for all spellings of an address.

    The API may store an address with its host in lower case, with the path ``/``, without the
    default port, or percent-encoded.

    Args:
        url: The address. One that is not a URL is returned as it is.
    """
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        return url
    if host is None:
        return url
    return f"{parsed.scheme}://{host}:{port}{parsed.raw_path or '/'}?{parsed.raw_query_string}"


async def register(
    endpoints: WebhookEndpoints,
    url: str,
    names: list[WebhookEventName] | Literal["all"],
    *,
    knows_a_secret: bool,
    rotate: bool,
) -> WebhookEndpoint:
    """Make sure that an enabled endpoint delivers these events to this address.

    Args:
        endpoints: The account's endpoints.
        url: The address.
        names: Types of events.
        knows_a_secret: Whether the caller has the secret of an existing endpoint.
        rotate: Whether to give the endpoint a new secret if the caller has none.

    Returns:
        The endpoint, with its secret if it is new.

    Raises:
        ConfigurationError: The endpoint exists, its secret is not known, and ``rotate`` is False.
    """
    present = await _endpoints_at(endpoints, url)
    if not _enabled(present):
        try:
            return await _create(endpoints, url, names)
        except Conflict:
            # HeyGen reserves an address for one endpoint, even for a disabled one.
            for endpoint in present:
                await endpoints.delete(endpoint.endpoint_id)
            if present:
                return await endpoints.create(url, events=names)
            present = await _endpoints_at(endpoints, url)  # another worker was faster
            if not _enabled(present):
                raise
    matching = _enabled(present)
    endpoint = matching[0]
    if len(matching) > 1:
        logger.warning(
            "%d endpoints deliver to the same address; delete all but one", len(matching)
        )
    if not knows_a_secret and not rotate:
        raise ConfigurationError(
            f"endpoint {endpoint.endpoint_id} is already registered, and HeyGen shows its secret "
            "only once: pass secrets=, or pass rotate=True to replace the secret, which "
            "invalidates the one that other processes may use"
        )
    subscribed = "all" if endpoint.events is None else sorted(set(endpoint.events))
    if subscribed != names:
        endpoint = await endpoints.update(endpoint.endpoint_id, events=names)
    if knows_a_secret:
        return endpoint
    rotated = await endpoints.rotate_secret(endpoint.endpoint_id)
    return msgspec.structs.replace(endpoint, secret=rotated.secret)


async def _endpoints_at(endpoints: WebhookEndpoints, url: str) -> list[WebhookEndpoint]:
    listed = endpoints.list(limit=100)
    return [endpoint async for endpoint in listed if canonical(endpoint.url) == canonical(url)]


def _enabled(present: list[WebhookEndpoint]) -> list[WebhookEndpoint]:
    return [endpoint for endpoint in present if endpoint.status != "disabled"]


async def _create(
    endpoints: WebhookEndpoints, url: str, names: list[WebhookEventName] | Literal["all"]
) -> WebhookEndpoint:
    # Workers of one app that start together send the same key, and get the same endpoint with
    # the same secret.
    digest = hashlib.sha256(msgspec.json.encode([canonical(url), names])).hexdigest()
    created = await endpoints.create(url, events=names, idempotency_key=f"webhook:{digest}")
    async for endpoint in endpoints.list(limit=100):
        if endpoint.endpoint_id == created.endpoint_id and endpoint.status != "disabled":
            return created
    # The key replayed an earlier creation, whose endpoint has been deleted or disabled since.
    return await endpoints.create(url, events=names)
