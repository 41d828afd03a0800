import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_poisson_deviance,
    mean_squared_error,
)

from skmtl.losses import (
    CLASSIFICATION_LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Gamma,
    Huber,
    LogLoss,
    Loss,
    Poisson,
    SquaredError,
)

REGRESSION = [SquaredError(), AbsoluteError(), Huber(), Huber(delta=0.3), Poisson(), Gamma()]


def value(loss, output, target):
    result, _ = loss.loss_and_derivative(
        torch.tensor(output, dtype=torch.float64), torch.tensor(target, dtype=torch.float64)
    )
    return result.tolist()


def targets_of(loss, n_labels, rng):
    """Return labels that suit a loss, scaled as the objective scales them."""
    if loss.scaling == "standard":
        return rng.normal(size=n_labels)
    counts = rng.poisson(2.0, n_labels).astype(float) if loss == Poisson() else rng.gamma(2.0, size=n_labels)
    return counts if loss == Poisson() else counts + 0.01


@pytest.mark.parametrize(
    ("loss", "output", "target", "expected"),
    [
        (SquaredError(), 3.0, 1.0, 2.0),
        (AbsoluteError(), -1.0, 1.5, 2.5),
        (Huber(delta=2.0), 3.0, 1.0, 2.0),  # on the border both branches agree
        (Huber(delta=2.0), 1.5, 1.0, 0.125),
        (Huber(delta=2.0), -4.0, 1.0, 2.0 * (5.0 - 1.0)),
        (Poisson(), 0.0, 0.0, 1.0),
        (Poisson(), math.log(2.0), 1.0, 1.0 - math.log(2.0)),
        (Poisson(), math.log(3.0), 3.0, 0.0),
        (Gamma(), math.log(2.0), 1.0, math.log(2.0) - 0.5),
        (Gamma(), math.log(3.0), 3.0, 0.0),
        (LogLoss(), 0.0, 1.0, math.log(2.0)),
        (LogLoss(), math.log(3.0), 0.0, math.log(4.0)),
    ],
)
def test_value_by_hand(loss, output, target, expected):
    # A handful of operations in float64.
    assert value(loss, output, target) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_log_loss_of_several_classes_by_hand():
    logits = torch.tensor([[[0.0, math.log(2.0), math.log(5.0)]]], dtype=torch.float64)  # (B, T, K)
    loss, derivative = LogLoss().loss_and_derivative(logits, torch.tensor([[1.0]]))
    assert loss.tolist() == [[pytest.approx(-math.log(2 / 8), rel=1e-14)]]
    assert derivative[0, 0].tolist() == pytest.approx([1 / 8, 2 / 8 - 1, 5 / 8], rel=1e-14)


@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), members=st.integers(1, 3), rows=st.integers(1, 5), tasks=st.integers(1, 4))
def test_derivative_equals_finite_difference(loss, seed, members, rows, tasks):
    rng = np.random.default_rng(seed)
    targets = torch.from_numpy(targets_of(loss, rows * tasks, rng).reshape(rows, tasks))
    outputs = torch.from_numpy(rng.normal(scale=2.0, size=(members, rows, tasks)))
    step = 1e-6
    residual = (outputs - targets).abs()
    kink = getattr(loss, "delta", 0.0) if loss.name in ("huber", "absolute_error") else -1.0
    smooth = (residual - kink).abs() > 2 * step
    losses, derivative = loss.loss_and_derivative(outputs.clone(), targets)
    above, _ = loss.loss_and_derivative(outputs + step, targets)
    below, _ = loss.loss_and_derivative(outputs - step, targets)
    assert losses.shape == derivative.shape == outputs.shape
    # Central differences: an error of step² times the third derivative, and eps / step times the loss in rounding.
    torch.testing.assert_close(derivative[smooth], ((above - below) / (2 * step))[smooth], rtol=1e-6, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), members=st.integers(1, 3), tasks=st.integers(1, 3), n_classes=st.integers(2, 5))
def test_derivative_of_log_loss_equals_finite_difference(seed, members, tasks, n_classes):
    rng = np.random.default_rng(seed)
    codes = torch.from_numpy(rng.integers(n_classes, size=(1, 4, tasks)).astype(float))
    shape = (members, 4, tasks) if n_classes == 2 else (members, 4, tasks, n_classes)
    outputs = torch.from_numpy(rng.normal(scale=3.0, size=shape))
    losses, derivative = LogLoss().loss_and_derivative(outputs.clone(), codes)
    assert losses.shape == (members, 4, tasks)
    step = 1e-6
    differences = torch.zeros_like(outputs)
    for output in range(1 if n_classes == 2 else n_classes):
        shift = torch.zeros_like(outputs)
        (shift if n_classes == 2 else shift[..., output]).fill_(step)
        above, _ = LogLoss().loss_and_derivative(outputs + shift, codes)
        below, _ = LogLoss().loss_and_derivative(outputs - shift, codes)
        (differences if n_classes == 2 else differences[..., output]).copy_((above - below) / (2 * step))
    # As above: the error of central differences.
    torch.testing.assert_close(derivative, differences, rtol=1e-6, atol=1e-6)


def test_values_equal_scikit_learns_metrics():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=50)
    counts, amounts, real = rng.poisson(2.0, 50).astype(float), rng.gamma(2.0, size=50), rng.normal(size=50)
    for loss, targets, metric in (
        (SquaredError(), real, lambda y, o: mean_squared_error(y, o) / 2),
        (AbsoluteError(), real, mean_absolute_error),
        (Poisson(), counts, lambda y, o: mean_poisson_deviance(y, np.exp(o)) / 2),
        (Gamma(), amounts, lambda y, o: mean_gamma_deviance(y, np.exp(o)) / 2),
        (LogLoss(), np.sign(real).clip(0), lambda y, o: log_loss(y, 1 / (1 + np.exp(-o)))),
    ):
        # The same formula in another order of operations.
        assert np.mean(value(loss, outputs, targets)) == pytest.approx(metric(targets, outputs), rel=1e-12)


def test_log_loss_of_several_classes_equals_scikit_learns():
    rng = np.random.default_rng(1)
    logits, codes = rng.normal(size=(40, 1, 4)), rng.integers(4, size=(40, 1))
    loss, _ = LogLoss().loss_and_derivative(torch.from_numpy(logits), torch.from_numpy(codes.astype(float)))
    probabilities = LogLoss().inverse_link(torch.from_numpy(logits)).numpy()[:, 0]
    # The same formula in another order of operations.
    assert loss.mean().item() == pytest.approx(log_loss(codes.ravel(), probabilities, labels=range(4)), rel=1e-12)


def test_two_classes_are_softmax_with_the_first_logit_at_zero():
    logits = torch.linspace(-5, 5, 11, dtype=torch.float64).reshape(1, 11, 1)
    codes = (torch.arange(11) % 2).reshape(1, 11, 1).double()
    one, derivative = LogLoss().loss_and_derivative(logits.clone(), codes)
    two, both = LogLoss().loss_and_derivative(torch.stack([torch.zeros_like(logits), logits], -1), codes)
    # Sigmoid and softmax differ in rounding only.
    torch.testing.assert_close(one, two, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(derivative, both[..., 1], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss", [*REGRESSION, LogLoss()], ids=repr)
def test_extreme_outputs_keep_value_and_derivative_finite_and_pull_back(loss, dtype):
    outputs = torch.tensor([[-1e4], [-100.0], [100.0], [1e4]], dtype=dtype)
    losses, derivative = loss.loss_and_derivative(outputs.clone(), torch.ones(4, 1, dtype=dtype))
    assert losses.isfinite().all()
    assert derivative.isfinite().all()
    assert (losses >= 0).all()
    assert (derivative[2:] > 0).all() or loss == LogLoss()
    assert (derivative[:2] < 0).all()
    assert loss.inverse_link(outputs).isfinite().all()


def test_log_loss_keeps_small_losses_of_confident_outputs():
    losses, _ = LogLoss().loss_and_derivative(torch.tensor([[30.0]], dtype=torch.float64), torch.tensor([[1.0]]))
    # log(1 + e^-30) is not lost: softplus(30) - 30 keeps it to the rounding of 30.
    assert losses.item() == pytest.approx(math.exp(-30), abs=30 * np.finfo(float).eps)


@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_labels=st.integers(1, 40), whole=st.booleans())
def test_constant_loss_is_the_smallest_over_constants(loss, seed, n_labels, whole):
    rng = np.random.default_rng(seed)
    targets = targets_of(loss, n_labels, rng)
    if whole:  # ties
        targets = np.ceil(targets)
    weights = rng.integers(1, 4, n_labels).astype(float) if whole else rng.uniform(0.1, 3.0, n_labels)
    mean = np.average(targets, weights=weights)
    if loss.scaling == "mean":
        targets = targets / mean if mean > 0 else targets
    else:
        spread = np.sqrt(np.average((targets - mean) ** 2, weights=weights))
        targets = (targets - mean) / spread if spread > 0 else targets - mean

    def mean_loss(constant):
        return np.average(value(loss, np.full(n_labels, constant), targets), weights=weights)

    edge = 1.0 if loss.scaling == "standard" else 30.0
    bounds = (targets.min() - edge, targets.max() + edge) if loss.scaling == "standard" else (-edge, 5.0)
    best = minimize_scalar(mean_loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).fun
    at_labels = min(mean_loss(constant) for constant in targets) if loss == AbsoluteError() else best
    if loss == SquaredError() and targets.max() == targets.min():
        return  # ½ by definition: the variance of a standardised target
    # The search ends within 1e-8 of the smallest value, whose square enters a smooth loss; at a kink, a label is best.
    assert loss.constant_loss(targets, weights) == pytest.approx(min(best, at_labels), rel=1e-7, abs=1e-7)


def test_constant_loss_of_log_loss_is_the_entropy_of_the_class_shares():
    codes, weights = np.array([0.0, 1.0, 1.0, 3.0]), np.array([2.0, 1.0, 1.0, 4.0])
    expected = -(0.25 * math.log(0.25) + 0.25 * math.log(0.25) + 0.5 * math.log(0.5))
    assert LogLoss().constant_loss(codes, weights) == pytest.approx(expected, rel=1e-14)
    assert LogLoss().constant_loss(np.ones(3), np.ones(3)) == 0.0


def test_constant_loss_of_equal_labels_is_zero():
    same, weights = np.ones(4), np.full(4, 0.7)
    for loss in (AbsoluteError(), Huber(), Poisson(), Gamma()):
        assert loss.constant_loss(same, weights) == pytest.approx(0.0, abs=1e-15)  # a mean of ones, rounded
    assert Poisson().constant_loss(np.zeros(4), weights) == 0.0


def test_constant_loss_counts_integer_weights_as_repeated_labels():
    rng = np.random.default_rng(3)
    weights = rng.integers(1, 5, 12)
    for loss in REGRESSION:
        targets = targets_of(loss, 12, rng)
        repeated = np.repeat(targets, weights)
        # Sums in another order; Huber's location by root finding to 2e-12.
        assert loss.constant_loss(targets, weights.astype(float)) == pytest.approx(
            loss.constant_loss(repeated, np.ones(len(repeated))), rel=1e-11
        )


def test_inverse_links():
    outputs = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for loss in (SquaredError(), AbsoluteError(), Huber()):
        assert loss.inverse_link(outputs) is outputs
    for loss in (Poisson(), Gamma()):
        torch.testing.assert_close(loss.inverse_link(outputs), outputs.exp(), rtol=0, atol=0)
    torch.testing.assert_close(
        LogLoss().inverse_link(torch.tensor([[0.0, math.log(3.0)]])), torch.tensor([[0.25, 0.75]]), rtol=1e-6, atol=0
    )  # float32


def test_losses_leave_outputs_and_targets_as_they_are():
    for loss in [*REGRESSION, LogLoss()]:
        outputs, targets = torch.full((2, 3), 0.5), torch.ones(2, 3)
        loss.loss_and_derivative(outputs, targets)
        assert (outputs == 0.5).all()
        assert (targets == 1).all()


def test_complaints_name_the_smallest_label():
    assert Poisson().complaint(np.array([0.0, 2.0])) is None
    assert Poisson().complaint(np.array([3.0, -1.5])) == "loss 'poisson' needs labels >= 0, and the smallest is -1.5"
    assert Gamma().complaint(np.array([0.1])) is None
    assert Gamma().complaint(np.array([2.0, 0.0])) == "loss 'gamma' needs labels > 0, and the smallest is 0"
    for loss in [*REGRESSION, LogLoss()]:
        assert loss.complaint(np.array([])) is None
        assert loss.complaint(np.array([1.0])) is None


@pytest.mark.parametrize("delta", [0, -1.0, math.nan, math.inf])
def test_huber_refuses_a_delta_that_is_not_positive(delta):
    with pytest.raises(ValueError, match=rf"Huber's delta must be a positive number, got {delta!r}"):
        Huber(delta=delta)


def test_huber_is_half_the_squared_error_for_a_large_delta_and_scales_to_the_absolute_error_for_a_small_one():
    residuals = np.linspace(-2, 2, 9)
    assert value(Huber(delta=10.0), residuals, np.zeros(9)) == value(SquaredError(), residuals, np.zeros(9))
    scaled = np.array(value(Huber(delta=1e-9), residuals, np.zeros(9))) / 1e-9
    np.testing.assert_allclose(scaled, np.abs(residuals), atol=1e-9)  # differs by delta / 2


def test_base_class_leaves_value_and_constant_to_its_losses():
    with pytest.raises(NotImplementedError):
        Loss().loss_and_derivative(torch.zeros(1), torch.zeros(1))
    with pytest.raises(NotImplementedError):
        Loss().constant_loss(np.zeros(1), np.ones(1))


@pytest.mark.parametrize("loss", [*REGRESSION, LogLoss()], ids=repr)
def test_losses_are_frozen_values_that_hash_compare_and_pickle(loss):
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert hash(loss) == hash(dataclasses.replace(loss))
    assert (REGRESSION_LOSSES | CLASSIFICATION_LOSSES)[loss.name] is type(loss)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.delta = 2.0
    assert not hasattr(loss, "get_params")  # searched as a whole value


def test_different_losses_are_not_equal():
    assert len({*REGRESSION, LogLoss()}) == len(REGRESSION) + 1
