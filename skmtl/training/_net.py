"""The training loop: a skorch net that steps all members at once on whole-tensor batches."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor

from ..balancing import Balancer
from ..nn import Network
from ..tasks import Measured, MixedMeasured, Objective
from ._averages import RunningAverage
from ._balancing import BalancedBackward
from ._batch import Batch
from ._callbacks import raised_on_purpose
from ._clipping import clip_gradients
from ._history import History, member_mean
from ._holdout import Holdout
from ._isolation import SameNoise
from ._optimizers import SCHEDULES, make_optimizer, set_learning_rates, unflatten
from ._rows import Batches
from ._snapshots import Snapshots

# The training score is an estimate from the last rows of an epoch: as cheap on a large set as on a small one.
SCORED_ROWS = 1024
DIVERGED = 1e6


class MultiTaskNet(NeuralNet):
    """A skorch net whose batches, losses, holdouts and stopping know members and tasks.

    skorch supplies callbacks, events and the history that callbacks read; `fit` data are `Batches` and a `Holdout`.

    Parameters
    ----------
    module : Network
    criterion : Objective
    solver : str
        A name of `SOLVERS`.
    alpha : float
        Weight decay.
    schedule : str
        A name of `SCHEDULES`.
    max_grad_norm : float or None
    task_history : History
        Where losses and scores are recorded, tasks in column order of y.
    task_order : ndarray of int of shape (T,)
        Place in `task_history` of the engine's first, second, … column; columns of a group share one.
    balancer : Balancer
        How the tasks of `task_history` are balanced.
    **settings
        Parameters of skorch's net.
    """

    _average: RunningAverage | None = None  # while members stop early
    _rates_move = False  # whether learning rates change from step to step

    def __init__(
        self,
        module: Network,
        criterion: Objective,
        *,
        solver: str,
        alpha: float,
        schedule: str,
        max_grad_norm: float | None,
        task_history: History,
        task_order: np.ndarray,
        balancer: Balancer,
        **settings: Any,
    ) -> None:
        super().__init__(module, criterion, train_split=None, **settings)
        self.solver = solver
        self.alpha = alpha
        self.schedule = schedule
        self.max_grad_norm = max_grad_norm
        self.task_history = task_history
        self.task_order = task_order
        self.balancer = balancer

    def get_default_callbacks(self) -> list[Any]:
        """Return none of skorch's: they print, and score by predicting."""
        return []

    def initialize_optimizer(self, triggered_directly: Any = None) -> MultiTaskNet:
        """Make the solver, with decay on weights only."""
        del triggered_directly
        self.optimizer_: Any = make_optimizer(
            self.module_, self.solver, self.lr, self.alpha, flat=self.module_.closed_form
        )
        return self

    def drop_optimizer(self) -> None:
        """Forget what solver and balancing keep: their running means do not belong to the members' best states."""
        self.optimizer_ = None
        self.balancer.forget()

    def continue_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Take over another solver's running means, at this net's learning rate."""
        own: torch.optim.Optimizer = self.optimizer_
        rates = [group["full_rate"] for group in own.param_groups]
        own.load_state_dict(optimizer.state_dict())
        for group, rate in zip(own.param_groups, rates, strict=True):
            group.update(lr=rate, full_rate=rate, warm_up=0.0)  # the first chunk was the time to rise

    def fit_loop(
        self, X: Batches, y: Holdout | None = None, epochs: int | None = None, **settings: Any
    ) -> MultiTaskNet:
        """Train for `epochs`, or until every member has stopped.

        Parameters
        ----------
        X : Batches
        y : Holdout or None
        epochs : int or None
        **settings
            `snapshots`, the members' early stopping, or None.

        Raises
        ------
        ValueError
            If a loss diverges and there is no earlier state to return to.
        """
        snapshots: Snapshots | None = settings.get("snapshots")
        epochs = self.max_epochs if epochs is None else epochs
        self.interrupted = False
        self.diverged = np.zeros(self.module_.n_members, dtype=bool)
        self._first_loss: np.ndarray | None = None
        self._best_valid_loss = np.inf
        self._steps, self._epoch_steps, self._all_steps = 0, len(X), epochs * len(X)
        warms_up = any(group["warm_up"] for group in self.optimizer_.param_groups)
        self._rates_move = self.schedule != "constant" or warms_up
        self._balanced = BalancedBackward(self.balancer, self.module_, self.criterion_, self.task_order)
        self._average = None if snapshots is None else RunningAverage(self._stepped())
        try:
            for self._epoch in range(1, epochs + 1):
                self.notify("on_epoch_begin", dataset_train=X, dataset_valid=y)
                self._train_epoch(X)
                self._finish_epoch(y, snapshots)
                self.notify("on_epoch_end", dataset_train=X, dataset_valid=y)
                if snapshots is not None and snapshots.stopped.all():
                    break
        except KeyboardInterrupt as interrupt:  # skorch's callbacks stop training in this way, too
            self.interrupted = not raised_on_purpose(interrupt)
        del self._balanced, self._average
        unflatten(self.module_)
        if snapshots is not None:
            snapshots.restore(self.module_)
        elif not all(parameter.isfinite().all() for parameter in self.module_.parameters()):
            raise ValueError(
                f"Training diverged in epoch {self._epoch}: a weight of the network is not finite. Lower "
                "learning_rate_init, or set max_grad_norm=1."
            )
        return self

    def _train_epoch(self, batches: Batches) -> None:
        self.module_.train()
        objective = self.criterion_
        losses = torch.zeros_like(objective.share)  # (M, T)
        errors, counted = torch.zeros_like(objective.task_weights), torch.zeros_like(objective.task_weights)  # (T,)
        n_rows, all_rows = 0, len(batches.places)
        for batch in batches:
            if self.callbacks_:
                self.notify("on_batch_begin", batch=batch, training=True)
            step = self.train_step(batch)
            if self.callbacks_:
                step["loss"] = step["losses"].mean(0) @ objective.task_weights
                self.notify("on_batch_end", batch=batch, training=True, **step)
            losses.add_(step["losses"], alpha=len(batch))
            n_rows += len(batch)
            if n_rows > all_rows - SCORED_ROWS:
                with torch.no_grad():
                    _add_errors(objective, batch, step["y_pred"], errors, counted)
        self._epoch_losses = (losses / max(n_rows, 1)).cpu().double().numpy()
        self._epoch_scores = (1 - errors / (counted * batches.variance)).cpu().double().numpy()

    def train_step(self, batch: Batch, **settings: Any) -> dict[str, Tensor]:
        """Take one step of the solver.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        dict
            `losses`, `(M, T)`, and `y_pred`, `(M, B, O)`.
        """
        del settings
        network, optimizer = self.module_, self.optimizer_
        if self._rates_move:
            factor = SCHEDULES[self.schedule](self._steps / self._all_steps)
            set_learning_rates(optimizer, factor, (self._steps + 1) / self._epoch_steps)
        self._steps += 1
        rows = batch.rows if network.mixes_rows else None
        noise = SameNoise(network.generator, network.draws_globally) if self._balanced.follows_up else None
        passed = network.forward_training(batch.x, rows, batch.mixing)
        with torch.no_grad():
            measured = self._measure(passed.outputs, batch)
        self._balanced.backward(passed, measured, len(self.task_history))
        if self.max_grad_norm is not None:
            clip_gradients(network, self.max_grad_norm)
        if self.callbacks_:
            self.notify("on_grad_computed", named_parameters=network.named_parameters(), batch=batch, training=True)
        optimizer.step()
        network.after_step(optimizer.param_groups[0]["lr"])
        if self._average is not None:
            self._average.update()
        if noise is not None:
            with torch.no_grad(), noise:  # the same dropout as before: it learns from the step, not from the noise
                again = network(batch.x, rows, batch.mixing)
                self._balanced.follow_up(measured, self._measure(again, batch))
        return {"losses": measured.losses, "y_pred": passed.outputs}

    def _measure(self, outputs: Tensor, batch: Batch) -> Measured:
        measured = [self.criterion_(outputs, labels, weights, batch.rows) for labels, weights in batch.sides()]
        return measured[0] if batch.mixing is None else MixedMeasured(*measured)

    def _finish_epoch(self, holdout: Holdout | None, snapshots: Snapshots | None) -> None:
        """Watch the holdouts, and write the histories."""
        objective = self.criterion_
        has_labels, task_weights = objective.has_labels.cpu().numpy(), objective.task_weights.cpu().double().numpy()
        train = np.where(has_labels, self._epoch_losses, np.nan)  # (M, T)
        columns = {"train_loss": member_mean(train), "train_score": self._epoch_scores}
        self._check_divergence(_total(train, task_weights), snapshots)
        self.history.record("train_loss", float(_total(columns["train_loss"], task_weights)))
        if holdout is not None:
            with nullcontext() if self._average is None else self._average.in_place():
                columns |= self._watch(holdout, snapshots, has_labels, task_weights)
        n_tasks = len(self.task_history.task_names)
        by_task = {name: _task_mean(values, self.task_order, n_tasks) for name, values in columns.items()}
        weights, cosines = self._balanced.drain()
        self.task_history.record(cosines, task_weight=weights, **by_task)

    def _watch(
        self, holdout: Holdout, snapshots: Snapshots | None, has_labels: np.ndarray, task_weights: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Measure the holdouts, and let members stop."""
        self.module_.eval()
        result = holdout.evaluate(self.module_, self.criterion_)
        valid = np.where(has_labels, result.losses.cpu().double().numpy(), np.nan)  # (M, T)
        watched = _total(valid, task_weights)  # (M,)
        loss = float(np.nanmean(watched)) if not np.isnan(watched).all() else np.nan
        self.history.record("valid_loss", loss)
        self.history.record("valid_loss_best", bool(loss < self._best_valid_loss))
        self._best_valid_loss = min(self._best_valid_loss, loss)  # in this order, NaN is never the best
        if snapshots is not None:
            snapshots.update(self.module_, self._epoch, valid)
        return {"valid_loss": member_mean(valid), "valid_score": result.scores.cpu().double().numpy()}

    def _stepped(self) -> list[Tensor]:
        """Return the tensors that the solver changes."""
        return [parameter for group in self.optimizer_.param_groups for parameter in group["params"]]

    def _check_divergence(self, totals: np.ndarray, snapshots: Snapshots | None) -> None:
        """Stop members whose loss is not finite or has grown a millionfold; fail if one has no state to go back to."""
        if self._first_loss is None:
            self._first_loss = np.where(np.isfinite(totals), np.maximum(totals, 1.0), 1.0)
        lost = ~(totals <= DIVERGED * self._first_loss)
        if not lost.any():
            return
        if snapshots is None or (lost & ~snapshots.have_state).any():
            member = int(np.argmax(lost if snapshots is None else lost & ~snapshots.have_state))
            losses = self._epoch_losses[member]
            task = int(np.argmax(np.where(np.isfinite(losses), losses, np.inf)))
            raise ValueError(
                f"Training diverged in epoch {self._epoch}: the loss of task "
                f"{self.task_history.task_names[self.task_order[task]]!r} is {losses[task]:g} times a constant's. "
                "Lower learning_rate_init, or set max_grad_norm=1."
            )
        self.diverged |= lost & ~snapshots.stopped
        snapshots.freeze(lost)

    def __getstate__(self) -> dict[str, Any]:
        """Leave on the CPU what is pickled or copied; training data are not part of a net."""
        state = self.__dict__.copy()
        if next(self.module_.parameters()).device.type not in ("cpu", "meta"):
            state |= {
                "module_": copy.deepcopy(self.module_).cpu(),
                "criterion_": copy.deepcopy(self.criterion_).cpu(),
                "optimizer_": None,
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state as it is."""
        self.__dict__.update(state)


def _task_mean(values: np.ndarray, order: np.ndarray, n_tasks: int) -> np.ndarray:
    """Mean over the columns of each task, those that were measured, `(T,)` → `(n_tasks,)`."""
    measured = ~np.isnan(values)
    sums = np.bincount(order[measured], weights=values[measured], minlength=n_tasks)
    counts = np.bincount(order[measured], minlength=n_tasks)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _total(losses: np.ndarray, task_weights: np.ndarray) -> np.ndarray:
    """Weighted sum over the tasks that were measured, `(…, T)` → `(…)`; NaN if none was."""
    measured = ~np.isnan(losses)
    return np.where(measured.any(-1), np.where(measured, losses, 0) @ task_weights, np.nan)


def _add_errors(objective: Objective, batch: Batch, outputs: Tensor, errors: Tensor, counted: Tensor) -> None:
    """Add a batch's weighted errors and weights to the sums from which the training score is made."""
    rows = outputs.new_ones(1, 1).expand(len(outputs), -1) if batch.rows is None else batch.rows
    for labels, given in batch.sides():
        weights = torch.ones_like(labels) if given is None else given.expand_as(labels)
        weights = rows.unsqueeze(2) * weights  # (M, B, T)
        errors += (objective.label_errors(outputs, labels) * weights).sum((0, 1))
        counted += weights.sum((0, 1))
