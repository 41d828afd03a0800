"""What torchjd has too gives the same, as far as it is exact; more of this stands beside each method.

Regularisation is switched off and orders are fixed. On MGDA, IMTL-G, Aligned-MTL, UPGrad, DualProj, CAGrad, GradDrop,
MoDo, ExcessMTL and smoothed weights, see their own files.
"""

import numpy as np
import pytest
import torch

from skmtl.balancing import (
    COSMOS,
    FAMO,
    PBI,
    PCD,
    ConFIG,
    DynamicWeightAverage,
    FairGrad,
    GeometricLoss,
    GradVac,
    IMTLLoss,
    NashMTL,
    PCGrad,
    SDMGrad,
    SmoothTchebycheff,
    UncertaintyWeighting,
)
from tests.balancing.gramians import gramian_of

aggregation = pytest.importorskip("torchjd.aggregation")
scalarization = pytest.importorskip("torchjd.scalarization")

JACOBIANS = np.random.default_rng(7).normal(size=(12, 4, 9))
LOSSES = np.random.default_rng(8).uniform(0.2, 3, size=(12, 4))


class Ascending:
    """A generator whose numbers put tasks in the order in which they stand."""

    def random(self, shape):
        return np.broadcast_to(np.arange(shape[-1], dtype=float), shape)


@pytest.fixture
def in_ascending_order(monkeypatch):
    monkeypatch.setattr(torch, "randperm", torch.arange)


def weights_of(weighting, jacobian):
    return weighting(torch.from_numpy(gramian_of(jacobian))).numpy()


@pytest.mark.usefixtures("in_ascending_order")
def test_pcgrad():
    for jacobian in JACOBIANS:
        expected = weights_of(aggregation.PCGradWeighting(), jacobian)
        np.testing.assert_allclose(PCGrad("ascending").weights(gramian_of(jacobian)), expected, rtol=1e-9)
        drawn = PCGrad().start(1, 4, generators=[Ascending()]).balance(gramian=gramian_of(jacobian)[None])
        np.testing.assert_allclose(drawn.weights[0], expected, rtol=1e-9)


@pytest.mark.usefixtures("in_ascending_order")
def test_gradvac_from_step_to_step():
    theirs = aggregation.GradVacWeighting(beta=0.3, eps=0.0)
    ours = GradVac(beta=0.3).start(1, 4, generators=[Ascending()])
    for jacobian in np.concatenate([JACOBIANS + 0.5, JACOBIANS]):  # targets rise, and then gradients disagree
        weights = ours.balance(gramian=gramian_of(jacobian)[None]).weights[0]
        np.testing.assert_allclose(weights, weights_of(theirs, jacobian), rtol=1e-7)
    plain = PCGrad("ascending").weights(gramian_of(jacobian))
    assert np.abs(weights - plain).max() > 0.1


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fairgrad(alpha):
    try:
        theirs = aggregation.FairGradWeighting(alpha)
    except ImportError as error:
        pytest.skip(str(error))
    for jacobian in JACOBIANS / 3:
        found = FairGrad(alpha=alpha).weights(gramian_of(jacobian))
        np.testing.assert_allclose(
            found, weights_of(theirs, jacobian), rtol=1e-4
        )  # least squares, to 1e-8 of their sum


@pytest.mark.filterwarnings("ignore::UserWarning")  # of its solver
def test_nash_mtl():
    try:
        theirs = aggregation.NashMTL(n_tasks=4, max_norm=0, optim_niter=100)
    except ImportError as error:
        pytest.skip(str(error))
    for jacobian in JACOBIANS:
        theirs.reset()
        expected = theirs(torch.from_numpy(jacobian)).numpy()
        direction = NashMTL().weights(gramian_of(jacobian)) @ jacobian
        # Its own length is another, and it stops where G w − 1 / w, for a Gramian of norm 1, is shorter than .001.
        ours, theirs_own = direction / np.linalg.norm(direction), expected / np.linalg.norm(expected)
        np.testing.assert_allclose(theirs_own, ours, atol=1e-3)


def test_sdmgrad_after_many_steps():
    for jacobian in JACOBIANS:
        theirs = aggregation.SDMGradWeighting(lr=0.1, momentum=0.0, n_iter=2000, lambda_=0.3)
        found = SDMGrad(lam=0.3).weights(gramian_of(jacobian))
        np.testing.assert_allclose(found, weights_of(theirs, jacobian), atol=1e-6)


def test_config():
    for jacobian in JACOBIANS:
        expected = aggregation.ConFIG()(torch.from_numpy(jacobian)).numpy()
        np.testing.assert_allclose(ConFIG().weights(gramian_of(jacobian)) @ jacobian, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("tau", [0.02, 0.5])
def test_pcd_from_step_to_step(tau):
    if not hasattr(aggregation, "PCDWeighting"):
        pytest.skip("torchjd is older.")
    theirs, ours = aggregation.PCDWeighting(tau=tau, beta=0.7, eps=0.0), PCD(tau=tau, beta=0.7).start(1, 4)
    for size, jacobian in enumerate(JACOBIANS, start=1):
        expected = weights_of(theirs, size * jacobian)
        found = ours.balance(gramian=gramian_of(size * jacobian)[None]).weights[0]
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def derivatives(scalarizer, losses):
    values = torch.tensor(losses, requires_grad=True)
    scalarizer(values).backward()
    return values.grad.numpy()


EVEN = torch.full((4,), 0.25, dtype=torch.float64)
SCALARIZERS = {
    "cosmos": (COSMOS(lam=0.7), lambda: scalarization.COSMOS(0.7, EVEN)),
    "geometric": (GeometricLoss(), lambda: scalarization.GeometricMean()),
    "pbi": (PBI(theta=2.0), lambda: scalarization.PBI(2.0, EVEN)),
    "stch": (SmoothTchebycheff(mu=0.3), lambda: scalarization.STCH(0.3)),
}


@pytest.mark.parametrize("name", sorted(SCALARIZERS))
def test_scalar_losses(name):
    method, make = SCALARIZERS[name]
    for losses in LOSSES:
        np.testing.assert_allclose(method.weights(losses), derivatives(make(), losses), rtol=1e-9)


@pytest.mark.parametrize(
    ("method", "name", "factor"),
    [(IMTLLoss(learning_rate=0.1), "IMTLL", 1), (UncertaintyWeighting(learning_rate=0.1), "UW", 2)],  # a = 1, not ½
    ids=["imtl_l", "uncertainty"],
)
def test_learned_factors(method, name, factor):
    theirs = getattr(scalarization, name)(4).double()
    descent, ours = torch.optim.SGD(theirs.parameters(), lr=0.1), method.start(1, 4)
    for losses in LOSSES:
        values = torch.tensor(losses, requires_grad=True)
        descent.zero_grad()
        theirs(factor * values).backward()
        descent.step()
        np.testing.assert_allclose(ours.balance(losses=losses[None]).weights[0], values.grad.numpy(), rtol=1e-9)


def test_dwa_from_epoch_to_epoch():
    theirs, ours = scalarization.DWA(temperature=2.0), DynamicWeightAverage(temperature=2.0).start(1, 4)
    for step, losses in enumerate(LOSSES):
        weights = ours.balance(losses=losses[None], epoch=step // 3).weights[0]
        np.testing.assert_allclose(weights, derivatives(theirs, losses), rtol=1e-9)
        if step % 3 == 2:
            theirs.step()
    assert np.ptp(weights) > 0.1


def test_famo_from_step_to_step():
    theirs, ours = scalarization.FAMO(4, lr=0.1).double(), FAMO(learning_rate=0.1).start(1, 4)
    for before, rates in zip(LOSSES, np.random.default_rng(9).uniform(0.5, 1, size=LOSSES.shape), strict=True):
        weights = ours.balance(losses=before[None]).weights[0]
        np.testing.assert_allclose(weights, derivatives(theirs, before), rtol=1e-6)  # theirs adds 1e-8 to losses
        ours.follow_up(before[None], (before * rates)[None], np.ones((1, 4), bool))
        theirs.update(torch.from_numpy(before * rates))
    assert np.ptp(ours.state["logits"]) > 0.1
