"""Symmetric matrices by their eigenvalues, with a rank that rounding does not decide."""

from __future__ import annotations

import numpy as np

EPSILON = np.finfo(float).eps
# A vector with a smaller part in the range of a matrix is outside it, but for rounding.
OUTSIDE = 1e-10


def eigenpairs(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return eigenvalues `(M, T)`, eigenvectors in columns `(M, T, T)`, and which eigenvalues are not zero `(M, T)`.

    An eigenvalue counts as zero below `T ε` times the largest, with `ε` of float64.

    Parameters
    ----------
    matrix : ndarray of shape (M, T, T)
        Symmetric and positive semi-definite.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._spectrum import eigenpairs
    >>> eigenpairs(np.ones((1, 2, 2)))[2]
    array([[False,  True]])
    """
    values, vectors = np.linalg.eigh(matrix)
    return values, vectors, values > values[:, -1:] * values.shape[1] * EPSILON


def pseudo_inverse_times(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return `A⁺ b`, `(M, T)`: exactly 0 where `b` is orthogonal to the range of `A` up to rounding.

    Parameters
    ----------
    matrix : ndarray of shape (M, T, T)
        `A`, symmetric and positive semi-definite.
    right : ndarray of shape (M, T)
        `b`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmtl.balancing._spectrum import pseudo_inverse_times
    >>> pseudo_inverse_times(np.ones((1, 2, 2)), np.ones((1, 2)))
    array([[0.5, 0.5]])
    """
    values, vectors, positive = eigenpairs(matrix)
    inside = np.matmul(right[:, None], vectors)[:, 0]  # (M, T)
    inside = np.where(positive, inside, 0)
    within = np.linalg.norm(inside, axis=1, keepdims=True) > OUTSIDE * np.linalg.norm(right, axis=1, keepdims=True)
    inside = np.where(within, inside / np.where(positive, values, 1), 0)
    result: np.ndarray = np.matmul(vectors, inside[..., None])[..., 0]
    return result
