"""Ways of sharing that, at the end of a scale, are other ways of sharing."""

import pytest
import torch

from skmtl.nn import (
    CGC,
    MTAN,
    PLE,
    AdaTT,
    BatchEnsemble,
    CrossStitch,
    DSelectK,
    FiLM,
    Hard,
    Independent,
    LowRank,
    MMoE,
    Soft,
)
from tests.nn.networks import (
    N_FEATURES,
    N_TASKS,
    built,
    features,
    network_of,
    randomised,
    targets,
    train,
)

STARTS_HARD = [Independent(), Soft(), LowRank(), LowRank(2, form="factors"), CrossStitch(), CrossStitch("channel")]
STARTS_HARD += [CrossStitch("full"), MTAN(), AdaTT(), FiLM(), BatchEnsemble()]


def assert_same(one, other):
    """Sums of a few dozen products of size 1 differ by rounding, in any order, by far less than 1e-12."""
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def trained_outputs(*networks):
    return [train(network, targets())(features()) for network in networks]


# Hard sharing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sharing", STARTS_HARD, ids=str)
def test_what_exists_once_a_task_starts_as_hard_sharing(sharing):
    expected = built(Hard())(features()).unsqueeze(1).expand(-1, N_TASKS, -1, -1)
    torch.testing.assert_close(built(sharing)(features()), expected)


@pytest.mark.parametrize("sharing", [MMoE(1), CGC(0, 1), PLE(0, 1, n_levels=1), DSelectK(1)], ids=str)
def test_one_shared_expert_is_hard_sharing_also_after_training(sharing):
    torch.testing.assert_close(*trained_outputs(network_of(sharing), network_of(Hard())))


@pytest.mark.parametrize("sharing", [FiLM(), BatchEnsemble(), LowRank(2), LowRank(2, form="factors"), MTAN()], ids=str)
def test_what_tasks_add_is_hard_sharing_while_it_rests(sharing):
    """Scales of 1, shifts and deltas of 0, and open masks: what is shared learns as it does without them."""
    network = network_of(sharing)
    for parameter in network.trunk.task_parameters():
        parameter.requires_grad_(False)
    assert_same(*trained_outputs(network, network_of(Hard())))


@pytest.mark.parametrize("mixing", ["scalar", "channel", "full"])
def test_stitches_that_share_all_alike_leave_tasks_no_difference(mixing):
    """However different their trunks are."""
    trunk = built(CrossStitch(mixing, own=1 / N_TASKS))
    different = randomised(Independent()).trunks
    with torch.no_grad():
        for place, layer in enumerate(trunk.layers):
            for name, parameter in layer.layers[0].named_parameters():
                parameter.copy_(getattr(different.layers[place], name))
    representation = trunk(features())
    assert_same(representation, representation.mean(1, keepdim=True).expand_as(representation))


# No sharing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sharing", [CGC(1, 0), PLE(1, 0), Soft(strength=0.0)], ids=str)
def test_without_anything_shared_it_is_independent_also_after_training(sharing):
    torch.testing.assert_close(*trained_outputs(network_of(sharing), network_of(Independent())))


def test_stitches_that_mix_nothing_start_as_no_sharing():
    given = randomised(Independent())
    trunk = built(CrossStitch(own=1.0))
    with torch.no_grad():
        for place, layer in enumerate(trunk.layers):
            for name, parameter in layer.layers[0].named_parameters():
                parameter.copy_(getattr(given.trunks.layers[place], name))
    assert_same(trunk(features()), given(features()))


def test_independent_is_one_network_a_task():
    together = train(network_of(Independent()), targets())(features())
    for task in range(N_TASKS):
        alone = train(network_of(Hard(), owners=[0]), targets()[:, task : task + 1])(features())
        torch.testing.assert_close(together[..., task : task + 1], alone)


def choose(gates, columns):
    """Let each task take one expert only: a softmax of logits this far apart is exactly 1 and 0, without gradient."""
    with torch.no_grad():
        for gate in gates:
            by_task = gate.logits.bias.view(2, N_TASKS, gate.n_experts)
            by_task.fill_(-1000.0)
            for task in range(N_TASKS):
                by_task[:, task, columns[task]] = 0.0


@pytest.mark.parametrize("sharing", [CGC(1, 1), CGC(1, 2), PLE(1, 1), AdaTT(1)], ids=str)
def test_tasks_that_take_their_own_expert_only_share_nothing_also_after_training(sharing):
    """AdaTT takes half of it by its gate, half by its residual path: `½ (f + f)`."""
    network = network_of(sharing)
    if isinstance(sharing, AdaTT):
        choose(network.trunk.fusions, range(N_TASKS))
    else:
        choose(network.trunk.task_gates, [0] * N_TASKS)
    assert_same(*trained_outputs(network, network_of(Independent())))


def test_adatt_of_two_experts_shares_nothing_if_gates_and_residuals_take_the_same_one():
    """`½ (f_1 + Σ v f)` is `f_1` for `v = (1, 0)`; a gate and a residual path that differ take half of each."""
    trunk = built(AdaTT(2, n_levels=1))
    choose(trunk.fusions, range(0, 2 * N_TASKS, 2))
    with torch.no_grad():
        trunk.residuals.copy_(torch.tensor([1.0, 0.0]))
        one = trunk(features())
        assert_same(one, built(Independent())(features()))
        choose(trunk.fusions, range(1, 2 * N_TASKS, 2))
        both = trunk(features())
        trunk.residuals.copy_(torch.tensor([0.0, 1.0]))
        other = trunk(features())
    assert (other - one).abs().max() > 0.1
    assert_same(both, (one + other) / 2)


def given_networks():
    """Return weights (M, T, F, H) and biases (M, 1, 1, H) of layers, other ones for each task, and what they give."""
    given = randomised(Independent(), sizes=(4, 6))
    layers = []
    with torch.no_grad():
        for layer in given.trunks.layers:
            biases = layer.bias.view(2, N_TASKS, 1, -1)
            biases.copy_(biases[:, :1].clone())
            layers.append((layer.weight.view(2, N_TASKS, *layer.weight.shape[1:]), biases[:, :1]))
        return layers, given(features())


@torch.no_grad()
def test_matrices_of_full_rank_let_tasks_have_any_weights():
    """`W + A B = W_t`, where of `A` and `B` the smaller square one is 1, and the other `W_t − W`."""
    layers, expected = given_networks()
    trunk = randomised(LowRank(4), sizes=(4, 6))  # both 5 × 4 and 4 × 6 have no more than rank 4
    for layer, (weight, bias) in zip(trunk.layers, layers, strict=True):
        layer.linear.bias.copy_(bias[:, 0])
        delta, one = weight - layer.linear.weight.unsqueeze(1), torch.eye(4, dtype=torch.float64)
        tall = weight.shape[2] > weight.shape[3]
        layer.inputs.copy_(delta if tall else one)
        layer.units.copy_(one if tall else delta)
    assert_same(trunk(features()), expected)


@torch.no_grad()
def test_one_matrix_less_than_tasks_lets_them_have_any_weights():
    """The common weights are those of the first task, and the others' differ by a matrix each."""
    layers, expected = given_networks()
    trunk = randomised(LowRank(N_TASKS - 1, form="factors"), sizes=(4, 6))
    for layer, (weight, bias) in zip(trunk.layers, layers, strict=True):
        layer.linear.bias.copy_(bias[:, 0])
        layer.linear.weight.copy_(weight[:, 0])
        layer.factors.weight.copy_(weight[:, 1:] - weight[:, :1])
        layer.mixture.copy_(torch.eye(N_TASKS, dtype=torch.float64)[:, 1:])
    assert_same(trunk(features()), expected)


@pytest.mark.parametrize("form", ["lora", "factors"])
def test_of_whatever_rank_tasks_have_their_biases_in_common(form):
    """So where features are 0 their first layers agree: only up to biases is full rank no sharing."""
    trunk = randomised(LowRank(8, form=form), sizes=(4,))
    at_zero = trunk(torch.zeros(1, N_FEATURES, dtype=torch.float64))
    assert torch.equal(at_zero, at_zero[:, :1].expand_as(at_zero))
    elsewhere = trunk(features())
    assert (elsewhere[:, 1:] - elsewhere[:, :1]).abs().max() > 0.1


# Each other ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [(CGC(0, 3), MMoE(3)), (PLE(2, 1, n_levels=1), CGC(2, 1)), (PLE(0, 3, n_levels=1), MMoE(3))],
    ids=str,
)
def test_a_way_of_sharing_is_another_in_its_limit(one, other):
    torch.testing.assert_close(*trained_outputs(network_of(one), network_of(other)))


@pytest.mark.parametrize("per_example", [False, True])
def test_decided_selectors_take_one_expert_each_and_stay(per_example):
    """That whose number has the digits they decided on; so k of them take k of 8 experts at most, and share all."""
    k, gamma = 3, 0.5
    trunk = randomised(DSelectK(8, k, gamma=gamma, per_example=per_example))
    gate, x = trunk.gate, features()
    with torch.no_grad():
        for parameter in gate.digits.parameters() if per_example else [gate.static_digits]:
            parameter *= 1000
        digits = gate.digits(x) if per_example else gate.static_digits.expand(-1, len(x), -1)
        logits = gate.choices(x) if per_example else gate.static_choices.expand(-1, len(x), -1)
    assert (digits.abs() > gamma / 2).all()
    digits, logits = digits.view(2, len(x), N_TASKS, k, 3), logits.view(2, len(x), N_TASKS, k)
    chosen = ((digits > 0) * torch.tensor([4, 2, 1])).sum(-1)  # (M, B, T, k)
    expected = torch.zeros(2, len(x), N_TASKS, 8, dtype=torch.float64).scatter_add(3, chosen, logits.softmax(-1))
    assert_same(trunk.gates(x)[0], expected.transpose(1, 2))
    assert len(chosen.unique()) > k  # all tasks and members together take more
    assert ((trunk.gates(x)[0] > 0).sum(-1) <= k).all()
    trunk(x).square().sum().backward()
    for parameter in gate.digits.parameters() if per_example else [gate.static_digits]:
        assert (parameter.grad == 0).all()
