"""Where the tokens of a text stand, and what their words get of them."""

import numpy as np
import pytest

from skmtl.features import TextEncoder, TextPlaces, TextWords

TEXTS = ["A good, good day!", "", "  ", "a", "ab", "so  many   spaces\n\nhere", "天气很好、我很高兴。", "😀😀 ok"]
TEXTS += ["e\u0301te\u0301  a\u0300 =\u0338 か\u3099", "नमस्ते สวัสดี", "👨‍👩‍👧‍👦👍🏽 \u0301\u200d!"]
ENCODERS = [
    TextEncoder(),
    TextEncoder(word_ngrams=(0, 0)),
    TextEncoder(char_ngrams=(0, 0), word_ngrams=(2, 3)),
    TextEncoder(char_ngrams=(1, 2), n_buckets=50),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_that_the_reader_counts(encoder, text):
    reader = encoder.build()
    counted = reader.matrix([text]).toarray()[0]
    found = np.bincount(TextPlaces(reader, text).columns, minlength=len(counted))
    np.testing.assert_array_equal(found, counted)


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_words_share_out_all_that_tokens_have(encoder, text):
    places = TextPlaces(encoder.build(), text)
    values = np.random.default_rng(0).normal(size=len(places.columns))
    assert len(places.by_word(values)) == len(places.words)
    np.testing.assert_allclose(places.by_word(values).sum(), values.sum(), atol=1e-12)


def test_a_token_is_split_evenly_among_its_characters():
    places = TextPlaces(TextEncoder(word_ngrams=(0, 0), char_ngrams=(3, 3)).build(), "ab cd")
    assert places.words == ["ab", "cd"]  # tokens "ab ", "b c", " cd"
    np.testing.assert_allclose(places.by_word(np.array([1.0, 2.0, 5.0])), [2.0, 6.0])


def test_a_token_of_a_space_goes_to_the_word_before_it():
    places = TextPlaces(TextEncoder(word_ngrams=(0, 0), char_ngrams=(1, 1)).build(), " a b")
    assert places.by_word(np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [7.0, 8.0]


def test_parts_without_a_letter_go_to_the_word_before_them_or_to_the_first():
    text = TextWords("  ab c ")
    values, spans = np.array([1.0, 2.0, 4.0, 8.0]), np.array([[0, 0], [2, 4], [4, 5], [3, 6]])
    assert text.shared_out(values, spans).tolist() == [1.0 + 2.0 + 4.0 + 4.0, 4.0]
    assert TextWords("").shared_out(np.array([3.0]), np.array([[0, 0]])).tolist() == [3.0]


def test_chinese_characters_are_words_of_their_own():
    assert TextPlaces(TextEncoder().build(), "天气好 ok").words == ["天", "气", "好", "ok"]


def test_words_are_as_they_stand_in_the_text_and_worth_the_same_however_marks_are_stored():
    reader, values = TextEncoder().build(), np.random.default_rng(0).normal(size=1000)
    apart, whole = TextPlaces(reader, "e\u0301te\u0301 la\u0300!"), TextPlaces(reader, "été là!")
    assert apart.words == ["e\u0301te\u0301", "la\u0300", "!"]
    values = values[: len(whole.columns)]
    np.testing.assert_array_equal(apart.by_word(values), whole.by_word(values))
