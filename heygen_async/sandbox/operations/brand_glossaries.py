"""Brand glossaries: unique names, and lists that an update replaces."""

from __future__ import annotations

from ..account.account import Account
from ..account.resources import BrandGlossary
from ..answers import Json, data, listing
from ..refusals import Refusal, invalid
from ..server.calls import Call, Handler
from ..webhooks.events import iso

__all__ = ["HANDLERS"]

_LISTS = ("terms", "do_not_translate_terms", "forced_translations")


def _summary(account: Account, glossary: BrandGlossary) -> Json:
    return {
        "brand_glossary_id": glossary.id,
        "name": glossary.name,
        "created_at": iso(account.clock.epoch + glossary.created_at),
        "updated_at": iso(account.clock.epoch + glossary.updated_at),
    }


def glossary_json(account: Account, glossary: BrandGlossary) -> Json:
    """Return a glossary with its terms."""
    return {**_summary(account, glossary), **glossary.lists}


def _free_name(account: Account, name: str, own: BrandGlossary | None = None) -> str:
    """Return the trimmed name; refuse an empty name, and one that another glossary has."""
    name = name.strip()
    if not name:
        raise invalid("name", "String should have at least 1 character")
    for glossary in account.glossaries:
        if glossary is not own and glossary.name.casefold() == name.casefold():
            raise Refusal(409, "conflict", f"A brand glossary named '{name}' already exists.")
    return name


def create(call: Call) -> Json:
    """Serve `brand_glossaries.create`."""
    body, account = call.body, call.account
    now = account.clock.now()
    name = _free_name(account, body["name"])
    lists = {field: body.get(field, []) for field in _LISTS}
    glossary = BrandGlossary(account.new_id(), name, lists, now, now)
    account.glossaries.add(glossary.id, glossary)
    return data(glossary_json(account, glossary))


def get(call: Call) -> Json:
    """Serve `brand_glossaries.get`."""
    account = call.account
    return data(glossary_json(account, account.glossaries.get(call.path[0])))


def list_(call: Call) -> Json:
    """Serve `brand_glossaries.list`."""
    account = call.account
    page, token = account.glossaries.page(call.query["limit"], call.query.get("token"))
    return listing([_summary(account, glossary) for glossary in page], token)


def update(call: Call) -> Json:
    """Serve `brand_glossaries.update`; lists in the body are replaced, others are kept."""
    body, account = call.body, call.account
    glossary = account.glossaries.get(call.path[0])
    if "name" in body:
        glossary.name = _free_name(account, body["name"], glossary)
    glossary.lists = {field: body.get(field, known) for field, known in glossary.lists.items()}
    glossary.updated_at = account.clock.now()
    return data(glossary_json(account, glossary))


def delete(call: Call) -> Json:
    """Serve `brand_glossaries.delete`; requests that still use it work without it."""
    account = call.account
    glossary = account.glossaries.remove(call.path[0])
    account.deleted_glossaries.add(glossary.id)
    return data({"brand_glossary_id": glossary.id})


HANDLERS: dict[str, Handler] = {
    "brand_glossaries.create": create,
    "brand_glossaries.get": get,
    "brand_glossaries.list": list_,
    "brand_glossaries.update": update,
    "brand_glossaries.delete": delete,
}
