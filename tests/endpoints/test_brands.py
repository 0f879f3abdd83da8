"""``heygen.brand_glossaries`` and ``heygen.brand_kits`` on the sandbox."""

from __future__ import annotations

import asyncio

import pytest

from heygen_async import (
    BrandGlossaryRequest,
    BrandGlossaryTermInput,
    BrandGlossaryUpdate,
    BrandKitColorRolesUpdate,
    BrandKitDetail,
    BrandKitFontRolesUpdate,
    BrandKitFontRoleUpdate,
    BrandKitRequest,
    BrandKitUpdate,
    Conflict,
    ForcedTranslationInput,
    HeyGen,
    InvalidRequest,
    JobFailed,
    NotFound,
    PermissionDenied,
    UntranslatedTermInput,
)
from heygen_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

GLOSSARY = BrandGlossaryRequest(
    name="  Launch ",
    terms=[BrandGlossaryTermInput(term="Ada", pronunciation="ay-dah")],
    do_not_translate_terms=[UntranslatedTermInput(term="Ada")],
)
SITE = BrandKitRequest(url="https://shop.example/en", name="Shop")


async def test_a_glossary_lives(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.faults.add("brand_glossaries.create", Fault.drop_answer())
    made = await heygen.brand_glossaries.create(GLOSSARY)
    assert made.name == "Launch"
    assert [term.pronunciation for term in made.terms] == ["ay-dah"]
    assert await heygen.brand_glossaries.get(made.brand_glossary_id) == made
    names = [glossary.name async for glossary in heygen.brand_glossaries.list()]
    assert names.count("Launch") == 1
    await asyncio.sleep(5)
    rest = [ForcedTranslationInput(term="Hello", translation="Servus")]
    changed = await heygen.brand_glossaries.update(
        made.brand_glossary_id, BrandGlossaryUpdate(terms=[], forced_translations=rest)
    )
    assert (changed.name, changed.terms) == ("Launch", ())
    assert [term.term for term in changed.do_not_translate_terms] == ["Ada"]
    assert [term.translation for term in changed.forced_translations] == ["Servus"]
    assert changed.created_at == made.created_at < changed.updated_at
    sandbox.faults.add("brand_glossaries.delete", Fault.drop_answer())
    gone = await heygen.brand_glossaries.delete(made.brand_glossary_id)
    assert gone.brand_glossary_id == made.brand_glossary_id
    with pytest.raises(NotFound, match="Brand glossary not found"):
        await heygen.brand_glossaries.get(made.brand_glossary_id)


async def test_names_of_glossaries_are_unique_whatever_their_case(heygen: HeyGen) -> None:
    made = await heygen.brand_glossaries.create(GLOSSARY)
    with pytest.raises(Conflict) as caught:
        await heygen.brand_glossaries.create(BrandGlossaryRequest(name="LAUNCH"))
    assert (caught.value.code, caught.value.attempts) == ("conflict", 1)
    other = await heygen.brand_glossaries.create(BrandGlossaryRequest(name="Other"))
    with pytest.raises(Conflict):
        await heygen.brand_glossaries.update(
            other.brand_glossary_id, BrandGlossaryUpdate(name=" launch")
        )
    own = await heygen.brand_glossaries.update(
        made.brand_glossary_id, BrandGlossaryUpdate(name="launch")
    )
    assert own.name == "launch"


async def test_a_kit_is_made_of_a_website(heygen: HeyGen, sandbox: Sandbox) -> None:
    job = await heygen.brand_kits.create(SITE)
    assert job.created.status == "loading"
    with pytest.raises(Conflict) as caught:
        await heygen.brand_kits.update(
            job.id, BrandKitUpdate(color_roles=BrandKitColorRolesUpdate(primary="#000000"))
        )
    assert (caught.value.code, caught.value.attempts) == ("brand_kit_not_ready", 1)
    kit = await job.wait(timeout=120)
    assert isinstance(kit, BrandKitDetail)
    assert (kit.name, kit.status, len(kit.fonts)) == ("Shop", "completed", 2)
    assert (await heygen.jobs.attach(BrandKitDetail, kit.brand_kit_id).wait()).colors == kit.colors
    assert "Shop" in [kit.name async for kit in heygen.brand_kits.list()]
    assert sandbox.running == 0, "it takes no job slot"


async def test_roles_replace_each_other_and_are_cleared(heygen: HeyGen) -> None:
    kit = await (await heygen.brand_kits.create(SITE)).wait()
    title = BrandKitFontRoleUpdate(font_id=kit.fonts[0].font_id, weight=700)
    both = BrandKitUpdate(
        color_roles=BrandKitColorRolesUpdate(primary=kit.colors[0], accent=kit.colors[1]),
        font_roles=BrandKitFontRolesUpdate(title_text=title),
    )
    changed = await heygen.brand_kits.update(kit.brand_kit_id, both)
    assert changed.color_roles is not None
    assert changed.font_roles is not None
    assert changed.font_roles.title_text is not None
    assert changed.font_roles.title_text.weight == 700
    fewer = BrandKitUpdate(
        name="Shop II",
        color_roles=BrandKitColorRolesUpdate(primary=kit.colors[1]),
        font_roles=BrandKitFontRolesUpdate(),
    )
    changed = await heygen.brand_kits.update(kit.brand_kit_id, fewer)
    assert changed.color_roles is not None
    assert (changed.color_roles.primary, changed.color_roles.accent) == (kit.colors[1], None)
    assert (changed.name, changed.font_roles) == ("Shop II", None)
    assert (await heygen.brand_kits.delete(kit.brand_kit_id)).brand_kit_id == kit.brand_kit_id
    with pytest.raises(NotFound, match="Brand kit not found"):
        await heygen.brand_kits.get(kit.brand_kit_id)


async def test_a_website_that_cannot_be_read(heygen: HeyGen, sandbox: Sandbox) -> None:
    sandbox.fail_next("brand_kit")
    job = await heygen.brand_kits.create(SITE)
    with pytest.raises(JobFailed, match="could not make a brand kit"):
        await job.wait()
    assert (await job.status()).status == "error"
    with pytest.raises(Conflict):
        await heygen.brand_kits.update(
            job.id, BrandKitUpdate(color_roles=BrandKitColorRolesUpdate())
        )


async def test_a_shared_kit_cannot_be_changed(heygen: HeyGen) -> None:
    shared = [kit async for kit in heygen.brand_kits.list()][-1]
    with pytest.raises(PermissionDenied) as caught:
        await heygen.brand_kits.update(shared.brand_kit_id, BrandKitUpdate(name="Mine"))
    assert caught.value.code == "resource_access_denied"
    with pytest.raises(PermissionDenied):
        await heygen.brand_kits.delete(shared.brand_kit_id)


async def test_requests_are_checked_before_they_are_sent(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidRequest, match="name"):
        BrandGlossaryRequest(name="x" * 65)
    with pytest.raises(InvalidRequest, match="pronunciation"):
        BrandGlossaryTermInput(term="Ada", pronunciation="")
    with pytest.raises(InvalidRequest, match="weight"):
        BrandKitFontRoleUpdate(weight=1001)
    assert sandbox.ledger.requests == 0
