"""Texts: hashed tokens and their weights."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
import torch

from skmtl.features import Form, TextEncoder, TextReader, form_of, make_reader, texts_of

TEXTS = ["a good day", "a bad day, a bad night", "good night"]


def words(min_rows=1, **settings):
    return TextEncoder(**{"word_ngrams": (1, 1), "char_ngrams": (0, 0), "min_rows": min_rows, **settings}).build()


def measured(texts, weights=None, reader=None, **settings):
    reader = reader or words(**settings)
    counts = reader.fit_matrix(texts)
    weights = np.ones(len(texts)) if weights is None else weights
    return reader, reader.standardizer().update(counts, None, weights)


def token_weights(reader, standardizer, texts):
    """Weight of each token of each text, as a dict by place."""
    block = standardizer.tensor(reader.matrix(texts), torch.float64, "cpu").numpy()
    half = block.shape[1] // 2
    return [
        {int(place): weight for place, weight in zip(row[:half], row[half:], strict=True) if weight} for row in block
    ]


@pytest.mark.parametrize(
    "X",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS, index=[5, 2, 9]),
        pd.Series(TEXTS, dtype="string"),
        pd.Series(TEXTS).astype("category"),
        [text.encode() for text in TEXTS],
    ],
)
def test_texts_come_as_lists_arrays_and_series(X):
    assert form_of(X) is Form.TEXT
    reader = make_reader("auto", form=Form.TEXT)
    assert isinstance(reader, TextReader)
    np.testing.assert_array_equal(reader.matrix(X).toarray(), reader.matrix(TEXTS).toarray())


def test_missing_texts_are_empty():
    X = [None, "a", np.nan, pd.NA, ""]
    assert form_of(X) is Form.TEXT
    counts = words().matrix(X).sum(axis=1)
    np.testing.assert_array_equal(counts, [0, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a", 3], r"Row 1 of X holds 3, a int, .* string, or into None"),
        (["a", ["b"]], r"Row 1 of X holds \['b'\], a list"),
        ([], "no text"),
        (np.array([["a"]]), r"one text a row, and has shape \(1, 1\)"),
    ],
)
def test_what_is_no_text_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        words().matrix(X)


def test_half_a_character_is_read_as_one_that_cannot_be_shown():
    assert texts_of(["\ud83d bad", "good 😀", np.str_("a\udc00")]) == ["? bad", "good 😀", "a?"]
    reader = TextEncoder().build()
    assert (reader.matrix(["\ud83d bad"]) != reader.matrix(["? bad"])).nnz == 0


def test_words_signs_and_pieces_are_counted():
    reader = words(n_buckets=2**16)
    assert reader.matrix(["so good, so good!"]).sum() == 6
    two = TextEncoder(word_ngrams=(1, 2), char_ngrams=(0, 0)).build()
    assert two.matrix(["a b c"]).sum() == 5
    pieces = TextEncoder(word_ngrams=(0, 0), char_ngrams=(2, 3)).build()
    assert pieces.matrix(["我爱你"]).sum() == 3
    both = TextEncoder(word_ngrams=(1, 1), char_ngrams=(1, 1), n_buckets=8).build()
    assert both.matrix(["ab"]).shape == (1, 16)
    assert both.matrix(["ab"]).toarray()[:, :8].sum() == 1


def test_characters_of_scripts_without_spaces_are_words_and_pairs():
    reader = TextEncoder(word_ngrams=(1, 2), char_ngrams=(0, 0)).build()
    assert reader.matrix(["我爱你"]).sum() == 5
    shared = reader.matrix(["我爱你"]).minimum(reader.matrix(["他不爱你"])).sum()
    assert shared == 3  # 爱, 你 and both


@pytest.mark.parametrize("encoder", [TextEncoder(), TextEncoder(char_ngrams=(0, 0)), TextEncoder(word_ngrams=(0, 0))])
def test_marks_stored_apart_are_read_as_the_letters_that_they_make(encoder):
    reader = encoder.build()
    for whole in ("été à Noël", "が ぱ", "각 없다", "≠"):
        apart = unicodedata.normalize("NFD", whole)
        assert apart != whole
        assert (reader.matrix([whole]) != reader.matrix([apart])).nnz == 0


def test_weights_are_rarity_times_count_at_the_same_length():
    """By hand: of three texts "good" is in two, "bad" in one, twice there, and "x" in all."""
    texts = ["x good", "x bad bad good", "x"]
    reader, standardizer = measured(texts)
    first, second, third = token_weights(reader, standardizer, texts)
    assert list(third.values()) == pytest.approx([3.0])
    x, good, bad = 1, 1 + np.log(3 / 2), (1 + np.log(3)) * (1 + np.log(2))
    assert sorted(first.values()) == pytest.approx(3 * np.array([x, good]) / np.hypot(x, good))
    assert sorted(second.values()) == pytest.approx(3 * np.array([x, good, bad]) / np.linalg.norm([x, good, bad]))


def test_tokens_of_few_distinct_texts_are_left_out():
    texts = [f"word{number} common{number % 2}" for number in range(400)]
    _, standardizer = measured(texts, min_rows=3)
    assert standardizer.n_tokens == 2
    reader = words(min_rows=3)
    counts = reader.fit_matrix(["once seen"] * 300 + ["another"] * 300)
    keys = np.repeat(np.array([1, 2], dtype=np.uint64), 300)
    # Copies count once, and of two distinct texts a hundredth is less than one: everything is kept.
    assert reader.standardizer().update(counts, None, np.ones(600), keys).n_tokens == 3


def test_what_was_not_there_at_fit_has_no_influence():
    reader, standardizer = measured(["x good", "x bad"])
    known, unknown = token_weights(reader, standardizer, ["good", "good extraordinary"])
    assert known == pytest.approx(unknown)
    assert token_weights(reader, standardizer, ["extraordinary"]) == [{}]


def test_repeated_texts_equal_weights():
    texts, weights = ["x good", "x bad bad", "y good"], np.array([1.0, 3.0, 2.0])
    repeated = [text for text, weight in zip(texts, weights, strict=True) for _ in range(int(weight))]
    one = token_weights(*measured(texts, weights), texts)
    other = token_weights(*measured(repeated), texts)
    for ours, theirs in zip(one, other, strict=True):
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("text", ["one text", b"bytes"])
def test_a_text_alone_is_no_list_of_letters(text):
    with pytest.raises(ValueError, match=r"X is one text, .*Pass \[X\]"):
        TextEncoder().build().fit_matrix(text)


def test_a_text_of_a_million_letters_keeps_its_heaviest_tokens():
    long = " ".join(f"w{number}" for number in range(5000))
    texts = [long, *(f"w{number}" for number in range(0, 5000, 2))]
    reader, standardizer = measured(texts)
    (kept,) = token_weights(reader, standardizer, [long])
    assert len(kept) == 2048
    rarest = {place for place, rarity in enumerate(standardizer._rarity) if rarity > standardizer._rarity.min() + 1e-9}
    assert len(set(kept) - rarest) < 100  # a few share a bucket, and count twice
    assert np.linalg.norm(list(kept.values())) == pytest.approx(3)
    assert words().matrix(["x" * 10**6]).sum() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"word_ngrams": (2, 1)}, r"word_ngrams must be \(fewest, most\)"),
        ({"char_ngrams": (1, 2, 3)}, r"char_ngrams must be \(fewest, most\)"),
        ({"word_ngrams": (0, 0), "char_ngrams": (0, 0)}, "both"),
        ({"n_buckets": 0}, "n_buckets"),
        ({"min_rows": 0}, "min_rows"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(**settings).build()
