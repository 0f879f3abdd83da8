"""``agent``: make a video from a prompt with the Video Agent, optionally in a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from heygen_async.cli.display import Display
from heygen_async.cli.editing import typed_line
from heygen_async.cli.exit_codes import CommandError, Exit
from heygen_async.cli.single.files import check_files, source_of, text_of
from heygen_async.cli.single.names import brand_kit_id, glossary_id, look_id, style_id, voice_id
from heygen_async.cli.single.waiting import check_target, finish, interruptible, make
from heygen_async.client import HeyGen
from heygen_async.endpoints.video_agents import Turn, VideoAgentJob
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.session.diagnostics.escaping import escaped

_ANSWER = '{"message": "…"}'
_KIND = "video_agent_session"


async def agent(
    prompt: str,
    *,
    display: Display,
    base_url: str | None,
    files: Sequence[str] = (),
    chat: bool = False,
    avatar: str | None = None,
    voice: str | None = None,
    style: str | None = None,
    brand_kit: str | None = None,
    glossary: str | None = None,
    orientation: Literal["landscape", "portrait"] | None = None,
    incognito: bool = False,
    callback_url: str | None = None,
    callback_id: str | None = None,
    wait: bool = True,
    timeout: float | None = None,
    out: Path | None = None,
) -> Exit:
    """Make a video with the Video Agent.

    Args:
        prompt: The prompt, ``@file``, or ``-`` for standard input.
        display: The display.
        base_url: Base URL of the API; None reads it from the environment.
        files: URLs and local files for the agent to work with.
        chat: Let the agent ask questions; answers are lines of standard input.
        avatar: Id or name of the look; None lets the agent choose.
        voice: Id or name of the voice; None lets the agent choose.
        style: Id or name of the style.
        brand_kit: Id or name of the brand kit.
        glossary: Id or name of the brand glossary.
        orientation: Shape of the picture; None lets the agent choose.
        incognito: Keep the session out of the agent's memory.
        callback_url: URL that is called when the video has ended.
        callback_id: Value that is returned with the callback.
        wait: Wait for the video; a chat always waits.
        timeout: Maximum number of seconds to wait; None waits indefinitely.
        out: The file for the video, or None.

    Raises:
        CommandError: The options are incompatible, or the conversation ends early.
        HeyGenError: The API refuses it, or it has failed.
    """

    async def made() -> Exit:
        if chat and prompt == "-":
            raise CommandError("--chat reads the answers from standard input, not the prompt")
        wanted = await asyncio.to_thread(text_of, prompt, "PROMPT")
        await asyncio.to_thread(check_target, out)
        await asyncio.to_thread(check_files, *files)
        async with HeyGen(base_url=base_url) as heygen:
            request = VideoAgentRequest(
                prompt=wanted,
                mode="chat" if chat else "generate",
                avatar_id=avatar and await look_id(heygen, avatar),
                voice_id=voice and await voice_id(heygen, voice),
                style_id=style and await style_id(heygen, style),
                brand_kit_id=brand_kit and await brand_kit_id(heygen, brand_kit),
                brand_glossary_id=glossary and await glossary_id(heygen, glossary),
                files=[await source_of(heygen, display, file) for file in files] or None,
                orientation=orientation,
                incognito_mode=incognito,
                callback_url=callback_url,
                callback_id=callback_id,
            )
            creating = heygen.video_agents.create(request)
            if not chat:
                return await make(
                    heygen, display, _KIND, creating, wait=wait, timeout=timeout, out=out
                )
            job = await creating
            display.note(f"HeyGen has accepted session {job.id}.")
            await _converse(display, job)
            return await finish(heygen, display, _KIND, job, timeout=timeout, out=out, known=True)

    return await interruptible(display, made())


async def _converse(display: Display, job: VideoAgentJob) -> None:
    """Pass the agent's questions to the user, and the answers back, until it has ended.

    Raises:
        CommandError: There are no more answers.
    """
    async for turn in job.turns():
        shown = [resource.url for resource in await turn.resources() if resource.url]
        asked = {
            "session_id": job.id,
            "agent": turn.message,
            "reviewing": turn.reviewing,
            "resources": shown,
        }
        display.record(asked)
        display.people(partial(_show, turn, shown))
        answer = ""
        while not answer:
            line = await typed_line()
            if not line:
                call = f"heygen-async api POST /v3/video-agents/{job.id} -d '{_ANSWER}'"
                raise CommandError(
                    f"standard input has no more answers; session {job.id} waits for one at HeyGen "
                    f"(in its app, or with {call})",
                    Exit.SOME_FAILED,
                )
            answer = line.strip()
        await turn.reply(answer)


def _show(turn: Turn, shown: Sequence[str], console: Console) -> None:
    text = Text.assemble(("Agent: ", "bold"), escaped(turn.message, lines=True))
    for url in shown:
        text.append(f"\n  {escaped(url)}", "dim")
    text.append("\nYour answer, then Enter:", "dim")
    console.print(text, soft_wrap=True)
