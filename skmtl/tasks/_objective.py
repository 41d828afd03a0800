"""The loss of every task of a batch, and its derivative with respect to the network's outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ._groups import TaskGroup
from ._statistics import MemberStatistics


class Objective(nn.Module):
    """`Σ_t task_weight_t · L_t / c_t` for all members at once, in closed form.

    On a batch, `L_t = Σ_i w_it l_it / (B w̄_t)`: `B` rows of the batch that the member trains on, `w̄_t` the mean of
    `w_it` over all its training rows. This estimates the loss per label without bias, whatever the batch holds, and
    makes integer weights equal to repeated rows. `c_t` is the loss of the best constant prediction: every task starts
    near 1.

    Parameters
    ----------
    groups : sequence of TaskGroup
    statistics : MemberStatistics
    task_weights : ndarray of shape (T,)
    class_weights : ndarray of shape (T, K) or None, default=None
        Weight of each class of each task; None: all 1.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmtl.losses import SquaredError
    >>> from skmtl.tasks import Objective, group_tasks, member_statistics
    >>> labels, weights = np.array([[-1.0], [1.0]]), np.ones((2, 1))
    >>> _, groups = group_tasks([SquaredError()], [1])
    >>> statistics = member_statistics(labels, weights, None, 1, groups)
    >>> objective = Objective(groups, statistics, np.ones(1))
    >>> measured = objective(torch.zeros(1, 2, 1), torch.tensor(labels), None, None)
    >>> measured.losses.item(), measured.derivative(objective.task_weights).flatten().tolist()
    (1.0, [1.0, -1.0])
    """

    has_labels: Tensor
    shift: Tensor
    scale: Tensor
    share: Tensor
    per_label: Tensor
    task_weights: Tensor

    class_weights: Tensor | None

    def __init__(
        self,
        groups: Sequence[TaskGroup],
        statistics: MemberStatistics,
        task_weights: np.ndarray,
        class_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.groups = list(groups)
        self.rescales = any(group.loss.scaling != "classes" for group in self.groups)
        present = statistics.has_labels
        with np.errstate(divide="ignore", invalid="ignore"):
            per_label = np.where(present, 1 / statistics.constant_loss, 0.0)  # (M, T)
            share = np.where(present, per_label / statistics.mean_weight, 0.0)  # (M, T)
        self.register_buffer("has_labels", torch.as_tensor(present))
        for name, value in (
            ("shift", statistics.shift[:, None]),  # (M, 1, T)
            ("scale", statistics.scale[:, None]),  # (M, 1, T)
            ("share", share),
            ("per_label", per_label),
            ("task_weights", task_weights),
        ):
            self.register_buffer(name, torch.as_tensor(value))
        self.register_buffer("class_weights", None if class_weights is None else torch.as_tensor(class_weights))

    def forward(self, outputs: Tensor, labels: Tensor, weights: Tensor | None, rows: Tensor | None) -> Measured:
        """Measure a batch.

        Parameters
        ----------
        outputs : Tensor of shape (M, B, O)
        labels : Tensor of shape (B, T)
            Encoded labels; hidden cells hold a value that the loss can take.
        weights : Tensor of shape (B, T) or None
            Label weights, 0 where hidden; None if all are 1.
        rows : Tensor of shape (M, B) or None
            1 where the member trains on the row, else 0; None if all are 1.
        """
        losses, derivative = self.label_losses(outputs, labels)
        if rows is None:
            scale = self.share.unsqueeze(1) / outputs.shape[1]  # (M, 1, T)
        else:
            n_rows = rows.sum(1, keepdim=True).clamp_(min=1)  # (M, 1)
            scale = (self.share / n_rows).unsqueeze(1) * rows.unsqueeze(2)  # (M, B, T)
        if self.class_weights is not None:
            scale = scale * self._weights_of(labels)
        if weights is not None:
            scale = scale * weights
        return Measured(self, losses, derivative, scale)

    def label_losses(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each label, `(M, B, T)`, and its derivative, `(M, B, O)`; no weights."""
        targets = labels if labels.dim() == 3 else labels.unsqueeze(0)  # (M or 1, B, T)
        if self.rescales:
            targets = (targets - self.shift) / self.scale  # (M, B, T)
        if len(self.groups) == 1 and self.groups[0].width == 1:
            return self.groups[0].loss.loss_and_derivative(outputs, targets)
        parts = [
            group.loss.loss_and_derivative(_outputs_of(group, outputs), targets[..., group.tasks])
            for group in self.groups
        ]
        return torch.cat([loss for loss, _ in parts], 2), torch.cat([d.flatten(2) for _, d in parts], 2)

    def times(self, derivative: Tensor, scale: Tensor) -> Tensor:
        """Multiply each task's outputs, `(M, B, O)`, in place, by its scale, `(M, B, T)` or `(M, 1, T)`.

        Parameters
        ----------
        derivative : Tensor of shape (M, B, O)
        scale : Tensor of shape (M, B, T) or (M, 1, T)
        """
        if derivative.shape[2] == scale.shape[2]:
            return derivative.mul_(scale)
        for group in self.groups:
            _outputs_of(group, derivative).mul_(
                scale[..., group.tasks, None] if group.width > 1 else scale[..., group.tasks]
            )
        return derivative

    def _weights_of(self, labels: Tensor) -> Tensor:
        """Class weight of each label, of the shape of `labels`; 1 for regression tasks."""
        table: Tensor = self.class_weights  # type: ignore[assignment]  # callers ask whether there is one
        codes = labels.long().clamp_(0, table.shape[1] - 1)
        return table.expand(*labels.shape[:-1], -1, -1).gather(-1, codes.unsqueeze(-1)).squeeze(-1)

    def holdout_losses(self, outputs: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return sums over rows of weighted label losses, in units of the constant's, and of the weights, `(M, T)`.

        Parameters
        ----------
        outputs : Tensor of shape (M, B, O)
        labels, weights : Tensor of shape (M or 1, B, T)
        """
        losses, _ = self.label_losses(outputs, labels)
        if self.class_weights is not None:
            weights = weights * self._weights_of(labels)
        return (losses * weights).sum(1) * self.per_label, weights.sum(1)

    def predictions(self, outputs: Tensor) -> list[Tensor]:
        """Return a prediction per group.

        Returns
        -------
        list of Tensor
            One a group: `(M, B, T)` in units of encoded labels, `(M, B, T, Q)` where tasks have several outputs, or
            probabilities `(M, B, T, K)`.
        """
        results = []
        for group in self.groups:
            raw = _outputs_of(group, outputs)
            if group.loss.scaling == "classes":
                results.append(group.loss.inverse_link(raw.unsqueeze(-1) if group.width == 1 else raw))
                continue
            scale, shift = (moment[..., group.tasks].to(raw) for moment in (self.scale, self.shift))
            if group.width > 1:
                scale, shift = scale.unsqueeze(-1), shift.unsqueeze(-1)
            results.append(group.loss.inverse_link(raw) * scale + shift)
        return results

    def member_average(self, outputs: Tensor) -> list[Tensor]:
        """Return predictions averaged over the members that know a task, or else over all, in float64 on the CPU.

        Returns
        -------
        list of Tensor
            One a group, as in `predictions`, without the members' axis.
        """
        outputs = outputs.cpu().double()
        known = self.has_labels.cpu().double()
        known = torch.where(known.any(0), known, 1.0)
        shares = known / known.sum(0)  # (M, T)
        return [
            torch.einsum("mt,mbt...->bt...", shares[:, group.tasks], predicted)
            for group, predicted in zip(self.groups, self.predictions(outputs), strict=True)
        ]

    def label_errors(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return each label's squared error in units of encoded labels, or 1 for a wrong class, `(M, B, T)`."""
        parts = []
        for group, predicted in zip(self.groups, self.predictions(outputs), strict=True):
            truth = labels[..., group.tasks]
            if group.loss.scaling == "classes":
                parts.append((predicted.argmax(-1) != truth).to(outputs.dtype))
            else:
                parts.append((group.loss.point(predicted) - truth).square())
        return torch.cat(parts, 2)


class Measured:
    """A batch, measured: the losses of its tasks, and on demand their derivatives.

    Parameters
    ----------
    objective : Objective
    label_losses : Tensor of shape (M, B, T)
        Loss of each label.
    label_derivatives : Tensor of shape (M, B, O)
        Its derivative with respect to the outputs; used up.
    scale : Tensor of shape (M, B, T) or (M, 1, T)
        What each label counts for in `L_t / c_t`.

    Attributes
    ----------
    losses : Tensor of shape (M, T)
        `L_t / c_t`, without task weights.
    """

    def __init__(self, objective: Objective, label_losses: Tensor, label_derivatives: Tensor, scale: Tensor) -> None:
        self.objective = objective
        self.scale = scale
        self.losses = (label_losses * scale).sum(1)
        self._derivatives = label_derivatives

    def derivative(self, weights: Tensor) -> Tensor:
        """Return the derivative of the weighted sum of the losses, `(M, B, O)`; to be asked for once.

        Parameters
        ----------
        weights : Tensor of shape (T,) or (M, 1, T)
        """
        return self.objective.times(self._derivatives, self.scale * weights)

    def per_label(self) -> tuple[Tensor, Tensor | None]:
        """Return the losses per label, `(M, T)`, and which tasks have any, a mask; None: all that ever have.

        `L_t / c_t` divides by the number of labels that a batch has on average; where labels are rare, it is far larger
        than that whenever there is one.
        """
        counted = self.counted()
        if counted is None:
            return self.losses, None
        present = counted > 0
        return self.losses * torch.where(present, self.objective.per_label / counted, 0), present

    def counted(self) -> Tensor | None:
        """Return what a batch's labels count for, `(M, T)`, in units of `L_t / c_t`; None: every row counts alike.

        1 / `c_t` where a batch has as many labels as it has on average.
        """
        return None if self.scale.shape[1] == 1 else self.scale.sum(1)


class MixedMeasured(Measured):
    """A batch of mixed rows, measured against the labels of either side: losses are mixed, never labels.

    Under a loss that is linear in the label, as cross-entropy is, a mixed label would do the same; under others, and
    where one side's label is missing, only mixed losses are right (Zhang et al. 2018).

    Parameters
    ----------
    first, second : Measured
        Each with weights that hold its side's share.
    """

    def __init__(self, first: Measured, second: Measured) -> None:
        self.objective = first.objective
        self.sides = first, second
        self.losses = first.losses + second.losses

    def derivative(self, weights: Tensor) -> Tensor:
        """Return the derivative of the weighted sum of the losses, `(M, B, O)`; see `Measured.derivative`."""
        first, second = self.sides
        return first.derivative(weights).add_(second.derivative(weights))

    def counted(self) -> Tensor | None:
        """Return what labels of both sides count for, `(M, T)`; see `Measured.counted`."""
        first, second = (side.counted() for side in self.sides)
        return None if first is None or second is None else first + second


def label_variance(labels: np.ndarray, weights: np.ndarray, groups: Sequence[TaskGroup]) -> np.ndarray:
    """Return what a task's mean error is divided by in its score: the variance of its labels, or 1 for classes.

    Parameters
    ----------
    labels, weights : ndarray of shape (n_rows, T)
        Encoded labels, and their weights, 0 where hidden.
    groups : sequence of TaskGroup

    Returns
    -------
    ndarray of shape (T,)
        NaN where it is 0 or no label is there: such a task has no score.
    """
    variance = np.full(labels.shape[1], np.nan)
    for group in groups:
        for task in range(group.tasks.start, group.tasks.stop):  # one at a time: on many rows, a copy of all is large
            present = weights[:, task] > 0
            values, weight = labels[present, task], weights[present, task]
            if group.loss.scaling == "classes" and present.any():
                variance[task] = 1.0
            elif present.any() and values.max() > values.min():  # equal labels have none, whatever rounding makes of it
                mean = np.average(values, weights=weight)
                variance[task] = np.average((values - mean) ** 2, weights=weight)
    return variance


def _outputs_of(group: TaskGroup, block: Tensor) -> Tensor:
    """A group's part of an output block: `(M, B, T)`, or `(M, B, T, K)` for several classes."""
    part = block[..., group.outputs]
    return part.view(*part.shape[:2], -1, group.width) if group.width > 1 else part
