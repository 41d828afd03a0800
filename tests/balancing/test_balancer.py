"""A method at work: what it is shown, what it keeps, and what becomes of its weights."""

import numpy as np
import pytest
import torch

from skmtl.balancing import BALANCINGS, Balancing, GradientBalancing, JacobianBalancing, LossBalancing
from skmtl.balancing._arrays import as_blocks
from skmtl.balancing._step import Step, cut


class Counting(LossBalancing):
    """Weights are the losses; keeps steps of members, of tasks and of pairs of tasks."""

    follows_up = True
    pairwise = ("pairs",)

    def initial_state(self, n_members, n_tasks):
        return {
            "members": np.zeros(n_members),
            "tasks": np.zeros((n_members, n_tasks)),
            "pairs": np.zeros((n_members, n_tasks, n_tasks)),
        }

    def solve(self, step, state):
        self.shapes = [*getattr(self, "shapes", []), step.losses.shape]
        for name in state:
            state[name] = state[name] + 1
        return step.losses.copy()

    def follow_up(self, before, after, state):
        state["tasks"] = state["tasks"] + 100 * (before - after)


class Lengths(GradientBalancing):
    """Weights are the lengths of the gradients."""

    def solve(self, step, state):
        del state
        return step.norms.copy()


class LengthsOfWeighted(Lengths):
    sees_task_weights = True


class LengthsAndLosses(Lengths):
    reads_losses = True


class Drawing(LossBalancing):
    """Weights are random numbers."""

    def draw(self, n_tasks, generator):
        return generator.random(n_tasks)

    def solve(self, step, state):
        del state
        return step.draws.copy()


class DrawingPairs(Drawing):
    def draw(self, n_tasks, generator):
        return generator.random((n_tasks, n_tasks))

    def solve(self, step, state):
        del state
        return step.draws.sum(2)


class Doubling(JacobianBalancing):
    """Gradients are doubled; keeps their sums, which are made at the first step."""

    def replace(self, step, state):
        state["sums"] = step.jacobian + state["sums"] if "sums" in state else step.jacobian.clone()
        return np.ones(step.jacobian.shape[:2]), 2 * step.jacobian


class DoublingOfWeighted(Doubling):
    sees_task_weights = True


class Halves(JacobianBalancing):
    wants_halves = True

    def solve(self, step, state):
        del state
        return np.ones(step.jacobian.shape[::2])


LOSSES = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def gramians(*lengths):
    """Gramians of orthogonal gradients of these lengths, one row a member."""
    return np.stack([np.diag(np.square(row)) for row in lengths])


def ones(*shape):
    return np.ones(shape, dtype=bool)


def test_absent_tasks_have_weight_zero_and_are_not_shown():
    method = Counting()
    weights = method.start(2, 3).balance(losses=LOSSES, present=np.array([[True, False, True]] * 2)).weights
    np.testing.assert_array_equal(weights, [[1, 0, 3], [4, 0, 6]])
    assert method.shapes == [(2, 2)]


def test_what_is_kept_of_absent_tasks_stays_as_it_is():
    balancer = Counting().start(2, 3)
    balancer.state["tasks"][:, 1] = 7
    balancer.state["pairs"][:, 1] = balancer.state["pairs"][:, :, 1] = 8
    balancer.balance(losses=LOSSES, present=np.array([[True, False, True]] * 2))
    np.testing.assert_array_equal(balancer.state["tasks"], [[1, 7, 1]] * 2)
    np.testing.assert_array_equal(balancer.state["pairs"], [[[1, 8, 1], [8, 8, 8], [1, 8, 1]]] * 2)
    np.testing.assert_array_equal(balancer.state["members"], [1, 1])


def test_members_may_see_different_tasks():
    method = Counting()
    balancer = method.start(2, 3)
    present = np.array([[True, False, True], [False, True, True]])
    weights = balancer.balance(losses=LOSSES, present=present).weights
    np.testing.assert_array_equal(weights, np.where(present, LOSSES, 0))
    np.testing.assert_array_equal(balancer.state["tasks"], present)
    np.testing.assert_array_equal(balancer.state["pairs"], present[:, :, None] & present[:, None, :])
    assert method.shapes == [(1, 2), (1, 2)]


def test_members_that_see_the_same_tasks_are_solved_at_once():
    method = Counting()
    present = np.array([[True, False, True], [True, True, True], [True, False, True]])
    losses = np.arange(9.0).reshape(3, 3)
    weights = method.start(3, 3).balance(losses=losses, present=present).weights
    np.testing.assert_array_equal(weights, np.where(present, losses, 0))
    assert sorted(method.shapes) == [(1, 3), (2, 2)]


def test_a_member_without_any_task_has_uniform_weights_and_keeps_its_state():
    balancer = Counting().start(2, 3)
    weights = balancer.balance(losses=LOSSES, present=np.array([[False] * 3, [True] * 3])).weights
    np.testing.assert_array_equal(weights, [[1, 1, 1], [4, 5, 6]])
    np.testing.assert_array_equal(balancer.state["tasks"], [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(balancer.state["members"], [0, 1])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_gradients_that_are_zero_or_not_finite_have_weight_zero(value):
    gramian = gramians([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    gramian[0, 1] = gramian[0, :, 1] = value
    weights = Lengths().start(2, 3).balance(gramian=gramian).weights
    np.testing.assert_array_equal(weights, [[1, 0, 3], [4, 5, 6]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("places", [[(0, 1), (1, 0)], [(0, 1)], [(1, 0)]], ids=str)
def test_tasks_whose_product_is_not_finite_have_weight_zero(value, places):
    gramian = gramians([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    for place in places:
        gramian[(0, *place)] = value
    balancer = Lengths(every=2).start(2, 3)
    np.testing.assert_array_equal(balancer.balance(gramian=gramian).weights, [[0, 0, 3], [4, 5, 6]])
    balancer = Lengths(every=2).start(1, 2)
    np.testing.assert_array_equal(balancer.balance(gramian=gramian[:1, :2, :2], present=ones(1, 2)).weights, [[1, 1]])
    assert balancer.remembered(ones(1, 2)) is None


def test_products_with_tasks_that_are_left_out_do_not_count():
    gramian = gramians([1.0, 2.0, 3.0])
    gramian[0, 0, 1] = gramian[0, 1, 0] = np.nan
    weights = Lengths().start(1, 3).balance(gramian=gramian, present=np.array([[True, False, True]])).weights
    np.testing.assert_array_equal(weights, [[1, 0, 3]])
    weights = LengthsAndLosses().start(1, 3).balance(np.array([[1.0, np.nan, 1.0]]), gramian).weights
    np.testing.assert_array_equal(weights, [[1, 0, 3]])
    gramian[0, 1] = gramian[0, :, 1] = np.nan  # a gradient that is not finite spoils no other's
    np.testing.assert_array_equal(Lengths().start(1, 3).balance(gramian=gramian).weights, [[1, 0, 3]])


@pytest.mark.parametrize("name", sorted(n for n, m in BALANCINGS.items() if issubclass(m, GradientBalancing)))
def test_every_method_has_finite_weights_beside_products_that_are_not(name):
    gramian = np.eye(4)
    gramian[0, 1] = gramian[1, 0] = np.nan
    losses = np.ones(4)
    weights = BALANCINGS[name]().weights(gramian, losses=losses)
    there = [False, False, True, name != "epo"]  # a linear problem's solution is at a corner
    np.testing.assert_array_equal(weights > 0, there)
    np.testing.assert_array_equal(BALANCINGS[name]().weights(gramian[:2, :2], losses=losses[:2]), 1)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_rows_of_a_jacobian_that_are_zero_or_not_finite_have_weight_zero(value):
    jacobian = torch.ones(2, 3, 4, dtype=torch.float64)
    jacobian[0, 1] = value
    balancer = Doubling().start(2, 3)
    weights, replaced = balancer.balance(jacobian=jacobian)
    np.testing.assert_array_equal(weights, [[1, 0, 1], [1, 1, 1]])
    assert (replaced[0, [0, 2]] == 2).all()
    assert (replaced[1] == 2).all()
    np.testing.assert_array_equal(balancer.state["sums"][:, :, 0], weights)


@pytest.mark.parametrize(("value", "weight"), [(0.0, 1), (np.nan, 0)])
def test_a_task_with_a_gradient_in_one_half_only_is_there_unless_it_is_not_finite(value, weight):
    jacobian = torch.ones(1, 2, 3, 4)
    jacobian[0, 1, 2] = value
    np.testing.assert_array_equal(Halves().start(1, 3).balance(jacobian=jacobian).weights, [[1, 1, weight]])


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_lengths_of_single_precision_gradients_do_not_overflow(size):
    jacobian = torch.ones(1, 2, 4)
    jacobian[0, 1] = size
    np.testing.assert_array_equal(Doubling().start(1, 2).balance(jacobian=jacobian).weights, [[1, 1]])


def test_losses_that_are_not_finite_are_not_shown_to_methods_that_read_them():
    balancer = Counting().start(1, 3)
    np.testing.assert_array_equal(balancer.balance(losses=np.array([[1.0, np.nan, 3.0]])).weights, [[1, 0, 3]])
    np.testing.assert_array_equal(balancer.state["tasks"], [[1, 0, 1]])
    gramian = gramians([1.0, 2.0])
    np.testing.assert_array_equal(Lengths().start(1, 2).balance(np.array([[np.nan, 1]]), gramian).weights, [[1, 2]])


def test_without_any_gradient_weights_are_uniform():
    weights = Lengths().start(2, 3).balance(gramian=np.zeros((2, 3, 3))).weights
    np.testing.assert_array_equal(weights, np.ones((2, 3)))
    weights, replaced = Doubling().start(2, 3).balance(jacobian=torch.zeros(2, 3, 4))
    np.testing.assert_array_equal(weights, np.ones((2, 3)))
    assert replaced is None


def test_state_made_at_the_first_step_is_zero_for_absent_tasks():
    balancer = Doubling().start(2, 2)
    jacobian = torch.arange(1.0, 9.0).view(2, 2, 2)
    present = np.array([[True, False], [True, True]])
    _, replaced = balancer.balance(jacobian=jacobian, present=present)
    there = torch.from_numpy(present)[..., None]
    torch.testing.assert_close(balancer.state["sums"], jacobian * there)
    torch.testing.assert_close(replaced, torch.where(there, 2 * jacobian, 0.0))


def test_arguments_are_left_as_they_are():
    jacobian, present = torch.ones(2, 2, 3), np.array([[True, False], [True, True]])
    Doubling().start(2, 2, task_weights=[1, 2]).balance(jacobian=jacobian, present=present)
    assert (jacobian == 1).all()
    assert present.sum() == 3


def test_weights_can_be_made_to_sum_to_the_tasks_that_are_there():
    present = np.array([[True, False, True], [True, True, True]])
    weights = Counting(scale="sum").start(2, 3).balance(losses=LOSSES, present=present).weights
    np.testing.assert_allclose(weights, [[0.5, 0, 1.5], [0.8, 1, 1.2]])


def test_absolute_weights_are_summed():
    weights = Counting(scale="sum").start(1, 2).balance(losses=np.array([[-1.0, 3.0]])).weights
    np.testing.assert_allclose(weights, [[-0.5, 1.5]])
    assert (Counting(scale="sum").start(1, 2).balance(losses=np.zeros((1, 2))).weights == 0).all()


def test_task_weights_multiply_the_weights_of_methods_that_do_not_see_them():
    weights = Lengths().start(1, 2, task_weights=[1, 3]).balance(gramian=gramians([1.0, 2.0])).weights
    np.testing.assert_array_equal(weights, [[1, 2 * 3]])
    weights = Counting().start(1, 2, task_weights=[1, 3]).balance(losses=LOSSES[:1, :2]).weights
    np.testing.assert_array_equal(weights, [[1, 2 * 3]])


def test_task_weights_multiply_losses_and_gradients_that_other_methods_see():
    balancer = LengthsOfWeighted().start(1, 2, task_weights=[1, 3])
    gramian = np.array([[[1.0, 0.5], [0.5, 4.0]]])
    # The second gradient is 3 × 2 long; its weight multiplies the loss times 3.
    np.testing.assert_array_equal(balancer.balance(gramian=gramian).weights, [[1, 6 * 3]])
    np.testing.assert_array_equal(gramian, [[[1.0, 0.5], [0.5, 4.0]]])


@pytest.mark.parametrize("method", [Doubling(), DoublingOfWeighted()])
def test_task_weights_count_once_where_gradients_are_replaced(method):
    jacobian = torch.eye(2)[None]
    weights, replaced = method.start(1, 2, task_weights=[1, 3]).balance(jacobian=jacobian)
    update = torch.einsum("mt,mtp->mp", replaced.new_tensor(weights), replaced)
    torch.testing.assert_close(update, torch.tensor([[2.0, 6.0]]))


def test_gradients_with_weight_zero_do_not_spoil_the_sum():
    jacobian = torch.eye(2)[None].clone()
    jacobian[0, 1, 0] = np.nan
    weights, replaced = Doubling().start(1, 2).balance(jacobian=jacobian)
    update = torch.einsum("mt,mtp->mp", replaced.new_tensor(weights), replaced)
    torch.testing.assert_close(update, torch.tensor([[2.0, 0.0]]))


def test_random_numbers_are_each_members_own():
    balancer = Drawing().start(2, 3)
    weights = balancer.balance(losses=LOSSES).weights
    np.testing.assert_array_equal(weights, [np.random.default_rng(member).random(3) for member in range(2)])


@pytest.mark.parametrize("method", [Drawing, DrawingPairs])
def test_absences_do_not_shift_random_numbers(method):
    full, part = method().start(2, 3), method().start(2, 3)
    present = np.array([[True, False, True], [False, False, False]])
    first, partly = full.balance(losses=LOSSES).weights, part.balance(losses=LOSSES, present=present).weights
    if method is Drawing:
        np.testing.assert_array_equal(partly[0], first[0] * present[0])
    np.testing.assert_array_equal(full.balance(losses=LOSSES).weights, part.balance(losses=LOSSES).weights)


def test_pairs_of_random_numbers_are_cut_in_both_directions():
    generator = np.random.default_rng(0)
    pairs = generator.random((3, 3))
    present = np.array([[True, False, True]])
    weights = DrawingPairs().start(1, 3).balance(losses=LOSSES[:1], present=present).weights
    np.testing.assert_allclose(weights[0], [pairs[0, [0, 2]].sum(), 0, pairs[2, [0, 2]].sum()])


def test_weights_are_remembered_for_as_many_steps_as_asked():
    balancer = Lengths(every=3).start(1, 2)
    present = ones(1, 2)
    assert balancer.remembered(present) is None
    for _ in range(2):
        weights = balancer.balance(gramian=gramians([1.0, 2.0]), present=present).weights
        for _ in range(2):
            np.testing.assert_array_equal(balancer.remembered(present), weights)
        assert balancer.remembered(present) is None


def test_weights_renewed_at_every_step_are_not_remembered():
    balancer = Lengths().start(1, 2)
    balancer.balance(gramian=gramians([1.0, 2.0]), present=ones(1, 2))
    assert balancer.remembered(ones(1, 2)) is None


def test_weights_are_remembered_for_the_same_tasks_only():
    balancer = Lengths(every=3).start(1, 2)
    balancer.balance(gramian=gramians([1.0, 2.0]), present=ones(1, 2))
    assert balancer.remembered(np.array([[True, False]])) is None
    np.testing.assert_array_equal(balancer.remembered(ones(1, 2)), [[1, 2]])


def test_remembered_weights_include_task_weights():
    balancer = Lengths(every=2).start(1, 2, task_weights=[1, 3])
    balancer.balance(gramian=gramians([1.0, 2.0]), present=ones(1, 2))
    np.testing.assert_array_equal(balancer.remembered(ones(1, 2)), [[1, 6]])


def test_weights_that_follow_from_no_gradient_are_not_remembered():
    balancer = Lengths(every=3).start(1, 2)
    balancer.balance(gramian=np.zeros((1, 2, 2)), present=ones(1, 2))
    assert balancer.remembered(ones(1, 2)) is None


def test_weights_are_not_remembered_while_a_member_has_no_gradient():
    balancer = Lengths(every=3).start(2, 2)
    balancer.balance(gramian=np.stack([np.zeros((2, 2)), np.eye(2)]), present=ones(2, 2))
    assert balancer.remembered(ones(2, 2)) is None
    some = np.array([[False, False], [True, True]])  # a member without labels needs no gradient
    balancer.balance(gramian=np.stack([np.zeros((2, 2)), np.eye(2)]), present=some)
    assert balancer.remembered(some) is not None


def test_which_tasks_were_there_is_remembered_as_it_was():
    balancer = Lengths(every=3).start(1, 2)
    present = ones(1, 2)
    balancer.balance(gramian=gramians([1.0, 2.0]), present=present)
    present[0, 0] = False
    assert balancer.remembered(present) is None


def test_lessons_of_a_step_reach_only_tasks_that_were_there():
    balancer = Counting().start(2, 3)
    present = np.array([[True, False, True], [False, False, False]])
    balancer.follow_up(LOSSES, LOSSES / 2, present)
    np.testing.assert_array_equal(balancer.state["tasks"], [[50, 0, 150], [0, 0, 0]])
    np.testing.assert_array_equal(balancer.state["members"], [0, 0])


def test_parameters_are_checked_before_the_first_step():
    with pytest.raises(ValueError, match="'every' parameter of Lengths"):
        Lengths(every=0).start(1, 2)
    with pytest.raises(ValueError, match="'scale' parameter of Counting"):
        Counting(scale="mean").start(1, 2)
    with pytest.raises(NotImplementedError):
        Balancing().solve(Step(0, LOSSES, LOSSES, torch.empty(0)), {})


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_weights_are_of_the_kind_and_shape_of_what_they_follow_from(leading):
    given = np.broadcast_to(np.diag([1.0, 4.0]), (*leading, 2, 2))
    weights = Lengths().weights(given)
    assert isinstance(weights, np.ndarray)
    np.testing.assert_array_equal(weights, np.broadcast_to([1.0, 2.0], (*leading, 2)))
    for dtype in (torch.float32, torch.float64):
        tensors = Lengths().weights(torch.tensor(given, dtype=dtype, requires_grad=True))
        assert tensors.dtype == dtype
        assert not tensors.requires_grad
        np.testing.assert_array_equal(tensors.numpy(), weights)
    assert Lengths().weights(given.tolist()).shape == (*leading, 2)


def test_blocks_are_in_double_precision_with_one_leading_dimension():
    blocks, back = as_blocks(torch.ones(2, 3, 4, dtype=torch.float16), 1)
    assert (blocks.shape, blocks.dtype) == ((6, 4), np.float64)
    assert (back(blocks).shape, back(blocks).dtype) == ((2, 3, 4), torch.float16)


def test_weights_of_whole_numbers_are_not_rounded():
    gramian = torch.tensor([[1, 0], [0, 2]])
    np.testing.assert_allclose(Lengths().weights(gramian).numpy(), [1, np.sqrt(2)], rtol=1e-6)


def test_gramians_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"square in its last two dimensions, got shape \(2, 3\)"):
        Lengths().weights(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"at least 2 dimensions, none of them empty, got shape \(3,\)"):
        Lengths().weights(np.ones(3))
    with pytest.raises(ValueError, match=r"got shape \(0,\)"):
        Counting().weights([])


@pytest.mark.parametrize("name", ["pcgrad", "rlw", "mgda"])
@pytest.mark.parametrize("generator", [0, torch.Generator()], ids=["number", "torch"])
def test_other_sources_of_random_numbers_are_refused(name, generator):
    with pytest.raises(ValueError, match=r"must be a numpy\.random\.Generator"):
        BALANCINGS[name]().weights(np.eye(2), generator)


def test_losses_of_another_shape_than_the_gramian_are_refused():
    method = BALANCINGS["gradnorm"]()
    with pytest.raises(ValueError, match=r"losses must be \(2,\)"):
        method.weights(np.eye(2), losses=np.ones(3))
    with pytest.raises(ValueError, match=r"losses must be \(3, 2\)"):
        method.weights(np.stack([np.eye(2)] * 3), losses=np.ones(2))


@pytest.mark.parametrize("name", ["uniform", "rlw", "mgda", "nash_mtl"])
def test_no_members_have_no_weights(name):
    method = BALANCINGS[name]()
    shape = (0, 2, 2) if isinstance(method, GradientBalancing) else (0, 2)
    assert method.weights(np.empty(shape)).shape == (0, 2)


def test_losses_that_a_method_on_gradients_needs_are_asked_for():
    class Needs(Lengths):
        reads_losses = True

    with pytest.raises(ValueError, match="needs the losses beside the Gramian"):
        Needs().weights(np.eye(2))


def test_cosines_have_a_unit_diagonal_at_any_scale():
    lengths = np.array([1e-12, 1.0, 1e12])
    cosines = np.array([[1.0, 0.5, -0.25], [0.5, 1.0, 0.1], [-0.25, 0.1, 1.0]])
    step = Step(0, np.ones((1, 3)), (cosines * lengths[:, None] * lengths)[None], torch.empty(0))
    np.testing.assert_allclose(step.norms, lengths[None])
    np.testing.assert_allclose(step.cosines, cosines[None], rtol=1e-14)
    lengths = np.random.default_rng(0).lognormal(size=50)  # some of which, squared and divided, are not quite 1
    step = Step(0, np.ones((1, 50)), (lengths[:, None] * lengths)[None], torch.empty(0))
    np.testing.assert_array_equal(np.diagonal(step.cosines[0]), 1)


def test_a_part_of_a_step_holds_some_members_and_tasks_of_everything():
    rng = np.random.default_rng(0)
    jacobian = rng.normal(size=(3, 2, 4, 5))
    step = Step(
        2,
        rng.normal(size=(3, 4)),
        rng.normal(size=(3, 4, 4)) ** 2,
        torch.from_numpy(jacobian),
        False,
        rng.normal(size=(3, 4, 4)),
    )
    _ = step.norms  # kept with the whole, not with the part
    part = step.part(np.array([0, 2]), np.array([1, 3]))
    index = np.ix_([0, 2], [1, 3])
    np.testing.assert_array_equal(part.losses, step.losses[index])
    np.testing.assert_array_equal(part.gramian, step.gramian[np.ix_([0, 2], [1, 3], [1, 3])])
    np.testing.assert_array_equal(part.draws, step.draws[np.ix_([0, 2], [1, 3], [1, 3])])
    np.testing.assert_array_equal(part.jacobian.numpy(), jacobian[np.ix_([0, 2], [0, 1], [1, 3])])
    np.testing.assert_array_equal(part.norms, step.norms[index])
    assert part.epoch == 2


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_a_part_is_a_copy(kind):
    values = kind(np.zeros((2, 3, 3)))
    for pairwise in (False, True):
        cut(values, np.array([0, 1]), np.array([0, 1, 2]), pairwise)[:] = 1
    assert (values == 0).all()
