"""Methods that wrap others: smoothed weights, and weightings of torchjd."""

import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skmtl.balancing import (
    MGDA,
    CAGrad,
    DynamicWeightAverage,
    GradNorm,
    GradVac,
    SmoothedWeights,
    TorchJDWeighting,
    as_balancing,
)
from tests.balancing.gramians import gramian_of, random_jacobians


def test_smoothed_weights_are_a_running_mean():
    smoothed, plain = SmoothedWeights(MGDA(), alpha=0.8).start(2, 3), MGDA().start(2, 3)
    expected = None
    for jacobian in random_jacobians(3, 10)[:8].reshape(4, 2, 3, 6):
        new = plain.balance(gramian=gramian_of(jacobian)).weights
        expected = new if expected is None else 0.8 * expected + 0.2 * new
        np.testing.assert_allclose(smoothed.balance(gramian=gramian_of(jacobian)).weights, expected)


def test_parameters_of_the_smoothed_method_are_searched():
    method = SmoothedWeights(CAGrad())
    assert clone(method).set_params(balancing__c=0.9).balancing.c == 0.9


@pytest.mark.parametrize("inner", [GradVac(), GradNorm(), MGDA("loss")])
def test_methods_with_state_or_losses_can_be_smoothed(inner):
    balancer = SmoothedWeights(inner).start(2, 3)
    for jacobian in random_jacobians(3, 10)[:8].reshape(4, 2, 3, 6):
        weights = balancer.balance(losses=np.ones((2, 3)), gramian=gramian_of(jacobian)).weights
        assert np.isfinite(weights).all()


def test_only_methods_on_gradients_are_smoothed():
    for other in (DynamicWeightAverage(), "mgda", None):
        with pytest.raises(ValueError, match="smooths methods on gradients"):
            SmoothedWeights(other).start(1, 2)
        with pytest.raises(ValueError, match="smooths methods on gradients"):
            SmoothedWeights(other).weights(np.eye(2))
    with pytest.raises(ValueError, match="'c' parameter of CAGrad"):
        SmoothedWeights(CAGrad(c=-1)).start(1, 2)


@pytest.fixture
def aggregation():
    return pytest.importorskip("torchjd.aggregation")


def test_each_member_has_a_copy_of_the_weighting(aggregation):
    given = aggregation.GradVacWeighting(beta=0.5)
    gramians = gramian_of(random_jacobians(3, 10)[:8].reshape(4, 2, 3, 6))
    together = TorchJDWeighting(given).start(2, 3)
    alone = [TorchJDWeighting(given).start(1, 3, generators=[np.random.default_rng(m)]) for m in range(2)]
    for gramian in gramians:
        weights = together.balance(gramian=gramian).weights
        for member in range(2):
            np.testing.assert_allclose(alone[member].balance(gramian=gramian[[member]]).weights[0], weights[member])


def test_torchs_global_numbers_stay_as_they_were(aggregation):
    before = torch.get_rng_state()
    balancer = TorchJDWeighting(aggregation.PCGradWeighting()).start(1, 3)
    first = [balancer.balance(gramian=gramian_of(random_jacobians(3, 1)[:1])).weights for _ in range(3)]
    assert torch.equal(torch.get_rng_state(), before)
    balancer = TorchJDWeighting(aggregation.PCGradWeighting()).start(1, 3)
    again = [balancer.balance(gramian=gramian_of(random_jacobians(3, 1)[:1])).weights for _ in range(3)]
    np.testing.assert_array_equal(first, again)


def test_weightings_become_specifications(aggregation):
    method = as_balancing(aggregation.UPGradWeighting())
    assert isinstance(method, TorchJDWeighting)
    np.testing.assert_allclose(method.weights(np.eye(3)), 1 / 3, rtol=1e-3)
    clone(method).check()


@pytest.mark.parametrize("name", ["ExcessMTLWeighting", "MoDoWeighting", "SDMGradWeighting"])
def test_weightings_that_read_gradients_are_refused(aggregation, name):
    with pytest.raises(ValueError, match="reads the gradients themselves"):
        as_balancing(getattr(aggregation, name)()).check()


def test_aggregators_are_refused_with_their_weighting(aggregation):
    with pytest.raises(ValueError, match=r"Give its weighting, a UPGradWeighting\."):
        as_balancing(aggregation.UPGrad())


def test_other_objects_are_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"must be a torchjd\.aggregation\.Weighting"):
        TorchJDWeighting(5).check()
    monkeypatch.delitem(sys.modules, "torchjd.aggregation", raising=False)
    with pytest.raises(ValueError, match="balancing must be a name"):
        as_balancing(torch.nn.Linear(2, 2))
