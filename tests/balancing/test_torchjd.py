"""Weightings of torchjd; copies, global random numbers and plain refusals are tested in test_wrappers.py."""

import sys

import numpy as np
import pytest
import torch

from skmtl.balancing import MGDA, CAGrad, SmoothedWeights
from skmtl.balancing._torchjd import READ_MATRICES, TorchJDWeighting, is_torchjd_weighting
from tests.balancing.gramians import gramian_of

aggregation = pytest.importorskip("torchjd.aggregation")
GRAMIANS = gramian_of(np.random.default_rng(0).normal(size=(4, 1, 3, 6)))


ARGUMENTS = {
    "CAGradWeighting": lambda: {"c": 0.4},
    "CRMOGMWeighting": lambda: {"weighting": aggregation.UPGradWeighting()},
    "ConstantWeighting": lambda: {"weights": torch.ones(3, dtype=torch.float64)},
    "FairGradWeighting": lambda: {"alpha": 1.0},
    "KrumWeighting": lambda: {"n_byzantine": 0},
}
NAMES = [
    name
    for name in dir(aggregation)
    if name.endswith("Weighting") and name not in ("Weighting", "GeneralizedWeighting")
]


@pytest.mark.parametrize("name", NAMES)
def test_every_weighting_is_taken_or_refused(name):
    try:
        weighting = getattr(aggregation, name)(**ARGUMENTS.get(name, dict)())
    except ImportError as error:  # some need a solver of their own
        pytest.skip(str(error))
    method = TorchJDWeighting(weighting)
    assert is_torchjd_weighting(weighting)
    if name in READ_MATRICES:
        with pytest.raises(ValueError, match=f"use balancing='{READ_MATRICES[name]}'"):
            method.check()
        return
    balancer = method.start(2, 3)
    for gramian in GRAMIANS:
        weights = balancer.balance(gramian=np.concatenate([gramian, gramian])).weights
        assert weights.shape == (2, 3)
        assert np.isfinite(weights).all()


def test_weightings_without_state_are_given_the_gramian():
    weights = TorchJDWeighting(aggregation.UPGradWeighting()).weights(GRAMIANS)
    for gramian, own in zip(GRAMIANS[:, 0], weights[:, 0], strict=True):
        expected = aggregation.UPGradWeighting()(torch.from_numpy(gramian)).numpy()
        np.testing.assert_allclose(own, expected)


@pytest.mark.parametrize("name", sorted(READ_MATRICES))
def test_wrapped_and_derived_weightings_that_read_gradients_are_refused(name):
    kind = getattr(aggregation, name)
    with pytest.raises(ValueError, match=f"{name} reads the gradients themselves"):
        TorchJDWeighting(aggregation.CRMOGMWeighting(kind())).check()
    with pytest.raises(ValueError, match=f"{name} reads the gradients themselves"):
        TorchJDWeighting(type("Derived", (kind,), {})()).check()


def test_the_weighting_of_the_user_keeps_no_state():
    given = aggregation.GradVacWeighting(beta=0.5)
    before = given.state_dict()
    own = dict(vars(given))
    balancer = TorchJDWeighting(given).start(1, 3)
    for gramian in GRAMIANS:
        balancer.balance(gramian=gramian)
    assert given.state_dict() == before
    assert vars(given) == own


def test_weightings_that_do_not_take_fewer_tasks_say_what_would():
    balancer = TorchJDWeighting(aggregation.CRMOGMWeighting(aggregation.UPGradWeighting())).start(1, 3)
    balancer.balance(gramian=GRAMIANS[0])
    with pytest.raises(ValueError, match=r"CRMOGMWeighting failed on the gradients of 2 tasks: .*SmoothedWeights"):
        balancer.balance(gramian=GRAMIANS[1], present=np.array([[True, False, True]]))


def test_absent_tasks_are_left_out():
    present = np.array([[True, False, True]])
    weights = TorchJDWeighting(aggregation.UPGradWeighting()).start(1, 3).balance(gramian=GRAMIANS[0], present=present)
    left = GRAMIANS[0][:, [0, 2]][:, :, [0, 2]]
    np.testing.assert_array_equal(
        weights.weights[:, [0, 2]], TorchJDWeighting(aggregation.UPGradWeighting()).weights(left)
    )
    assert weights.weights[0, 1] == 0


def test_random_weightings_draw_from_the_members_generator():
    def weights(seed):
        balancer = TorchJDWeighting(aggregation.RandomWeighting()).start(1, 3, generators=[np.random.default_rng(seed)])
        return [balancer.balance(gramian=gramian).weights for gramian in GRAMIANS]

    np.testing.assert_array_equal(weights(0), weights(0))
    assert not np.allclose(weights(0), weights(1))
    assert not np.allclose(weights(0)[0], weights(0)[1])


def test_weightings_can_be_smoothed():
    balancer = SmoothedWeights(TorchJDWeighting(aggregation.MGDAWeighting()), alpha=0.5).start(1, 3)
    for gramian in GRAMIANS:
        assert np.isfinite(balancer.balance(gramian=gramian).weights).all()


def test_torchjd_is_not_imported_to_recognise_its_weightings(monkeypatch):
    weighting = aggregation.UPGradWeighting()
    assert is_torchjd_weighting(weighting)
    for other in (MGDA(), CAGrad, "mgda", None, aggregation.UPGrad()):
        assert not is_torchjd_weighting(other)
    monkeypatch.delitem(sys.modules, "torchjd.aggregation")
    assert not is_torchjd_weighting(weighting)
    assert "torchjd.aggregation" not in sys.modules
