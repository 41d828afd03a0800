"""Column corruption."""

import numpy as np
import pandas as pd
import pytest
import torch

from skmtl.augmentation import ColumnCorruption
from skmtl.features import TableEncoder


@pytest.mark.parametrize("rate, n_columns", [(0.0, 4), (0.5, 4), (0.6, 10), (1.0, 4)])
def test_every_row_has_its_share_of_columns_replaced(draws_for, columns, rate, n_columns):
    x = torch.arange(900.0 * n_columns).view(900, n_columns)
    corrupted = ColumnCorruption(rate).augment(x, columns(n_columns), draws_for(x))
    changed = (corrupted != x).sum(1).double()
    assert changed.max() <= rate * n_columns
    assert changed.mean() > rate * n_columns * (1 - 4 / 900) - 1e-9  # a row may lend to itself


def test_what_rounding_leaves_over_is_left_to_chance(draws_for, columns):
    x = torch.arange(4000.0 * 3).view(4000, 3)
    changed = (ColumnCorruption(0.5).augment(x, columns(3), draws_for(x)) != x).sum(1).double()
    assert set(changed.tolist()) == {1.0, 2.0}
    assert abs(changed.mean().item() - 1.5) < 0.04


def test_columns_are_replaced_alike_often_by_values_of_their_own_and_keep_their_distribution(draws_for, columns):
    x = torch.stack([torch.arange(5000) % 5, torch.arange(5000) % 2 + 10, torch.arange(5000) // 4999 + 20], 1).float()
    corrupted = ColumnCorruption(1.0).augment(x, columns(3), draws_for(x))
    for column, values in enumerate(([0, 1, 2, 3, 4], [10, 11])):
        shares = torch.stack([(corrupted[:, column] == value).double().mean() for value in values])
        torch.testing.assert_close(
            shares, torch.full_like(shares, 1 / len(values)), rtol=0, atol=4 * (0.25 / 5000) ** 0.5
        )
    moved = ColumnCorruption(0.34).augment(x + torch.rand(5000, 1) / 10, columns(3), draws_for(x)) - x
    rates = (moved.diff(dim=1).abs() > 1e-3).double().mean(0)
    assert (rates > 0).all()
    independent = torch.corrcoef(corrupted[:, :2].T)[0, 1]
    assert abs(independent) < 4 / 5000**0.5


def test_a_column_is_replaced_with_all_that_was_made_of_it(draws_for):
    rng = np.random.default_rng(0)
    n = 300
    X = pd.DataFrame(
        {
            "number": np.where(rng.uniform(size=n) < 0.2, np.nan, rng.normal(size=n)),
            "few": rng.choice(list("abc"), n),
            "many": rng.choice([f"city {place}" for place in range(30)], n),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    reader = TableEncoder(n_bins=4).build()
    matrix = reader.fit_matrix(X)
    scales = reader.standardizer().update(matrix, None, np.ones(n))
    x = scales.tensor(matrix.copy(), torch.float64, "cpu")
    inputs = scales.inputs(torch.float64, torch.device("cpu"))
    assert inputs.n_columns == 4
    assert len(inputs.owner) == x.shape[1]
    corrupted = ColumnCorruption(0.5).augment(x, inputs, draws_for(x))
    replaced = 0
    for column in range(4):
        block, original = corrupted[:, inputs.owner == column], x[:, inputs.owner == column]
        known = {tuple(row) for row in original.tolist()}
        assert {tuple(row) for row in block.tolist()} <= known  # nothing that no row holds
        replaced += (block != original).any(1).double().mean()
    assert 1.5 < replaced <= 2


def test_values_come_from_rows_that_the_same_members_train_on(draws_for, columns):
    rows = torch.ones(2, 60)
    rows[0, :30] = rows[1, 30:] = 0
    x = torch.arange(60.0).repeat_interleave(2).view(60, 2)
    corrupted = ColumnCorruption(1.0).augment(x, columns(2), draws_for(x, rows))
    assert ((corrupted < 30) == (x < 30)).all()
