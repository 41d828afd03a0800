"""Words in any script, and how large a text is."""

import re
import unicodedata

import pytest

from skmtl.datasets import load_sentences
from skmtl.features import _words
from skmtl.features._words import composed, size_of, spans_of_words, words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("So good! #1", ["So", "good", "!", "#", "1"]),
        ("天气很好。ok", ["天", "气", "很", "好", "。", "ok"]),
        ("カメラが好き", ["カ", "メ", "ラ", "が", "好", "き"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("שָׁלוֹם, مُحَمَّد", ["שָׁלוֹם", ",", "مُحَمَّد"]),
        ("می\u200cروم", ["می\u200cروم"]),
        ("e\u0301te\u0301 x\u0338", ["e\u0301te\u0301", "x\u0338"]),
        (" \u0301\u0301a", ["\u0301\u0301", "a"]),
        ("👨‍👩‍👧‍👦! 👍🏽👍 ❤️❤️", ["👨‍👩‍👧‍👦", "!", "👍🏽", "👍", "❤️", "❤️"]),
        ("1️⃣ 🇩🇪🇫🇷 🏳️‍🌈", ["1️⃣", "🇩🇪", "🇫🇷", "🏳️‍🌈"]),
    ],
)
def test_words_keep_their_marks_and_stand_alone_where_there_are_no_spaces(text, words):
    assert words_in(text) == words
    assert [text[first:last] for first, last in spans_of_words(text)] == words


def test_what_is_written_with_spaces_and_without_marks_is_cut_at_letters_and_signs_only():
    texts = [
        *load_sentences(return_X_y=True)[0],
        "Grüße, naïve “Übung”… 5 €",
        "Привет, мир — ёж",
        "καλημέρα «κόσμε»",
        "안녕 하세요!",
    ]
    assert all(words_in(text) == re.findall(r"\w+|[^\w\s]", text) for text in texts)


def test_the_short_way_is_taken_only_where_it_makes_no_difference():
    letters = [chr(place) for place in range(0x20000) if not 0xD800 <= place < 0xE000]
    simple = [letter for letter in letters if _words._SIMPLE.fullmatch(letter)]
    assert 10_000 < len(simple) < 20_000
    full = _words._pattern_of_all_scripts()
    assert all(
        full.findall(f"a{letter}1{letter}{letter}") == words_in(f"a{letter}1{letter}{letter}") for letter in simple
    )


def test_every_mark_belongs_to_what_stands_before_it():
    marks = [chr(place) for place in range(0x110000) if unicodedata.category(chr(place))[0] == "M"]
    assert [mark for mark in marks if words_in(f"a{mark}b {mark}") != [f"a{mark}b", mark]] == []


def test_a_text_has_as_many_words_however_its_marks_are_stored():
    for place in (place for place in range(0x30000) if not 0xD800 <= place < 0xE000):
        letter = chr(place)
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, letter)
            if other != letter:
                assert len(words_in(f"ä {letter}=")) == len(words_in(f"ä {other}=")), hex(place)
    assert composed("e\u0301 <\u0338") == "é ≮"
    assert len(words_in("\u3099\u0338\u200d!")) == len(words_in(composed("\u3099\u0338\u200d!")))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("a - b", (5, 3)),
        ("déjà vu", (7, 2)),
        ("质量非常好、ok。", (24, 3.5)),
        ("สวัสดีครับ", (10, 7 / 4)),
        ("한국어 텍스트", (25, 2)),
    ],
)
def test_size_is_that_of_a_text_in_latin_letters(text, size):
    assert size_of(text) == size
