"""The words of a text, in any script."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain

# A word is a run of letters and digits, or a sign: a smile and an exclamation mark say something too.
_PLAIN = re.compile(r"\w+|[^\w\s]")
# Where that is all there is to it: Latin, Greek, Cyrillic and Armenian letters, Hangul and usual signs, without marks.
_SIMPLE = re.compile("[\0-\u02ff\u0370-\u0482\u048a-\u058f\u1e00-\u1fff\u200e-\u2069\u20a0-\u20cf\uac00-\ud7a3]*")
# Scripts without spaces between words: Han, kana and bopomofo ...
_EAST = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003fffd"
)
# ... and Thai, Lao, Myanmar, Khmer, Tai, Balinese, Javanese and Ahom, in this order.
_SOUTH = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"
    "\uaa80-\uaadf\u1b00-\u1b7f\ua980-\ua9df\U00011700-\U0001174f"
)
_SPACELESS = re.compile(f"[{_EAST}{_SOUTH}]")
_EASTERN = re.compile(rf"(?=\w)[{_EAST}]")
_SOUTHERN = re.compile(rf"(?=\w)[{_SOUTH}]")
_DENSE = re.compile(f"[{_EAST}\uac00-\ud7a3]")
# Where Unicode has marks; Han and Hangul have none.
_BLOCKS = (range(0x300, 0x3100), range(0xA000, 0xAC00), range(0xF900, 0x20000), range(0xE0100, 0xE01F0))
# What belongs to the character before it, too: joiners, tones of skin, and the tags in which flags of regions end.
_JOINER = "\u200d"
_FOLLOWERS = f"\u200c{_JOINER}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"


def composed(text: str) -> str:
    """Return a text in which a letter and its accents are one character where Unicode has one (NFC).

    Parameters
    ----------
    text : str
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def words_in(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, and signs, with their marks.

    Of scripts that are written without spaces between words, each character is a word. Emojis that are joined are one.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> from skmtl.features._words import words_in
    >>> words_in("So good! 天气好")
    ['So', 'good', '!', '天', '气', '好']
    """
    return _pattern(text).findall(text)


def spans_of_words(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends.

    Parameters
    ----------
    text : str
    """
    return [match.span() for match in _pattern(text).finditer(text)]


def size_of(text: str) -> tuple[int, float]:
    """Return how many characters and words a text has, about as if it were written in Latin letters.

    Words are what spaces part. In scripts without spaces, two characters of Han or kana make a word, or four of others.
    A character of Han, kana or Hangul counts for four.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> from skmtl.features._words import size_of
    >>> size_of("so very good"), size_of("质量非常好 ok")
    ((12, 3), (23, 3.5))
    """
    if text.isascii():
        return len(text), len(text.split())
    n_characters = len(text) + 3 * len(_DENSE.findall(text))
    spaceless = len(_EASTERN.findall(text)) / 2 + len(_SOUTHERN.findall(text)) / 4
    if not spaceless:
        return n_characters, len(text.split())
    rest = _SPACELESS.sub(" ", text).split()
    return n_characters, spaceless + sum(any(map(str.isalnum, word)) for word in rest)


def _pattern(text: str) -> re.Pattern[str]:
    """Return what finds the words of a text."""
    return _PLAIN if text.isascii() or _SIMPLE.fullmatch(text) else _pattern_of_all_scripts()


@cache
def _pattern_of_all_scripts() -> re.Pattern[str]:
    """Return what finds words in any script, built once, in some milliseconds."""
    mark, alone = f"[{_marks()}{_FOLLOWERS}]", f"{_EAST}{_SOUTH}"
    letter, sign = rf"[^\W{alone}]", rf"[^\w\s]{mark}*"
    return re.compile(rf"(?=\w)[{alone}]{mark}*|{letter}+(?:{mark}+{letter}*)*|{_FLAG}|{sign}(?:(?<={_JOINER}){sign})*")


def _marks() -> str:
    """Return all marks of Unicode as ranges of a class of characters."""
    marks = [place for place in chain(*_BLOCKS) if unicodedata.category(chr(place))[0] == "M"]
    starts = [place for before, place in zip([-1, *marks], marks, strict=False) if place != before + 1]
    ends = [place for place, after in zip(marks, [*marks[1:], -1], strict=True) if after != place + 1]
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in zip(starts, ends, strict=True))
