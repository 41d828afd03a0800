"""What gates show: how much each task takes of each expert."""

import pytest
import torch

from skmtl.nn import CGC, PLE, AdaTT, CrossStitch, DSelectK, MMoE
from tests.nn.networks import N_TASKS, built, features, network_of, randomised, targets, train

GATED = [MMoE(), CGC(), CGC(2, 1), CGC(2, 0), CGC(0, 3), PLE(), PLE(2, 0), PLE(0, 2), DSelectK()]
GATED += [DSelectK(4, per_example=True, entropy=0.01), AdaTT()]


@pytest.mark.parametrize("sharing", GATED, ids=str)
def test_gates_are_shares_of_the_experts(sharing):
    trunk = train(network_of(sharing), targets()).trunk
    levels, owners = trunk.gates(features()), trunk.expert_owners()
    assert len(levels) == len(owners)
    for gates, own in zip(levels, owners, strict=True):
        assert gates.shape == (2, N_TASKS, 12, len(own))
        assert (gates >= 0).all()
        torch.testing.assert_close(gates.sum(-1), torch.ones(2, N_TASKS, 12, dtype=torch.float64))
        if not isinstance(sharing, AdaTT):  # whose gates run over the experts of all tasks
            for task in range(N_TASKS):
                others = [place for place, owner in enumerate(own) if owner not in (None, task)]
                assert (gates[:, task][..., others] == 0).all()


@pytest.mark.parametrize(("n_experts", "own", "other"), [(1, 2 / 3, 1 / 6), (2, 1 / 3, 1 / 12)])
def test_what_a_task_takes_by_the_residual_path_of_adatt_counts(n_experts, own, other):
    """Gates start equal: of three tasks' experts, `½ (1/3 + 1)` of its one, or `½ (1/6 + ½)` of each of its two."""
    trunk = built(AdaTT(n_experts))
    for gates, owners in zip(trunk.gates(features()), trunk.expert_owners(), strict=True):
        expected = torch.tensor([[own if owner == task else other for owner in owners] for task in range(N_TASKS)])
        torch.testing.assert_close(gates, expected.double()[None, :, None].expand_as(gates))


OWN, OTHER = 0.75, 0.125
STITCHED = [CrossStitch(mixing, own=OWN) for mixing in ("scalar", "channel", "full")]
STITCHED += [CrossStitch(mixing, own=OWN, n_subspaces=2) for mixing in ("scalar", "channel")]


@pytest.mark.parametrize("sharing", STITCHED, ids=str)
def test_stitches_start_at_what_they_are_told(sharing):
    trunk = built(sharing)
    expected = torch.full((N_TASKS, N_TASKS), OTHER, dtype=torch.float64).fill_diagonal_(OWN)
    for gates in trunk.gates(features()):
        torch.testing.assert_close(gates, expected[:, None].expand(2, N_TASKS, 12, N_TASKS))


@pytest.mark.parametrize("sharing", STITCHED, ids=str)
def test_stitches_show_what_they_make_of_units_of_one(sharing):
    """Let all units of one task be 1 and the others' 0: the mean over units is what each task takes of it."""
    trunk = randomised(sharing)
    for stitch, gates in zip(trunk.stitches, trunk.gates(features()), strict=True):
        for task in range(N_TASKS):
            x = torch.zeros(2, N_TASKS, 12, stitch.n_units, dtype=torch.float64)
            x[:, task] = 1
            torch.testing.assert_close(stitch(x).mean(3), gates[..., task])


@pytest.mark.parametrize("n_experts", [1, 2])
def test_a_task_takes_at_least_half_of_its_one_expert_and_of_several_what_it_learns(n_experts):
    trunk = train(network_of(AdaTT(n_experts)), targets()).trunk
    if trunk.residuals is not None:
        with torch.no_grad():
            trunk.residuals[:, :, 0] = torch.tensor([-1.5, 0.25])  # nothing keeps them from being learned
    for level, gates in enumerate(trunk.gates(features())):
        first = gates[:, 0, :, 0]
        if n_experts == 1:
            assert (first >= 0.5).all()
        else:
            assert (first < 0).all()
            residuals = trunk.residuals[:, level].sum(-1, keepdim=True)  # (M, T, 1)
            torch.testing.assert_close(gates.sum(-1), ((1 + residuals) / 2).expand(-1, -1, 12))
