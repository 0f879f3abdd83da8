"""Captions: reading, checks, captions from words, writing."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import ConfigurationError, Cue, InvalidRequest, WordTimestamp
from heygen_async.captions import captions, parse_srt, problems, write_srt

SRT = """1
00:00:01,000 --> 00:00:03,500
Good morning,
<i>everyone</i>.

2
00:00:04,000 --> 00:00:06,000
{\\an8}The year was
2020
"""


def test_cues_are_read_and_written_as_they_were() -> None:
    cues = parse_srt(SRT)
    assert cues == [
        Cue(start=1.0, end=3.5, text="Good morning,\n<i>everyone</i>."),
        Cue(start=4.0, end=6.0, text="{\\an8}The year was\n2020"),
    ]
    assert write_srt(cues).strip() == SRT.strip()


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", "\r"), ("1\n", "\ufeff1\n")])
def test_all_line_ends_and_byte_order_marks_are_read(change: tuple[str, str]) -> None:
    assert parse_srt(SRT.replace(*change, -1 if change[0] == "\n" else 1)) == parse_srt(SRT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no cue"),
        ("Hello\n", "no cue"),
        (f"Hello\n\n{SRT}", "line 1 has text before the first cue"),
    ],
)
def test_what_would_get_lost_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_srt(text)


FIRST = [Cue(start=20.0, end=24.0, text="First words.")]


@pytest.mark.parametrize(
    "timing",
    [
        "00:00:20 --> 00:00:24",
        "00\uff1a00\uff1a20\uff0c000 --> 00\uff1a00\uff1a24\uff0c000",
        "00: 00: 20, 000 --> 00: 00: 24, 000",
        "0:0:20.0 --> 0:0:24.0",
        "00:20.000 --> 00:24.000",
        "00:00:20,000-->00:00:24,000",
        "  00:00:20,000 -> 00:00:24,000\t",
        "00:00:20,000 - -> 00:00:24,000",
        "00:00:20,000 \u2192 00:00:24,000",
        "00:00:20,000 --> 00:00:24,000 X1:40 X2:600 Y1:20 Y2:50",
        "00:00:20.000000 --> 00:00:24.000000 align:start",
    ],
)
@pytest.mark.parametrize("number", ["1\n", "", "1\n\n", "\n7\n"])
def test_timings_that_are_certain_are_read(timing: str, number: str) -> None:
    assert parse_srt(f"{number}{timing}\nFirst words.\n") == FIRST
    second = parse_srt(f"{number}{timing}\nFirst words.\n\n00:01:00,5 --> 00:01:01,050\nx")[1]
    assert (second.start, second.end) == (60.5, 61.05)


UNREADABLE = [
    "00:20 --> 00:24",
    "00:00:20:12 --> 00:00:24:00",
    "00:00:2O,000 --> 00:00:24,000",
    "--> 00:00:24,000",
    "00:00:20,000 --> 00:00:24,000 and words",
    "20 --> 24",
]


@pytest.mark.parametrize(
    "timing",
    ["00:00:20,000 \u2013> 00:00:24,000", "00:00:20 ... 00:00:24", "[00:00:20 - 00:00:24]"],
)
def test_a_timing_with_another_arrow_is_reported_too(timing: str) -> None:
    cues = parse_srt(f"{SRT}\n3\n{timing}\nFirst words.\n")
    assert [one.kind for one in problems(cues) if one.serious] == ["timing"]
    words = parse_srt(SRT.replace("\n2\n", "\nFrom 10:30 to 11:45, or 10:30 - 11:45\n\n2\n"))
    assert not [one for one in problems(words) if one.kind == "timing"]


@pytest.mark.parametrize("timing", UNREADABLE)
def test_a_cue_whose_timing_cannot_be_read_is_reported(timing: str) -> None:
    bad = f"{timing}\nFirst words.\n"
    for text in (f"{SRT}\n3\n{bad}", SRT.replace("\n2\n", f"\n2\n{bad}\n3\n")):
        cues = parse_srt(text)
        assert len(cues) == 2
        assert any(timing in one.text and "First words." in one.text for one in cues)
        assert [one.kind for one in problems(cues) if one.serious] == ["timing"]
    with pytest.raises(InvalidRequest, match="the timing in line 2"):
        parse_srt(f"1\n{bad}\n{SRT}")
    with pytest.raises(InvalidRequest, match="the timing in line 2"):
        parse_srt(f"1\n{bad}")


def test_numbers_that_are_the_text() -> None:
    text = "00:00:01,000 --> 00:00:02,000\nIt was\n1999\n\n00:00:03,000 --> 00:00:04,000\n7\n"
    assert [one.text for one in parse_srt(text)] == ["It was\n1999", "7"]
    text = "1\n00:00:01 --> 00:00:02\n42\n\n2\n00:00:03 --> 00:00:04\n7\n\n\n3\n\n"
    text += "00:00:05 --> 00:00:06\nx"
    assert [one.text for one in parse_srt(text)] == ["42", "7", "x"]
    crowded = "1\n00:00:01 --> 00:00:02\nyear\n1999\n2\n00:00:03 --> 00:00:04\nx\n"
    crowded += "00:00:05 --> 00:00:06\ny"
    assert [one.text for one in parse_srt(crowded)] == ["year\n1999", "x", "y"]
    inner = "1\n00:00:01 --> 00:00:02\nfrom 00:00:01,000 to 00:00:02,000\n\nand on"
    assert [one.text for one in parse_srt(inner)] == ["from 00:00:01,000 to 00:00:02,000\n\nand on"]


@given(st.lists(st.sampled_from([*SRT.splitlines(), *UNREADABLE, "1", "2", "3", "4", "", "w"])))
def test_no_word_is_ever_lost(rows: list[str]) -> None:
    try:
        cues = parse_srt("\n".join(rows))
    except InvalidRequest:
        return
    said = "\n".join(one.text for one in cues).split("\n")
    kept = [row.strip() for row in said if row.strip()]
    timings = {SRT.splitlines()[1], SRT.splitlines()[6]}
    wanted = [row.strip() for row in rows if row.strip() and row not in timings]
    # Numbers of cues are left out, and nothing else.
    assert [row for row in kept if not row.isdecimal()] == [
        row for row in wanted if not row.isdecimal()
    ]
    assert len(wanted) - len(kept) <= len(cues)


@pytest.mark.parametrize(("start", "end"), [(-1.0, 2.0), (0.0, 360_000.0), (0.0, float("nan"))])
def test_times_that_the_format_has_no_room_for(start: float, end: float) -> None:
    with pytest.raises(InvalidRequest, match="cue 1"):
        write_srt([Cue(start=start, end=end, text="Hi")])


def cue(start: float, end: float, text: str = "Hello there.") -> Cue:
    return Cue(start=start, end=end, text=text)


@pytest.mark.parametrize(
    ("cues", "number", "kind"),
    [
        ([cue(2, 2)], 1, "length"),
        ([cue(3, 2)], 1, "length"),
        ([cue(5, 7), cue(1, 3)], 2, "order"),
        ([cue(1, 3), cue(2.5, 5)], 2, "overlap"),
        ([cue(0, 2), cue(2, 4, " \n")], 2, "empty"),
        ([cue(0, 2, "<i></i>")], 1, "empty"),
        ([cue(0, 2, "Hello\n00:00:0x,000 --> 00:00:04,000\nWorld")], 1, "timing"),
        ([cue(0, 1, "x" * 21)], 1, "speed"),
        ([cue(0, 1, "字" * 11)], 1, "speed"),
        ([cue(0, 9, "x" * 43)], 1, "line"),
        ([cue(0, 9, "a\nb\nc")], 1, "lines"),
    ],
)
def test_each_problem_is_found(cues: list[Cue], number: int, kind: str) -> None:
    found = [one for one in problems(cues) if one.kind == kind]
    assert [one.number for one in found] == [number]
    assert str(found[0]).startswith(f"cue {number}: ")
    assert found[0].serious == (kind not in ("speed", "line", "lines"))


def test_good_captions_have_no_problems() -> None:
    cues = [cue(0, 2), cue(2, 4, "x" * 40), cue(4.5, 6, "<i>" + "x" * 30 + "</i>")]
    assert problems(cues) == []
    assert problems([cue(0, 1, "x" * 30)], characters_per_second=30) == []


def spoken(text: str, pause_after: str | None = None) -> list[WordTimestamp]:
    """Words of 0.3 s each, with half a second more after one of them."""
    at = 0.0
    words = [WordTimestamp(word="<start>", start=0.0, end=0.0)]
    for word in text.split():
        words.append(WordTimestamp(word=word, start=at, end=at + 0.3))
        at += 1.2 if word == pause_after else 0.35
    return [*words, WordTimestamp(word="<end>", start=at, end=at)]


def test_captions_end_at_pauses_and_sentences() -> None:
    text = "Good morning everybody and welcome. Here is what is new this week"
    cues = captions(spoken(text, pause_after="what"))
    assert [one.text for one in cues] == [
        "Good morning everybody and welcome.",
        "Here is what",
        "is new this week",
    ]
    assert cues[1].start == pytest.approx(5 * 0.35)
    assert cues[1].end == pytest.approx(7 * 0.35 + 0.3)


def test_a_short_caption_stays_a_little() -> None:
    (only,) = captions(spoken("Hi"))
    assert only.start == 0.0
    assert only.end == pytest.approx(5 / 6)
    assert captions(spoken("")) == []


def test_languages_without_spaces() -> None:
    cues = captions(spoken("你 好 世 界 OK 了"))
    assert cues[0].text == "你好世界 OK 了"


@given(
    st.lists(
        st.tuples(
            st.text("abcdefghij.", min_size=1, max_size=30),
            st.floats(0.05, 1.5),
            st.floats(0, 2),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_captions_of_any_words_are_sound(words: list[tuple[str, float, float]]) -> None:
    at = 0.0
    timed = []
    for word, length, pause in words:
        timed.append(WordTimestamp(word=word, start=at, end=at + length))
        at += length + pause
    cues = parse_srt(write_srt(captions(timed)))
    assert " ".join(one.text.replace("\n", " ") for one in cues) == " ".join(w for w, _, _ in words)
    assert {one.kind for one in problems(cues)} <= {"speed"}


def test_without_the_extra_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pysubs2", None)
    spec = importlib.util.find_spec("heygen_async.captions")
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)  # which does not need it yet
    with pytest.raises(ConfigurationError, match=r"pip install pysubs2 "):
        fresh.parse_srt(SRT)


@pytest.mark.parametrize("text", [r"C:\New\names\here", r"{\an8}\N", "a\n\\h\nb"])
def test_a_backslash_is_a_character(text: str) -> None:
    written = write_srt([cue(1, 2, text)])
    assert text in written
    assert parse_srt(written) == [cue(1, 2, text)]


@pytest.mark.parametrize("time", ["100:00:00,000", "-00:00:01,000", "-1:00:01.000"])
def test_times_of_which_a_part_would_be_read_are_refused(time: str) -> None:
    with pytest.raises(InvalidRequest, match=r"srt: line 11: .* is outside"):
        parse_srt(f"{SRT}\n{time} --> 00:00:02,000\nHi\n")


def test_the_last_millisecond_is_written() -> None:
    (last,) = parse_srt(write_srt([cue(359_999, 359_999.9999)]))
    assert last.end == 359_999.999


def test_words_that_begin_before_the_speech() -> None:
    (only,) = captions([WordTimestamp(word="Hi", start=-0.1, end=0.5)])
    assert only.start == 0.0
    assert parse_srt(write_srt([only]))
