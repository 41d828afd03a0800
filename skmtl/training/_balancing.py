"""The backward pass of a step under a balancing: what the method needs is measured, and its weights are applied."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..balancing import Balancer
from ..nn import Network, TrainingPass
from ..tasks import Measured, Objective


class BalancedBackward:
    """Sets the gradients of a step, as a balancing method weighs the tasks.

    Weights of methods on losses reach the whole network; those of methods on gradients the parameters that several
    tasks share. What belongs to one task, as its head does, keeps the task weight: there is nothing to balance.

    Parameters
    ----------
    balancer : Balancer
    network : Network
    objective : Objective
        Its columns may be fewer tasks: those of a group are one.
    task_order : ndarray of int of shape (C,)
        The task of each column of the objective.
    """

    def __init__(self, balancer: Balancer, network: Network, objective: Objective, task_order: np.ndarray) -> None:
        self.balancer = balancer
        self.needs = balancer.method.needs
        if balancer.n_tasks == 1 or (self.needs in ("gramian", "jacobian") and not network.shares):
            self.needs = "nothing"
        self.objective = objective
        self.order = task_order
        # A column's part of its task's loss, (C,); those of a task sum to 1.
        self.parts = objective.task_weights.double().cpu().numpy() / balancer.task_weights[task_order]
        self._one_to_one = np.array_equal(task_order, np.arange(balancer.n_tasks)) and bool((self.parts == 1).all())
        self._parts = objective.task_weights.new_tensor(self.parts)
        self._columns = torch.from_numpy(task_order).to(objective.task_weights.device)
        self._task_weights = self._parts.new_tensor(balancer.task_weights)[self._columns].view(1, 1, -1)
        self._weighs_heads = bool((balancer.task_weights != 1).any())
        self._everywhere = objective.has_labels.cpu().numpy()
        self._reset()

    def _reset(self) -> None:
        shape = (self.balancer.n_members, self.balancer.n_tasks)
        self._weight_sums, self._steps = np.zeros(shape), np.zeros(shape)
        self._cosine_sums, self._pairs = np.zeros((shape[1], shape[1])), np.zeros((shape[1], shape[1]))

    def drain(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean weights `(T,)` and cosines of gradients `(T, T)` since the last call; NaN where none were.

        Means are over members, and over the steps in which a task had labels.
        """
        with np.errstate(invalid="ignore"):
            weights = self._weight_sums.sum(0) / self._steps.sum(0)
            cosines = self._cosine_sums / self._pairs
        self._reset()
        return self.balancer.task_weights if self.needs == "nothing" else weights, cosines

    @torch.no_grad()
    def backward(self, passed: TrainingPass, measured: Measured, epoch: int) -> None:
        """Set the gradients of all parameters.

        Parameters
        ----------
        passed : TrainingPass
        measured : Measured
        epoch : int
            Epochs before this one.
        """
        if self.needs == "nothing":
            passed.backward(measured.derivative(self.objective.task_weights))
            return
        losses, present = self._losses(measured)
        if self.needs == "losses":
            weights = self.balancer.balance(losses=losses, present=present, epoch=epoch).weights
            by_column = self._by_column(weights)
            passed.backward(measured.derivative(by_column if self._one_to_one else by_column * self._parts))
        else:
            derivative = measured.derivative(self._parts)  # (M, B, O): of each task's own loss
            if self.needs == "gramian":
                weights = self._by_gramian(passed, derivative, losses, present, epoch)
            else:
                weights = self._by_jacobian(passed, derivative, losses, present, epoch)
        self._weight_sums += weights  # 0 for tasks that are not there
        self._steps += present

    def follow_up(self, before: Measured, after: Measured) -> None:
        """Tell the method what the step did to the losses of its batch.

        Parameters
        ----------
        before, after : Measured
        """
        losses, present = self._losses(before)
        self.balancer.follow_up(losses, self._losses(after)[0], present)

    @property
    def follows_up(self) -> bool:
        """Whether `follow_up` is to be called after a step."""
        return self.needs == "losses" and self.balancer.method.follows_up

    def _losses(self, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses per label of the tasks, and which tasks have labels, `(M, T)`."""
        found, labelled = measured.per_label()
        by_column = found.cpu().double().numpy()
        there = self._everywhere if labelled is None else labelled.cpu().numpy()
        if self._one_to_one:
            return by_column, there
        shape = (len(by_column), self.balancer.n_tasks)
        sums, parts = np.zeros(shape), np.zeros(shape)
        for column, task in enumerate(self.order):
            sums[:, task] += np.where(there[:, column], by_column[:, column] * self.parts[column], 0)
            parts[:, task] += np.where(there[:, column], self.parts[column], 0)
        return sums / np.where(parts > 0, parts, 1), parts > 0

    def _by_column(self, weights: np.ndarray) -> Tensor:
        """Spread weights of tasks, `(M, T)`, over their columns, `(M, 1, C)`."""
        by_task = torch.from_numpy(weights).to(self._parts)
        return (by_task if self._one_to_one else by_task[:, self._columns]).unsqueeze(1)

    def _by_gramian(
        self,
        passed: TrainingPass,
        derivative: Tensor,
        losses: np.ndarray,
        present: np.ndarray,
        epoch: int,
    ) -> np.ndarray:
        weights, jacobian = self.balancer.remembered(present), None
        if weights is None:
            if self._wants_parameters(passed):
                jacobian = passed.jacobian(derivative)  # (M, T, P)
                wide = jacobian.double()
                products = torch.bmm(wide, wide.transpose(1, 2))
            else:
                products = passed.gramian(derivative)
            gramian = products.cpu().double().numpy()
            self._note_cosines(gramian, present)
            weights = self.balancer.balance(losses=losses, gramian=gramian, present=present, epoch=epoch).weights
        self._apply(passed, derivative, weights, jacobian)
        return weights

    def _by_jacobian(
        self,
        passed: TrainingPass,
        derivative: Tensor,
        losses: np.ndarray,
        present: np.ndarray,
        epoch: int,
    ) -> np.ndarray:
        method = self.balancer.method
        pulls = method.wants_pulls and passed.representation.dim() == 3
        if pulls:
            signs = passed.representation.sign()
            jacobian = passed.pulls(derivative, signs)  # (M, T, H)
        elif method.wants_halves:
            halves = [slice(0, None, 2), slice(1, None, 2)]
            jacobian = torch.stack([passed.jacobian(2 * derivative[:, half], half) for half in halves], 1)
        else:
            jacobian = passed.jacobian(derivative)  # (M, T, P)
        weights, replaced = self.balancer.balance(
            losses=losses, jacobian=jacobian, pulls=pulls, present=present, epoch=epoch
        )
        if not pulls:
            self._apply(passed, derivative, weights, jacobian if replaced is None else replaced)
        elif replaced is None:  # no task pulls: all passes
            self._apply(passed, derivative, weights, None)
        else:
            shared = self.objective.times(derivative.clone(), self._by_column(weights))
            passed.backward_pulled(self._weighted(derivative), shared, signs, replaced)
        return weights

    def _apply(
        self,
        passed: TrainingPass,
        derivative: Tensor,
        weights: np.ndarray,
        jacobian: Tensor | None,
    ) -> None:
        """Set gradients: what is shared by the weights, the rest by the task weights."""
        if jacobian is None:
            shared = self.objective.times(derivative.clone(), self._by_column(weights))
            passed.backward(self._weighted(derivative), shared)
        else:
            passed.backward_own(self._weighted(derivative))
            passed.set_shared(weighted_sum(weights, jacobian))

    def _weighted(self, derivative: Tensor) -> Tensor:
        """Multiply by the task weights, in place."""
        return self.objective.times(derivative, self._task_weights) if self._weighs_heads else derivative

    def _wants_parameters(self, passed: TrainingPass) -> bool:
        asked = self.balancer.method.gradients
        if asked == "representation" and not passed.has_common:
            raise ValueError(
                "gradients='representation' needs tensors that all tasks read, and with this sharing each task reads "
                "its own: set gradients='auto' or 'parameters'."
            )
        return asked == "parameters" or not passed.has_common

    def _note_cosines(self, gramian: np.ndarray, present: np.ndarray) -> None:
        lengths = np.sqrt(np.diagonal(gramian, axis1=1, axis2=2))  # (M, T)
        there = present & (lengths > 0) & np.isfinite(lengths)
        if there.all():
            self._cosine_sums += (gramian / lengths[:, :, None] / lengths[:, None, :]).sum(0)
            self._pairs += len(gramian)
            return
        pairs = there[:, :, None] & there[:, None, :]
        products = np.where(pairs, lengths[:, :, None] * lengths[:, None, :], 1)
        self._cosine_sums += np.where(pairs, gramian / products, 0).sum(0)
        self._pairs += pairs.sum(0)


def weighted_sum(weights: np.ndarray, jacobian: Tensor) -> Tensor:
    """Return `Σ_t w_t g_t`, `(M, P)`; a gradient that is not finite counts for nothing if its weight is 0.

    Parameters
    ----------
    weights : ndarray of shape (M, T)
    jacobian : Tensor of shape (M, T, P), or (M, 2, T, P), of which the mean counts
    """
    if jacobian.dim() == 4:
        weights, jacobian = np.tile(weights / 2, 2), jacobian.flatten(1, 2)  # (M, 2 T, P)
    factors = jacobian.new_tensor(weights).unsqueeze(1)  # (M, 1, T)
    result = torch.bmm(factors, jacobian).squeeze(1)
    if not weights.all() and not result.isfinite().all():  # a task of weight 0 may have any gradient
        jacobian = jacobian.masked_fill((factors == 0).transpose(1, 2), 0)
        result = torch.bmm(factors, jacobian).squeeze(1)
    return result
