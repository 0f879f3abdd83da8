"""Brand glossaries (pronunciations and translations) and brand kits (colours, fonts, logos)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from msgspec import Meta

from heygen_async.models.structs import Answer, AnswerWithDefaults, Nullable, Part, Request

_Text: TypeAlias = Annotated[str, Meta(min_length=1)]


class BrandGlossaryTermInput(Part, frozen=True, kw_only=True):
    """A term and its pronunciation.

    Attributes:
        term: The term, at least 1 character.
        pronunciation: Its pronunciation, at least 1 character.
    """

    term: _Text
    pronunciation: _Text


class ForcedTranslationInput(Part, frozen=True, kw_only=True):
    """A term and its fixed translation.

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
    """A new glossary.

    Attributes:
        name: Its name, 1 to 64 characters. HeyGen trims it. It must be unique in the workspace,
            ignoring case.
        terms: Pronunciations of terms.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms with a fixed translation.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    terms: Sequence[BrandGlossaryTermInput] = ()
    do_not_translate_terms: Sequence[UntranslatedTermInput] = ()
    forced_translations: Sequence[ForcedTranslationInput] = ()


class BrandGlossaryUpdate(Request, frozen=True, kw_only=True):
    """Changes to a glossary. A list replaces the stored one; None keeps it.

    Attributes:
        name: Its name, 1 to 64 characters.
        terms: Pronunciations of terms.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms with a fixed translation.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    terms: Sequence[BrandGlossaryTermInput] | None = None
    do_not_translate_terms: Sequence[UntranslatedTermInput] | None = None
    forced_translations: Sequence[ForcedTranslationInput] | None = None


class BrandGlossaryTerm(Answer, frozen=True, kw_only=True):
    """A term and its pronunciation.

    Attributes:
        term: The term.
        pronunciation: Its pronunciation.
    """

    term: str
    pronunciation: str


class ForcedTranslation(Answer, frozen=True, kw_only=True):
    """A term and its fixed translation.

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
        terms: Pronunciations of terms.
        do_not_translate_terms: Terms that are never translated.
        forced_translations: Terms with a fixed translation.
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
    """A glossary that was deleted. Requests that refer to it work without it.

    Attributes:
        brand_glossary_id: Its id.
    """

    brand_glossary_id: str


class BrandKitRequest(Request, frozen=True, kw_only=True):
    """A website as the source of a brand kit.

    Attributes:
        url: Address of the website, up to 2,048 characters.
        name: Name of the kit, up to 256 characters. By default HeyGen chooses.
    """

    url: Annotated[str, Meta(max_length=2048)]
    name: Annotated[str, Meta(max_length=256)] | None = None


class BrandKitColorRolesUpdate(Part, frozen=True, kw_only=True):
    """The colours for each role. They replace all stored roles; no roles clear them.

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
    """The fonts for each role. They replace all stored roles; no roles clear them.

    Attributes:
        title_text: Font of titles.
        body_text: Font of other texts.
    """

    title_text: BrandKitFontRoleUpdate | None = None
    body_text: BrandKitFontRoleUpdate | None = None


class BrandKitLogoRolesUpdate(Part, frozen=True, kw_only=True):
    """The logos for each role. They replace all stored roles; no roles clear them.

    Attributes:
        primary: Id of a logo of the kit.
    """

    primary: str | None = None


class BrandKitUpdate(Request, frozen=True, kw_only=True):
    """Changes to a brand kit; None keeps the stored value.

    Attributes:
        name: Its name, 1 to 256 characters.
        color_roles: Roles of its colours; they replace all stored roles.
        font_roles: Roles of its fonts; they replace all stored roles.
        logo_roles: Roles of its logos; they replace all stored roles.
    """

    name: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    color_roles: BrandKitColorRolesUpdate | None = None
    font_roles: BrandKitFontRolesUpdate | None = None
    logo_roles: BrandKitLogoRolesUpdate | None = None


class CreatedBrandKit(Answer, frozen=True, kw_only=True):
    """A brand kit that is being created.

    Attributes:
        brand_kit_id: Its id.
        status: ``loading``.
    """

    brand_kit_id: str
    status: str


class BrandKitColorRoles(Answer, frozen=True, kw_only=True):
    """The colours for each role.

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
        weight: Its weight, such as 400.
    """

    font_id: str | None = None
    weight: int | float | None = None


class BrandKitFontRoles(Answer, frozen=True, kw_only=True):
    """The fonts for each role.

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
    """The logos for each role.

    Attributes:
        primary: Id of a logo of the kit.
    """

    primary: str | None = None


class BrandKitDetail(AnswerWithDefaults, frozen=True, kw_only=True):
    """A brand kit with its colours, fonts and logos.

    Attributes:
        brand_kit_id: Its id.
        name: Its name.
        status: ``loading``, then ``completed`` or ``error``.
        colors: Its colours.
        fonts: Its fonts.
        logos: Its logos.
        color_roles: The colours for each role.
        font_roles: The fonts for each role.
        logo_roles: The logos for each role.
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
