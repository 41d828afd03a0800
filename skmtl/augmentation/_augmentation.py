"""What an augmentation is: a specification that changes the rows of a training batch, or mixes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import validate_parameter_constraints
from torch import Tensor

from ..features import Form, Inputs
from ..nn import Mixing
from ._draws import Draws

# Squared distances of some rows from all, by their labels: `slice` → (R, B).
Distances = Callable[[slice], Tensor]


class Augmentation(BaseEstimator):
    """Base of augmentations: stores settings, and changes what the network reads of a batch while it is trained.

    A subclass stores its parameters in `__init__`, so that `clone`, `set_params` and a grid search over
    `augmentation__<parameter>` work, says in `forms` what it is for, and defines `augment`; one that mixes rows sets
    `mixes` and defines `mixing` instead. All members read the same changed batch.

    Attributes
    ----------
    forms : tuple of Form
        What samples it can change.
    mixes : bool
        Whether it mixes rows with partners, and with them their losses; one of those at a time.

    Examples
    --------
    Half of the rows of a batch turned upside down:

    >>> from skmtl import MultiTaskClassifier
    >>> from skmtl.augmentation import Augmentation
    >>> from skmtl.features import Form
    >>> class Headstand(Augmentation):
    ...     forms = (Form.IMAGE,)
    ...
    ...     def augment(self, x, inputs, draws):
    ...         turned = x.view(len(x), *inputs.shape).flip(2).flatten(1)
    ...         return turned.where(draws.uniform(len(x), 1) < 0.5, x)
    >>> model = MultiTaskClassifier(augmentation=Headstand())
    """

    # Parts of a sample are read behind tables of their own, inside of the trunk.
    forms: ClassVar[tuple[Form, ...]] = tuple(form for form in Form if form is not Form.SEVERAL)
    mixes: ClassVar[bool] = False
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

    def augment(self, x: Tensor, inputs: Inputs, draws: Draws) -> Tensor:
        """Return the batch changed; by default, as it is.

        Parameters
        ----------
        x : Tensor of shape (B, F)
            What the network reads; it must stay as it is.
        inputs : Inputs
            What stands where in a row.
        draws : Draws
            Where random numbers and lenders come from.

        Returns
        -------
        Tensor of shape (B, F)
        """
        del inputs, draws
        return x

    def mixing(self, draws: Draws, distances: Distances) -> Mixing:
        """Return how rows are mixed.

        Parameters
        ----------
        draws : Draws
        distances : callable
            A slice of rows → squared distances of their labels from those of all rows, `(R, B)`.
        """
        raise NotImplementedError
