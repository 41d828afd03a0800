import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from skmtl.losses import Quantile

LEVELS = (0.1, 0.5, 0.8)


def outputs_of(n_levels=3, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    outputs = torch.from_numpy(scale * rng.normal(size=(2, 6, 2, n_levels)))
    return outputs, torch.from_numpy(rng.normal(size=(1, 6, 2)))


@pytest.mark.parametrize("levels", [LEVELS, 0.3])
def test_the_derivative_is_the_finite_difference(levels):
    loss = Quantile(levels)
    outputs, targets = outputs_of(loss.width(1))
    outputs = outputs[..., 0] if loss.width(1) == 1 else outputs
    losses, derivative = loss.loss_and_derivative(outputs.clone(), targets)
    assert losses.shape == (2, 6, 2)
    step = 1e-7
    for place in range(outputs.numel()):
        values = []
        for sign in (1, -1):
            moved = outputs.clone()
            moved.view(-1)[place] += sign * step
            values.append(loss.loss_and_derivative(moved, targets)[0].sum().item())
        assert derivative.flatten()[place].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-6)


def test_the_loss_is_the_mean_pinball_loss_of_scikit_learn():
    outputs, targets = outputs_of()
    losses, _ = Quantile(LEVELS).loss_and_derivative(outputs.clone(), targets)
    quantiles = Quantile(LEVELS).inverse_link(outputs)
    expected = np.mean(
        [
            mean_pinball_loss(targets[0, :, 0], quantiles[1, :, 0, place], alpha=level)
            for place, level in enumerate(LEVELS)
        ]
    )
    assert losses[1, :, 0].mean().item() == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_quantiles_never_cross(seed, scale):
    outputs, _ = outputs_of(5, scale, seed)
    assert (Quantile((0.1, 0.2, 0.5, 0.6, 0.9)).inverse_link(outputs).diff(dim=-1) >= 0).all()


def test_a_network_starts_at_the_quantiles_of_the_labels():
    rng = np.random.default_rng(0)
    targets, weights = rng.normal(size=500), np.ones(500)
    loss = Quantile(LEVELS)
    start = loss.inverse_link(torch.from_numpy(loss.start(targets, weights, 1))).numpy()
    np.testing.assert_allclose(start, np.quantile(targets, LEVELS, method="inverted_cdf"), atol=1e-9)
    losses, _ = loss.loss_and_derivative(
        torch.from_numpy(loss.start(targets, weights, 1)).expand(500, 1, 3), torch.from_numpy(targets)[:, None]
    )
    assert losses.mean().item() == pytest.approx(loss.constant_loss(targets, weights))


def test_integer_weights_are_repeated_labels():
    rng = np.random.default_rng(0)
    targets, weights = rng.normal(size=30), rng.integers(1, 5, 30)
    repeated = np.repeat(targets, weights)
    loss = Quantile(LEVELS)
    ones = np.ones(len(repeated))
    np.testing.assert_allclose(loss.start(targets, weights.astype(float), 1), loss.start(repeated, ones, 1))
    assert loss.constant_loss(targets, weights.astype(float)) == pytest.approx(loss.constant_loss(repeated, ones))


def test_equal_quantiles_start_a_little_apart():
    loss = Quantile(LEVELS)
    start = loss.inverse_link(torch.from_numpy(loss.start(np.zeros(5), np.ones(5), 1)))
    np.testing.assert_allclose(start, [0, 0.01, 0.02])


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((0.1, 0.5, 0.9), 2.0), ((0.4, 0.6), 1.5), ((0.8, 0.9), 1.0), ((0.1, 0.3), 2.0)],
)
def test_the_point_is_the_quantile_next_to_the_median(levels, expected):
    quantiles = torch.arange(1.0, len(levels) + 1).expand(4, 2, -1)
    assert torch.equal(Quantile(levels).point(quantiles), torch.full((4, 2), expected))


def test_a_single_quantile_is_its_own_point():
    values = torch.ones(3, 2)
    assert Quantile(0.9).point(values) is values
    assert Quantile(0.9).inverse_link(values) is values


@pytest.mark.parametrize("levels", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), 1.5, (np.nan,)])
def test_levels_increase_between_0_and_1(levels):
    with pytest.raises(ValueError, match="levels of quantiles must increase strictly between 0 and 1"):
        Quantile(levels)


def test_levels_given_in_any_form_are_equal():
    assert Quantile([0.1, 0.9]) == Quantile(np.array([0.1, 0.9])) == Quantile((0.1, 0.9))
    assert hash(Quantile([0.5])) == hash(Quantile(0.5))
