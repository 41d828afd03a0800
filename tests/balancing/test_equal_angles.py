"""IMTL-G, ConFIG and Aligned-MTL: methods by the spectrum of the Gramian."""

import numpy as np
import pytest

from skmtl.balancing import AlignedMTL, ConFIG, IMTLGradient
from skmtl.balancing._spectrum import eigenpairs, pseudo_inverse_times
from tests.balancing.gramians import gramian_of, random_jacobians


def regular(n_tasks):
    """Gradients of full rank."""
    jacobian = random_jacobians(n_tasks, 200)
    unit = jacobian / np.linalg.norm(jacobian, axis=2, keepdims=True)
    return jacobian[np.linalg.det(gramian_of(unit)) > 1e-3]


def test_pseudo_inverses_are_those_of_numpy():
    matrix = gramian_of(random_jacobians(4, 50)[:200])
    right = np.random.default_rng(0).normal(size=(200, 4))
    expected = np.matmul(np.linalg.pinv(matrix, hermitian=True, rcond=4e-16 * 4), right[..., None])[..., 0]
    np.testing.assert_allclose(pseudo_inverse_times(matrix, right), expected, rtol=1e-5, atol=1e-7)
    assert eigenpairs(np.diag([1.0, 0.0, 3.0])[None])[2].sum() == 2


def test_two_tasks_follow_the_formulas():
    gramian = gramian_of(regular(2))
    lengths = np.sqrt(np.diagonal(gramian, axis1=1, axis2=2))
    total = lengths.sum(1, keepdims=True)
    np.testing.assert_allclose(IMTLGradient().weights(gramian), lengths[:, ::-1] / total, rtol=1e-7)
    np.testing.assert_allclose(ConFIG().weights(gramian), total / (2 * lengths), rtol=1e-7)


def test_config_takes_parallel_gradients():
    np.testing.assert_allclose(ConFIG().weights([[1.0, 2.0], [2.0, 4.0]]), [1.5, 0.75])


@pytest.mark.parametrize("n_tasks", [2, 3, 5, 9])
@pytest.mark.parametrize("method", [IMTLGradient(), ConFIG()])
def test_projections_on_all_gradients_are_equal(n_tasks, method):
    jacobian = regular(n_tasks)
    direction = np.einsum("nt,ntp->np", method.weights(gramian_of(jacobian)), jacobian)
    along = np.einsum("ntp,np->nt", jacobian, direction) / np.linalg.norm(jacobian, axis=2)
    np.testing.assert_allclose(along, along.mean(1, keepdims=True) * np.ones(n_tasks), rtol=1e-5, atol=1e-12)
    assert (along > 0).all()


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
def test_the_two_have_one_direction(n_tasks):
    jacobian = regular(n_tasks)
    one, other = (
        np.einsum("nt,ntp->np", method.weights(gramian_of(jacobian)), jacobian) for method in (IMTLGradient(), ConFIG())
    )
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    np.testing.assert_allclose(cosine, 1, rtol=1e-8)


def test_config_is_as_long_as_gradients_ask_for():
    jacobian = regular(4)
    direction = np.einsum("nt,ntp->np", ConFIG().weights(gramian_of(jacobian)), jacobian)
    length = np.linalg.norm(direction, axis=1)
    along = np.einsum("ntp,np->nt", jacobian, direction) / length[:, None]
    np.testing.assert_allclose(length, along.sum(1), rtol=1e-7)


def test_imtl_weights_sum_to_one_or_to_minus_one():
    """Where they would sum to less than nothing, the paper's direction points uphill."""
    jacobian = random_jacobians(8, 400)[400:800] * np.exp(2 * np.random.default_rng(0).normal(size=(400, 8, 1)))
    sums = IMTLGradient().weights(gramian_of(jacobian)).sum(1)
    np.testing.assert_allclose(np.abs(sums), 1, rtol=1e-6)


def test_a_loss_times_a_number_leaves_imtls_direction():
    jacobian = regular(3)
    scales = np.array([1e-9, 1.0, 1e9])[:, None]
    plain = np.einsum("nt,ntp->np", IMTLGradient().weights(gramian_of(jacobian)), jacobian)
    scaled = np.einsum("nt,ntp->np", IMTLGradient().weights(gramian_of(jacobian * scales)), jacobian * scales)
    cosine = (plain * scaled).sum(1) / np.linalg.norm(plain, axis=1) / np.linalg.norm(scaled, axis=1)
    np.testing.assert_allclose(cosine, 1, rtol=1e-6)


@pytest.mark.parametrize("mode", ["min", "median", "rmse"])
def test_aligned_gradients_are_orthogonal_and_of_equal_length(mode):
    jacobian = regular(4)
    gramian = gramian_of(jacobian)
    values, vectors = np.linalg.eigh(gramian)
    level = {"min": values.min(1), "median": np.median(values, 1), "rmse": values.mean(1)}[mode]
    matrix = vectors @ (np.sqrt(level[:, None] / values)[..., None] * np.swapaxes(vectors, 1, 2))
    aligned = matrix @ jacobian
    np.testing.assert_allclose(gramian_of(aligned), level[:, None, None] * np.eye(4), atol=1e-6 * level.max())
    np.testing.assert_allclose(AlignedMTL(mode).weights(gramian), matrix.mean(2), rtol=1e-4, atol=1e-6)


def test_no_unit_combination_is_shorter_than_the_aligned_direction_times_its_tasks():
    jacobian = regular(3)
    gramian = gramian_of(jacobian)
    direction = np.einsum("nt,ntp->np", AlignedMTL().weights(gramian), jacobian)
    smallest = np.sqrt(np.linalg.eigvalsh(gramian)[:, 0])
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), smallest / np.sqrt(3), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "method"), [("AlignedMTL", AlignedMTL()), ("IMTLG", IMTLGradient())], ids=["aligned", "imtl_g"]
)
def test_torchjd_finds_the_same(name, method):
    torchjd, torch = pytest.importorskip("torchjd.aggregation"), pytest.importorskip("torch")
    theirs = getattr(torchjd, f"{name}Weighting")()
    for jacobian in random_jacobians(4, 20)[:20]:
        gramian = gramian_of(jacobian)
        found = theirs(torch.from_numpy(gramian)).numpy()
        ours = method.weights(gramian)
        if name == "IMTLG":  # theirs keeps the sign
            found = found * np.sign(found.sum())
            ours = ours * np.sign(ours.sum())
        np.testing.assert_allclose(ours, found, rtol=1e-4, atol=1e-5)
