"""``heygen.hyperframes`` on the sandbox: a render from its project to its end."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from heygen_async import (
    AssetId,
    AssetUrl,
    BadRequest,
    HeyGen,
    HyperframesRender,
    HyperframesRenderRequest,
    InvalidRequest,
    JobFailed,
    NotFound,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

REQUEST = HyperframesRenderRequest(
    project=AssetUrl(url="https://example.com/project.zip"), title="Launch", callback_id="mine"
)


async def test_a_project_is_rendered(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("hyperframes.create", Fault.drop_answer())
    job = await heygen.hyperframes.create(REQUEST)
    states = [state.status async for state in job.updates()]
    assert states[0] == "queued"
    assert set(states[1:-1]) <= {"queued", "rendering"}
    assert states[-1] == "completed"
    done = await job.wait()
    assert isinstance(done, HyperframesRender)
    assert (done.id, done.title, done.callback_id) == (job.id, "Launch", "mine")
    assert (done.format, done.fps, done.resolution) == ("mp4", 30, "1080p")
    assert done.duration
    assert sandbox.ledger.count("hyperframes.create") == 1
    attached = heygen.jobs.attach(HyperframesRender, job.id)
    assert (await attached.wait()).render_id == job.id


async def test_it_is_downloaded_when_its_url_has_expired(heygen: HeyGen, sandbox: Sandbox) -> None:
    done = await (await heygen.hyperframes.create(REQUEST)).wait()
    sandbox.clock.advance(8 * 86_400)
    assert await heygen.download(done, io.BytesIO()) > 0


async def test_a_deleted_one_is_gone(heygen: HeyGen, sandbox: Sandbox) -> None:
    kept = await heygen.hyperframes.create(REQUEST)
    job = await heygen.hyperframes.create(REQUEST)
    assert sandbox.running == 2
    sandbox.faults.add("hyperframes.delete", Fault.drop_answer())
    assert (await heygen.hyperframes.delete(job.id)).render_id == job.id
    assert sandbox.running == 1
    with pytest.raises(NotFound, match="HyperFrames render not found"):
        await heygen.hyperframes.get(job.id)
    with pytest.raises(NotFound):
        await heygen.hyperframes.delete(job.id)
    assert [render.render_id async for render in heygen.hyperframes.list()] == [kept.id]


async def test_a_failed_one_says_why(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("hyperframes", code=None, message="No index.html")
    with pytest.raises(JobFailed, match="No index"):
        await (await heygen.hyperframes.create(REQUEST)).wait()


async def test_a_project_is_uploaded(heygen: HeyGen, sandbox: Sandbox, tmp_path: Path) -> None:
    """Upload a zip directly, whatever its size."""
    path = tmp_path / "project.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.html", "<p>Hello</p>")
    asset = await heygen.upload(path)
    assert asset.mime_type == "application/zip"
    assert sandbox.requests.by_operation["assets.upload"] == 0
    project = AssetId(asset_id=asset.asset_id)
    done = await (
        await heygen.hyperframes.create(
            HyperframesRenderRequest(project=project, variables={"name": "Ada", "year": 2026})
        )
    ).wait()
    assert done.status == "completed"
    missing = HyperframesRenderRequest(project=AssetId(asset_id="none"))
    with pytest.raises(BadRequest) as caught:
        await heygen.hyperframes.create(missing)
    assert (caught.value.code, caught.value.param) == ("asset_not_found", "project.asset_id")


async def test_requests_are_checked_before_they_are_sent(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidRequest, match="fps"):
        HyperframesRenderRequest(project=REQUEST.project, fps=241)
    assert sandbox.ledger.requests == 0
