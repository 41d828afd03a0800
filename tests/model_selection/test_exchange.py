import numpy as np
import pytest
from scipy.sparse import csr_array

from skmtl.model_selection._exchange import MOST_MUTUAL_PARTS, Division, _part_pairs


def division(counts, dealt, target=None, wanted=None, moves=False):
    counts, dealt = csr_array(np.array(counts, dtype=float)), np.array(dealt)
    if target is None:
        target = np.tile(counts.T @ dealt.sum(axis=1) / dealt.shape[1], (dealt.shape[1], 1))
    wanted = np.zeros(target.shape, dtype=bool) if wanted is None else wanted
    return Division(counts, dealt, target, wanted, np.ones(target.shape[1]), moves)


def random_division(seed, n_parts=4, n_units=60, moves=False):
    generator = np.random.default_rng(seed)
    counts = generator.integers(3, size=(n_units, 7)) if moves else generator.integers(2, size=(n_units, 7))
    dealt = np.eye(n_parts, dtype=int)[generator.permutation(np.arange(n_units) % n_parts)]
    return division(counts, dealt, moves=moves)


def test_two_rows_change_places_where_that_is_all_that_is_needed():
    found = division([[1, 0], [0, 1]], [[2, 0], [0, 2]])
    assert found.distance == 4
    found.improve()
    assert found.distance == 0
    assert found.result.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("moves", [False, True])
def test_exchange_never_makes_it_worse_and_counts_right(moves):
    for seed in range(10):
        found = random_division(seed, moves=moves)
        copies, sizes, before = found.result.sum(axis=1), found.result.sum(axis=0), found.distance
        for a, b in [(0, 1), (1, 2), (3, 0)]:
            found.exchange(a, b)
            assert found.distance <= before
            before = found.distance
        np.testing.assert_array_equal(found.rows, (found.counts.T @ found.dealt).T)
        np.testing.assert_array_equal(found.result.sum(axis=1), copies)
        if not moves:
            np.testing.assert_array_equal(found.result.sum(axis=0), sizes)


def test_no_single_exchange_helps_afterwards():
    found = random_division(0, n_units=24)
    found.improve()
    counts, distance = found.counts.toarray(), found.distance
    part = found.result.argmax(axis=1)
    for i in range(24):
        for j in range(24):
            rows = found.rows.copy()
            rows[part[i]] += counts[j] - counts[i]
            rows[part[j]] += counts[i] - counts[j]
            assert ((rows - found.target) ** 2).sum() >= distance - 1e-9 or part[i] == part[j]


def test_a_group_moves_alone():
    found = division([[2], [1], [1]], [[1, 0], [1, 0], [1, 0]], moves=True)
    found.improve()
    assert found.distance == 0


def test_a_lacking_class_is_brought_even_at_a_price():
    # Part 1 lacks stratum 1; the target says that it should, and what is wanted says otherwise.
    counts, dealt = [[1, 1], [1, 0]], [[2, 0], [0, 2]]
    target = np.array([[2.0, 2.0], [2.0, 0.0]])
    without = division(counts, dealt, target)
    without.improve()
    assert without.rows.tolist() == [[2, 2], [2, 0]]
    found = division(counts, dealt, target, wanted=np.array([[False, True], [False, True]]))
    found.improve()
    assert found.rows.tolist() == [[2, 1], [2, 1]]


def test_exchange_takes_no_class_away_from_a_part():
    # Without the condition the only class in part 1 would go where more of it is due.
    counts, dealt = [[1, 1], [1, 0]], [[1, 1], [1, 1]]
    target = np.array([[2.0, 2.0], [2.0, 0.0]])
    found = division(counts, dealt, target, wanted=np.array([[False, True], [False, True]]))
    found.improve()
    assert found.rows[:, 1].tolist() == [1, 1]
    free = division(counts, dealt, target)
    free.improve()
    assert free.rows[:, 1].tolist() == [2, 0]


def test_a_lacking_class_is_found_a_place_from_nearby_where_no_single_exchange_brings_it():
    # 21 rows in seven parts: classes of seven rows and a little more leave little room.
    lacking = []
    for seed in range(10):
        generator = np.random.default_rng(seed)
        counts = np.eye(3)[generator.integers(3, size=(21, 4))].reshape(21, 12)
        dealt = np.eye(7, dtype=int)[np.arange(21) % 7]
        wanted = np.tile(counts.sum(axis=0) >= 7, (7, 1))
        found, once = division(counts, dealt, wanted=wanted), division(counts, dealt, wanted=wanted)
        found.improve()
        once._descend()
        assert found.distance <= once.distance
        np.testing.assert_array_equal(found.result.sum(axis=0), [3] * 7)
        lacking.append([(one.wanted & (one.rows == 0)).sum() for one in (once, found)])
    before, after = np.sum(lacking, axis=0)
    assert after < before


def test_the_most_promising_units_are_enough(monkeypatch):
    everything = random_division(0, n_units=400)
    everything.improve()
    monkeypatch.setattr("skmtl.model_selection._exchange.MOST_CANDIDATES", 40)
    monkeypatch.setattr("skmtl.model_selection._exchange.MOST_PAIRS", 20)
    found = random_division(0, n_units=400)
    before = found.distance
    found.improve()
    assert found.distance < before / 10
    assert found.distance < everything.distance + 5


@pytest.mark.parametrize("n_parts", [2, 5, 64])
def test_all_pairs_of_few_parts_exchange_units(n_parts):
    assert len(set(zip(*_part_pairs(n_parts), strict=True))) == n_parts * (n_parts - 1) // 2


@pytest.mark.parametrize("n_parts", [65, 100, 1000, 10_000])
def test_each_of_many_parts_has_partners_but_not_all(n_parts):
    pairs = {frozenset(map(int, pair)) for pair in zip(*_part_pairs(n_parts), strict=True)}
    assert all(len(pair) == 2 for pair in pairs)
    assert len(pairs) == len(_part_pairs(n_parts)[0])  # none twice
    assert len(pairs) <= max(MOST_MUTUAL_PARTS**2 // 2 + n_parts, n_parts)
    assert set().union(*pairs) == set(range(n_parts))
