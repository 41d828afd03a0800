"""What holds for every balancing method."""

import inspect
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skmtl.balancing import BALANCINGS, MGDA, GradientBalancing, JacobianBalancing, LossBalancing, SmoothedWeights
from tests.balancing.runs import N_STEPS, N_TASKS, RANDOM, problem, reordered, run

ALL = {**BALANCINGS, "smoothed": lambda: SmoothedWeights(MGDA())}
# A position in the order of tasks breaks ties: clusters of equal numbers are cut somewhere.
every_method = pytest.mark.parametrize("name", sorted(ALL))


@every_method
def test_weights_are_finite_and_one_a_task(name):
    weights, _ = run(ALL[name](), *problem(3))
    assert weights.shape == (N_STEPS, 3, N_TASKS)
    assert np.isfinite(weights).all()


@every_method
def test_permuting_tasks_permutes_weights(name):
    method = ALL[name]()
    losses, jacobians = problem(2)
    order = np.array([2, 0, 3, 1])
    if name in RANDOM:
        pytest.skip("Equivariant in distribution only: see test_equivariance_in_distribution.py.")
    plain, _ = run(method, losses, jacobians)
    permuted, _ = run(reordered(method, order), losses[..., order], jacobians[:, :, order])
    np.testing.assert_allclose(permuted, plain[..., order], rtol=1e-7, atol=1e-9)


@every_method
def test_members_together_are_each_alone(name):
    losses, jacobians = problem(3)
    together, _ = run(ALL[name](), losses, jacobians, generators=[np.random.default_rng(m) for m in range(3)])
    for member in range(3):
        part = slice(member, member + 1)
        alone, _ = run(ALL[name](), losses[:, part], jacobians[:, part], generators=[np.random.default_rng(member)])
        np.testing.assert_allclose(alone, together[:, part], rtol=1e-9, atol=1e-12)


@every_method
def test_a_task_that_is_never_there_is_as_if_it_were_not(name):
    losses, jacobians = problem(2)
    present = np.ones(losses.shape, dtype=bool)
    present[..., 1] = False
    left = [0, 2, 3]
    if name in RANDOM:
        pytest.skip("Draws numbers for all tasks, so in distribution: see test_equivariance_in_distribution.py.")
    weights, _ = run(ALL[name](), losses, jacobians, present)
    without, _ = run(ALL[name](), losses[..., left], jacobians[:, :, left])
    assert (weights[..., 1] == 0).all()
    # Methods that start from shares 1/T start from others here, and then only their sum is another.
    if name in ("moco", "modo"):
        weights = weights / weights.sum(2, keepdims=True)
    np.testing.assert_allclose(weights[..., left], without, rtol=1e-7, atol=1e-9)


@every_method
def test_members_may_see_different_tasks(name):
    losses, jacobians = problem(3)
    present = np.ones(losses.shape, dtype=bool)
    present[1::2, 0, 2] = present[2:, 1, 0] = present[3, 2] = False
    weights, replaced = run(ALL[name](), losses, jacobians, present)
    assert np.isfinite(weights).all()
    some = present.any(2, keepdims=True)
    assert (weights[~present & some] == 0).all()
    assert (weights[3, 2] == 1).all()
    if replaced is not None:
        assert torch.isfinite(replaced).all()


@every_method
def test_one_task_alone_has_a_positive_weight(name):
    losses, jacobians = problem(2, n_tasks=1)
    weights, _ = run(ALL[name](), losses, jacobians)
    if name not in ("cosmos", "pbi"):
        assert (weights > 0).all()
    summed, _ = run(ALL[name]().set_params(scale="sum"), losses, jacobians)
    np.testing.assert_allclose(np.abs(summed), 1)


@every_method
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_tasks_without_a_finite_gradient_are_left_out(name, value):
    method = ALL[name]()
    if isinstance(method, LossBalancing):
        pytest.skip("Looks at losses.")
    losses, jacobians = problem(2)
    jacobians[2:, 1, 3] = value
    with np.errstate(invalid="ignore"):
        weights, _ = run(method, losses, jacobians)
    assert np.isfinite(weights).all()
    assert (weights[2:, 1, 3] == 0).all()
    assert (weights[2:, 0, 3] != 0).any()


@every_method
def test_weights_without_any_gradient_are_uniform(name):
    method = ALL[name]()
    if isinstance(method, LossBalancing):
        pytest.skip("Looks at losses.")
    losses, jacobians = problem(2)
    weights, _ = run(method, losses, 0 * jacobians)
    assert (weights == 1).all()


@every_method
@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e6, 1e12])
def test_one_gradient_or_loss_may_be_of_any_size(name, size):
    losses, jacobians = problem(2)
    losses[..., 0] *= size
    jacobians[:, :, 0] *= size
    weights, _ = run(ALL[name](), losses, jacobians)
    assert np.isfinite(weights).all()


@every_method
def test_equal_and_opposite_gradients_have_finite_weights(name):
    losses, jacobians = problem(2)
    jacobians[:, 0, 1] = jacobians[:, 0, 0]
    jacobians[:, 1, 1] = -jacobians[:, 1, 0]
    weights, _ = run(ALL[name](), losses, jacobians)
    assert np.isfinite(weights).all()


@every_method
def test_equal_tasks_have_equal_weights(name):
    if name in RANDOM:
        pytest.skip("In distribution only.")
    losses, jacobians = problem(2)
    losses[..., 1], jacobians[:, :, 1] = losses[..., 0], jacobians[:, :, 0]
    weights, _ = run(ALL[name](), losses, jacobians)
    if name in ("mgda", "smoothed", "sdmgrad", "cagrad", "upgrad", "dualproj", "pmtl", "epo", "pcd"):
        return  # only their sum is determined, and only the direction is unique
    np.testing.assert_allclose(weights[..., 1], weights[..., 0], rtol=1e-6)


@every_method
def test_a_larger_task_weight_is_a_larger_share(name):
    """For tasks that are alike in everything: equal losses, orthogonal gradients of equal length."""
    losses = np.full((N_STEPS, 1, 3), 0.5)
    jacobians = np.broadcast_to(np.eye(3), (N_STEPS, 1, 3, 3)).copy()
    shares = []
    for task_weight in (0.5, 1.0, 2.0, 4.0):
        weights, _ = run(ALL[name](), losses, jacobians, task_weights=[task_weight, 1, 1])
        mean = weights.mean((0, 1))
        shares.append(mean[0] / mean.sum())
    if name == "epo":  # the task of the largest loss takes all
        assert shares == [0, 1, 1, 1]
        return
    assert (np.diff(shares) > 0.005).all()


@every_method
def test_absolute_weights_can_be_made_to_sum_to_the_tasks(name):
    weights, _ = run(ALL[name]().set_params(scale="sum"), *problem(2))
    np.testing.assert_allclose(np.abs(weights).sum(2), N_TASKS)


@every_method
def test_weights_are_the_same_in_every_run(name):
    first, _ = run(ALL[name](), *problem(2))
    second, _ = run(ALL[name](), *problem(2))
    np.testing.assert_array_equal(first, second)


@every_method
def test_arguments_are_left_as_they_are(name):
    losses, jacobians = problem(2)
    before = losses.copy(), jacobians.copy()
    run(ALL[name](), losses, jacobians)
    np.testing.assert_array_equal(losses, before[0])
    np.testing.assert_array_equal(jacobians, before[1])


@every_method
def test_specifications_are_cloned_pickled_and_searched(name):
    method = ALL[name]().set_params(scale="sum")
    assert clone(method).get_params(deep=False).keys() == method.get_params(deep=False).keys()
    assert pickle.loads(pickle.dumps(method)).scale == "sum"
    assert clone(method).scale == "sum"


@pytest.mark.parametrize("name", sorted(BALANCINGS))
def test_garbage_is_refused_for_every_parameter(name):
    method = BALANCINGS[name]
    for parameter in inspect.signature(method).parameters:
        with pytest.raises(InvalidParameterError, match=parameter):
            garbage = [] if parameter == "primary" else "garbage"  # it may be a task's name
            method().set_params(**{parameter: garbage}).check()
        with pytest.raises(InvalidParameterError, match=parameter):
            method().set_params(**{parameter: -1}).start(1, 2)


@pytest.mark.parametrize("name", sorted(BALANCINGS))
def test_every_method_says_what_it_is(name):
    method = BALANCINGS[name]
    text = " ".join(method.__doc__.split())
    for section in ("Parameters", "References", "Examples", *(["Task weights multiply"] if name != "uniform" else [])):
        assert section in text, section
    assert method.__module__.rsplit("._", 1)[1] == name  # one file each, called as the method is


@pytest.mark.parametrize("name", sorted(n for n, m in BALANCINGS.items() if issubclass(m, LossBalancing)))
@pytest.mark.parametrize("value", [0.0, -1.0, 1e-30, 1e30])
def test_losses_may_be_of_any_size(name, value):
    losses, jacobians = problem(2)
    losses[2:, :, 1] = value
    weights, _ = run(BALANCINGS[name](), losses, jacobians)
    assert np.isfinite(weights).all()


STATELESS = sorted(
    name
    for name, method in BALANCINGS.items()
    if not issubclass(method, JacobianBalancing) and not method().initial_state(1, 2)
)


@pytest.mark.parametrize("name", STATELESS)
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_stateless_methods_are_used_alone_with_arrays_and_tensors(name, leading):
    method = BALANCINGS[name]()
    rng = np.random.default_rng(0)
    given, losses = rng.uniform(0.1, 1, size=(*leading, 4)), {}
    if isinstance(method, GradientBalancing):
        losses = {"losses": given} if method.reads_losses else {}
        jacobian = rng.normal(size=(*leading, 4, 6))
        given = jacobian @ np.swapaxes(jacobian, -1, -2)
    weights = method.weights(given, **losses)
    assert isinstance(weights, np.ndarray)
    assert weights.shape == (*leading, 4)
    tensors = method.weights(torch.from_numpy(given).float(), **losses)
    assert tensors.dtype == torch.float32
    np.testing.assert_allclose(tensors.numpy(), weights, rtol=1e-2, atol=1e-3)
