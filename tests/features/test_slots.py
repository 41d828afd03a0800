import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from skmtl.features import Layout, Standardizer, _chunks

NAN = np.nan


def coded(codes, n_categories=None):
    """Return a matrix of one column of categories, and its layout."""
    codes = np.asarray(codes, dtype=float)
    n_categories = int(np.nanmax(codes)) + 1 if n_categories is None else n_categories
    return codes[:, None], Layout(["c"], [0], {0: [f"c{i:05d}" for i in range(n_categories)]})


def fitted(codes, weights=None, keys=None, n_categories=None, **settings):
    X, layout = coded(codes, n_categories)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, float)
    return Standardizer(layout, **settings).update(X, None, weights, keys)


def tensor(standardizer, codes, dtype=torch.float64):
    return standardizer.tensor(np.asarray(codes, float)[:, None], dtype, "cpu")


# One-hot


def test_few_categories_become_centred_columns_of_0_and_1():
    standardizer = fitted([0, 1, 1, 2, 1, 0, 0, 0])
    assert (standardizer.n_outputs, standardizer.n_embedded, standardizer.embedding_size) == (3, 0, 0)
    shares = np.array([4, 3, 1]) / 8
    np.testing.assert_array_equal(tensor(standardizer, [0, 1, 2]), np.eye(3) - shares)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_they_equal_scikit_learns_centred(seed, dtype):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(n, size=60) for n in (2, 5, 9)]).astype(float)
    layout = Layout(list("abc"), [0, 1, 2], {i: list(range(n)) for i, n in enumerate((2, 5, 9))})
    weights = rng.uniform(0.5, 2, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_chunks, "CHUNK_BYTES", 8 * 3 * 7)
        standardizer = Standardizer(layout, min_frequency=1).update(X, None, weights)
    table = OneHotEncoder(sparse_output=False).fit_transform(X)
    expected = table - np.average(table, axis=0, weights=weights)
    tolerance = {torch.float32: 1e-7, torch.float64: 1e-15}[dtype]  # one rounding
    np.testing.assert_allclose(standardizer.tensor(X, dtype, "cpu"), expected, atol=tolerance, rtol=0)


def test_integer_weights_count_as_repeated_rows():
    one = fitted([0, 1, 2, NAN], weights=[3, 1, 2, 2])
    other = fitted([0, 0, 0, 1, 2, 2, NAN, NAN])
    np.testing.assert_array_equal(tensor(one, [0, 1, 2, NAN]), tensor(other, [0, 1, 2, NAN]))


def test_missing_is_a_category_where_it_was_seen():
    standardizer = fitted([0, NAN, 1, 1])
    np.testing.assert_array_equal(tensor(standardizer, [0, 1, NAN]), np.eye(3) - [0.25, 0.5, 0.25])


def test_unseen_and_newly_missing_categories_count_as_average():
    standardizer = fitted([0, 0, 1, 1, 1])
    result = tensor(standardizer, [-1, 0, NAN])
    assert result[0].tolist() == result[2].tolist() == [0, 0]
    np.testing.assert_array_equal(result[1], [1 - 0.4, -0.6])


def test_a_column_of_one_category_has_no_influence():
    for codes in ([0, 0, 0], [NAN, NAN, NAN]):
        standardizer = fitted(codes, n_categories=1)
        assert standardizer.n_outputs == 0
        assert tensor(standardizer, [0, -1, NAN]).shape == (3, 0)


def test_columns_stand_numbers_first_then_marks_then_categories_then_embeddings():
    layout = Layout(list("abcd"), [0, 1, 2, 3], {0: ["x", "y"], 2: list(range(20)), 3: ["p", "q", "r"]})
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.integers(2, size=400), rng.normal(size=400), rng.integers(20, size=400), rng.integers(3, size=400)]
    )
    X[::5, 1] = NAN
    standardizer = Standardizer(layout).update(X, None, np.ones(400))
    assert (standardizer.n_outputs, standardizer.n_embedded) == (1 + 1 + 2 + 3, 1)
    result = standardizer.tensor(X, torch.float64, "cpu").numpy()
    numbers = Standardizer(1).update(X[:, 1:2], None, np.ones(400))
    np.testing.assert_array_equal(result[:, :2], numbers.tensor(X[:, 1:2], torch.float64, "cpu"))
    np.testing.assert_array_equal(result[:, 2:4].argmax(axis=1), X[:, 0])
    np.testing.assert_array_equal(result[:, 4:7].argmax(axis=1), X[:, 3])
    np.testing.assert_array_equal(result[:, 7], X[:, 2] + 1)
    assert np.abs(result[:, :7].mean(axis=0)).max() < 1e-15


# Rare categories


def test_rare_categories_share_a_slot_with_unseen_ones():
    codes = [0] * 100 + [1] * 96 + [2] * 4 + [3]  # 4 and 1 rows are fewer than 5
    standardizer = fitted(codes)
    assert standardizer.n_outputs == 3
    result = tensor(standardizer, [0, 1, 2, 3, -1, NAN])
    np.testing.assert_array_equal(result[2], [-100 / 201, -96 / 201, 1 - 5 / 201])
    assert result[3].tolist() == result[4].tolist() == result[2].tolist()
    assert result[5].tolist() == [0, 0, 0]


def test_what_is_rare_is_a_question_of_distinct_rows():
    codes = [0] * 200 + [1] * 200
    keys = np.arange(400, dtype=np.uint64)
    keys[200:] = [1000, 1001] * 100  # category 1 has two distinct rows among 202
    assert fitted(codes, keys=keys).n_outputs == 2
    standardizer = fitted(codes, keys=keys)
    assert tensor(standardizer, [1]).tolist() == tensor(standardizer, [-1]).tolist()  # it is the rare one
    assert tensor(fitted(codes), [-1]).tolist() == [[0, 0]]


def test_repeated_rows_do_not_change_what_is_rare():
    rng = np.random.default_rng(1)
    codes = np.minimum(rng.geometric(0.3, 150) - 1, 12)
    keys = np.arange(150, dtype=np.uint64)
    counts = rng.integers(1, 4, 150)
    one = fitted(codes, weights=counts, keys=keys)
    other = fitted(np.repeat(codes, counts), keys=np.repeat(keys, counts))
    np.testing.assert_allclose(tensor(one, codes), tensor(other, codes), atol=1e-15)  # sums in another order


@pytest.mark.parametrize(("n_rows", "n_slots"), [(20, 3), (39, 3), (60, 2), (120, 2)])
def test_in_small_tables_a_twentieth_of_the_rows_is_enough(n_rows, n_slots):
    codes = [0] * (n_rows // 2) + [1] * (n_rows - n_rows // 2 - 2) + [2] * 2
    standardizer = fitted(codes, min_frequency=5)
    assert standardizer.n_outputs == 3
    rare = tensor(standardizer, [2]).tolist() == tensor(standardizer, [-1]).tolist()
    assert rare == (n_slots == 2)


def test_a_frequency_of_one_makes_nothing_rare():
    standardizer = fitted([0] * 500 + [1], min_frequency=1)
    assert tensor(standardizer, [-1]).tolist() == [[0, 0]]


def test_categories_of_other_rows_are_as_good_as_unseen():
    X, layout = coded([0, 0, 1, 1, 2])
    standardizer = Standardizer(layout).update(X, np.array([0, 1, 2, 3]), np.ones(4))
    assert standardizer.n_outputs == 2
    assert tensor(standardizer, [2]).tolist() == [[0, 0]]


def test_names_that_never_repeat_say_nothing():
    standardizer = fitted(np.arange(10_000))
    assert (standardizer.n_outputs, standardizer.n_embedded) == (0, 0)


# Embeddings


def test_many_categories_become_rows_of_one_table():
    rng = np.random.default_rng(2)
    first, second = rng.integers(20, size=2000).astype(float), rng.integers(30, size=2000).astype(float)
    first[:50] = NAN
    layout = Layout(["a", "b"], [0, 1], {0: list(range(20)), 1: list(range(30))})
    X = np.column_stack([first, second])
    standardizer = Standardizer(layout).update(X, None, np.ones(2000))
    assert standardizer.n_outputs == 0
    assert standardizer.embedding_rows == [1 + 20 + 1, 1 + 30]
    result = standardizer.tensor(X, torch.float32, "cpu").numpy()
    np.testing.assert_array_equal(result[50:, 0], first[50:] + 1)
    assert (result[:50, 0] == 21).all()  # missing comes last
    np.testing.assert_array_equal(result[:, 1], 22 + second + 1)
    unseen = standardizer.tensor(np.array([[-1.0, -1.0], [-1.0, NAN]]), torch.float32, "cpu")
    assert unseen.tolist() == [[0, 22], [0, 22]]  # the first row of each column's part


def test_rare_and_unseen_categories_share_an_embedding():
    codes = np.repeat(np.arange(40), [50] * 30 + [2] * 10)
    standardizer = fitted(codes)
    assert standardizer.embedding_rows == [1 + 30 + 1]
    assert tensor(standardizer, [29, 30, 39, -1, NAN]).ravel().tolist() == [30, 31, 31, 31, 0]


def test_ten_thousand_categories():
    codes = np.random.default_rng(3).integers(10_000, size=200_000)
    standardizer = fitted(codes, n_categories=10_000)
    assert standardizer.n_outputs == 0
    assert 9_900 < standardizer.embedding_rows[0] <= 10_001
    assert standardizer.embedding_size == 20
    places = tensor(standardizer, codes[:1000], torch.float32).ravel()
    assert places.max() < standardizer.embedding_rows[0]


@pytest.mark.parametrize(("max_one_hot", "n_outputs"), [(0, 0), (2, 0), (3, 3), (16, 3)])
def test_up_to_max_one_hot_slots_are_one_hot(max_one_hot, n_outputs):
    standardizer = fitted([0, 1, 2] * 5, max_one_hot=max_one_hot)
    assert standardizer.n_outputs == n_outputs
    assert standardizer.n_embedded == (n_outputs == 0)


def test_the_size_of_embeddings_grows_slowly_or_is_given():
    sizes = [fitted(np.repeat(np.arange(n), 5), min_frequency=1).embedding_size for n in (17, 100, 1000)]
    assert sizes == [4, 6, 11]
    assert fitted(np.repeat(np.arange(17), 5), embedding_size=3).embedding_size == 3
    assert fitted([0, 1], embedding_size=3).embedding_size == 0


# All the same


def test_slots_are_fixed_by_the_first_rows():
    standardizer = fitted([0, 0, 1, 1], n_categories=3)
    before = tensor(standardizer, [0, 1])
    X, _ = coded([2, 2, 1, 0], 3)
    standardizer.update(X, None, np.ones(4))
    assert torch.equal(tensor(standardizer, [0, 1]), before)
    assert tensor(standardizer, [2]).tolist() == [[0, 0]]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles_give_the_same(copied):
    codes = np.repeat(np.arange(25), 4)
    for standardizer in (fitted(codes), fitted(codes, max_one_hot=99)):
        assert torch.equal(tensor(copied(standardizer), codes), tensor(standardizer, codes))


def test_batches_do_not_change_the_rows():
    rng = np.random.default_rng(4)
    layout = Layout(list("abc"), [0, 1, 2], {1: list(range(5)), 2: list(range(40))})
    X = np.column_stack([rng.normal(size=300), rng.integers(-1, 5, 300), rng.integers(-1, 40, 300)])
    X[rng.random((300, 3)) < 0.1] = NAN
    standardizer = Standardizer(layout).update(X, None, np.ones(300))
    whole = standardizer.tensor(X.copy(), torch.float32, "cpu")
    parts = [standardizer.tensor(torch.from_numpy(X[i : i + 7].copy()), torch.float32, "cpu") for i in range(0, 300, 7)]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(standardizer.tensor(X[:12].reshape(3, 4, 3), torch.float32, "cpu").flatten(0, 1), whole[:12])
