"""What stands where in the rows that a network reads."""

import numpy as np
import pytest
import torch

from skmtl.features import ArrayStandardizer, Form, Layout, Standardizer, TextEncoder

CPU = torch.device("cpu")


@pytest.fixture
def table():
    """A date of two columns, a constant, a number with holes, and categories of few and many kinds."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(size=(200, 2)),
            np.full(200, 3.0),
            rng.normal(size=200),
            rng.integers(3, size=200),
            rng.integers(40, size=200),
        ]
    )
    X[::7, 3] = np.nan
    names = ["day (trend)", "day (week)", "constant", "number", "few", "many"]
    categories = {4: list("abc"), 5: [str(place) for place in range(40)]}
    layout = Layout(names, [0, 0, 1, 2, 3, 4], categories)
    return X, Standardizer(layout, min_frequency=1, n_bins=4).update(X, None, np.ones(200))


def test_every_input_of_a_row_has_the_column_that_it_comes_from(table):
    X, scales = table
    inputs = scales.inputs(torch.float64, CPU)
    before = scales.tensor(X.copy(), torch.float64, "cpu")
    assert (inputs.form, inputs.n_columns, len(inputs.owner)) == (Form.COLUMNS, 5, before.shape[1])
    assert inputs.varies.tolist() == [1, 1, 0, 1]
    for source, columns in enumerate(([0, 1], [2], [3], [4], [5])):
        changed = X.copy()
        changed[:, columns] = np.roll(X[:, columns], 1, axis=0)
        differs = (scales.tensor(changed, torch.float64, "cpu") != before).any(0)
        assert differs.equal((inputs.owner == source) & (source != 1))


def test_other_numbers_bring_their_codes(table):
    X, scales = table
    inputs, x = scales.inputs(torch.float64, CPU), scales.tensor(X.copy(), torch.float64, "cpu")
    torch.testing.assert_close(inputs.with_numbers(x, x[:, :4]), x)
    other = inputs.with_numbers(x, x[:, :4].roll(1, 0))
    coded = 4 + len(inputs.bins)
    torch.testing.assert_close(other[:, :coded], x[:, :coded].roll(1, 0))
    assert other[:, coded:].equal(x[:, coded:])


def test_values_of_images_and_sequences_vary_where_their_channel_or_feature_does():
    X = np.random.default_rng(0).normal(size=(9, 12))
    X[:, 6:] = 2.0
    image = ArrayStandardizer(Form.IMAGE, (2, 2, 3)).update(X, None, np.ones(9)).inputs(torch.float32, CPU)
    assert image.varies.tolist() == [1.0] * 6 + [0.0] * 6
    X = np.random.default_rng(0).normal(size=(9, 12))
    X[:, 1::2] = 2.0
    steps = ArrayStandardizer(Form.SEQUENCE, (6, 2)).update(X, None, np.ones(9)).inputs(torch.float32, CPU)
    assert steps.varies.tolist() == [1.0, 0.0]
    assert (steps.form, steps.shape, len(steps.rest), steps.n_columns) == (Form.SEQUENCE, (6, 2), 18, 0)
    values, there = steps.steps(torch.arange(24.0).view(1, 24))  # longer sequences than at fit
    assert values.tolist() == [[[2 * step, 2 * step + 1] for step in range(8)]]
    assert there.tolist() == [list(range(16, 24))]


def test_texts_have_no_numbers_and_no_columns():
    reader = TextEncoder().build()
    inputs = reader.standardizer().update(reader.fit_matrix(["a", "b"]), None, np.ones(2)).inputs(torch.float32, CPU)
    assert (inputs.form, inputs.n_columns, len(inputs.varies)) == (Form.TEXT, 0, 0)
