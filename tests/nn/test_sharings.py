"""What holds for every way of sharing."""

import inspect
import pickle

import pytest
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn
from torch.nn.utils import parametrizations

from skmtl.nn import (
    CGC,
    MLP,
    PLE,
    SHARINGS,
    AdaTT,
    BatchEnsemble,
    CallableTrunk,
    CrossStitch,
    DSelectK,
    FixedTrunk,
    Hard,
    Independent,
    LowRank,
    MemberModules,
    MLPTrunk,
    MMoE,
    ModuleTrunk,
    Network,
    SharedTrunk,
    Soft,
    as_sharing,
)
from tests.nn.networks import N_FEATURES, N_TASKS, OPTIONS, WIDTH, built, draws, features, network_of, targets, train

# They take the matrices out of an nn.Sequential, to add to them.
ADAPTED = {name: sharing for name, sharing in OPTIONS.items() if isinstance(sharing, (LowRank, BatchEnsemble))}
NOT_ADAPTED = {name: sharing for name, sharing in OPTIONS.items() if name not in ADAPTED}
OWN_PATHS = {name: sharing for name, sharing in OPTIONS.items() if name != "hard"}
every_sharing = pytest.mark.parametrize("sharing", OPTIONS.values(), ids=OPTIONS)
with_own_paths = pytest.mark.parametrize("sharing", OWN_PATHS.values(), ids=OWN_PATHS)
# What a task of the same start, and of the same experts, still does to others: nothing.
APART = {
    name: OPTIONS[name]
    for name in ("independent", "mmoe", "dselect_k", "cgc", "mtan", "film", "batch_ensemble", "low_rank")
}


@every_sharing
@pytest.mark.parametrize("shape", [(7, N_FEATURES), (2, 7, N_FEATURES)])
@pytest.mark.parametrize("n_tasks", [1, 3])
def test_each_task_gets_a_representation(sharing, shape, n_tasks):
    trunk = built(sharing, n_tasks)
    expected = (2, 7, WIDTH) if isinstance(sharing, Hard) else (2, n_tasks, 7, WIDTH)
    assert trunk(torch.randn(*shape, dtype=torch.float64)).shape == expected


@every_sharing
def test_rows_of_each_members_own_give_what_rows_of_all_do(sharing):
    trunk = built(sharing).eval()
    torch.testing.assert_close(trunk(features().expand(2, -1, -1)), trunk(features()))


@with_own_paths
def test_predictions_start_equal_for_all_tasks(sharing):
    representation = built(sharing)(features())
    for task in range(1, N_TASKS):
        torch.testing.assert_close(representation[:, task], representation[:, 0])


@every_sharing
def test_permuting_tasks_permutes_outputs_after_training(sharing):
    order = torch.tensor([2, 0, 1])
    plain = train(network_of(sharing), targets())(features())
    permuted = train(network_of(sharing), targets()[:, order])(features())
    torch.testing.assert_close(permuted, plain[..., order], rtol=1e-7, atol=1e-9)


@every_sharing
def test_a_member_among_others_is_that_member_alone(sharing):
    together = train(network_of(sharing), targets())(features())
    for member in range(2):
        alone = train(network_of(sharing, seeds=(member,)), targets())(features())
        torch.testing.assert_close(together[member : member + 1], alone, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("sharing", APART.values(), ids=APART)
def test_a_task_without_gradient_leaves_the_others_as_they_are(sharing):
    """Its own path is there, but no other task reads it."""
    alone = network_of(sharing, n_tasks=2, owners=range(2))
    train(alone, targets()[:, :2])
    beside = network_of(sharing)
    optimizer = torch.optim.SGD(beside.parameters(), lr=0.05)
    for _ in range(8):
        passed = beside.forward_training(features())
        gradient = 2 * (passed.outputs - targets()) / 12
        gradient[..., 2] = 0
        passed.backward(gradient)
        optimizer.step()
        beside.after_step(0.05)
    torch.testing.assert_close(beside(features())[..., :2], alone(features()))


@every_sharing
def test_a_task_has_a_gradient_in_what_is_its_own_or_shared_and_nowhere_else(sharing):
    """That the gradients are right, too, is in `test_plain_loops.py`."""
    network = train(network_of(sharing), targets())
    own = {id(p) for p in network.trunk.task_parameters()} if isinstance(network.trunk, SharedTrunk) else set()
    touched = []
    for task in range(N_TASKS):
        network.zero_grad()
        network(features())[..., task].sum().backward()
        touched.append([parameter.grad != 0 for parameter in network.trunk.parameters()])
    for parameter, *by_task in zip(network.trunk.parameters(), *touched, strict=True):
        of_tasks = torch.stack(by_task).sum(0)
        if id(parameter) in own:
            assert (of_tasks <= 1).all()
            counts = {mask.sum().item() for mask in by_task}
            assert min(counts) > 0
            assert of_tasks.sum() > 0.7 * of_tasks.numel()  # a relu may be 0 for all rows
        else:
            assert all(mask.any() for mask in by_task)


@every_sharing
def test_every_parameter_learns_after_the_second_step(sharing):
    network = train(network_of(sharing), targets(), n_steps=3)
    passed = network.forward_training(features())
    passed.backward(passed.outputs - targets())
    # With one expert a task and none shared, a gate has nothing to choose from.
    choices = [name for name, p in network.named_parameters() if not p.grad.abs().sum() > 0]
    assert not choices


@pytest.mark.parametrize("name", ["mmoe", "dselect_k", "cgc"])
def test_the_mixing_of_the_last_common_tensors_is_noted_while_training(name):
    trunk = built(OPTIONS[name])
    trunk(features())
    assert trunk.mixing.shape[:3] == (2, N_TASKS, 12)
    assert pickle.loads(pickle.dumps(trunk)).mixing is None


@with_own_paths
def test_there_is_a_common_tensor_or_there_are_shared_parameters(sharing):
    network = network_of(sharing)
    passed = network.forward_training(features())
    nothing_shared = isinstance(sharing, (Independent, Soft)) or sharing.get_params() == {
        "n_specific": 2,
        "n_shared": 0,
    }
    assert network.shares is not nothing_shared or isinstance(sharing, CGC)
    assert passed.has_common is (getattr(network.trunk, "mixing", None) is not None)


class Opaque(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.layer = nn.Linear(n_features, WIDTH)

    def forward(self, x):
        return torch.tanh(self.layer(x))


def sequential(n_features):
    return nn.Sequential(nn.Linear(n_features, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh())


@every_sharing
def test_one_opaque_module_serves_what_needs_no_layers(sharing):
    def build():
        return clone(sharing).build(ModuleTrunk(Opaque), N_FEATURES, N_TASKS, draws(0, 1))

    if sharing.needs_layers:
        with pytest.raises(ValueError, match=r"no layers|Use sharing='hard'|or use sharing='hard'"):
            build()
    else:
        assert build()(features().float()).shape[-1] == WIDTH


@every_sharing
def test_a_sequential_module_serves_all(sharing):
    trunk = clone(sharing).build(ModuleTrunk(sequential), N_FEATURES, N_TASKS, draws(0, 1))
    rows = torch.ones(2, 12)
    rows[0, :3] = 0
    assert torch.isfinite(trunk(features().float(), rows)).all()


def outside_layers(trunk, kind):
    """Return the layers of a trunk, and the parameters of whatever else it holds, in order."""
    layers = [module for module in trunk.modules() if isinstance(module, kind)]
    inside = {id(parameter) for layer in layers for parameter in layer.parameters()}
    return layers, [parameter for parameter in trunk.parameters() if id(parameter) not in inside]


@pytest.mark.parametrize("sharing", NOT_ADAPTED.values(), ids=NOT_ADAPTED)
def test_a_sequential_module_learns_what_the_built_in_trunk_with_its_weights_does(sharing):
    ours = network_of(sharing)
    trunk = clone(sharing).build(ModuleTrunk(sequential), N_FEATURES, N_TASKS, draws(0, 1))
    theirs = Network(trunk, torch.zeros(2, N_TASKS)).double()
    (given, more), (foreign, others) = outside_layers(ours.trunk, MLP), outside_layers(theirs.trunk, MemberModules)
    with torch.no_grad():
        for modules, mlp in zip(foreign, given, strict=True):
            for place, module in enumerate(modules.members):
                linears = [part for part in module.modules() if isinstance(part, nn.Linear)]
                for linear, layer in zip(linears, mlp.layers, strict=True):
                    linear.weight.copy_(layer.weight[place].T)
                    linear.bias.copy_(layer.bias[place, 0])
        for theirs_own, ours_own in zip(others, more, strict=True):
            theirs_own.copy_(ours_own)
    torch.testing.assert_close(train(theirs, targets())(features()), train(ours, targets())(features()))


@pytest.mark.parametrize("sharing", ADAPTED.values(), ids=ADAPTED)
def test_dense_layers_of_a_module_are_adapted_like_those_of_the_built_in_trunk(sharing):
    ours = network_of(sharing)
    trunk = clone(sharing).build(ModuleTrunk(sequential), N_FEATURES, N_TASKS, draws(0, 1))
    first = trunk.layers[0].layer.linear.weight[1].detach().clone()
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=draws(1)[0])))
        torch.testing.assert_close(first, sequential(N_FEATURES)[0].weight.T)  # it starts where the module does
    theirs = Network(trunk, torch.zeros(2, N_TASKS)).double()
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(train(theirs, targets())(features()), train(ours, targets())(features()))


@pytest.mark.parametrize("sharing", ADAPTED.values(), ids=ADAPTED)
def test_what_stands_around_adapted_matrices_sees_the_rows_that_a_member_trains_on(sharing):
    def normed(n_features):
        return nn.Sequential(
            nn.BatchNorm1d(n_features), nn.Linear(n_features, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.ReLU()
        )

    trunk = clone(sharing).build(CallableTrunk(normed), N_FEATURES, N_TASKS, draws(0, 1)).double()
    rows = torch.ones(2, 12, dtype=torch.float64)
    rows[1, :4] = 0
    changed = features().clone()
    changed[:4] += 5
    one, other = trunk(features(), rows), trunk(changed, rows)
    torch.testing.assert_close(one[1, :, 4:], other[1, :, 4:])
    assert not torch.allclose(one[0, :, 4:], other[0, :, 4:])
    linear = trunk.layers[0].layer.linear
    assert not linear.bias.any() and not linear.bias.requires_grad
    trunk(features(), rows).sum().backward()
    assert linear.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("sharing", ADAPTED.values(), ids=ADAPTED)
def test_other_matrices_than_dense_ones_are_refused(sharing):
    module = nn.Sequential(nn.Unflatten(1, (1, N_FEATURES)), nn.Conv1d(1, 2, 3, padding=1), nn.Flatten())
    with pytest.raises(ValueError, match=r"(?s)dense layers.*sharing='film'.*'mmoe', 'dselect_k' or 'cgc'"):
        clone(sharing).build(FixedTrunk(module), N_FEATURES, N_TASKS, draws(0))


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize("sharing", ADAPTED.values(), ids=ADAPTED)
@pytest.mark.parametrize("kind", [Doubled, lambda *sizes: parametrizations.weight_norm(nn.Linear(*sizes))])
def test_dense_layers_that_compute_something_else_are_refused(sharing, kind):
    with pytest.raises(ValueError, match="dense layers"):
        clone(sharing).build(FixedTrunk(nn.Sequential(kind(N_FEATURES, WIDTH))), N_FEATURES, N_TASKS, draws(0))


@pytest.mark.parametrize("name", sorted(SHARINGS))
def test_garbage_is_refused_for_every_parameter(name):
    sharing = SHARINGS[name]
    for parameter in inspect.signature(sharing).parameters:
        for value in ("garbage", -1):
            with pytest.raises(InvalidParameterError, match=parameter):
                built(sharing().set_params(**{parameter: value}))


@pytest.mark.parametrize(
    ("sharing", "message"),
    [
        (CGC(0, 0), "needs an expert"),
        (PLE(n_levels=3), "needs a trunk of as many layers, but it has 2"),
        (AdaTT(n_levels=3), "n_levels=3"),
        (DSelectK(6), "power of two, for example 4 or 8, got 6"),
        (CrossStitch("full", n_subspaces=2), "n_subspaces must be 1"),
        (CrossStitch(n_subspaces=3), "must divide"),
    ],
)
def test_what_does_not_fit_is_refused(sharing, message):
    with pytest.raises(ValueError, match=message):
        built(sharing)


def test_a_full_stitch_of_many_units_is_refused():
    with pytest.raises(ValueError, match="mixing='channel'"):
        CrossStitch("full").build(MLPTrunk((512,)), N_FEATURES, 9, draws(0))
    with pytest.raises(ValueError, match="same number of units"):
        built(CrossStitch(skip=True), sizes=(4, 3))


@pytest.mark.parametrize("sharing", [s for s in OPTIONS.values() if s.needs_layers])
def test_a_trunk_without_layers_has_nothing_to_share(sharing):
    with pytest.raises(ValueError, match="hidden_layer_sizes is empty"):
        built(sharing, sizes=())


@pytest.mark.parametrize("name", sorted(SHARINGS))
def test_every_way_of_sharing_says_what_it_is(name):
    sharing = SHARINGS[name]
    text = " ".join(sharing.__doc__.split())
    for section in ("Examples", "Parameters beyond the heads", "Serves"):
        assert section in text, section
    if name != "independent":
        assert "References" in text
    assert isinstance(as_sharing(name), sharing)
    assert issubclass(type(built(sharing())), SharedTrunk) or name == "hard"


def test_unknown_names_get_a_likely_one():
    with pytest.raises(ValueError, match="Did you mean 'mmoe'"):
        as_sharing("mmoee")


@every_sharing
def test_a_step_on_the_meta_device_makes_no_tensor_elsewhere(sharing, only_on):
    network = network_of(sharing).float().to("meta")
    x, gradient = torch.empty(7, N_FEATURES, device="meta"), torch.empty(2, 7, N_TASKS, device="meta")
    with only_on("meta") as watch:
        passed = network.forward_training(x)
        passed.backward(gradient, gradient.clone())
        network.after_step(0.1)
        network.gates(x)
    assert watch.n_tensors > 10
    assert all(parameter.grad is None or parameter.grad.device.type == "meta" for parameter in network.parameters())


@every_sharing
def test_gradients_of_each_task_are_on_the_meta_device(sharing, only_on):
    network = network_of(sharing).float().to("meta")
    if not network.shares:
        return
    passed = network.forward_training(torch.empty(7, N_FEATURES, device="meta"))
    with only_on("meta"):
        jacobian = passed.jacobian(torch.empty(2, 7, N_TASKS, device="meta"))
        if passed.has_common:
            passed.gramian(torch.empty(2, 7, N_TASKS, device="meta"))
    assert jacobian.shape[:2] == (2, N_TASKS)


# Found by use


@pytest.mark.parametrize("sharing", [CrossStitch(), CrossStitch(skip=True)], ids=["plain", "skip"])
def test_stitches_move_ten_times_as_far_but_have_their_own_gradient(sharing):
    network = train(network_of(sharing), targets(), n_steps=2)
    stitch = network.trunk.stitches[-1]
    before, weights = stitch.shift.detach().clone(), (stitch.start + 10 * stitch.shift).detach()
    passed = network.forward_training(features())
    passed.backward(passed.outputs - targets())
    gradient, step = stitch.shift.grad.clone(), 1e-6

    def loss():
        with torch.no_grad():
            return ((network(features()) - targets()) ** 2).sum() / 2

    with torch.no_grad():
        stitch.shift[0, 0, 1] = before[0, 0, 1] + step / 10  # the weight itself moves by a step
        up = loss()
        stitch.shift[0, 0, 1] = before[0, 0, 1] - step / 10
        slope = (up - loss()) / (2 * step)
        stitch.shift.copy_(before)
    assert gradient[0, 0, 1].item() == pytest.approx(slope.item(), rel=1e-5)
    torch.testing.assert_close(stitch.start + 10 * stitch.shift.detach(), weights)


@pytest.mark.parametrize("sharing", [CGC(1, 0), CGC(2, 0), PLE(1, 0)], ids=["cgc 1", "cgc 2", "ple"])
def test_without_shared_experts_nothing_is_shared(sharing):
    assert not network_of(sharing).shares


def test_what_stands_before_the_first_matrix_belongs_to_its_layer():
    def make(n_features):
        return nn.Sequential(
            nn.LayerNorm(n_features), nn.Linear(n_features, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh()
        )

    layers = CallableTrunk(make).build_layers(N_FEATURES, draws(0))
    assert len(layers) == 2
    with pytest.raises(ValueError, match="2"):
        PLE(n_levels=3).build(CallableTrunk(make), N_FEATURES, N_TASKS, draws(0))


@pytest.mark.parametrize("sharing", [MMoE(2), CGC(1, 2), PLE(2, 1), AdaTT(2)], ids=lambda sharing: str(sharing))
def test_experts_that_would_stay_equal_are_refused(sharing):
    module = nn.Sequential(nn.Linear(N_FEATURES, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    with pytest.raises(ValueError, match=r"start alike.*ModuleTrunk"):
        sharing.build(FixedTrunk(module), N_FEATURES, N_TASKS, draws(0))
    MMoE(1).build(FixedTrunk(module), N_FEATURES, N_TASKS, draws(0))


@pytest.mark.parametrize("per_example", [False, True])
def test_experts_of_dselect_k_that_start_alike_separate(per_example):
    """Its choices start unequal, so that no such trunk need be refused."""
    module = nn.Sequential(nn.Linear(N_FEATURES, WIDTH), nn.Tanh())
    trunk = DSelectK(4, per_example=per_example).build(FixedTrunk(module), N_FEATURES, N_TASKS, draws(0))
    network = train(Network(trunk, torch.zeros(1, N_TASKS)).double(), targets(), n_steps=600, rate=0.3)
    weights = torch.stack([expert[0].weight for expert in network.trunk.experts.members]).flatten(1)
    assert torch.pdist(weights).min() > 0.05


@pytest.mark.parametrize("per_example", [False, True])
def test_a_member_is_not_penalised_on_its_holdout(per_example):
    """The penalty on selectors by example is a mean over rows: only over those that a member trains on."""
    network = network_of(DSelectK(4, per_example=per_example, entropy=0.1))
    rows = torch.ones(2, 12, dtype=torch.float64)
    rows[0, 8:] = rows[1, :4] = 0
    assert network.mixes_rows is per_example
    elsewhere = features() + torch.where(torch.arange(12) < 8, 0.0, 5.0).double()[:, None]
    penalties = []
    for x in (features(), elsewhere):
        passed = network.forward_training(x, rows)
        penalties.append(torch.autograd.grad(passed.penalty, network.trunk.task_parameters()[0])[0])
    assert torch.equal(penalties[0][0], penalties[1][0])
    assert torch.equal(penalties[0][1], penalties[1][1]) is not per_example


def test_selectors_by_example_do_not_decay():
    gate = built(DSelectK(4, per_example=True)).gate
    assert not (gate.digits.decays or gate.choices.decays)


@pytest.mark.parametrize(("sharing", "copies"), [(MMoE(9), 9), (CGC(2, 3), 9), (AdaTT(2), 6), (Independent(), 3)])
def test_memory_is_bounded_by_all_copies_of_a_layer(sharing, copies):
    network = network_of(sharing, sizes=(50, 50))
    assert network.widest >= copies * 50
