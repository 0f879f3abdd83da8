"""The sandbox as its users hold it: settings, state, and what it has seen."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

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
    """A local HeyGen on loopback, for tests, demonstrations and development.

    Use it as an async context manager; it serves while it is open.

    Args:
        speed: Sandbox seconds per second of the event loop's clock; 0 stands still until
            `sandbox.clock.advance(seconds)`.
        seed: Ids, durations, fates and media are the same for the same seed and requests.
        concurrency: Paid jobs that may run at once; beyond it 429. Can be changed any time.
        requests_per_second: Requests beyond this rate get 429; None for no limit.
        retry_after: `Retry-After` of a 429 for too many jobs: seconds or an HTTP date. By
            default the real seconds until the next job ends, 1 to 30.
        host: Address to listen on.
        port: Port of the API; 0 picks a free one. The media host always picks its own.
        api_keys: Keys that are accepted, as `x-api-key` or as bearer token; by default a random
            one.
        balance: USD in the account's wallet. What it cannot pay gets 402.
        allowed_hosts: Names by which the sandbox is addressed beside `localhost` and IP
            addresses, such as a service's in a network of containers. Requests with any other
            name in their `Host` header are refused, as those of a web page that has led its own
            name to this machine would be.
        languages: Names of the target languages; all 178 by default.
        faults: What goes wrong; nothing by default.
        durations: How long jobs run in sandbox seconds by kind: fixed, or the (median, sigma)
            of a lognormal distribution. Kinds: `video`, `agent`, `agent_thinking`,
            `translation`, `proofread`, `voice_clone`, `lipsync`, `ai_clipping`, `avatar`,
            `background_removal`, `filler_word_removal`, `hyperframes`, `brand_kit`.
        epoch: Unix time at which the sandbox opens; the present by default.
        dub_spread: Share by which dubs are longer or shorter than their source, at most, each
            language by another; by default they are as long.

    Raises:
        ValueError: No key is accepted, or there is no such language.
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
        dub_spread: float = 0.0,
    ) -> None:
        if api_keys is None:
            api_keys = (f"sk_V2_{secrets.token_hex(16)}",)
        if not api_keys:
            raise ValueError("the sandbox needs at least one API key")
        names = list(LANGUAGES) if languages is None else list(languages)
        unknown = [name for name in names if name not in LANGUAGES]
        if unknown:
            raise ValueError(f"no such language: {', '.join(unknown)}")
        self._api_keys = tuple(api_keys)
        self._host, self._port = host, port
        self._base_url = ""
        # The loop is not known before the sandbox opens; until then its clock stands still.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock = Clock(self._loop_time, speed=speed, epoch=epoch)
        self._account = Account(
            clock=self._clock,
            seed=seed,
            jobs=JobFactory(seed, durations),
            media=MediaStore(self._clock, seed),
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
        """What goes wrong. Another plan can be assigned at any time, `Faults()` to end it.

            sandbox.faults = Faults(drop=0.1)  # from now on
            sandbox.faults.add("videos.create", Fault.drop())  # the next one

        The script, and the record of what has struck, begin anew with each plan.
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
        """Address of the media host: another port, as in real life it is another host."""
        return self._account.media.origin

    @property
    def api_key(self) -> str:
        """A key that is accepted."""
        return self._api_keys[0]

    @property
    def clock(self) -> Clock:
        """The clock the jobs run on."""
        return self._clock

    @property
    def ledger(self) -> Ledger:
        """What was made, and what it would have cost."""
        return self._account.ledger

    @property
    def requests(self) -> RequestLog:
        """What reached the sandbox."""
        return self._hosts.requests

    @property
    def deliveries(self) -> Deliveries:
        """Webhook deliveries: to registered endpoints, and to the `callback_url`s of requests."""
        return self._account.deliveries

    @property
    def leaks(self) -> int:
        """Requests to the media host that carried an API key."""
        return self._hosts.leaks

    @property
    def running(self) -> int:
        """Jobs that hold a slot now."""
        return self._account.running()

    @property
    def concurrency(self) -> int:
        """Paid jobs that may run at once."""
        return self._account.concurrency

    @concurrency.setter
    def concurrency(self, value: int) -> None:
        self._account.concurrency = value

    @property
    def balance(self) -> float:
        """USD left in the wallet; what it cannot pay gets 402. Can be changed any time."""
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
        """Let the next jobs of a kind fail; code and message may be missing, as in real life.

        Args:
            kind: Kind of the jobs, a key of the sandbox's `durations`.
            times: How many of them.
            code: The failure code, or None.
            message: The failure message, or None.

        Raises:
            ValueError: There is no such kind.
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
        """Start to serve; the clock starts with it.

        Raises:
            RuntimeError: It was opened before.
        """
        if self._loop is not None:
            raise RuntimeError("a sandbox opens once")
        self._loop = asyncio.get_running_loop()
        self._clock.restart()
        try:
            self._base_url = await self._hosts.open(self._host, self._port)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop serving: requests that still wait are cut off, uploads are removed."""
        async with AsyncExitStack() as steps:  # all of them, even if one is cancelled
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
            voice_id: Its id; made up by default.
            language: Its language, by its English name.
            gender: `female` or `male`.
            starfish: Whether `voices.speech` takes it.
            private: Whether it is the account's own.
            usable: False makes it a voice that is listed, and refused wherever it is named.

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
            look_id: Its id; made up by default.
            avatar_type: `digital_twin`, `studio_avatar` or `photo_avatar`.
            engines: The engines that render it; all by default.
            usable: False makes it a look that is listed, and refused wherever it is named.

        Returns:
            Its id, which videos name as their `avatar_id`.
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
            folder_id: Its id; made up by default.

        Returns:
            Its id.
        """
        account = self._account
        identifier = folder_id or account.new_id()
        folder = Folder(identifier, name, "mixed", None, account.clock.now())
        return account.folders.add(identifier, folder).id

    def give_consent(self, group_id: str) -> None:
        """Consent to an avatar, as the person it shows does on the page for it.

        Args:
            group_id: The avatar's group.

        Raises:
            KeyError: No such group waits for consent.
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
            variables: By name: a type (`text`, `image`, `video`, `audio`, `character`,
                `voice`) or a whole variable in the shape of v3. By default the text `name`.
            scripts: What is said in each scene; `{{name}}` stands for a text variable.
            aspect_ratio: Such as `16:9`.
            current_editor: False makes it a template of the older editor, served by v2 alone.
            template_id: Its id; made up by default.

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
        """A voice that speaks everywhere, also in `voices.speech`."""
        return next(voice.id for voice in self._account.voices if voice.starfish)

    @property
    def avatar_id(self) -> str:
        """A digital twin that every engine renders."""
        return next(look.id for look in self._account.looks if look.engines == ALL_ENGINES)

    def template_id(self, name: str) -> str:
        """The id of a template by its name, such as `Welcome`.

        Args:
            name: Its name.

        Raises:
            KeyError: There is no template of that name.
        """
        for template in self._account.templates:
            if template.name == name:
                return template.id
        raise KeyError(name)
