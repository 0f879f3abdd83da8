"""Match languages as people write them (codes, any case, native names) to the API's names.

The API's names are English, some with a region: ``Spanish``, ``Spanish (Spain)``. Codes are those
of ISO 639 and ISO 3166.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache

# The API's name without region, then codes, native names and other names. They include codes of
# countries that are not codes of languages.
_LANGUAGES = """
Afrikaans: af, afr
Albanian: sq, sqi, alb, shqip
Amharic: am, amh, አማርኛ
Arabic: ar, ara, العربية, عربي
Armenian: hy, hye, հայերեն
Azerbaijani: az, aze, azərbaycan, azərbaycan dili, azeri
Bangla: bn, ben, বাংলা, bengali
Basque: eu, eus, euskara
Bengali: bn, ben, বাংলা, bangla
Bosnian: bs, bos, bosanski
Bulgarian: bg, bul, български
Burmese: my, mya, myanmar, မြန်မာ, မြန်မာဘာသာ
Catalan: ca, cat, català
Chinese: zh, zho, chi, cn, cmn, yue, wuu, 中文, 汉语, 漢語, 普通话, cantonese, 粵語, 粤语
Croatian: hr, hrv, hrvatski
Czech: cs, cz, ces, cze, čeština, česky
Danish: da, dk, dan, dansk
Dutch: nl, nld, dut, nederlands, flemish, vlaams
English: en, eng
Estonian: et, est, eesti
Filipino: fil, tl, tgl, tagalog, wikang filipino
Finnish: fi, fin, suomi
French: fr, fra, fre, français
Galician: gl, glg, galego
Georgian: ka, kat, ქართული
German: de, deu, ger, deutsch
Greek: el, gr, ell, ελληνικά
Gujarati: gu, guj, ગુજરાતી
Hebrew: he, iw, heb, עברית
Hindi: hi, hin, हिन्दी, हिंदी
Hungarian: hu, hun, magyar
Icelandic: is, isl, íslenska
Indonesian: id, in, ind, bahasa indonesia
Irish: ga, gle, gaeilge
Italian: it, ita, italiano
Japanese: ja, jp, jpn, 日本語
Javanese: jv, jav, basa jawa
Kannada: kn, kan, ಕನ್ನಡ
Kazakh: kk, kaz, қазақ, қазақша
Khmer: km, khm, ខ្មែរ
Korean: ko, kr, kor, 한국어
Lao: lo, lao, ລາວ
Latvian: lv, lav, latviešu
Lithuanian: lt, lit, lietuvių
Macedonian: mk, mkd, македонски
Malay: ms, msa, bahasa melayu, melayu
Malayalam: ml, mal, മലയാളം
Maltese: mt, mlt, malti
Mandarin: mandarin chinese
Marathi: mr, mar, मराठी
Mongolian: mn, mon, монгол
Nepali: ne, nep, नेपाली
Norwegian Bokmål: nb, no, nob, nor, norwegian, norsk, norsk bokmål, bokmål
Pashto: ps, pus, پښتو
Persian: fa, fas, per, فارسی, farsi
Polish: pl, pol, polski
Portuguese: pt, por, português
Romanian: ro, ron, rum, mo, română
Russian: ru, rus, русский
Serbian: sr, srp, српски, srpski
Sinhala: si, sin, සිංහල
Slovak: sk, slk, slovenčina, slovensky
Slovenian: sl, slv, slovene, slovenščina
Somali: so, som, soomaali
Spanish: es, spa, español, castellano, castilian
Sundanese: su, sun, basa sunda
Swahili: sw, swa, kiswahili
Swedish: sv, swe, svenska
Tamil: ta, tam, தமிழ்
Telugu: te, tel, తెలుగు
Thai: th, tha, ไทย, ภาษาไทย
Turkish: tr, tur, türkçe
Ukrainian: uk, ua, ukr, українська
Urdu: ur, urd, اردو
Uzbek: uz, uzb, o'zbek
Vietnamese: vi, vn, vie, tiếng việt
Welsh: cy, cym, cymraeg
Zulu: zu, zul, isizulu
"""
# Codes of regions, with the API's names for them.
_REGIONS = """
AE United Arab Emirates; AF Afghanistan; AL Albania; AM Armenia; AR Argentina; AT Austria;
AU Australia; AZ Azerbaijan; BA Bosnia and Herzegovina; BD Bangladesh; BE Belgium; BG Bulgaria;
BH Bahrain; BO Bolivia; BR Brazil; CA Canada; CH Switzerland; CL Chile; CN Mandarin, Simplified;
CO Colombia; CR Costa Rica; CU Cuba; CZ Czechia; DE Germany; DK Denmark; DO Dominican Republic;
DZ Algeria; EC Ecuador; EE Estonia; EG Egypt; ES Spain; ET Ethiopia; FI Finland; FR France; GB UK;
UK UK; GE Georgia; GQ Equatorial Guinea; GR Greece; GT Guatemala; HK Hong Kong SAR; HN Honduras;
HR Croatia; HU Hungary; ID Indonesia; IE Ireland; IL Israel; IN India; IQ Iraq; IR Iran; IS Iceland;
IT Italy; JO Jordan; JP Japan; KE Kenya; KH Cambodia; KR Korea; KW Kuwait; KZ Kazakhstan; LA Laos;
LB Lebanon; LK Sri Lanka; LT Lithuania; LV Latvia; LY Libya; MA Morocco; MK North Macedonia;
MM Myanmar; MN Mongolia; MT Malta; MX Mexico; MY Malaysia; NG Nigeria; NI Nicaragua; NL Netherlands;
NO Norway; NP Nepal; NZ New Zealand; OM Oman; PA Panama; PE Peru; PH Philippines; PK Pakistan;
PL Poland; PR Puerto Rico; PT Portugal; PY Paraguay; QA Qatar; RO Romania; RS Serbia; RU Russia;
SA Saudi Arabia; SE Sweden; SG Singapore; SI Slovenia; SK Slovakia; SO Somalia; SV El Salvador;
SY Syria; TH Thailand; TN Tunisia; TR Türkiye; TW Taiwanese Mandarin, Traditional; TZ Tanzania;
UA Ukraine; US United States;
USA United States; UY Uruguay; UZ Uzbekistan; VE Venezuela; VN Vietnam; YE Yemen;
ZA South Africa; DEUTSCHLAND Germany; OSTERREICH Austria; SCHWEIZ Switzerland; SUISSE Switzerland;
ESPANA Spain; BRASIL Brazil; ITALIA Italy; TURKEY Türkiye;
HANS Mandarin, Simplified; HANT Taiwanese Mandarin, Traditional
"""
# Names that express language and region in other ways.
_SPELLINGS = {
    "zh-hk": "Chinese (Cantonese, Traditional)",
    "yue": "Chinese (Cantonese, Traditional)",
    "cantonese": "Chinese (Cantonese, Traditional)",
    "zh-hant-hk": "Chinese (Cantonese, Traditional)",
    "粤语": "Chinese (Cantonese, Traditional)",
    "粵語": "Chinese (Cantonese, Traditional)",
    "广东话": "Chinese (Cantonese, Traditional)",
    "廣東話": "Chinese (Cantonese, Traditional)",
    "wuu": "Chinese (Wu, Simplified)",
    "wuu-cn": "Chinese (Wu, Simplified)",
    "zh-cn-shandong": "Chinese (Jilu Mandarin, Simplified)",
    "zh-cn-liaoning": "Chinese (Northeastern Mandarin, Simplified)",
    "zh-cn-sichuan": "Chinese (Southwestern Mandarin, Simplified)",
    "zh-cn-henan": "Chinese (Zhongyuan Mandarin Henan, Simplified)",
    "zh-cn-shaanxi": "Chinese (Zhongyuan Mandarin Shaanxi, Simplified)",
    "cy-gb": "Welsh (United Kingdom)",
    "brazilian portuguese": "Portuguese (Brazil)",
    "portugues do brasil": "Portuguese (Brazil)",
    "portugues brasileiro": "Portuguese (Brazil)",
    "european portuguese": "Portuguese (Portugal)",
    "portugues europeu": "Portuguese (Portugal)",
    "latin american spanish": "Spanish (Mexico)",
    "mexican spanish": "Spanish (Mexico)",
    "canadian french": "French (Canada)",
    "francais canadien": "French (Canada)",
    "us english": "English (United States)",
    "uk english": "English (UK)",
    "american english": "English (United States)",
    "british english": "English (UK)",
    "simplified chinese": "Chinese (Mandarin, Simplified)",
    "简体中文": "Chinese (Mandarin, Simplified)",
    "chinese (simplified)": "Chinese (Mandarin, Simplified)",
    "traditional chinese": "Chinese (Taiwanese Mandarin, Traditional)",
    "繁體中文": "Chinese (Taiwanese Mandarin, Traditional)",
    "繁体中文": "Chinese (Taiwanese Mandarin, Traditional)",
    "chinese (traditional)": "Chinese (Taiwanese Mandarin, Traditional)",
    "brazilian": "Portuguese (Brazil)",
    "flemish": "Dutch (Belgium)",
    "vlaams": "Dutch (Belgium)",
    "austrian german": "German (Austria)",
    "swiss german": "German (Switzerland)",
    "schweizerdeutsch": "German (Switzerland)",
}
_MOST = 3
# Similarity of a misspelt name; names of different languages are less similar.
_TYPO = 0.78
_ENCODING = re.compile(r"\.utf-?8\Z")  # as in LANG=en_US.UTF-8
_WITH_REGION = re.compile(r"(.+?)\s*(?:\((.*)\)|-\s+(.*)|\s-\s*(.*))\s*")


def same_language(given: str, offered: Collection[str]) -> list[str]:
    """Return the API's names for a language, the most likely first.

    Args:
        given: A name in any case, a native name, or a code such as ``pt-BR``.
        offered: The API's names.

    Returns:
        One name if it is certain, up to three names of the same language if the region is not
        certain, or none.
    """
    key = _ENCODING.sub("", _folded(given))
    for name in offered:
        if _folded(name) == key:
            return [name]
    if _SPELLINGS.get(key) in offered:
        return [_SPELLINGS[key]]
    language, region = _parts(key)
    names = [name for name in sorted(offered) if _parts(_folded(name))[0] in _bases(language)]
    if region:
        wanted = _regions().get(region, region)
        there = [name for name in names if wanted in (_region_of(name), _folded(name))]
        if len(there) == 1:
            return there
    plain = [name for name in names if not _region_of(name)]
    if plain and not region:
        return plain[:1]
    return (plain + [name for name in names if name not in plain])[:_MOST]


def _folded(text: str) -> str:
    """Return a text without case, accents and surplus blanks."""
    decomposed = unicodedata.normalize("NFKD", str(text).casefold().replace("_", "-"))
    # Remove accents of Latin, Greek and Cyrillic only; in other scripts such marks are vowels.
    kept = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _parts(key: str) -> tuple[str, str]:
    """Return language and region of a folded name or code; the region may be empty."""
    code, *subtags = key.split("-")
    if subtags and code in _names() and all(tag.isalnum() for tag in subtags):
        known = [tag for tag in subtags if tag in _regions()]
        # zh-Hant-HK: use the region, not the script.
        return code, known[-1] if known else subtags[-1]
    found = _WITH_REGION.fullmatch(key)
    if found is None:
        return key, ""
    return found[1], next(region for region in found.groups()[1:] if region is not None).strip()


def _region_of(name: str) -> str:
    region = _parts(_folded(name))[1]
    # "Latin, Serbia": the script is not part of the region.
    return region.removeprefix("latin, ")


def _bases(language: str) -> Iterable[str]:
    """Return the API's folded names for a language, even if it is misspelt."""
    known = _names()
    if language not in known:
        # Codes are too short to correct.
        long = [name for name in known if len(name) > 3]
        language = next(iter(difflib.get_close_matches(language, long, n=1, cutoff=_TYPO)), "")
    return known.get(language, ())


@cache
def _names() -> dict[str, list[str]]:
    """Return the API's names, folded, by all names and codes of each language."""
    names: dict[str, list[str]] = {}
    for line in _LANGUAGES.strip().splitlines():
        name, _, others = line.partition(":")
        for other in (name, *others.split(",")):
            names.setdefault(_folded(other), []).append(_folded(name))
    return names


@cache
def _regions() -> dict[str, str]:
    """Return the API's folded names of regions, by code."""
    pairs = (entry.split(maxsplit=1) for entry in " ".join(_REGIONS.split()).split(";"))
    return {code.lower(): _folded(word) for code, word in pairs}
