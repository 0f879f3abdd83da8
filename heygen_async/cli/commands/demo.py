"""``heygen-async demo``: show all features of the SDK on a local sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter
from pathlib import Path

from heygen_async.batch import Report
from heygen_async.cli.commands.demo_display import DemoDisplay, Step, Summary
from heygen_async.cli.display import Lines, Terminal
from heygen_async.cli.driver import RunDriver
from heygen_async.cli.exit_codes import Exit
from heygen_async.cli.inputs.row_files import read_rows
from heygen_async.cli.inputs.variants import Variants
from heygen_async.cli.output_folder import OutputFolder
from heygen_async.client import HeyGen
from heygen_async.models.video_agents import VideoAgentRequest
from heygen_async.models.videos import AvatarVideoRequest, Video
from heygen_async.models.voices import SpeechRequest
from heygen_async.sandbox import Sandbox, SandboxThread
from heygen_async.sandbox.jobs import DURATIONS, JobFactory

_SLOTS = 10  # HeyGen's limit for pay-as-you-go accounts
_SEED = 1
_LANGUAGES = 20
_SPEECH = (
    "Welcome aboard. Your account is ready, your team has been invited, and the first report "
    "will be in your inbox on Monday morning."
)
_PROMPT = "A 30 second video that welcomes new customers and shows the three first steps."


async def demo(*, display: Lines | Terminal, out: Path, speed: float, rows: int | None) -> Exit:
    """Run the demonstration.

    Args:
        display: The display.
        out: Folder for the output files.
        speed: Sandbox seconds per real second.
        rows: Maximum number of rows to render; None renders all rows of the package.

    Raises:
        CommandError: The folder cannot be written to.
        HeyGenError: A step failed.
    """
    folder = await asyncio.to_thread(OutputFolder, out)
    # Start and join the thread in a worker thread, since both may block.
    settings = {"speed": speed, "concurrency": _SLOTS, "seed": _SEED}
    try:
        thread = SandboxThread(**settings, media="drawn")
    except ModuleNotFoundError:  # without the extra sandbox-media
        thread = SandboxThread(**settings)
    sandbox = await asyncio.to_thread(thread.__enter__)
    try:
        show = DemoDisplay(display)
        show.opening(sandbox.base_url, speed)
        async with HeyGen(
            sandbox.api_key,
            base_url=sandbox.base_url,
            expected={
                "video": DURATIONS["video"][0] / speed,
                "video_translation": DURATIONS["translation"][0] / speed,
                "video_agent_session": DURATIONS["agent"][0] / speed,
            },
        ) as heygen:
            return await Demo(heygen, sandbox, show, folder, rows).play()
    finally:
        await asyncio.to_thread(thread.__exit__, None, None, None)


def shipped_rows() -> Path:
    """Return the CSV file of the package; in a checkout it is in the examples."""
    installed = Path(__file__).parents[1] / "greetings.csv"
    if installed.exists():
        return installed
    return Path(__file__).parents[3] / "examples" / "greetings.csv"


class Demo:
    """The steps of the demonstration.

    Args:
        heygen: A client of the sandbox.
        sandbox: The sandbox, which provides ids, durations and prices.
        show: The display.
        folder: Folder of the files.
        rows: Maximum number of rows to render.
    """

    def __init__(
        self,
        heygen: HeyGen,
        sandbox: Sandbox,
        show: DemoDisplay,
        folder: OutputFolder,
        rows: int | None,
    ) -> None:
        self._heygen = heygen
        self._sandbox = sandbox
        self._show = show
        self._folder = folder
        self._rows = rows
        self._steps: list[Step] = []
        self._files = 0
        self._size = 0
        self._code = Exit.DONE
        # Draws the same durations as the sandbox; the ideal time is their sum.
        self._drawn = JobFactory(_SEED)

    async def play(self) -> Exit:
        """Run all steps, then show the summary."""
        began = time.perf_counter()
        variants = await self._variants()
        await self._render(variants)
        video = await self._speak()
        await self._translate(video)
        await self._ask_the_agent()
        self._show.summary(
            Summary(
                steps=self._steps,
                seconds=time.perf_counter() - began,
                files=self._files,
                size=self._size,
                folder=str(self._folder.path),
                exit_code=int(self._code),
            )
        )
        return self._code

    async def _variants(self) -> Variants:
        path = await asyncio.to_thread(shipped_rows)
        rows = await asyncio.to_thread(read_rows, path, most=self._rows)
        template = await self._heygen.templates.variables(self._sandbox.template_id("Welcome"))
        return Variants(rows, template)

    async def _render(self, variants: Variants) -> None:
        self._show.step(
            f"Render {len(variants)} rows of greetings.csv",
            """
            async with Batch(heygen) as batch:
                async for outcome in batch.render(template_id, rows):
                    await heygen.download(outcome.result, f"videos/{outcome.key}.mp4")
            """,
        )
        driver = await self._driver("videos")
        template_id = self._sandbox.template_id("Welcome")
        async with self._measured("Template videos") as step:
            report = await driver.finish(
                "Rendering",
                len(variants),
                lambda batch: batch.render(
                    template_id,
                    variants,
                    variant=attrgetter("request"),
                    key=attrgetter("key"),
                ),
            )
            self._ended(driver)
            step.seconds = report.elapsed
            step.ideal = self._ideal("video", len(variants))
        self._learned(report)

    async def _speak(self) -> Video:
        self._show.step(
            "Make speech, and lip-sync an avatar to it",
            """
            speech = await heygen.voices.speech(SpeechRequest(text=text, voice_id=voice_id))
            await heygen.download(speech.audio_url, "speech.wav")
            asset = await heygen.upload("speech.wav")
            job = await heygen.videos.create(
                AvatarVideoRequest(avatar_id=avatar_id, audio_asset_id=asset.asset_id)
            )
            video = await job.wait(timeout=900)
            """,
        )
        wav, mp4 = self._folder.file("speech", ".wav"), self._folder.file("speech")
        async with self._measured("Speech and its avatar") as step:
            with self._show.waiting("Speaking") as now:
                voices = await self._heygen.voices.list(engine="starfish", limit=1).first_page()
                speech = await self._heygen.voices.speech(
                    SpeechRequest(text=_SPEECH, voice_id=voices.items[0].voice_id)
                )
                self._saved(await self._heygen.download(speech.audio_url, wav))
                now("Uploading the speech")
                asset = await self._heygen.upload(wav)
                now("Lip-syncing the avatar")
                job = await self._heygen.videos.create(
                    AvatarVideoRequest(
                        avatar_id=self._sandbox.avatar_id, audio_asset_id=asset.asset_id
                    )
                )
                video = await job.wait(timeout=900)
                self._saved(await self._heygen.download(video, mp4))
            step.ideal = self._ideal("video", 1)
        self._show.done(f"{speech.duration:.1f} s of speech, spoken by an avatar")
        return video

    async def _translate(self, video: Video) -> None:
        self._show.step(
            f"Dub the avatar's video into {_LANGUAGES} languages",
            """
            languages = await heygen.video_translations.languages()
            async for outcome in batch.translate(video.video_url, languages[:20]):
                await heygen.download(outcome.result, f"dubbed/{outcome.key}.mp4")
            """,
        )
        url = video.video_url
        assert url is not None
        driver = await self._driver("dubbed")
        async with self._measured("Translations") as step:
            languages = await self._heygen.video_translations.languages()
            report = await driver.finish(
                "Translating",
                _LANGUAGES,
                lambda batch: batch.translate(url, languages[:_LANGUAGES]),
            )
            self._ended(driver)
            step.seconds = report.elapsed
            step.ideal = self._ideal("translation", _LANGUAGES)

    async def _ask_the_agent(self) -> None:
        self._show.step(
            "Let the Video Agent make a video from a prompt",
            """
            job = await heygen.video_agents.create(VideoAgentRequest(prompt=prompt))
            async for session in job.updates():
                print(session.status, session.progress)
            video = await job.video()
            """,
        )
        async with self._measured("Video Agent") as step:
            with self._show.waiting("The agent is thinking") as now:
                job = await self._heygen.video_agents.create(VideoAgentRequest(prompt=_PROMPT))
                async for session in job.updates(every=0.25):
                    now(f"The agent is {session.status}, {session.progress} %")
                video = await job.video(timeout=3600)
                size = await self._heygen.download(video, self._folder.file("agent"))
            self._saved(size)
            step.ideal = self._ideal("agent", 1)
        self._show.done(f"{video.duration or 0:.1f} s of video from one prompt")

    @asynccontextmanager
    async def _measured(self, name: str) -> AsyncIterator[Step]:
        """Measure a step."""
        ledger, traffic = self._sandbox.ledger, self._heygen.traffic
        jobs, usd = ledger.count(), ledger.usd
        requests, limited = traffic.requests, traffic.rate_limited
        step = Step(name=name)
        began = time.perf_counter()
        yield step
        step.seconds = step.seconds or time.perf_counter() - began
        step.jobs = ledger.count() - jobs
        step.usd = ledger.usd - usd
        step.requests = traffic.requests - requests
        step.rate_limited = traffic.rate_limited - limited
        self._steps.append(step)
        self._show.measured(step)

    def _ideal(self, kind: str, jobs: int) -> float:
        """Return the real seconds that the next jobs of a kind need if no slot is ever idle."""
        seconds = [self._drawn.start(kind, 0.0).seconds for _ in range(jobs)]
        return max(sum(seconds) / _SLOTS, max(seconds)) / self._sandbox.clock.speed

    async def _driver(self, part: str) -> RunDriver:
        folder = await asyncio.to_thread(OutputFolder, self._folder.path / part)
        return RunDriver(self._heygen, self._show.display, folder, handle_signals=False)

    def _ended(self, driver: RunDriver) -> None:
        self._files += driver.saved.files
        self._size += driver.saved.size
        self._code = self._code or driver.code

    def _saved(self, size: int) -> None:
        self._files += 1
        self._size += size

    def _learned(self, report: Report) -> None:
        if not report.rate_limited:  # the limit was not reached and is unknown
            self._show.done(f"up to {report.most_running} jobs ran at once, without a 429")
            return
        self._show.done(
            f"learned that the account runs {self._heygen.slots.limit} jobs at once; "
            f"{report.rate_limited} answers of 429 on the way"
        )
