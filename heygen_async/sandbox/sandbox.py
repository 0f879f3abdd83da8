"""``Sandbox``: settings, state and records of the sandbox."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Literal

from .account.account import Account
from .account.fixtures import ALL_ENGINES, add_look, add_template, populate
from .account.resources import Folder, Look, Voice
from .answers import Json
from .clock import Clock
from .contract import LANGUAGES
from .faults import Faults
from .jobs import Failure, JobFactory
from .ledger import Ledger
from .media.store import MediaItem, MediaStore
from .operations.avatars import approve
from .request_log import RequestLog
from .server.hosts import Hosts
from .webhooks.deliveries import Deliveries

__all__ = ["Sandbox"]


class Sandbox:
    """A local HeyGen on loopback for tests, demonstrations and development.

    Use it as an async context manager; it serves while it is open.

    Args:
        speed: Sandbox seconds per second of the event loop's clock. Default 60; 0 stands still
            until `sandbox.clock.advance(seconds)`.
        seed: Ids, durations, outcomes and media are the same for the same seed and requests.
        concurrency: Paid jobs that may run at once; further ones get 429. Default 10. It can be
            changed at any time.
        requests_per_second: Requests beyond this rate get 429; None (default) for no limit.
        retry_after: `Retry-After` of a 429 for too many jobs: seconds or an HTTP date. Default: the
            real seconds until the next job ends, 1 to 30.
        host: Address to listen on.
        port: Port of the API; 0 (default) picks a free one. The media host always picks its own.
        api_keys: Keys to accept, as `x-api-key` or as bearer token. Default: a random one.
        balance: USD in the account's wallet. Jobs that it cannot pay get 402.
        allowed_hosts: Host names of the sandbox besides `localhost` and IP addresses, such as that
            of a service in a container network. Requests with another name in their `Host` header
            are refused, as a protection against web pages that use DNS rebinding.
        languages: Names of the target languages. Default: all 178.
        faults: Faults to inject. Default: none.
        durations: Durations of jobs in sandbox seconds by kind: fixed, or (median, sigma) of a
            lognormal distribution. Kinds: `video`, `agent`, `agent_thinking`, `translation`,
            `proofread`, `voice_clone`, `lipsync`, `ai_clipping`, `avatar`, `background_removal`,
            `filler_word_removal`, `hyperframes`, `brand_kit`.
        epoch: Unix time at which the sandbox opens. Default: the present.
        media: `plain` (default) serves flat colours and soft tones, and costs no time; `drawn`
            draws the words, texts and pictures of each request, when a file is first asked for, in
            processes of its own. It needs the extra `sandbox-media`.
        dub_spread: The largest share by which a dub is longer or shorter than its source, which
            differs between languages. Default: dubs are as long as their source.

    Raises:
        ValueError: ``api_keys`` is empty, or a language or the kind of media is unknown.
        ModuleNotFoundError: ``media`` is `drawn`, and PyAV or Pillow is not installed.
    """

    def __init__(
        self,
        *,
        speed: float = 60.0,
        seed: int = 0,
        concurrency: int = 10,
        requests_per_second: float | None = None,
        retry_after: int | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        api_keys: Sequence[str] | None = None,
        balance: float = 100_000.0,
        allowed_hosts: Sequence[str] = (),
        languages: Sequence[str] | None = None,
        faults: Faults | None = None,
        durations: Mapping[str, float | tuple[float, float]] | None = None,
        epoch: float | None = None,
        media: Literal["plain", "drawn"] = "plain",
        dub_spread: float = 0.0,
    ) -> None:
        if api_keys is None:
            api_keys = (f"sk_V2_{secrets.token_hex(16)}",)
        if not api_keys:
            raise ValueError("api_keys: the sandbox needs at least one API key")
        names = list(LANGUAGES) if languages is None else list(languages)
        unknown = [name for name in names if name not in LANGUAGES]
        if unknown:
            raise ValueError(f"languages: unknown languages: {', '.join(unknown)}")
        if media not in ("plain", "drawn"):
            raise ValueError(f"media: must be plain or drawn, not {media}")
        self._api_keys = tuple(api_keys)
        self._host, self._port = host, port
        self._base_url = ""
        # The loop is not known before the sandbox opens; until then the clock stands still.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock = Clock(self._loop_time, speed=speed, epoch=epoch)
        self._account = Account(
            clock=self._clock,
            seed=seed,
            jobs=JobFactory(seed, durations),
            media=MediaStore(self._clock, seed, drawn=media == "drawn"),
            languages={name: LANGUAGES[name] for name in names},
            concurrency=concurrency,
            balance=balance,
            dub_spread=dub_spread,
        )
        self._account.retry_after = retry_after
        if faults is not None:
            self._account.faults = faults
        populate(self._account)
        self._hosts = Hosts(
            self._account,
            self._api_keys,
            requests_per_second,
            self._loop_time,
            frozenset(map(str.lower, (host, *allowed_hosts))),
        )

    def __repr__(self) -> str:
        state = f"at {self._base_url}" if self._base_url else "not open"
        return f"<{type(self).__name__} {state}, speed {self._clock.speed:g}>"

    def _loop_time(self) -> float:
        return 0.0 if self._loop is None else self._loop.time()

    @property
    def faults(self) -> Faults:
        """The faults to inject. Assign another plan at any time, or `Faults()` to inject none.

            sandbox.faults = Faults(drop=0.1)  # from now on
            sandbox.faults.add("videos.create", Fault.drop())  # the next one

        Each plan starts with its own script and an empty record of applied faults.
        """
        return self._account.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._account.faults = faults

    @property
    def base_url(self) -> str:
        """Address of the API, such as `http://127.0.0.1:40123`."""
        return self._base_url

    @property
    def media_origin(self) -> str:
        """Address of the media host, on another port because the real one is another host."""
        return self._account.media.origin

    @property
    def api_key(self) -> str:
        """An accepted API key."""
        return self._api_keys[0]

    @property
    def clock(self) -> Clock:
        """The clock of the jobs."""
        return self._clock

    @property
    def ledger(self) -> Ledger:
        """The accepted jobs, and their estimated cost."""
        return self._account.ledger

    @property
    def requests(self) -> RequestLog:
        """Counts of the requests to the sandbox."""
        return self._hosts.requests

    @property
    def deliveries(self) -> Deliveries:
        """Webhook deliveries to registered endpoints and to the `callback_url`s of requests."""
        return self._account.deliveries

    @property
    def leaks(self) -> int:
        """Number of requests to the media host that carried an API key."""
        return self._hosts.leaks

    @property
    def running(self) -> int:
        """Number of jobs that hold a slot now."""
        return self._account.running()

    @property
    def concurrency(self) -> int:
        """Number of paid jobs that may run at once."""
        return self._account.concurrency

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        self._account.concurrency = value

    @property
    def balance(self) -> float:
        """Remaining USD in the wallet. It can be changed at any time."""
        return self._account.balance

    @balance.setter
    def balance(self, value: float) -> None:
        self._account.funds = value + self._account.ledger.spent

    @property
    def retry_after(self) -> int | str | None:
        """`Retry-After` of a 429 for too many jobs; None derives it from the jobs."""
        return self._account.retry_after

    @retry_after.setter
    def retry_after(self, value: int | str | None) -> None:
        self._account.retry_after = value

    def fail_next(
        self,
        kind: str,
        *,
        times: int = 1,
        code: str | None = "internal_error",
        message: str | None = "Rendering failed. Please try again.",
    ) -> None:
        """Make the next jobs of a kind fail. As in the API, code and message can be None.

        Args:
            kind: Kind of the jobs, a key of the sandbox's `durations`.
            times: Number of jobs. Default 1.
            code: The failure code, or None.
            message: The failure message, or None.

        Raises:
            ValueError: The kind is unknown.
        """
        self._account.jobs.doom(kind, Failure(code, message), times)

    async def __aenter__(self) -> Sandbox:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Start to serve, and start the clock.

        Raises:
            RuntimeError: The sandbox was opened before.
        """
        if self._loop is not None:
            raise RuntimeError("the sandbox was opened before; create a new one")
        self._loop = asyncio.get_running_loop()
        self._clock.restart()
        try:
            self._base_url = await self._hosts.open(self._host, self._port)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop serving, end waiting requests, and remove uploads."""
        async with AsyncExitStack() as steps:  # run all of them, even if one is cancelled
            if self._account.media.drawn is not None:
                steps.push_async_callback(self._account.media.drawn.close)
            steps.push_async_callback(self._account.files.close)
            steps.push_async_callback(self._account.deliveries.aclose)
            steps.push_async_callback(self._hosts.close)

    def add_voice(
        self,
        name: str = "Voice",
        *,
        voice_id: str | None = None,
        language: str = "English",
        gender: str = "female",
        starfish: bool = True,
        private: bool = False,
        usable: bool = True,
    ) -> str:
        """Add a voice.

        Args:
            name: Its name.
            voice_id: Its id. Default: a random one.
            language: Its language, by its English name.
            gender: `female` or `male`.
            starfish: Whether `voices.speech` accepts it.
            private: Whether it belongs to the account.
            usable: False for a voice that is listed but refused in requests.

        Returns:
            Its id.
        """
        identifier = voice_id or self._account.new_id()
        voice = Voice(identifier, name, language, gender, starfish=starfish, private=private)
        voice.usable = usable
        self._account.voices.add(identifier, voice)
        self._account.media.add(MediaItem(identifier, 3.0))
        return identifier

    def add_look(
        self,
        name: str = "Look",
        *,
        look_id: str | None = None,
        avatar_type: str = "digital_twin",
        engines: Sequence[str] = ALL_ENGINES,
        usable: bool = True,
    ) -> str:
        """Add an avatar look, in a group of its own.

        Args:
            name: Its name.
            look_id: Its id. Default: a random one.
            avatar_type: `digital_twin`, `studio_avatar` or `photo_avatar`.
            engines: The engines that can render it. Default: all.
            usable: False for a look that is listed but refused in requests.

        Returns:
            Its id, which videos use as `avatar_id`.
        """
        account = self._account
        identifier = look_id or account.new_id()
        voice = next(iter(account.voices))
        look = Look(
            identifier,
            name,
            avatar_type,
            account.new_id(),
            voice.gender,
            voice.id,
            tuple(engines),
            usable=usable,
        )
        add_look(account, look)
        return identifier

    def add_folder(self, name: str = "Folder", *, folder_id: str | None = None) -> str:
        """Add a folder.

        Args:
            name: Its name.
            folder_id: Its id. Default: a random one.

        Returns:
            Its id.
        """
        account = self._account
        identifier = folder_id or account.new_id()
        folder = Folder(identifier, name, "mixed", None, account.clock.now())
        return account.folders.add(identifier, folder).id

    def give_consent(self, group_id: str) -> None:
        """Give the consent to an avatar, as the person does on HeyGen's page.

        Args:
            group_id: The avatar's group.

        Raises:
            KeyError: The group does not exist or does not wait for consent.
        """
        group = self._account.groups.find(group_id)
        if group is None or group.consent != "pending":
            raise KeyError(group_id)
        approve(self._account, group)

    def add_template(
        self,
        name: str = "Template",
        *,
        variables: Mapping[str, str | Json] | None = None,
        scripts: Sequence[str] = ("Hello {{name}}.",),
        aspect_ratio: str = "16:9",
        current_editor: bool = True,
        template_id: str | None = None,
    ) -> str:
        """Add a template.

        Args:
            name: Its name.
            variables: By name: a type (`text`, `image`, `video`, `audio`, `character`, `voice`) or
                a whole variable in the v3 form. Default: the text variable `name`.
            scripts: The text of each scene; `{{name}}` is replaced by a text variable.
            aspect_ratio: Aspect ratio, such as `16:9`.
            current_editor: False for a template of the older editor, which only v2 serves.
            template_id: Its id. Default: a random one.

        Returns:
            Its id.
        """
        return add_template(
            self._account,
            name,
            variables=variables or {"name": "text"},
            scripts=scripts,
            aspect_ratio=aspect_ratio,
            current_editor=current_editor,
            template_id=template_id,
        ).id

    @property
    def voice_id(self) -> str:
        """Id of a voice that can be used everywhere, including `voices.speech`."""
        return next(voice.id for voice in self._account.voices if voice.starfish)

    @property
    def avatar_id(self) -> str:
        """Id of a digital twin that every engine can render."""
        return next(look.id for look in self._account.looks if look.engines == ALL_ENGINES)

    def template_id(self, name: str) -> str:
        """Return the id of a template by its name, such as `Welcome`.

        Args:
            name: Its name.

        Raises:
            KeyError: The template does not exist.
        """
        for template in self._account.templates:
            if template.name == name:
                return template.id
        raise KeyError(name)
