"""Languages in common spellings map to the API's names."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heygen_async
from heygen_async.models.languages import same_language

_CONTRACT = Path(heygen_async.__file__).parent / "sandbox" / "contract" / "languages.json"
CODES: dict[str, str | None] = {
    entry["name"]: entry["code"] for entry in json.loads(_CONTRACT.read_text(encoding="utf-8"))
}
OFFERED = list(CODES)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *[(code, name) for name, code in CODES.items() if code],
        *[(name.upper(), name) for name in OFFERED],
        ("es_ES", "Spanish (Spain)"),
        ("en_US.UTF-8", "English (United States)"),
        ("Deutsch (Österreich)", "German (Austria)"),
        ("Español (España)", "Spanish (Spain)"),
        ("Brazilian", "Portuguese (Brazil)"),
        ("Slovene", "Slovenian (Slovenia)"),
        ("Myanmar", "Burmese (Myanmar)"),
        ("PT-br", "Portuguese (Brazil)"),
        ("spa", "Spanish"),
        ("zh-Hans", "Chinese (Mandarin, Simplified)"),
        ("zh-Hant-TW", "Chinese (Taiwanese Mandarin, Traditional)"),
        ("Français", "French"),
        (unicodedata.normalize("NFD", "français"), "French"),
        ("FRANCAIS", "French"),
        (" French\t", "French"),
        ("Spanish(spain)", "Spanish (Spain)"),
        ("Spanish  ( Spain )", "Spanish (Spain)"),
        ("日本語", "Japanese"),
        ("українська", "Ukrainian"),
        ("ไทย", "Thai (Thailand)"),
        ("tagalog", "Filipino"),
        ("no", "Norwegian Bokmål (Norway)"),
        ("English (GB)", "English (UK)"),
        ("English (USA)", "English (United States)"),
        ("Brazilian Portuguese", "Portuguese (Brazil)"),
        ("Frnech", "French"),
        ("粤语", "Chinese (Cantonese, Traditional)"),
        ("繁體中文", "Chinese (Taiwanese Mandarin, Traditional)"),
        ("Português do Brasil", "Portuguese (Brazil)"),
        ("français canadien", "French (Canada)"),
        ("Vlaams", "Dutch (Belgium)"),
        ("Swiss German", "German (Switzerland)"),
        ("US English", "English (United States)"),
        ("Castilian", "Spanish"),
        ("kr", "Korean"),
        ("CZ", "Czech"),
    ],
)
def test_what_is_certain(given: str, meant: str) -> None:
    assert same_language(given, OFFERED) == [meant]


@pytest.mark.parametrize(
    ("given", "language"),
    [("es-419", "Spanish"), ("pt-AO", "Portuguese"), ("Spanish (Angola)", "Spanish")],
)
def test_of_an_unknown_region_the_same_language_is_suggested(given: str, language: str) -> None:
    names = same_language(given, OFFERED)
    assert names[0] == language
    assert 1 < len(names) <= 3
    assert all(name.startswith(language) for name in names)


def test_two_names_of_one_language() -> None:
    assert same_language("bn", OFFERED) == ["Bangla (Bangladesh)", "Bengali (India)"]


# Names that resemble another language in spelling, or none.
@pytest.mark.parametrize("given", ["Klingon", "xx", "q", "", "-", "()", "123", "en route"])
def test_no_suggestion_is_better_than_a_wrong_one(given: str) -> None:
    assert same_language(given, OFFERED) == []


@settings(max_examples=25)
@given(st.text() | st.text("ens-_() zh", max_size=12))
def test_any_text(text: str) -> None:
    names = same_language(text, OFFERED)
    assert len(names) <= 3
    assert set(names) <= set(OFFERED)
    assert same_language(text, []) == []
