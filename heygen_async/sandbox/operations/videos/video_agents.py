"""Video agent sessions: create, read, send messages, stop."""

from __future__ import annotations

import zlib
from functools import partial

from ...account.account import Account
from ...account.agent_sessions import MESSAGES_SHOWN, Message, Session
from ...account.resources import Video
from ...account.validation import check_references, usable_look, usable_voice
from ...answers import Json, data, listing
from ...jobs import Failure, Job
from ...ledger import PRICES
from ...media.store import MediaItem
from ...refusals import Refusal, not_found
from ...server.calls import Call, Handler
from ...webhooks.job_events import schedule_session
from .drawings import describe_video
from .videos import store_video, video_json

__all__ = ["HANDLERS"]

_TITLE_LENGTH = 60


def _find(account: Account, identifier: str) -> Session:
    """Return a session, updated to the present."""
    session = account.sessions.get(identifier)
    if not session.settled and session.job.done(account.clock.now()):
        session.settle(account.new_id())
    return session


def _message_json(account: Account, message: Message) -> Json:
    shown: Json = {
        "role": message.role,
        "type": message.kind,
        "content": message.content,
        "created_at": account.unix(message.created_at),
    }
    if message.resource_ids:
        shown["resource_ids"] = message.resource_ids
    return shown


def _check_common(account: Account, body: Json) -> None:
    """Check the fields that the first and later messages have in common."""
    check_references(account, body)
    if body.get("avatar_id") is not None:
        usable_look(account, body["avatar_id"])
    if body.get("voice_id") is not None:
        usable_voice(account, body["voice_id"])
    for index, source in enumerate(body.get("files") or []):
        account.check_source(source, f"files.{index}")


def create(call: Call) -> Json:
    """Serve `video_agents.create` in both modes."""
    body, account = call.body, call.account
    _check_common(account, body)
    if body.get("style_id") is not None:
        account.styles.referenced(body["style_id"], "style_id")
    account.admit(None)
    identifier = account.new_id()
    prompt = body["prompt"]
    mode = body.get("mode", "generate")
    chatting = mode == "chat"
    job = account.begin("agent_thinking" if chatting else "agent")
    ledger_job = account.record(
        "agent",
        identifier,
        call.operation.id,
        job,
        key=call.key,
        title=prompt[:_TITLE_LENGTH],
        callback_id=body.get("callback_id"),
    )
    session = Session(
        identifier,
        mode,
        prompt[:_TITLE_LENGTH],
        job.created_at,
        "9:16" if body.get("orientation") == "portrait" else "16:9",
        job,
        "question" if chatting else "video",
        ledger_job,
        callback_id=body.get("callback_id"),
        callback_url=body.get("callback_url"),
    )
    session.messages.append(Message("user", "text", prompt, job.created_at))
    account.sessions.add(identifier, session)
    account.media.add(MediaItem(identifier, text=prompt, title="Storyboard"))
    if not chatting:
        _generate(account, session, prompt)
    return data(
        {
            "session_id": identifier,
            "status": session.state(job.created_at),
            "created_at": account.unix(job.created_at),
            "video_id": session.video_ids[-1] if session.video_ids else None,
        }
    )


def _generate(account: Account, session: Session, wish: str) -> None:
    """Render a video in the session's current phase, and charge it."""
    seconds = 30.0 + zlib.crc32(wish.encode()) % 6000 / 100
    video = Video(
        account.new_id(),
        session.job,
        seconds,
        title=session.title,
        callback_id=session.callback_id,
        by_agent=True,
        request={"prompt": wish, "aspect_ratio": session.aspect_ratio},
    )
    store_video(
        account,
        video,
        text=wish,
        aspect_ratio=session.aspect_ratio,
        describe=partial(describe_video, account, video),
    )
    session.video_ids.append(video.id)
    account.ledger.charge(session.ledger_job, session.job, seconds, PRICES["agent"] * seconds)
    schedule_session(account, session)


def get(call: Call) -> Json:
    """Serve `video_agents.get`, with the newest messages first."""
    account = call.account
    session = _find(account, call.path[0])
    now = account.clock.now()
    if session.video_ids and account.faults.loses_session(session.id):
        raise not_found("session")
    newest = session.messages[: -MESSAGES_SHOWN - 1 : -1]
    return data(
        {
            "session_id": session.id,
            "status": session.state(now),
            "progress": session.progress(now),
            "title": session.title,
            "created_at": account.unix(session.created_at),
            "video_id": session.video_ids[-1] if session.video_ids else None,
            "messages": [_message_json(account, message) for message in newest],
        }
    )


def list_(call: Call) -> Json:
    """Serve `video_agents.list`."""
    account = call.account
    page, token = account.sessions.page(call.query["limit"], call.query.get("token"))
    shown = [
        {
            "session_id": session.id,
            "title": session.title,
            "created_at": account.unix(session.created_at),
        }
        for session in page
    ]
    return listing(shown, token)


def send(call: Call) -> Json:
    """Serve `video_agents.send`: answer a pause, or request another video."""
    body, account = call.body, call.account
    session = _find(account, call.path[0])
    now = account.clock.now()
    if session.mode == "generate":
        raise Refusal(409, "conflict", "Sessions of mode generate take no messages")
    if session.state(now) in ("thinking", "generating", "failed"):
        raise Refusal(409, "conflict", f"The session is {session.state(now)}")
    _check_common(account, body)
    account.admit(None)
    stage = session.next_stage
    session.messages.append(Message("user", "text", body["message"], now))
    session.enter(stage, account.begin("agent" if stage == "video" else "agent_thinking"))
    if stage == "video":
        if session.video_ids:
            session.ledger_job = account.record(
                "agent",
                session.id,
                call.operation.id,
                session.job,
                key=call.key,
                title=session.title,
                callback_id=session.callback_id,
            )
        _generate(account, session, body["message"])
    return data({"session_id": session.id, "run_id": account.new_id(), "title": session.title})


def stop(call: Call) -> Json:
    """Serve `video_agents.stop`: a chat waits for input again, any other session fails."""
    account = call.account
    session = _find(account, call.path[0])
    now = account.clock.now()
    if not session.job.done(now):
        account.slots.release(session.job)
        session.job.stop(now, Failure("cancelled", "Stopped by the user"))
        account.deliveries.replan(session.job)
        if session.stage == "video":
            account.ledger.charge(session.ledger_job, session.job, 0.0, 0.0)
        session.settle(account.new_id())
        if session.mode == "chat":
            session.enter("question", Job("agent_thinking", now, 0.0))
            session.settled = True
    return data({"session_id": session.id})


def resource(call: Call) -> Json:
    """Serve `video_agents.resource`."""
    account = call.account
    session_id, resource_id = call.path
    found = _find(account, session_id).resources.get(resource_id)
    if found is None:
        raise not_found("resource")
    media = account.media
    stem = found.file.partition(".")[0]
    return data(
        {
            "resource_id": found.id,
            "resource_type": found.kind,
            "source_type": "generated",
            "url": media.url(found.file),
            "preview_url": media.url(f"{stem}.png"),
            "thumbnail_url": media.url(f"{stem}.png"),
            "created_at": account.unix(found.created_at),
            "metadata": found.metadata,
        }
    )


def videos(call: Call) -> Json:
    """Serve `video_agents.videos`: newest first on one page, without deleted ones."""
    account = call.account
    session = _find(account, call.path[0])
    found = [account.videos.find(identifier) for identifier in reversed(session.video_ids)]
    return listing([video_json(account, video) for video in found if video is not None], None)


def styles(call: Call) -> Json:
    """Serve `video_agents.styles`."""
    query, account = call.query, call.account
    tag = query.get("tag")

    def fits(style: Json) -> bool:
        return tag is None or tag in style["tags"]

    page, token = account.styles.page(query["limit"], query.get("token"), fits)
    shown = [
        {
            **style,
            "thumbnail_url": account.media.url(f"{style['style_id']}.png"),
            "preview_video_url": account.media.url(f"{style['style_id']}.mp4"),
        }
        for style in page
    ]
    return listing(shown, token)


HANDLERS: dict[str, Handler] = {
    "video_agents.create": create,
    "video_agents.get": get,
    "video_agents.list": list_,
    "video_agents.send": send,
    "video_agents.stop": stop,
    "video_agents.resource": resource,
    "video_agents.videos": videos,
    "video_agents.styles": styles,
}
