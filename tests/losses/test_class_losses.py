"""Label smoothing, focal and ordinal losses: derivatives, values, and what their probabilities mean."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn.functional import cross_entropy

from skmtl.losses import Focal, LogLoss, Multilabel, Ordinal

LOSSES = [LogLoss(), LogLoss(0.2), Multilabel(), Focal(), Focal(0.5), Focal(5.0), Ordinal()]


def outputs_of(loss, n_classes, scale=2.0, seed=0):
    """Random outputs of three members, four rows and two tasks, and codes."""
    rng = np.random.default_rng(seed)
    width = loss.width(n_classes)
    outputs = torch.from_numpy(scale * rng.normal(size=(3, 4, 2, width)))
    return (outputs[..., 0] if width == 1 else outputs), torch.from_numpy(
        rng.integers(n_classes, size=(1, 4, 2)).astype(float)
    )


def probabilities(loss, outputs, codes):
    return loss.inverse_link(outputs.unsqueeze(-1) if outputs.dim() == codes.dim() else outputs)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_derivative_is_the_finite_difference(loss, n_classes):
    outputs, codes = outputs_of(loss, n_classes)
    losses, derivative = loss.loss_and_derivative(outputs.clone(), codes)
    assert losses.shape == (3, 4, 2)
    assert derivative.shape == outputs.shape
    step = 1e-6
    for place in range(outputs.numel()):
        shifted = []
        for sign in (1, -1):
            moved = outputs.clone()
            moved.view(-1)[place] += sign * step
            shifted.append(loss.loss_and_derivative(moved, codes)[0].sum())
        assert derivative.flatten()[place].item() == pytest.approx(
            (shifted[0] - shifted[1]).item() / (2 * step), abs=1e-7
        )


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_probabilities_are_positive_and_add_up_to_one(loss, n_classes):
    outputs, codes = outputs_of(loss, n_classes)
    found = probabilities(loss, outputs, codes)
    assert found.shape == (3, 4, 2, n_classes)
    assert (found > 0).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 4, 2, dtype=torch.float64))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_extreme_outputs_keep_everything_finite(loss, n_classes):
    outputs, codes = outputs_of(loss, n_classes, scale=1e3)
    losses, derivative = loss.loss_and_derivative(outputs.float(), codes.float())
    assert losses.isfinite().all()
    assert (losses >= 0).all()
    assert derivative.isfinite().all()
    assert probabilities(loss, outputs.float(), codes).isfinite().all()


@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("loss", [*LOSSES, Focal(0.0)], ids=repr)
def test_a_network_starts_at_the_class_shares_and_there_its_loss_is_the_constants(loss, n_classes):
    rng = np.random.default_rng(1)
    codes = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=50)]).astype(float)
    weights = rng.uniform(0.5, 2, len(codes))
    start = torch.from_numpy(loss.start(codes, weights, n_classes))
    shares = np.bincount(codes.astype(int), weights=weights) / weights.sum()
    smoothing = getattr(loss, "label_smoothing", 0.0)
    expected = shares * (1 - smoothing) + smoothing / n_classes
    np.testing.assert_allclose(loss.inverse_link(start).numpy(), expected, atol=2e-6)
    outputs = start.expand(len(codes), 1, -1)
    outputs = outputs[..., 0] if loss.width(n_classes) == 1 else outputs
    losses, _ = loss.loss_and_derivative(outputs, torch.from_numpy(codes)[:, None])
    constant = loss.constant_loss(codes, weights)
    assert np.average(losses[:, 0].numpy(), weights=weights) == pytest.approx(constant, abs=1e-6)


def test_a_class_without_labels_starts_rare_in_every_loss():
    codes, weights = np.array([0.0, 0, 0, 2]), np.ones(4)
    for loss in (LogLoss(), Focal(), Ordinal()):
        found = loss.inverse_link(torch.from_numpy(loss.start(codes, weights, 3))).numpy()
        assert 0 < found[1] < 0.02
        assert found[0] > found[2] > found[1]


# Label smoothing


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_is_that_of_torch(smoothing):
    outputs, codes = outputs_of(LogLoss(), 4)
    found, _ = LogLoss(smoothing).loss_and_derivative(outputs.clone(), codes)
    flat = outputs.reshape(-1, 4)
    targets = codes.expand(3, 4, 2).reshape(-1).long()
    expected = cross_entropy(flat, targets, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(found.flatten(), expected)


def test_two_classes_are_smoothed_alike_with_one_output_or_two():
    single, codes = outputs_of(LogLoss(), 2)
    pair = torch.stack([torch.zeros_like(single), single], -1)
    one, _ = LogLoss(0.3).loss_and_derivative(single.clone(), codes)
    two, _ = LogLoss(0.3).loss_and_derivative(pair, codes)
    torch.testing.assert_close(one, two)


# Focal


@pytest.mark.parametrize("n_classes", [2, 4])
def test_focal_loss_without_discount_is_log_loss(n_classes):
    outputs, codes = outputs_of(Focal(0.0), n_classes)
    for mine, theirs in zip(
        Focal(0.0).loss_and_derivative(outputs.clone(), codes),
        LogLoss().loss_and_derivative(outputs.clone(), codes),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(probabilities(Focal(0.0), outputs, codes), probabilities(LogLoss(), outputs, codes))


def test_focal_loss_by_hand():
    logit = torch.tensor([[np.log(0.8 / 0.2)]])
    (loss,), _ = Focal(2.0).loss_and_derivative(logit, torch.tensor([[1.0]], dtype=torch.float64))
    assert loss.item() == pytest.approx(0.2**2 * -np.log(0.8))
    (loss,), _ = Focal(2.0).loss_and_derivative(logit, torch.tensor([[0.0]], dtype=torch.float64))
    assert loss.item() == pytest.approx(0.8**2 * -np.log(0.2))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("shares", [(0.7, 0.2, 0.1), (0.4, 0.35, 0.25), (0.9, 0.1)])
def test_where_the_expected_focal_loss_is_least_the_inverse_link_gives_the_true_probabilities(gamma, shares):
    """Theorem 11 of Charoenphakdee et al. (2021), with a minimiser that knows nothing of it."""

    def expected_loss(logits):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        return -np.sum(np.array(shares) * (1 - p) ** gamma * np.log(p))

    best = minimize(expected_loss, np.zeros(len(shares)), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    found = Focal(gamma).inverse_link(torch.from_numpy(best.x)).numpy()
    np.testing.assert_allclose(found, shares, atol=1e-4)
    assert best.fun == pytest.approx(
        Focal(gamma).constant_loss(np.arange(len(shares), dtype=float), np.array(shares)), abs=1e-6
    )


def test_one_class_alone_costs_nothing():
    assert Focal().constant_loss(np.zeros(3), np.ones(3)) == 0


# Ordinal


def test_of_two_classes_the_cumulative_link_is_log_loss():
    outputs, codes = outputs_of(Ordinal(), 2)
    for mine, theirs in zip(
        Ordinal().loss_and_derivative(outputs.clone(), codes),
        LogLoss().loss_and_derivative(outputs.clone(), codes),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


def test_the_link_is_cumulative_with_thresholds_in_order():
    outputs = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    gaps = np.log1p(np.exp([-1.0, 2.0]))
    cumulative = 0.3 - np.array([0, gaps[0], gaps.sum()])
    above = np.cumsum(Ordinal().inverse_link(outputs).numpy()[::-1])[::-1][1:]  # P(y > k)
    np.testing.assert_allclose(above, 1 / (1 + np.exp(-cumulative)))


def test_the_loss_is_minus_the_log_of_the_true_class():
    outputs, codes = outputs_of(Ordinal(), 5)
    losses, _ = Ordinal().loss_and_derivative(outputs.clone(), codes)
    true = Ordinal().inverse_link(outputs).gather(-1, codes.long().expand(3, 4, 2).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(losses, -true.log())


def test_only_the_first_output_depends_on_the_features():
    assert Ordinal().bias_only(3) == [False, True, True]
    assert LogLoss().bias_only(3) == [False] * 3


# Settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogLoss(1.0), r"label_smoothing must be in \[0, 1\), got 1.0"),
        (lambda: LogLoss(-0.1), "label_smoothing"),
        (lambda: Focal(-1), "gamma of the focal loss must be a number >= 0, got -1"),
        (lambda: Focal(np.inf), "gamma"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_equal_settings_are_equal_losses():
    assert Focal(2.0) == Focal()
    assert hash(LogLoss(0.1)) == hash(LogLoss(0.1))
    assert Multilabel() != LogLoss()
    assert repr(Multilabel(balanced=True)) == "Multilabel(label_smoothing=0.0, balanced=True)"
