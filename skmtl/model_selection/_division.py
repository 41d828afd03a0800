"""The part of each row: the labels' strata, a first division, and its improvement, one after the other."""

from __future__ import annotations

import numpy as np

from ._assignment import deal_groups, deal_rows
from ._exchange import Division
from ._strata import Strata
from ._units import equal_rows, whole_groups


def divide_rows(strata: Strata, sizes: np.ndarray, n_wanted: int, generator: np.random.Generator | None) -> np.ndarray:
    """Divide rows into parts of given sizes.

    Parameters
    ----------
    strata : Strata
    sizes : ndarray of int of shape (n_parts,)
        Their sum is the number of rows.
    n_wanted : int
        The first parts, which should hold every stratum of which they are due a row at least.
    generator : Generator or None
        Decides ties, and which of several equal rows goes where. None: the order of rows does.

    Returns
    -------
    ndarray of int of shape (n_samples,)
    """
    n_samples = len(strata.codes)
    order = np.arange(n_samples) if generator is None else generator.permutation(n_samples)
    units = equal_rows(Strata(strata.codes[order], strata.n_strata))
    totals = units.counts.T @ units.copies  # (n_strata,)
    target = sizes[:, None] / n_samples * totals  # (n_parts, n_strata)
    # Folds of m and m + 1 rows are due the same, so that n_splits rows of a class are enough for each.
    equal = sizes.max() - sizes.min() <= 1
    wanted = np.tile(totals >= len(sizes), (len(sizes), 1)) if equal else target > 1 - 1e-9
    wanted[n_wanted:] = False
    division = Division(units.counts, deal_rows(units, sizes), target, wanted, np.ones(len(totals)))
    division.improve()
    n_units, n_parts = division.result.shape
    part = np.empty(n_samples, dtype=np.intp)
    by_unit = order[np.argsort(units.of_row, kind="stable")]
    part[by_unit] = np.repeat(np.tile(np.arange(n_parts), n_units), division.result.ravel())
    return part


def divide_groups(
    strata: Strata, groups: np.ndarray, n_parts: int, generator: np.random.Generator | None
) -> np.ndarray:
    """Divide rows into parts of about the same size, none of which shares a group with another.

    Parameters
    ----------
    strata : Strata
    groups : ndarray of int of shape (n_samples,)
        Numbers of groups, from 0 without gaps.
    n_parts : int
    generator : Generator or None
        Decides the order of groups. None: it follows from the data.

    Returns
    -------
    ndarray of int of shape (n_samples,)
    """
    if generator is not None:
        groups = generator.permutation(int(groups.max()) + 1)[groups]
    units = whole_groups(strata, groups)
    totals = units.counts.sum(axis=0)  # (n_strata,)
    weights = np.ones(len(totals))
    weights[-1] = strata.codes.shape[1]  # sizes count as much as all tasks together
    holders = np.bincount(units.counts.indices, minlength=len(totals))
    dealt = deal_groups(units, n_parts, weights, generator)
    target, wanted = np.tile(totals / n_parts, (n_parts, 1)), np.tile(holders >= n_parts, (n_parts, 1))
    division = Division(units.counts, dealt, target, wanted, weights, moves=True)
    division.improve()
    return division.result.argmax(axis=1)[units.of_row]
