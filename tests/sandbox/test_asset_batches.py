"""Direct uploads of many files in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async.sandbox import Sandbox

from .api import Api

pytestmark = pytest.mark.anyio

GOOD = {"filename": "a.png", "content_type": "image/png", "size_bytes": 4}
CREATE = "/v3/assets/direct-uploads/batches"


async def _complete(api: Api, batch_id: str) -> Any:
    return await api.post("/v3/assets/complete/batches", {"batch_id": batch_id})


async def test_one_bad_file_spoils_them_all(api: Api) -> None:
    too_large = {**GOOD, "size_bytes": 200 * 1024 * 1024 + 1}
    assert (await api.post(CREATE, {"files": [GOOD, too_large]})).status == 413
    strange = {**GOOD, "content_type": "text/html"}
    refused = await api.post(CREATE, {"files": [GOOD, strange]})
    assert refused.refusal == (400, "invalid_parameter", "files")
    assert refused.body["error"]["message"] == "Invalid file(s) at index 1."
    assert (await api.post(CREATE, {"files": []})).refusal[2] == "files"
    assert (await _complete(api, "none")).refusal[:2] == (404, "not_found")


async def test_files_are_checked_once_for_all(api: Api, sandbox: Sandbox) -> None:
    made = (await api.post(CREATE, {"files": [GOOD] * 3, "title": "Launch"})).data
    path = f"/v3/assets/batches/{made['batch_id']}"
    items = (await api.get(path)).data["items"]
    assert [item["video_id"] for item in items] == [item["asset_id"] for item in made["items"]]
    first, second, third = made["items"]
    put = await api.raw("PUT", first["upload_url"], data=b"good", headers=first["upload_headers"])
    assert put[0] == 200
    await api("DELETE", f"/v3/assets/{third['asset_id']}")
    assert (await _complete(api, made["batch_id"])).status == 202
    late = await api.raw(
        "PUT", second["upload_url"], data=b"late", headers=second["upload_headers"]
    )
    assert late[0] == 404
    sandbox.clock.advance(1)
    batch = (await api.get(path)).data
    assert (batch["status"], batch["title"]) == ("completed", "Launch")
    assert batch["counts_by_status"] == {"completed": 1, "failed": 2}
    codes = [(item.get("error") or {}).get("code") for item in batch["items"]]
    assert codes == [None, "resource_not_ready", "asset_not_found"]
    assert (await _complete(api, made["batch_id"])).status == 202
    assert (await api.get(path)).data == batch


async def test_files_of_a_batch_can_be_completed_one_by_one(api: Api, sandbox: Sandbox) -> None:
    made = (await api.post(CREATE, {"files": [GOOD] * 2})).data
    item = made["items"][0]
    await api.raw("PUT", item["upload_url"], data=b"good", headers=item["upload_headers"])
    path = f"/v3/assets/{item['asset_id']}"
    assert (await api.post(f"{path}/complete", {})).status == 200
    assert (await api.get(path)).data["name"] == "a.png"
    batch = f"/v3/assets/batches/{made['batch_id']}"
    assert [item["status"] for item in (await api.get(batch)).data["items"]] == [
        "completed",
        "queued",
    ]
    await _complete(api, made["batch_id"])
    sandbox.clock.advance(1)
    assert (await api.get(batch)).data["counts_by_status"] == {"completed": 1, "failed": 1}


async def test_statuses_of_assets(api: Api) -> None:
    assert (await api.get("/v3/assets/statuses")).refusal[2] == "asset_ids"
    made = (await api.post(CREATE, {"files": [GOOD]})).data
    query = f"asset_ids=none&batch_ids={made['batch_id']},unknown"
    entries = (await api.get(f"/v3/assets/statuses?{query}")).data
    assert [entry["status"] for entry in entries] == ["not_found", "queued", "not_found"]
