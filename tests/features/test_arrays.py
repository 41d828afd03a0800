"""Samples that are arrays themselves: images and sequences."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix

from skmtl.features import ArrayReader, ArrayStandardizer, Form, form_of, make_reader
from skmtl.training import content_keys

draws = np.random.default_rng(0)


def ragged(*lengths, n_features=3):
    return [draws.normal(size=(length, n_features)) for length in lengths]


def as_objects(samples):
    array = np.empty(len(samples), dtype=object)
    array[:] = samples
    return array


@pytest.mark.parametrize(
    ("X", "form"),
    [
        (np.zeros((4, 3)), Form.COLUMNS),
        (np.zeros(4), Form.COLUMNS),
        (np.zeros((4, 7, 3)), Form.SEQUENCE),
        (np.zeros((4, 1, 8, 8)), Form.IMAGE),
        (torch.zeros(4, 1, 8, 8), Form.IMAGE),
        (ragged(2, 5), Form.SEQUENCE),
        ([None, *ragged(2, 5)], Form.SEQUENCE),
        (as_objects(ragged(2, 5)), Form.SEQUENCE),
        (pd.Series(ragged(2, 5), index=[7, 3]), Form.SEQUENCE),
        ([[1.0, 2.0], [3.0, 4.0]], Form.COLUMNS),
        (["a", "b"], Form.TEXT),
        ([None, b"a"], Form.TEXT),
        ([None, np.nan], Form.COLUMNS),
        (pd.DataFrame({"a": [1, 2]}), Form.COLUMNS),
        (csr_array(np.eye(3)), Form.COLUMNS),
        ([], Form.COLUMNS),
    ],
)
def test_the_form_of_samples_follows_from_the_dimensions(X, form):
    assert form_of(X) is form


@pytest.mark.parametrize(
    ("X", "form"),
    [
        ([1.5, "a", "b"], Form.TEXT),
        (as_objects([np.float32(3), None, b"a"]), Form.TEXT),
        (pd.Series([True, "a"], dtype=object), Form.TEXT),
        ([1, ["a"], ["b", "c"]], Form.BAG),
        (["x", ["a"], ["b", "c"]], Form.BAG),
        (["x", "y", ["b", "c"]], Form.TEXT),
        ([np.nan, 0, *ragged(2, 5)], Form.SEQUENCE),
        ([0.5, np.zeros((1, 3, 3))], Form.IMAGE),
        ([1, None, 2.5, True], Form.COLUMNS),
        ([{"a": 1}, {"a": 2}], Form.COLUMNS),
    ],
)
def test_numbers_do_not_tell_the_form_where_other_samples_follow_and_most_of_those_do(X, form):
    assert form_of(X) is form


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([0.5, np.zeros((1, 3, 3))], r"Image 0 of X has shape \(\), but image 1 has \(1, 3, 3\)"),
        ([0.5, *ragged(2, 3)], r"Sample 0 of X has shape \(\), .* 3 features, as sample 1"),
    ],
)
def test_a_number_among_arrays_is_named(X, message):
    with pytest.raises(ValueError, match=message):
        ArrayReader(form_of(X)).fit_matrix(X)


@pytest.mark.parametrize("make", [csr_array, csr_matrix])
def test_sparse_arrays_of_a_sample_each_are_told_what_to_be(make):
    rows = [None, *map(make, np.eye(2)[:, None])]
    for X in (rows, as_objects(rows), pd.Series(rows)):
        with pytest.raises(ValueError, match=r"Row 1 of X holds a sparse array of shape \(1, 2\).*vstack;.*toarray"):
            ArrayReader(form_of(X)).fit_matrix(X)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_the_matrix_of_an_array_shares_its_memory(dtype):
    X = draws.integers(0, 255, size=(5, 2, 3, 4)).astype(dtype)
    reader = ArrayReader(Form.IMAGE)
    matrix = reader.fit_matrix(X)
    assert matrix.shape == (5, 24) and matrix.dtype == dtype and np.shares_memory(matrix, X)
    assert reader.shape == (2, 3, 4) and reader.n_features == 2
    np.testing.assert_array_equal(reader.matrix(X[:2]), matrix[:2])


def test_sequences_of_different_lengths_are_padded():
    samples = ragged(2, 4, 1)
    for X in (samples, as_objects(samples), pd.Series(samples, index=[5, 1, 3])):
        matrix = ArrayReader(Form.SEQUENCE).fit_matrix(X).reshape(3, 4, 3)
        for row, sample in zip(matrix, samples, strict=True):
            np.testing.assert_array_equal(row[: len(sample)], sample)
            assert np.isnan(row[len(sample) :]).all()


def test_steps_that_are_there_come_first_and_what_nobody_has_is_cut():
    hole = np.full((1, 2), np.nan)
    samples = [np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([[5.0, 6.0]]), hole[:0]]
    expected = ArrayReader(Form.SEQUENCE).fit_matrix(samples)
    X = [np.concatenate([hole, samples[0][:1], hole, samples[0][1:], hole]), np.concatenate([samples[1], hole]), hole]
    padded = np.full((3, 9, 2), np.nan)
    for row, sample in zip(padded, X, strict=True):
        row[: len(sample)] = sample
    before = padded.copy()
    for given in (X, padded):
        reader = ArrayReader(Form.SEQUENCE)
        np.testing.assert_array_equal(reader.fit_matrix(given), expected)
        assert reader.shape == (2, 2)
        assert [steps.tolist() for steps in reader.steps(given)] == [[1, 3], [0], []]
        reader.any_length = False
        np.testing.assert_array_equal(reader.matrix(given), expected)
    np.testing.assert_array_equal(padded, before)
    assert [len(steps) for steps in reader.steps([None, None])] == [0, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_sequences_without_a_missing_step_share_their_memory(dtype):
    X = draws.integers(0, 255, size=(5, 4, 3)).astype(dtype)
    assert np.shares_memory(ArrayReader(Form.SEQUENCE).fit_matrix(X), X)
    if dtype != np.uint8:
        X[2, 1, 0] = np.nan
        assert np.shares_memory(ArrayReader(Form.SEQUENCE).fit_matrix(X), X)


def test_none_is_an_empty_sequence():
    matrix = ArrayReader(Form.SEQUENCE).fit_matrix([None, *ragged(2)])
    assert np.isnan(matrix[0]).all()


def test_the_matrix_ends_with_the_longest_sequence_that_counts_where_later_ones_may_be_longer():
    X = ragged(2, 5, 1)
    reader = ArrayReader(Form.SEQUENCE)
    np.testing.assert_array_equal(
        reader.fit_matrix(X, np.array([0, 2])), ArrayReader(Form.SEQUENCE).fit_matrix(X)[:, :6]
    )
    assert reader.shape == (2, 3)
    assert reader.matrix(X).shape == (3, 15)
    assert ArrayReader(Form.SEQUENCE, any_length=False).fit_matrix(X, np.array([0, 2])).shape == (3, 15)
    assert reader.fit_matrix(X, np.array([], int)).shape == (3, 15)


def test_padding_has_no_part_in_a_key_and_zeros_have():
    sequence = np.array([[1.0, 2.0], [3.0, np.nan]])
    ended = [sequence, np.concatenate([sequence, np.zeros((1, 2))]), sequence[:1]]

    def keys(X):
        reader = ArrayReader(Form.SEQUENCE)
        return content_keys(reader.fit_matrix(X), None, 0, reader.layout)

    found = keys(ended)
    assert len(np.unique(found)) == 3
    np.testing.assert_array_equal(keys([*ended, *ragged(9, n_features=2)])[:3], found)
    np.testing.assert_array_equal(keys(ended[2:]), found[2:])


def test_sequences_may_be_longer_later_than_at_fit():
    reader = ArrayReader(Form.SEQUENCE)
    reader.fit_matrix(ragged(2, 4))
    assert reader.matrix(ragged(9)).shape == (1, 27)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (ragged(2, 3, n_features=4), r"sequences of shape \(time, features\) = \(3, 4\), but held \(4, 3\)"),
        (np.zeros((2, 3)), r"a sequence of shape \(4, 3\) at fit, and now X has shape \(2, 3\)"),
        (np.zeros((2, 1, 4, 3)), r"a sequence of shape \(4, 3\) at fit, and now X has shape \(2, 1, 4, 3\)"),
        ([1.0, 2.0], "now X is a list of other things"),
    ],
)
def test_samples_of_another_shape_than_at_fit_are_refused(X, message):
    reader = ArrayReader(Form.SEQUENCE)
    reader.fit_matrix(ragged(2, 4))
    with pytest.raises(ValueError, match=message):
        reader.matrix(X)


def test_images_of_another_size_than_at_fit_are_refused():
    reader = ArrayReader(Form.IMAGE)
    reader.fit_matrix(np.zeros((2, 1, 8, 8)))
    with pytest.raises(ValueError, match=r"images of shape \(1, 9, 8\), but held \(1, 8, 8\)"):
        reader.matrix(np.zeros((2, 1, 9, 8)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[[0.0]], [[np.inf]]]), "X holds infinity in row 1"),
        (np.array([[["a"]]]), "must hold numbers .* dtype is <U1"),
        (np.zeros((0, 3, 2)), r"shape \(0, 3, 2\): it holds no value"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], r"Sample 1 of X has shape \(2, 4\).* 3 features, as sample 0"),
        ([np.zeros((2, 3)), np.zeros(3)], r"Sample 1 of X has shape \(3,\)"),
        ([np.zeros((2, 3)), np.full((2, 3), "a")], "Sample 1 of X must hold numbers"),
    ],
)
def test_what_no_network_can_read_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        ArrayReader(form_of(X)).fit_matrix(X)


def test_images_are_standardised_by_channel():
    X = draws.normal(size=(6, 2, 3, 3)) * np.array([3.0, 0.1])[:, None, None] + 5
    flat, weights = X.reshape(6, -1), np.array([1.0, 2, 0, 1, 1, 3])
    standardizer = ArrayStandardizer(Form.IMAGE, (2, 3, 3)).update(flat, None, weights)
    mean = np.average(X.mean((2, 3)), axis=0, weights=weights)
    np.testing.assert_allclose(standardizer.mean_, mean)
    variance = np.average(((X - mean[:, None, None]) ** 2).mean((2, 3)), axis=0, weights=weights)
    found = standardizer.tensor(flat, torch.float64, "cpu")
    np.testing.assert_allclose(found, ((X - mean[:, None, None]) / np.sqrt(variance)[:, None, None]).reshape(6, -1))
    assert standardizer.n_outputs == found.shape[1]


def test_bytes_and_floats_of_the_same_image_are_the_same():
    X = draws.integers(0, 255, size=(5, 12)).astype(np.uint8)
    one, other = (ArrayStandardizer(Form.IMAGE, (3, 2, 2)).update(x, None, np.ones(5)) for x in (X, X.astype(float)))
    np.testing.assert_allclose(
        one.tensor(X, torch.float32, "cpu"), other.tensor(X.astype(float), torch.float32, "cpu"), rtol=1e-5, atol=1e-6
    )


def test_a_sequence_ends_with_a_mark_for_each_step_and_missing_values_are_the_mean():
    X = np.array([[[1.0, 5.0], [np.nan, 7.0]], [[3.0, 5.0], [np.nan, np.nan]]])
    flat = X.reshape(2, -1)
    found = ArrayStandardizer(Form.SEQUENCE, (2, 2)).update(flat, None, np.ones(2)).tensor(flat, torch.float64, "cpu")
    values, marks = found[:, :4].reshape(2, 2, 2), found[:, 4:]
    np.testing.assert_array_equal(marks, [[1, 1], [1, 0]])
    np.testing.assert_allclose(values[:, 0, 0], [-1, 1])
    assert values[0, 1, 0] == 0  # missing
    assert not values[1, 1].any()  # padding
    spread = np.std([5.0, 7.0, 5.0])
    np.testing.assert_allclose(values[0, 1, 1], (7 - 17 / 3) / spread)


def test_lengths_are_counted_in_those_of_fit():
    X = np.full((3, 8), np.nan)
    X[0, :2], X[1, 0] = 1.0, 1.0
    X[2] = 1.0
    np.testing.assert_array_equal(ArrayStandardizer(Form.SEQUENCE, (2, 2)).lengths(X), [0.5, 0.5, 2.0])
    assert ArrayStandardizer(Form.IMAGE, (2, 2, 2)).lengths(X) is None


def test_constant_channels_are_zero_whatever_they_hold_later():
    X = np.full((3, 4), 0.1)
    standardizer = ArrayStandardizer(Form.IMAGE, (1, 2, 2)).update(X, None, np.ones(3))
    assert not standardizer.tensor(X + 9, torch.float32, "cpu").any()


def test_statistics_are_measured_once_and_only_of_the_rows_that_count():
    X = draws.normal(size=(5, 6))
    standardizer = ArrayStandardizer(Form.SEQUENCE, (3, 2)).update(X, np.array([0, 2]), np.ones(2))
    mean = X[[0, 2]].reshape(-1, 2).mean(0)
    np.testing.assert_allclose(standardizer.mean_, mean)
    np.testing.assert_allclose(standardizer.update(X + 1, None, np.ones(5)).mean_, mean)


def test_an_encoder_of_columns_does_not_read_images():
    assert isinstance(make_reader("auto", form=Form.IMAGE), ArrayReader)
    with pytest.raises(ValueError, match="dim 4"):
        make_reader("passthrough", form=Form.IMAGE).fit_matrix(np.zeros((2, 1, 3, 3)))


def test_the_mean_sample_leaves_out_what_is_missing_and_counts_weights():
    X = np.array([[[1.0, 2.0], [np.nan, np.nan], [np.nan, np.nan]], [[3.0, np.nan], [5.0, 6.0], [np.nan, np.nan]]])
    standardizer = ArrayStandardizer(Form.SEQUENCE, (3, 2)).update(X.reshape(2, -1), None, np.array([1.0, 3.0]))
    np.testing.assert_allclose(standardizer.mean_sample_[:4], [2.5, 2.0, 5.0, 6.0])
    np.testing.assert_allclose(standardizer.mean_sample_[4:], standardizer.mean_)
    pictures = np.arange(12.0).reshape(1, 2, 2, 3)
    mean = ArrayStandardizer(Form.IMAGE, (2, 2, 3)).update(pictures.reshape(1, -1), None, np.ones(1)).mean_sample_
    np.testing.assert_array_equal(mean, pictures.ravel())
