"""A first division of the units, rarest strata first: iterative stratification, a hand of rows at a time.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011) takes the stratum with the fewest rows left, and gives
each of them to the part that lacks it most. Here every part gets its whole share of equal rows at once; the rows left
over are taken in the same order, a few at a time, and matched with the parts so that the needs of all their strata
are met best.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ._units import Units

# Larger hands for more rows, so that the loop over hands stays short.
MOST_HANDS = 25_000
# What a row's rarest stratum counts in the matching, next to each of the others.
RAREST = 4.0


def deal_rows(units: Units, sizes: np.ndarray) -> np.ndarray:
    """Return how many copies of each unit go to each part.

    Parameters
    ----------
    units : Units
        Each with one row.
    sizes : ndarray of int of shape (n_parts,)
        Rows of each part; their sum is the number of rows.

    Returns
    -------
    ndarray of int of shape (n_units, n_parts)
    """
    n_samples, n_parts = sizes.sum(), len(sizes)
    dealt = units.copies[:, None] * sizes // n_samples  # (n_units, n_parts)
    shares = sizes / n_samples
    need = shares[:, None] * (units.counts.T @ units.copies) - (units.counts.T @ dealt).T  # (n_parts, n_strata)
    codes = units.counts.indices.reshape(len(units.copies), -1)
    order, rarest = _rarest_first(codes, units.copies - dealt.sum(axis=1), need.shape[1])
    slots = _slots(sizes - dealt.sum(axis=0))
    step = max(n_parts, int(np.ceil(n_samples / sizes.min())) if n_parts < 4 else 0, -(-len(order) // MOST_HANDS))
    for start in range(0, len(order), step):
        hand, parts = order[start : start + step], slots[start : start + step]
        strata = codes[hand]  # (n_hand, n_tasks)
        # Next to its share of what all parts need: a large part needs more of everything until the end.
        lack = need - shares[:, None] * need.sum(axis=0)
        wish = lack[:, strata].sum(axis=2) + RAREST * lack[:, rarest[hand]]  # (n_parts, n_hand)
        places, takers = linear_sum_assignment(wish[parts], maximize=True)
        hand = hand[takers]
        np.subtract.at(need, (parts[places][:, None], codes[hand]), 1)
        np.add.at(dealt, (hand, parts[places]), 1)
    return dealt


def _rarest_first(codes: np.ndarray, left: np.ndarray, n_strata: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the units in the order of dealing, one entry a copy, and the stratum for which each unit is taken."""
    remaining = np.bincount(codes.ravel(), np.repeat(left, codes.shape[1]), n_strata)
    by_stratum = np.argsort(codes.ravel(), kind="stable") // codes.shape[1]
    ends = np.cumsum(np.bincount(codes.ravel(), minlength=n_strata))
    waiting, rarest = left > 0, np.zeros(len(left), dtype=np.intp)
    order = []
    while waiting.any():
        stratum = int(np.where(remaining > 0.5, remaining, np.inf).argmin())
        start = ends[stratum - 1] if stratum else 0
        members = by_stratum[start : ends[stratum]]
        members = members[waiting[members]]
        waiting[members], rarest[members] = False, stratum
        remaining -= np.bincount(codes[members].ravel(), np.repeat(left[members], codes.shape[1]), n_strata)
        order.append(np.repeat(members, left[members]))
    return np.concatenate([*order, np.empty(0, dtype=np.intp)]), rarest


def _slots(sizes: np.ndarray) -> np.ndarray:
    """Return the part of each row in turn, every part spread evenly over the sequence."""
    parts = np.repeat(np.arange(len(sizes)), sizes)
    number = np.concatenate([np.arange(size) for size in sizes])
    return parts[np.lexsort((parts, (number + 0.5) / sizes[parts]))]


def deal_groups(
    units: Units, n_parts: int, weights: np.ndarray, generator: np.random.Generator | None = None
) -> np.ndarray:
    """Return the part of each group as zeros and a one: large groups first, each where it brings the parts nearest.

    Parameters
    ----------
    units : Units
    n_parts : int
    weights : ndarray of shape (n_strata,)
        What a row too many of a stratum counts.
    generator : Generator or None, default=None
        Varies the order of groups of about the same size. None: it follows from the data.

    Returns
    -------
    ndarray of int of shape (n_units, n_parts)
    """
    counts = units.counts
    dealt = np.zeros((counts.shape[0], n_parts), dtype=np.intp)
    need = np.tile(counts.sum(axis=0) / n_parts, (n_parts, 1))  # (n_parts, n_strata)
    spread = counts.multiply(counts) @ weights  # (n_units,)
    if generator is not None:
        spread = spread * generator.uniform(0.5, 1, size=len(spread))
    for unit in np.argsort(-spread, kind="stable"):
        places = slice(counts.indptr[unit], counts.indptr[unit + 1])
        strata, rows = counts.indices[places], counts.data[places]
        # The squared distance falls by 2·need·rows − rows², and the second term is the same for all parts.
        part = int((need[:, strata] @ (weights[strata] * rows)).argmax())
        need[part, strata] -= rows
        dealt[unit, part] = 1
    return dealt
