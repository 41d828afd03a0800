"""Temperatures: those of the smallest log loss, never worse, and what averaging members does to them."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax

from skmtl.uncertainty import _temperature as module
from skmtl.uncertainty import averaging_factors, fit_temperatures, tempered


def drawn(n_rows=300, n_tasks=3, n_classes=3, sure=2.0, seed=0):
    """Return probabilities that are `sure` times too sure, and labels."""
    rng = np.random.default_rng(seed)
    raw = 1.5 * rng.normal(size=(n_rows, n_tasks, n_classes))
    labels = (raw + rng.gumbel(size=raw.shape)).argmax(2)  # whose probabilities are softmax(raw)
    return softmax(sure * raw, axis=2), labels, np.ones(labels.shape), np.full(n_tasks, n_rows)


def log_losses(probabilities, labels, weights):
    own = -np.log(np.take_along_axis(probabilities, labels[:, :, None], 2)[:, :, 0])
    return (weights * own).sum(0) / weights.sum(0)


@pytest.mark.parametrize("sure", [0.3, 1.0, 4.0])
def test_temperatures_have_the_smallest_log_loss_of_all(sure):
    p, labels, weights, n_rows = drawn(sure=sure)
    weights = np.random.default_rng(1).uniform(size=labels.shape)
    found = fit_temperatures(p, labels, weights, n_rows, prior=0)
    for task, temperature in enumerate(found):
        own = slice(task, task + 1)

        def loss(log_t, own=own):
            return log_losses(tempered(p[:, own], np.exp([log_t])), labels[:, own], weights[:, own])[0]

        best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x
        # A minimum is known to the root of the precision of its function.
        assert np.log(temperature) == pytest.approx(best, abs=1e-6)
        assert temperature == pytest.approx(sure, rel=0.2)


def test_the_belief_is_worth_rows_that_are_distributed_as_predicted():
    p, labels, weights, _ = drawn(n_rows=50, n_tasks=1, n_classes=2)
    prior = 30.0
    # The same, written out: each row comes once as it is, and 30 / 50 of a time with either label, as often as said.
    rows = np.concatenate([p, p, p])
    codes = np.concatenate([labels, np.zeros_like(labels), np.ones_like(labels)])
    counts = np.concatenate([weights, prior / 50 * p[:, :, 0], prior / 50 * p[:, :, 1]])
    expected = fit_temperatures(rows, codes, counts, np.array([150]), prior=0)
    np.testing.assert_allclose(fit_temperatures(p, labels, weights, np.array([50]), prior=prior), expected, rtol=1e-10)


def test_more_belief_comes_nearer_to_one_and_no_log_loss_rises():
    for seed in range(20):
        p, labels, weights, _ = drawn(n_rows=25, sure=[0.5, 3.0][seed % 2], seed=seed)
        before = log_losses(p, labels, weights)
        distances = []
        for prior in (0, 10, 100, 1e4):
            temperatures = fit_temperatures(p, labels, weights, np.full(3, 25), prior=prior)
            assert (log_losses(tempered(p, temperatures), labels, weights) <= before + 1e-12).all()
            distances.append(np.abs(np.log(temperatures)))
        assert (np.diff(distances, axis=0) <= 1e-12).all()


def test_rows_of_weight_zero_and_without_prediction_are_not_there():
    p, labels, weights, _ = drawn()
    gone = np.random.default_rng(0).random(weights.shape) < 0.3
    n_rows = (~gone).sum(0)
    hidden, unpredicted = weights * ~gone, np.where(gone[:, :, None], np.nan, p)
    expected = [
        fit_temperatures(p[keep][:, [t]], labels[keep][:, [t]], weights[keep][:, [t]], n_rows[[t]])[0]
        for t, keep in enumerate(~gone.T)
    ]
    np.testing.assert_allclose(fit_temperatures(p, labels, hidden, n_rows), expected, rtol=1e-12)
    np.testing.assert_allclose(fit_temperatures(unpredicted, labels, weights, n_rows), expected, rtol=1e-12)
    labels[gone] = -7
    np.testing.assert_allclose(fit_temperatures(p, labels, hidden, n_rows), expected, rtol=1e-12)


def test_integer_weights_are_repeated_rows_and_a_common_factor_is_nothing():
    p, labels, _, n_rows = drawn(n_rows=60)
    times = np.random.default_rng(0).integers(1, 4, size=60)
    weights = np.repeat(times[:, None], 3, axis=1).astype(float)
    again = np.repeat(np.arange(60), times)
    weighted = fit_temperatures(p, labels, weights, n_rows)
    np.testing.assert_allclose(fit_temperatures(p[again], labels[again], np.ones((len(again), 3)), n_rows), weighted)
    np.testing.assert_allclose(fit_temperatures(p, labels, 1e3 * weights, n_rows), weighted)


def test_a_task_of_few_rows_or_one_class_stays_as_it_is():
    p, labels, weights, _ = drawn(n_rows=40)
    labels[:, 1] = 2
    found = fit_temperatures(p, labels, weights, np.array([19, 40, 40]))
    assert found[:2].tolist() == [1.0, 1.0]
    assert found[2] != 1
    nothing = fit_temperatures(np.full_like(p, np.nan), labels, weights, np.zeros(3))
    assert nothing.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("right, expected", [(True, 1 / module.FARTHEST), (False, module.FARTHEST)])
def test_predictions_that_are_always_right_or_wrong_have_a_bound(right, expected):
    p = np.tile([[[0.4, 0.6]], [[0.6, 0.4]]], (20, 1, 1))
    labels = p.argmax(2) if right else p.argmin(2)
    # At the bound the slope is not zero; bisection comes as near as it can.
    found = fit_temperatures(p, labels, np.ones((40, 1)), np.array([40]), prior=0)
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_probabilities_that_say_nothing_and_those_that_are_certain_do_no_harm():
    p = np.stack([np.full((40, 2), 0.5), np.tile([[1.0, 0.0], [0.0, 1.0]], (20, 1))], axis=1)
    labels = np.arange(40)[:, None].repeat(2, 1) % 2
    labels[0, 1] = 1  # certain, and wrong
    found = fit_temperatures(p, labels, np.ones((40, 2)), np.array([40, 40]), prior=0)
    assert found[0] == 1
    # 39 of 40 are right: of the certain log-odds log(1e12), log 39 are left.
    assert found[1] == pytest.approx(np.log(1e12) / np.log(39), rel=1e-6)


def test_all_rows_at_once_are_the_same_as_some_at_a_time(monkeypatch):
    given = drawn()
    at_once = fit_temperatures(*given)
    monkeypatch.setattr(module, "CHUNK_VALUES", 50)
    np.testing.assert_allclose(fit_temperatures(*given), at_once, rtol=1e-12)


def test_tempered_probabilities_are_powers_that_keep_their_order():
    p = drawn()[0]
    p[3] = np.nan
    temperatures = np.array([0.5, 1.0, 3.0])
    result = tempered(p, temperatures)
    np.testing.assert_array_equal(result[:, 1], p[:, 1])
    powers = p ** (1 / temperatures[:, None])
    np.testing.assert_allclose(result, powers / powers.sum(2, keepdims=True))
    there = np.arange(len(p)) != 3
    np.testing.assert_array_equal(result[there].argsort(2), p[there].argsort(2))


def members(spread, n_members=8, n_rows=4000, seed=0):
    """Return logits of a signal, and probabilities of members that have noise of their own."""
    rng = np.random.default_rng(seed)
    signal = 1.5 * rng.normal(size=(n_rows, 1))
    logits = signal + spread * rng.normal(size=(n_members, n_rows, 1))
    labels = (rng.random((n_rows, 1)) < expit(signal)).astype(int)
    second = expit(logits)
    return np.stack([1 - second, second], axis=3), labels


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_the_factor_leads_from_the_temperature_of_members_to_that_of_their_average(spread):
    parts, labels = members(spread)
    weights, n_rows = np.ones(labels.shape), np.array([len(labels)])
    factor = averaging_factors(parts, weights)
    assert factor > 1
    known = fit_temperatures(parts.mean(0), labels, weights, n_rows, prior=0)
    own = fit_temperatures(parts[0], labels, weights, n_rows, prior=0)
    # Against seven others instead of all eight, and a truth that is a member: some hundredths.
    assert np.log(own / factor) == pytest.approx(np.log(known), abs=0.06)
    np.testing.assert_allclose(
        fit_temperatures(parts[0], labels, weights, n_rows, factors=factor, prior=0), own / factor
    )
    assert abs(np.log(own / known)) > 1.5 * abs(np.log(own / factor / known))


def test_equal_members_and_a_single_one_have_no_factor():
    parts, labels = members(0.0)
    np.testing.assert_allclose(averaging_factors(parts, np.ones(labels.shape)), 1)
    assert averaging_factors(parts[:1], np.ones(labels.shape)) == 1


def test_factors_read_weights_as_repeated_rows():
    parts = members(1.0, n_members=3, n_rows=50)[0]
    times = np.random.default_rng(0).integers(0, 4, size=50)
    again = np.repeat(np.arange(50), times)
    weighted = averaging_factors(parts, times[:, None].astype(float))
    np.testing.assert_allclose(averaging_factors(parts[:, again], np.ones((len(again), 1))), weighted)
