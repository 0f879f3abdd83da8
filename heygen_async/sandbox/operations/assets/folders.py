"""Folders: create and read."""

from __future__ import annotations

from ...account.account import Account
from ...account.resources import Folder
from ...answers import Json, data
from ...server.calls import Call, Handler

__all__ = ["HANDLERS"]


def folder_json(account: Account, folder: Folder) -> Json:
    """Return a folder as in the API."""
    created_at = account.unix(folder.created_at)
    return {
        "folder_id": folder.id,
        "name": folder.name,
        "type": folder.type,
        "is_trash": False,
        "parent_id": folder.parent_id,
        "creator_username": "sandbox",
        "created_at": created_at,
        "updated_at": created_at,
    }


def create(call: Call) -> Json:
    """Serve `folders.create`."""
    body, account = call.body, call.account
    parent_id = body.get("parent_id") or None  # an empty id is the root
    if parent_id is not None:
        account.folders.referenced(parent_id, "parent_id")
    folder = Folder(
        account.new_id(), body["name"], body.get("type", "mixed"), parent_id, account.clock.now()
    )
    account.folders.add(folder.id, folder)
    return data(folder_json(account, folder))


def get(call: Call) -> Json:
    """Serve `folders.get`."""
    return data(folder_json(call.account, call.account.folders.get(call.path[0])))


HANDLERS: dict[str, Handler] = {"folders.create": create, "folders.get": get}
