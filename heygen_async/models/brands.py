"""Brand glossaries and brand kits: what is to be said, and how videos are to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from msgspec import Meta

from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable, Part, Request

_Text: TypeAlias = Annotated[str, Meta(min_length=1)]


class BrandGlossaryTermInput(Part, frozen=True, kw_only=True):
    """A term and how it is pronounced.

    Attributes:
        term: The term, at least 1 character.
        pronunciation: How it is said, at least 1 character.
    """

    term: _Text
    pronunciation: _Text


class ForcedTranslationInput(Part, frozen=True, kw_only=True):
    """A term and how it is always translated.

    Attributes:
        term: The term, at least 1 character.
        translation: Its translation, at least 1 character.
    """

    term: _Text
    translation: _Text


class UntranslatedTermInput(Part, frozen=True, kw_only=True):
    """A term that is never translated.

    Attributes:
        term: The term, at least 1 character.
    """

    term: _Text


class BrandGlossaryRequest(Request, frozen=True, kw_only=True):
    """A glossary to be made.

    Attributes:
        name: Its name, 1 to 64 characters. HeyGen trims it; it must be unique in the workspace,
            whatever its case.
        terms: How terms are pronounced.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms that are always translated in one way.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    terms: Sequence[BrandGlossaryTermInput] = ()
    do_not_translate_terms: Sequence[UntranslatedTermInput] = ()
    forced_translations: Sequence[ForcedTranslationInput] = ()


class BrandGlossaryUpdate(Request, frozen=True, kw_only=True):
    """What is to change about a glossary. A list replaces the stored one; None leaves it.

    Attributes:
        name: Its name, 1 to 64 characters.
        terms: How terms are pronounced.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms that are always translated in one way.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    terms: Sequence[BrandGlossaryTermInput] | None = None
    do_not_translate_terms: Sequence[UntranslatedTermInput] | None = None
    forced_translations: Sequence[ForcedTranslationInput] | None = None


class BrandGlossaryTerm(Answer, frozen=True, kw_only=True):
    """A term and how it is pronounced.

    Attributes:
        term: The term.
        pronunciation: How it is said.
    """

    term: str
    pronunciation: str


class ForcedTranslation(Answer, frozen=True, kw_only=True):
    """A term and how it is always translated.

    Attributes:
        term: The term.
        translation: Its translation.
    """

    term: str
    translation: str


class UntranslatedTerm(Answer, frozen=True, kw_only=True):
    """A term that is never translated.

    Attributes:
        term: The term.
    """

    term: str


class BrandGlossaryDetail(AnswerWithDefaults, frozen=True, kw_only=True):
    """A glossary with its terms.

    Attributes:
        brand_glossary_id: Its id.
        name: Its name.
        terms: How terms are pronounced.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms that are always translated in one way.
        created_at: ISO 8601.
        updated_at: ISO 8601.
    """

    brand_glossary_id: str
    name: str
    terms: tuple[BrandGlossaryTerm, ...]
    do_not_translate_terms: Nullable[tuple[UntranslatedTerm, ...]] = ()
    forced_translations: Nullable[tuple[ForcedTranslation, ...]] = ()
    created_at: str
    updated_at: str


class DeletedBrandGlossary(Answer, frozen=True, kw_only=True):
    """A glossary that was deleted. What names it goes on without it.

    Attributes:
        brand_glossary_id: Its id.
    """

    brand_glossary_id: str


class BrandKitRequest(Request, frozen=True, kw_only=True):
    """A website to make a brand kit of.

    Attributes:
        url: Address of the website, up to 2,048 characters.
        name: Name of the kit, up to 256 characters; HeyGen chooses without one.
    """

    url: Annotated[str, Meta(max_length=2048)]
    name: Annotated[str, Meta(max_length=256)] | None = None


class BrandKitColorRolesUpdate(Part, frozen=True, kw_only=True):
    """Which colour plays which role. It replaces all roles; without any it clears them.

    Attributes:
        primary: Colour of the kit.
        secondary: Colour of the kit.
        tertiary: Colour of the kit.
        accent: Colour of the kit.
    """

    primary: str | None = None
    secondary: str | None = None
    tertiary: str | None = None
    accent: str | None = None


class BrandKitFontRoleUpdate(Part, frozen=True, kw_only=True):
    """The font of a role.

    Attributes:
        font_id: Font of the kit.
        weight: 1 to 1,000.
    """

    font_id: str | None = None
    weight: Annotated[int, Meta(ge=1, le=1000)] | None = None


class BrandKitFontRolesUpdate(Part, frozen=True, kw_only=True):
    """Which font plays which role. It replaces all roles; without any it clears them.

    Attributes:
        title_text: Font of titles.
        body_text: Font of other texts.
    """

    title_text: BrandKitFontRoleUpdate | None = None
    body_text: BrandKitFontRoleUpdate | None = None


class BrandKitLogoRolesUpdate(Part, frozen=True, kw_only=True):
    """Which logo plays which role. It replaces all roles; without any it clears them.

    Attributes:
        primary: Id of a logo of the kit.
    """

    primary: str | None = None


class BrandKitUpdate(Request, frozen=True, kw_only=True):
    """What is to change about a brand kit; None leaves what is stored.

    Attributes:
        name: Its name, 1 to 256 characters.
        color_roles: Roles of its colours, in place of all that are stored.
        font_roles: Roles of its fonts, in place of all that are stored.
        logo_roles: Roles of its logos, in place of all that are stored.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    color_roles: BrandKitColorRolesUpdate | None = None
    font_roles: BrandKitFontRolesUpdate | None = None
    logo_roles: BrandKitLogoRolesUpdate | None = None


class CreatedBrandKit(Answer, frozen=True, kw_only=True):
    """A brand kit that is being made.

    Attributes:
        brand_kit_id: Its id.
        status: ``loading``.
    """

    brand_kit_id: str
    status: str


class BrandKitColorRoles(Answer, frozen=True, kw_only=True):
    """Which colour plays which role.

    Attributes:
        primary: Colour of the kit.
        secondary: Colour of the kit.
        tertiary: Colour of the kit.
        accent: Colour of the kit.
    """

    primary: str | None = None
    secondary: str | None = None
    tertiary: str | None = None
    accent: str | None = None


class BrandKitFont(Answer, frozen=True, kw_only=True):
    """A font of a brand kit.

    Attributes:
        font_id: Its id.
        name: Its name.
    """

    font_id: str
    name: str | None = None


class BrandKitFontRole(Answer, frozen=True, kw_only=True):
    """The font of a role.

    Attributes:
        font_id: Font of the kit.
        weight: How heavy it is, such as 400.
    """

    font_id: str | None = None
    weight: int | float | None = None


class BrandKitFontRoles(Answer, frozen=True, kw_only=True):
    """Which font plays which role.

    Attributes:
        title_text: Font of titles.
        body_text: Font of other texts.
    """

    title_text: BrandKitFontRole | None = None
    body_text: BrandKitFontRole | None = None


class BrandKitLogo(Answer, frozen=True, kw_only=True):
    """A logo of a brand kit.

    Attributes:
        logo_id: Its id.
        name: Its name.
        url: The image; signed, expires.
    """

    logo_id: str
    name: str | None = None
    url: str | None = None


class BrandKitLogoRoles(Answer, frozen=True, kw_only=True):
    """Which logo plays which role.

    Attributes:
        primary: Id of a logo of the kit.
    """

    primary: str | None = None


class BrandKitDetail(AnswerWithDefaults, frozen=True, kw_only=True):
    """A brand kit with all that belongs to it.

    Attributes:
        brand_kit_id: Its id.
        name: Its name.
        status: ``loading``, then ``completed`` or ``error``.
        colors: Its colours.
        fonts: Its fonts.
        logos: Its logos.
        color_roles: Which colour plays which role.
        font_roles: Which font plays which role.
        logo_roles: Which logo plays which role.
    """

    brand_kit_id: str
    name: str
    status: str
    colors: Nullable[tuple[str, ...]] = ()
    fonts: Nullable[tuple[BrandKitFont, ...]] = ()
    logos: Nullable[tuple[BrandKitLogo, ...]] = ()
    color_roles: BrandKitColorRoles | None = None
    font_roles: BrandKitFontRoles | None = None
    logo_roles: BrandKitLogoRoles | None = None


class DeletedBrandKit(Answer, frozen=True, kw_only=True):
    """A brand kit that was deleted.

    Attributes:
        brand_kit_id: Its id.
    """

    brand_kit_id: str
