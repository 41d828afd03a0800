"""Better divisions: units change places between two parts for as long as that brings the strata nearer to their shares.

The distance of a division is the sum over parts and strata of the squared surplus, the number of rows less the share of
all rows that the part should have. If unit i of part a and unit j of part b change places, it falls by

    2 (c_i − c_j)·(s_a − s_b) − 2 |c_i − c_j|²,

c their counts of strata and s the surpluses: a matrix product for all pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

# Units of a part that are tried as partners, the most promising ones.
MOST_CANDIDATES = 512
# Pairs of units that are looked at closely, the best ones.
MOST_PAIRS = 256
# Pairs of parts between two looks at which are the most unlike.
MOST_PART_PAIRS = 200
# With more parts than this, exchanges are tried between neighbours only, about as many pairs as so many parts have.
MOST_MUTUAL_PARTS = 64
# Cells that are read before an improvement counts as good enough; beyond it every pair of parts had its turn twice.
MOST_WORK = 1e9
# A class that a part lacks weighs more than any distance.
LACKING = 1e9
ASKED = 1e4
SMALLEST_FALL = 1e-6
# How often small data start again near their division, if a part still lacks a class.
MOST_TRIES = 30


@dataclass
class Division:
    """Where the copies of all units are.

    Attributes
    ----------
    counts : CSR array of shape (n_units, n_strata)
        Rows of each stratum in one copy of a unit.
    dealt : ndarray of int of shape (n_units, n_parts)
        Copies of each unit in each part. Changes in place.
    target : ndarray of shape (n_parts, n_strata)
        Rows that a part should have.
    wanted : ndarray of bool of shape (n_parts, n_strata)
        Strata that a part should not be without.
    weights : ndarray of shape (n_strata,)
        What a row too many counts, squared.
    moves : bool
        Whether a unit may go without another coming back, so that parts change their sizes.
    """

    counts: csr_array
    dealt: np.ndarray
    target: np.ndarray
    wanted: np.ndarray
    weights: np.ndarray
    moves: bool = False

    def __post_init__(self) -> None:
        """Count the rows, and let there be a unit without rows to change places with, if units may move."""
        if self.moves:
            self.counts = csr_array(vstack([self.counts, csr_array((1, self.counts.shape[1]))]))
            self.dealt = np.vstack([self.dealt, np.ones_like(self.dealt[:1])])
        self.rows = (self.counts.T @ self.dealt).T.astype(float)  # (n_parts, n_strata)
        self.squares = self.counts.multiply(self.counts) @ self.weights  # (n_units,)

    @property
    def result(self) -> np.ndarray:
        """Copies of each unit in each part, without the empty one."""
        return self.dealt[: len(self.dealt) - self.moves]

    @property
    def distance(self) -> float:
        """The sum of squared surpluses, and a lot for each class that a part lacks."""
        squared = (self.rows - self.target) ** 2 @ self.weights
        return float(squared.sum()) + LACKING * int((self.wanted & (self.rows == 0)).sum())

    def improve(self) -> None:
        """Exchange units until no exchange helps; then, if a part lacks a class, from other places nearby."""
        self._descend()
        generator = np.random.default_rng(0)
        tries = min(MOST_TRIES, int(MOST_WORK // (self.counts.nnz * len(self.target) ** 2 + 1)))
        while tries > 0 and (self.wanted & (self.rows == 0)).any():
            tries -= 1
            dealt, rows, distance = self.dealt.copy(), self.rows.copy(), self.distance
            self._disturb(generator)
            self._descend()
            if self.distance > distance:
                self.dealt, self.rows = dealt, rows

    def _disturb(self, generator: np.random.Generator) -> None:
        """Let some units change places whether it helps or not."""
        for _ in range(len(self.target)):
            a, b = generator.choice(len(self.target), 2, replace=False)
            leaving, entering = (generator.choice(np.flatnonzero(self.result[:, part])) for part in (a, b))
            self._swap(int(leaving), int(entering), int(a), int(b))

    def _descend(self) -> None:
        """Exchange units until no pair of parts has a better exchange, or the work is enough."""
        first, second = _part_pairs(len(self.target))
        settled = np.zeros(len(first), dtype=bool)
        visits = max(2 * len(first), int(MOST_WORK // max(self.counts.nnz, 1)))
        while visits > 0 and not settled.all():
            surplus = self._surplus()
            gaps = ((surplus[first] - surplus[second]) ** 2) @ self.weights  # (n_pairs,)
            gaps[settled] = -1
            for pair in np.argsort(-gaps, kind="stable")[: min(int((~settled).sum()), MOST_PART_PAIRS, visits)]:
                a, b = int(first[pair]), int(second[pair])
                visits -= 1
                settled[pair] = not self.exchange(a, b)
                if not settled[pair]:
                    settled[(first == a) | (first == b) | (second == a) | (second == b)] = False

    def exchange(self, a: int, b: int) -> int:
        """Make the exchanges between two parts that bring them nearer, and return how many."""
        surplus = self._surplus()
        scores = self.counts @ (self.weights * (surplus[a] - surplus[b]))  # (n_units,)
        leaving, entering = _promising(self.dealt[:, a], scores), _promising(self.dealt[:, b], -scores)
        if not len(leaving) or not len(entering):
            return 0
        out, into = self.counts[leaving].toarray(), self.counts[entering].toarray()
        falls = (scores - self.squares)[leaving][:, None] - (scores + self.squares)[entering]
        falls += 2 * (out * self.weights) @ into.T  # (n_leaving, n_entering)
        likely = np.flatnonzero(falls.ravel() > SMALLEST_FALL)
        if len(likely) > MOST_PAIRS:
            likely = likely[np.argpartition(-falls.ravel()[likely], MOST_PAIRS)[:MOST_PAIRS]]
        if not len(likely):
            return 0
        i, j = np.divmod(likely, len(entering))
        return self._apply(a, b, leaving[i], entering[j], into[j] - out[i])

    def _surplus(self) -> np.ndarray:
        """Return the surpluses, in which a part without a class asks for it as if many rows were missing."""
        return self.rows - self.target - ASKED * (self.wanted & (self.rows == 0))

    def _apply(self, a: int, b: int, leaving: np.ndarray, entering: np.ndarray, change: np.ndarray) -> int:
        """Make the best of some exchanges, and again, until none is left that helps."""
        squares = change**2 @ self.weights
        # Only strata with few rows can become lacking, or be lacking now.
        scarce = (self.wanted[a] | self.wanted[b]) & (self.rows[[a, b]].min(axis=0) <= np.abs(change).max(axis=0))
        done = 0
        while done < len(self.dealt):
            surplus = self.rows - self.target
            falls = -2 * (change @ (self.weights * (surplus[a] - surplus[b])) + squares)
            if scarce.any():
                falls += LACKING * self._filled(a, b, change[:, scarce], scarce)
            falls[(self.dealt[leaving, a] == 0) | (self.dealt[entering, b] == 0)] = 0
            best = int(falls.argmax())
            if falls[best] <= SMALLEST_FALL:
                break
            self._swap(leaving[best], entering[best], a, b)
            done += 1
        return done

    def _swap(self, leaving: int, entering: int, a: int, b: int) -> None:
        """Bring a copy of one unit from part a to part b, and one of another back."""
        empty = len(self.dealt) - 1 if self.moves else -1
        for unit, source, goal in ((leaving, a, b), (entering, b, a)):
            if unit != empty:
                self.dealt[unit, source] -= 1
                self.dealt[unit, goal] += 1
            places = slice(self.counts.indptr[unit], self.counts.indptr[unit + 1])
            self.rows[source, self.counts.indices[places]] -= self.counts.data[places]
            self.rows[goal, self.counts.indices[places]] += self.counts.data[places]

    def _filled(self, a: int, b: int, change: np.ndarray, scarce: np.ndarray) -> np.ndarray:
        """Return how many classes each exchange brings to a part that lacks them, less those it takes away."""
        filled = np.zeros(len(change))
        for part, sign in ((a, 1), (b, -1)):
            wanted, rows = self.wanted[part, scarce], self.rows[part, scarce]
            filled += (wanted & (rows == 0)).sum() - (wanted & (rows + sign * change == 0)).sum(axis=1)
        return filled


def _part_pairs(n_parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of parts that exchange units: all of them, or, in a ring of many parts, the nearest ones."""
    if n_parts <= MOST_MUTUAL_PARTS:
        first, second = np.triu_indices(n_parts, 1)
        return first, second
    reach = min(-(-(MOST_MUTUAL_PARTS**2) // (2 * n_parts)), (n_parts - 1) // 2)
    first = np.repeat(np.arange(n_parts), reach)
    return first, (first + np.tile(np.arange(1, reach + 1), n_parts)) % n_parts


def _promising(copies: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the units of a part with the highest scores."""
    units = np.flatnonzero(copies > 0)
    if len(units) <= MOST_CANDIDATES:
        return units
    return units[np.argpartition(-scores[units], MOST_CANDIDATES)[:MOST_CANDIDATES]]
