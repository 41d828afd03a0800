"""Multi-task regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from ..losses import REGRESSION_LOSSES, Loss
from ..tasks import Columns, RegressionTargets, losses_by_task
from ._base import BaseMultiTask
from ._parameters import CONSTRAINTS
from ._scores import scores_by_task


class MultiTaskRegressor(RegressorMixin, BaseMultiTask):
    """@DOC@"""

    _parameter_constraints: dict[str, Any] = {**CONSTRAINTS, "loss": [str, Loss, dict, "array-like"]}

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        solver: str = "adamw",
        alpha: float = 1e-2,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 3e-3,
        max_iter: int = 200,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        warm_start: bool = False,
        n_estimators: int | str = "auto",
        task_weights: float | Sequence[float] | Mapping[str, float] | None = None,
        loss: str | Loss | Sequence[str | Loss] | Mapping[str, str | Loss] = "squared_error",
        task_names: Sequence[str] | None = None,
        max_grad_norm: float | None = None,
        callbacks: Sequence[Any] | None = None,
        device: Any = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
        trunk: Any = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.n_estimators = n_estimators
        self.task_weights = task_weights
        self.loss = loss
        self.task_names = task_names
        self.max_grad_norm = max_grad_norm
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.trunk = trunk

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on a chunk of data, going on from where the last call ended.

        There are no holdouts, no early stopping and no schedule. Scales of features and tasks are those of the first
        chunk that has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            Labels, NaN where missing; a task may have none in a chunk.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If data or parameters are unfit, or training diverges; the estimator then stays as it was.
        """
        return self._partial_fit(X, y, None, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict all targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            Like y at fit, in float64.
        """
        values = self._predict_values(X)
        return values[:, 0] if self._one_dimensional else values

    score = BaseMultiTask.score  # the mixin's refuses missing labels

    def _make_targets(
        self, columns: Columns, names: list[str], weights: np.ndarray, classes: Any
    ) -> RegressionTargets:
        del columns, weights, classes
        return RegressionTargets(names, losses_by_task(self.loss, names, REGRESSION_LOSSES, "squared_error"))

    def _set_constants(self, numbers: np.ndarray, weights: np.ndarray) -> None:
        total = weights.sum(axis=0)
        sums = (weights * np.where(weights > 0, numbers, 0)).sum(axis=0)
        self._constants = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)

    def _decode(self, groups: list[np.ndarray], n_rows: int, *, constants: bool) -> np.ndarray:
        values = np.full((n_rows, self.n_tasks_), np.nan)
        if constants:
            values[:] = self._constants
        for task, column in self._model.place_groups(groups).items():
            values[:, task] = self._model.targets.decode(column[:, None], np.array([task]))[:, 0]
        return values

    def _task_scores(self, columns: Columns, predicted: np.ndarray, weights: np.ndarray) -> dict[str, float]:
        truth = self._model.targets.numbers(columns)
        return scores_by_task(r2_score, truth, predicted, weights, self.task_names_)

    def _out_of_fold_shape(self, predicted: np.ndarray) -> np.ndarray:
        return predicted[:, 0] if self._one_dimensional else predicted
