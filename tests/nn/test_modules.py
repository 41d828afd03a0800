import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skmtl.nn import CallableTrunk, FixedTrunk, MemberModules, MLPTrunk, ModuleTrunk, as_trunk


class Narrow(nn.Module):
    """The usual kind of module: the number of features first, a setting with a default."""

    def __init__(self, n_features, width=8, bias=True):
        super().__init__()
        self.layer = nn.Linear(n_features, width, bias=bias)

    def forward(self, x):
        return torch.relu(self.layer(x))


class Lazy(nn.Module):
    def __init__(self, *, width=3):
        super().__init__()
        self.layer = nn.LazyLinear(width)

    def forward(self, x):
        return self.layer(x)


class Wrong(nn.Module):
    """Returns whatever a function makes of the batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def state_of(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_same_state(module, before):
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


# ModuleTrunk


def test_clone_of_a_module_trunk_keeps_class_and_arguments():
    trunk = ModuleTrunk(Narrow, width=4)
    other = clone(trunk)
    assert other is not trunk
    assert other.get_params() == trunk.get_params(deep=False) == {"module": Narrow, "width": 4}
    other.set_params(width=5)
    assert trunk.width == 4
    assert clone(clone(other)).get_params() == {"module": Narrow, "width": 5}
    assert other.build(2, draws(0)).n_outputs == 5


def test_parameters_can_be_set_one_by_one_also_those_left_at_their_default():
    trunk = ModuleTrunk(Narrow)
    assert trunk.get_params() == {"module": Narrow}
    assert trunk.set_params(width=2) is trunk
    assert trunk.set_params(bias=False, width=3).get_params() == {"module": Narrow, "width": 3, "bias": False}
    assert trunk.build(2, draws(0)).members[0].layer.bias is None


def test_an_unknown_argument_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"Invalid parameter 'depth' for <class '.*Narrow'>; its arguments are \['bias', "
    ):
        ModuleTrunk(Narrow).set_params(depth=2)


def test_a_new_class_may_come_with_its_own_arguments():
    class Deep(nn.Module):
        def __init__(self, n_features, depth=1):
            super().__init__()
            self.layers = nn.Sequential(*(nn.Linear(n_features, n_features) for _ in range(depth)))

        def forward(self, x):
            return self.layers(x)

    trunk = ModuleTrunk(Narrow).set_params(module=Deep, depth=3)
    assert trunk.get_params() == {"module": Deep, "depth": 3}
    with pytest.raises(ValueError, match=r"Invalid parameter 'width' for <class '.*Deep'>"):
        trunk.set_params(module=Deep, width=3)


def test_a_class_with_open_arguments_takes_any():
    def make(n_features, **settings):
        return Narrow(n_features, **settings)

    trunk = ModuleTrunk(make).set_params(width=6)
    assert trunk.build(3, draws(0)).n_outputs == 6


def test_the_one_required_argument_is_the_number_of_features_whatever_its_name():
    assert ModuleTrunk(Narrow).build(3, draws(0)).members[0].layer.in_features == 3
    assert ModuleTrunk(nn.Linear, out_features=4).build(3, draws(0)).members[0].in_features == 3
    assert ModuleTrunk(Narrow, n_features=5, width=2).build(5, draws(0)).members[0].layer.in_features == 5
    assert ModuleTrunk(Lazy).build(6, draws(0)).members[0].layer.in_features == 6


def test_several_missing_arguments_are_refused_by_name():
    with pytest.raises(
        ValueError, match=r"needs the arguments \['in_features', 'out_features'\]: give all but the number"
    ):
        ModuleTrunk(nn.Linear).build(3, draws(0))


def test_module_trunks_show_their_settings_and_pickle():
    trunk = ModuleTrunk(Narrow, width=4)
    assert repr(trunk).endswith("Narrow'>, width=4)")
    assert pickle.loads(pickle.dumps(trunk)).get_params() == {"module": Narrow, "width": 4}
    assert copy.deepcopy(trunk).get_params() == {"module": Narrow, "width": 4}


# Building members


SPECIFICATIONS = [
    ModuleTrunk(Narrow, width=4),
    ModuleTrunk(Lazy, width=4),
    CallableTrunk(lambda n_features: nn.Linear(n_features, 4)),
    CallableTrunk(lambda n_features: Lazy(width=4)),  # noqa: ARG005
    FixedTrunk(nn.LazyLinear(4)),
]


@pytest.mark.parametrize("trunk", SPECIFICATIONS, ids=lambda trunk: type(trunk).__name__)
def test_a_member_starts_the_same_alone_or_among_others_and_draws_nothing_globally(trunk):
    state = torch.get_rng_state()
    together = trunk.build(3, draws(5, 6, 7))
    alone = trunk.build(3, draws(6))
    assert torch.equal(torch.get_rng_state(), state)
    assert together.n_outputs == 4
    assert_same_state(together.members[1], state_of(alone.members[0]))
    first, second = (next(together.members[member].parameters()) for member in range(2))
    assert not torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()


@pytest.mark.parametrize("module", [nn.Linear(3, 4), nn.LazyLinear(4), nn.BatchNorm1d(3), nn.Linear(3, 4).double()])
def test_a_module_given_is_never_trained_in_place(module):
    lazy = isinstance(module, nn.LazyLinear)
    before = None if lazy else state_of(module)
    members = FixedTrunk(module).build(3, draws(0, 1))
    x = torch.ones(8, 3)
    optimizer = torch.optim.SGD(members.parameters(), lr=1.0)
    members.train()(x + torch.rand(8, 3, generator=draws(2)[0])).square().sum().backward()
    optimizer.step()
    if lazy:
        assert nn.parameter.is_lazy(module.weight)
    else:
        assert_same_state(module, before)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert {parameter.dtype for parameter in members.parameters()} == {torch.float32}


def test_members_of_a_module_given_start_from_its_weights():
    module = nn.Linear(3, 4)
    for member in FixedTrunk(module).build(3, draws(0, 1)).members:
        assert_same_state(member, state_of(module))


def test_building_leaves_running_statistics_and_modes_alone():
    members = FixedTrunk(nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))).build(3, draws(0))
    assert members.members[0][0].num_batches_tracked == 0
    assert members.members[0].training
    evaluating = FixedTrunk(nn.Linear(3, 4).eval()).build(3, draws(0))
    assert not evaluating.members[0].training


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.sum(), r"of shape \(n_rows, n_units\); for a batch of shape \(8, 3\) it returned \(\)"),
        (lambda x: x[:, 0], r"it returned \(8,\)\. Flatten or pool the other dimensions"),
        (lambda x: x[:, None], r"it returned \(8, 1, 3\)"),
        (lambda x: x[:1], r"it returned \(1, 3\)"),
        (lambda x: x.long(), "must return one float32 tensor .* got torch.int64"),
        (lambda x: x.double(), "must return one float32 tensor .* got torch.float64"),
        (lambda x: (x, x), "must return one float32 tensor .* got tuple"),
        (lambda x: x.numpy(), "must return one float32 tensor .* got ndarray"),
        (lambda x: x @ torch.ones(4, 2), r"The trunk failed on a batch of shape \(8, 3\): mat1 and mat2 shapes"),
    ],
)
def test_what_is_no_representation_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        CallableTrunk(lambda n_features: Wrong(function)).build(3, draws(0))  # noqa: ARG005


def test_a_module_that_fails_keeps_its_mode():
    module = Wrong(lambda x: x @ torch.ones(4, 2))
    with pytest.raises(ValueError, match="The trunk failed"):
        MemberModules([module], 3)
    assert module.training


@pytest.mark.parametrize("made", [None, torch.relu, MLPTrunk()])
def test_a_callable_that_returns_no_module_is_refused(made):
    with pytest.raises(
        ValueError, match=rf"A trunk must be an nn.Module, but CallableTrunk\(.*made a {type(made).__name__}"
    ):
        CallableTrunk(lambda n_features: made).build(3, draws(0))  # noqa: ARG005


def test_foreign_trunks_are_not_batched_and_draw_globally():
    for trunk in SPECIFICATIONS:
        assert not trunk.batched
        assert trunk.draws_globally


# Running members


def test_a_member_is_its_module_alone():
    modules = [nn.Linear(3, 4) for _ in range(3)]
    members = MemberModules(modules, 3)
    shared, own = torch.randn(5, 3), torch.randn(3, 5, 3)
    for member, module in enumerate(modules):
        assert torch.equal(members(shared)[member], module(shared))
        assert torch.equal(members(own)[member], module(own[member]))


@pytest.mark.parametrize("own_features", [False, True])
def test_with_marked_rows_a_module_sees_only_its_own(own_features):
    modules = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2)]
    copies = copy.deepcopy(modules)
    members = MemberModules(modules, 3).train()
    x = torch.randn(*([2] if own_features else []), 6, 3)
    rows = torch.tensor([[1.0, 1, 0, 1, 1, 0], [0, 0, 1, 1, 0, 1]])
    block = members(x, rows)
    for member, module in enumerate(copies):
        mine = rows[member].bool()
        features = x[member] if own_features else x
        assert torch.equal(block[member, mine], module.train()(features[mine]))
        assert (block[member, ~mine] == 0).all()
        assert_same_state(modules[member], state_of(module))
    others = torch.where(rows.bool()[:, :, None], x, 1e6)[0] if not own_features else None
    if others is not None:
        changed = MemberModules(copy.deepcopy(copies), 3).train()(others, rows)
        reference = MemberModules(copy.deepcopy(copies), 3).train()(x, rows)
        assert torch.equal(changed[0], reference[0])  # values of held-out rows enter nothing


def test_gradients_flow_through_marked_rows_only():
    members = MemberModules([nn.Linear(3, 2)], 3)
    x = torch.randn(4, 3, requires_grad=True)
    members(x, torch.tensor([[1.0, 0, 1, 0]])).sum().backward()
    assert (x.grad[[1, 3]] == 0).all()
    assert (x.grad[[0, 2]] != 0).all()


def test_a_member_without_marked_rows_is_not_run():
    modules = [nn.BatchNorm1d(3), nn.BatchNorm1d(3)]
    members = MemberModules(modules, 3).train()
    block = members(torch.randn(4, 3), torch.tensor([[0.0] * 4, [1.0] * 4]))
    assert (block[0] == 0).all()
    assert [int(module.num_batches_tracked) for module in modules] == [0, 1]


# as_trunk


def test_whatever_stands_for_a_trunk_becomes_a_specification():
    default = MLPTrunk((3,))
    assert as_trunk("auto", lambda: default) is default
    given = ModuleTrunk(Narrow)
    assert as_trunk(given, MLPTrunk) is given
    module = nn.Linear(3, 4)
    fixed = as_trunk(module, MLPTrunk)
    assert isinstance(fixed, FixedTrunk)
    assert fixed.module is module
    for function in (lambda n_features: nn.Linear(n_features, 4), Narrow):
        made = as_trunk(function, MLPTrunk)
        assert isinstance(made, CallableTrunk)
        assert made.build(3, draws(0)).members[0](torch.ones(2, 3)).shape[0] == 2


@pytest.mark.parametrize("wrong", ["mlp", 3, None, np.ones(2)])
def test_what_stands_for_no_trunk_is_refused(wrong):
    with pytest.raises(ValueError, match=r"trunk must be 'auto', a trunk specification, an nn.Module or a callable"):
        as_trunk(wrong, MLPTrunk)


def test_the_common_base_leaves_making_a_module_to_its_specifications():
    with pytest.raises(NotImplementedError):
        CallableTrunk.__base__().build(3, draws(0))
