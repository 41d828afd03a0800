"""Weights of another method, smoothed; the running mean by hand is in test_wrappers.py."""

import numpy as np
import pytest
from sklearn.model_selection import ParameterGrid

from skmtl import MultiTaskRegressor
from skmtl.balancing import MGDA, CAGrad, PCGrad, SmoothedWeights, UPGrad
from tests.balancing.gramians import gramian_of, random_jacobians

GRAMIANS = gramian_of(random_jacobians(3, 10)[:6].reshape(6, 1, 3, 6))


def test_without_memory_weights_are_those_of_the_method():
    smoothed, plain = SmoothedWeights(CAGrad(), alpha=0.0).start(1, 3), CAGrad().start(1, 3)
    for gramian in GRAMIANS:
        np.testing.assert_array_equal(smoothed.balance(gramian=gramian).weights, plain.balance(gramian=gramian).weights)


def test_smoothed_weights_agree_with_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    import torch

    other = aggregation.CRMOGMWeighting(aggregation.AlignedMTLWeighting(), alpha=0.7)
    from skmtl.balancing import AlignedMTL

    balancer = SmoothedWeights(AlignedMTL(), alpha=0.7).start(1, 3)
    full_rank = gramian_of(np.random.default_rng(0).normal(size=(6, 1, 3, 5)))
    for gramian in full_rank:
        expected = other(torch.from_numpy(gramian[0])).numpy()
        np.testing.assert_allclose(balancer.balance(gramian=gramian).weights[0], expected, rtol=1e-6)


def test_parameters_are_searched_from_the_estimator():
    estimator = MultiTaskRegressor(balancing=SmoothedWeights(CAGrad()))
    for parameters in ParameterGrid({"balancing__alpha": [0.5], "balancing__balancing__c": [0.1, 0.9]}):
        estimator.set_params(**parameters)
        assert estimator.balancing.alpha == 0.5
        assert estimator.balancing.balancing.c == parameters["balancing__balancing__c"]


@pytest.mark.parametrize("inner", [MGDA(), UPGrad()])
def test_task_weights_multiply_what_they_multiply_under_the_method(inner):
    smoothed = SmoothedWeights(inner, alpha=0.5).start(1, 3, task_weights=[1, 2, 3])
    plain = inner.start(1, 3, task_weights=[1, 2, 3])
    gramian = np.array([[[1.0, -0.5, 0.0], [-0.5, 1.0, -0.4], [0.0, -0.4, 2.0]]])
    np.testing.assert_allclose(smoothed.balance(gramian=gramian).weights, plain.balance(gramian=gramian).weights)


def test_random_numbers_are_those_of_the_method():
    smoothed, plain = SmoothedWeights(PCGrad(), alpha=0.0).start(1, 3), PCGrad().start(1, 3)
    for gramian in GRAMIANS:
        np.testing.assert_array_equal(smoothed.balance(gramian=gramian).weights, plain.balance(gramian=gramian).weights)


def test_a_task_that_is_away_keeps_its_smoothed_weight():
    balancer = SmoothedWeights(MGDA(), alpha=0.5).start(1, 3)
    weights = balancer.balance(gramian=GRAMIANS[0]).weights
    balancer.balance(gramian=GRAMIANS[1], present=np.array([[True, True, False]]))
    assert balancer.state["smoothed_weights"][0, 2] == weights[0, 2]


def test_a_task_that_comes_late_starts_at_its_first_weight():
    balancer = SmoothedWeights(MGDA(), alpha=0.9).start(1, 3)
    balancer.balance(gramian=GRAMIANS[0], present=np.array([[True, True, False]]))
    weights = balancer.balance(gramian=GRAMIANS[1]).weights
    assert weights[0, 2] == MGDA().weights(GRAMIANS[1])[0, 2]


def test_weights_of_a_step_are_not_changed_by_later_ones():
    balancer = SmoothedWeights(MGDA()).start(1, 3)
    first = balancer.balance(gramian=GRAMIANS[0]).weights
    before = first.copy()
    balancer.balance(gramian=GRAMIANS[1], present=np.array([[True, True, False]]))
    np.testing.assert_array_equal(first, before)


def test_the_methods_own_scale_is_not_looked_at():
    np.testing.assert_allclose(SmoothedWeights(MGDA(scale="sum")).weights(np.diag([1.0, 4.0])), [0.8, 0.2])
    np.testing.assert_allclose(SmoothedWeights(MGDA(), scale="sum").weights(np.diag([1.0, 4.0])), [1.6, 0.4])
