"""What a way of merging is: a specification that makes one trunk of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import validate_parameter_constraints
from torch import Tensor

from ..nn import Network


class Merging(BaseEstimator):
    """Base of the ways of merging: stores settings and maps the weights of several trunks to those of one.

    Attributes
    ----------
    needs_start : bool
        Whether it reads the trunk that all came from.
    needs_rows : bool
        Whether it reads what the layers of each network see of rows like those that it was fitted to.

    Examples
    --------
    >>> from skmtl.fusion import MERGINGS, Merging
    >>> issubclass(MERGINGS["ties"], Merging)
    True
    """

    needs_start: ClassVar[bool] = False
    needs_rows: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    def check(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            If one is out of range.
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), caller_name=type(self).__name__
        )

    def merged(self, ends: Tensor, start: Tensor | None = None) -> Tensor:
        """Return the merged weights, by default their mean.

        Parameters
        ----------
        ends : Tensor of shape (N, M, P)
            Weights of `N` trunks, in float64: each member's are merged for themselves.
        start : Tensor of shape (M, P) or None, default=None
            Weights that all came from; given where `needs_start` says so.

        Returns
        -------
        Tensor of shape (M, P)
        """
        del start
        return ends.mean(0)

    def refine(self, network: Network, networks: Sequence[Network], rows: Sequence[Sequence[Tensor]]) -> None:
        """Change the merged network by what layers see of rows; by default not at all.

        Parameters
        ----------
        network : Network
            With the merged trunk, changed in place.
        networks : sequence of Network
        rows : sequence of sequence of Tensor
            Rows of each network, a batch `(B, F)` after the other.
        """
