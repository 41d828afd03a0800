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
    vectors, lengths, _ = np.linalg.svd(jacobian, full_matrices=False)  # the longest first
    level = {"min": lengths[:, 3], "median": lengths[:, 2], "rmse": np.sqrt((lengths**2).mean(1))}[mode]
    matrix = vectors @ ((level[:, None] / lengths)[..., None] * np.swapaxes(vectors, 1, 2))
    aligned = matrix @ jacobian
    np.testing.assert_allclose(gramian_of(aligned), level[:, None, None] ** 2 * np.eye(4), atol=1e-6 * level.max() ** 2)
    np.testing.assert_allclose(AlignedMTL(mode).weights(gramian_of(jacobian)), matrix.mean(2), rtol=1e-4, atol=1e-6)


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


def balanced_unit_vectors(n_tasks):
    """Gradients of length 1 that sum to zero: corners of a regular polygon."""
    angles = 2 * np.pi * np.arange(n_tasks) / n_tasks
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.mark.parametrize("n_tasks", [2, 3, 4, 7])
def test_where_no_direction_has_equal_projections_the_direction_is_zero(n_tasks):
    lengths = np.random.default_rng(n_tasks).uniform(0.1, 10, size=(n_tasks, 1))
    jacobian = lengths * balanced_unit_vectors(n_tasks)
    imtl = IMTLGradient().weights(gramian_of(jacobian))
    np.testing.assert_allclose(imtl * lengths[:, 0], np.full(n_tasks, imtl[0] * lengths[0, 0]), rtol=1e-12)
    assert imtl.sum() == pytest.approx(1)
    np.testing.assert_array_equal(ConFIG().weights(gramian_of(jacobian)), 0)


def test_three_gradients_in_a_plane_have_cosines_as_equal_as_least_squares_can_make_them():
    """Not every cosine is positive there: the docstring says so."""
    angles = np.array([0.0, 1.0, 2.9])
    jacobian = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    direction = ConFIG().weights(gramian_of(jacobian)) @ jacobian
    least_squares = np.linalg.lstsq(jacobian, np.ones(3), rcond=None)[0]
    cosine = direction @ least_squares / np.linalg.norm(direction) / np.linalg.norm(least_squares)
    assert cosine == pytest.approx(1)


@pytest.mark.parametrize("short", [1e-4, 1e-8, 1e-10])
def test_aligned_gradients_keep_one_that_is_very_short(short):
    jacobian = np.array([[1.0, 0.0], [0.6 * short, 0.8 * short]])
    # By hand, to first order in the short length: the components are those of the orthogonal parts 1 and .8 short.
    np.testing.assert_allclose(AlignedMTL().weights(gramian_of(jacobian)), [0.1 * short, 0.5], rtol=1e-3)


def test_levels_are_those_of_the_singular_values():
    gramian = np.diag([1.0, 4.0, 9.0, 100.0])
    inverse = 0.25 / np.array([1.0, 2.0, 3.0, 10.0])
    np.testing.assert_allclose(AlignedMTL("min").weights(gramian), inverse)
    np.testing.assert_allclose(AlignedMTL("median").weights(gramian), 2 * inverse)  # the smaller of 2 and 3
    np.testing.assert_allclose(AlignedMTL("rmse").weights(gramian), np.sqrt(114 / 4) * inverse)
