"""What the objective and the encoders of targets ask a loss for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from torch import Tensor

Scaling = Literal["standard", "mean", "classes"]


@dataclass(frozen=True)
class Loss:
    """Base of all losses: what the objective and the encoders of targets ask a loss for.

    Attributes
    ----------
    name : str
        The name under which estimators know the loss.
    scaling : {"standard", "mean", "classes"}
        How targets are scaled before the loss sees them: to mean 0 and variance 1; divided by their mean; or not at
        all, because they are class codes.

    Examples
    --------
    >>> import torch
    >>> from skmtl.losses import SquaredError
    >>> loss, derivative = SquaredError().loss_and_derivative(torch.tensor([3.0]), torch.tensor([1.0]))
    >>> loss.item(), derivative.item()
    (2.0, 2.0)
    """

    name: ClassVar[str]
    scaling: ClassVar[Scaling]

    def loss_and_derivative(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each label and its derivative with respect to the outputs.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_tasks), or (..., n_tasks, width) where tasks have several outputs
            Raw outputs of the network.
        targets : Tensor broadcastable to (..., n_tasks), with as many dimensions
            Scaled targets, or class codes.

        Returns
        -------
        loss : Tensor of shape (..., n_tasks)
        derivative : Tensor of the shape of `outputs`
        """
        raise NotImplementedError

    def inverse_link(self, outputs: Tensor) -> Tensor:
        """Map raw outputs to predictions in units of the scaled targets.

        Parameters
        ----------
        outputs : Tensor of shape (..., n_tasks), or (..., n_tasks, width) where tasks have several outputs or classes
            Raw outputs of the network.

        Returns
        -------
        Tensor of the same shape, or (..., n_tasks, n_classes): probabilities
        """
        return outputs

    def width(self, n_classes: int) -> int:
        """Return the number of network outputs of a task.

        Parameters
        ----------
        n_classes : int
            Number of classes; 1 in regression.

        Returns
        -------
        int
        """
        del n_classes
        return 1

    def bias_only(self, width: int) -> list[bool]:
        """Say which of a task's outputs do not depend on the features, only on a learned constant.

        Parameters
        ----------
        width : int
            Number of outputs.

        Returns
        -------
        list of bool
        """
        return [False] * width

    def point(self, predicted: Tensor) -> Tensor:
        """Return the one number among the predictions of a regression task that `predict` gives.

        Parameters
        ----------
        predicted : Tensor of shape (..., n_tasks), or (..., n_tasks, width) where tasks have several outputs

        Returns
        -------
        Tensor of shape (..., n_tasks)
        """
        return predicted

    def start(self, targets: np.ndarray, weights: np.ndarray, n_classes: int) -> np.ndarray:
        """Return the outputs before training: those of a sensible constant prediction.

        Parameters
        ----------
        targets : ndarray of shape (n_labels,)
            Scaled targets of one task.
        weights : ndarray of shape (n_labels,)
            Their weights, all positive.
        n_classes : int
            Number of classes; 1 in regression.

        Returns
        -------
        ndarray of shape (width,)
        """
        del targets, weights
        return np.zeros(self.width(n_classes))

    def constant_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Return the weighted mean loss of the best constant prediction.

        Parameters
        ----------
        targets : ndarray of shape (n_labels,)
            Scaled targets of one task.
        weights : ndarray of shape (n_labels,)
            Their weights, all positive.

        Returns
        -------
        float
        """
        raise NotImplementedError

    def complaint(self, targets: np.ndarray) -> str | None:
        """Say what is wrong with a task's labels under this loss; None if nothing is.

        Parameters
        ----------
        targets : ndarray of shape (n_labels,)
            Labels of one task as the user gave them, none missing.

        Returns
        -------
        str or None
        """
        del targets
        return None
