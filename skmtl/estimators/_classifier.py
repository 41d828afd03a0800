"""Multi-task classification."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags

from ..losses import CLASSIFICATION_LOSSES, Loss
from ..tasks import (
    ClassificationTargets,
    Columns,
    class_weights_by_task,
    find_classes,
    losses_by_task,
    sorted_classes,
)
from ._base import BaseMultiTask
from ._fitting import Fitted, Labelled
from ._parameters import CONSTRAINTS
from ._scores import scores_by_task


class MultiTaskClassifier(ClassifierMixin, BaseMultiTask):
    """@DOC@"""

    _parameter_constraints: dict[str, Any] = {
        **CONSTRAINTS,
        "loss": [str, Loss, dict, "array-like"],
        "class_weight": [None, str, dict, "array-like"],
    }

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
        loss: str | Loss | Sequence[str | Loss] | Mapping[str, str | Loss] = "log_loss",
        class_weight: Any = None,
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
        self.class_weight = class_weight
        self.task_names = task_names
        self.max_grad_norm = max_grad_norm
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.trunk = trunk

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on a chunk of data, going on from where the last call ended.

        There are no holdouts, no early stopping and no schedule. Scales of features are those of the first chunk that
        has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            Labels, NaN or None where missing; a task may have none in a chunk.
        classes : array-like of shape (n_classes,) or list of them, default=None
            All classes that will ever occur: an array for 1-D y, else a list with an array per task. Needed at the
            first call only.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If `classes` is missing at the first call or changes later, data or parameters are unfit, or training
            diverges; the estimator then stays as it was.
        """
        if classes is None:
            if not hasattr(self, "_model"):
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: an array for 1-D y, else a list with an "
                    "array per task."
                )
            classes = self.classes_
        return self._partial_fit(X, y, classes, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class of every task.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            Like y at fit, in the dtype of its labels; dtype object if the tasks' labels are of different kinds.
        """
        probabilities = self._predict_values(X)
        labels = self._targets.decode(probabilities)
        return labels[:, 0] if self._one_dimensional else labels

    @property
    def _targets(self) -> ClassificationTargets:
        return cast(ClassificationTargets, self._model.targets)

    def predict_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Predict the probability of every class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of them
            An array for 1-D y, else a list with an array per task, in column order; classes as in `classes_`.
        """
        probabilities: list[np.ndarray] = self._predict_values(X)
        return probabilities[0] if self._one_dimensional else probabilities

    def predict_log_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Predict the log of the probability of every class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of them
            Logs of what `predict_proba` returns.
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(p) for p in probabilities] if isinstance(probabilities, list) else np.log(probabilities)

    score = BaseMultiTask.score  # the mixin's refuses missing labels

    def _make_targets(
        self, columns: Columns, names: list[str], weights: np.ndarray, classes: Any
    ) -> ClassificationTargets:
        losses = losses_by_task(self.loss, names, CLASSIFICATION_LOSSES, "log_loss")
        if classes is not None:
            given = [classes] if columns.one_dimensional else list(classes)
            if len(given) != len(names):
                raise ValueError(f"classes has {len(given)} entries, but y has {len(names)} tasks: {names}.")
            found = [sorted_classes(np.asarray(of_task), name) for of_task, name in zip(given, names, strict=True)]
        else:
            found = find_classes(columns, names, [weights[:, task] > 0 for task in range(len(names))])
        return ClassificationTargets(names, losses, found)

    def _class_weights(
        self, targets: ClassificationTargets, numbers: np.ndarray, weights: np.ndarray
    ) -> np.ndarray | None:
        def counts(task: int) -> np.ndarray:
            present = weights[:, task] > 0
            codes = numbers[present, task].astype(np.intp)
            return np.bincount(codes, weights=weights[present, task], minlength=len(targets.classes[task]))

        by_task = class_weights_by_task(self.class_weight, targets.names, targets.classes, counts)
        if all(of_task is None for of_task in by_task):
            return None
        table = np.ones((len(by_task), max(targets.n_classes)))
        for task, of_task in enumerate(by_task):
            if of_task is not None:
                table[task, : len(of_task)] = of_task
        return table

    def _set_constants(self, numbers: np.ndarray, weights: np.ndarray) -> None:
        self._constants = []
        for task, classes in enumerate(self._targets.classes):
            present = weights[:, task] > 0
            codes = numbers[present, task].astype(np.intp)
            counts = np.bincount(codes, weights=weights[present, task], minlength=len(classes))
            self._constants.append(counts / counts.sum() if present.any() else np.full(len(classes), np.nan))

    def _store(self, fitted: Fitted, labelled: Labelled, columns: Columns, constants: bool) -> None:
        targets = cast(ClassificationTargets, fitted.model.targets)
        self.classes_ = targets.classes[0] if columns.one_dimensional else targets.classes
        super()._store(fitted, labelled, columns, constants)
        for name, classes in zip(targets.names, targets.classes, strict=True):
            if len(classes) == 1:
                warnings.warn(
                    f"Task {name!r} has one class only, {classes[0]!r}: it is always predicted, and nothing is "
                    "learned from this task.",
                    UserWarning,
                    stacklevel=4,
                )

    def _decode(self, groups: list[np.ndarray], n_rows: int, *, constants: bool) -> list[np.ndarray]:
        learned = self._model.place_groups(groups)
        tables = []
        for task, classes in enumerate(self._targets.classes):
            table = np.full((n_rows, len(classes)), np.nan)
            if task in learned:
                table[:] = learned[task]
            elif constants:
                table[:] = self._constants[task]
            tables.append(table)
        return tables

    def _task_scores(
        self, columns: Columns, predicted: list[np.ndarray], weights: np.ndarray
    ) -> dict[str, float]:
        truth = self._targets.known_numbers(columns)
        codes = np.full(truth.shape, np.nan)
        for task, table in enumerate(predicted):
            known = ~np.isnan(table).any(axis=1) if table.shape[1] else np.zeros(len(table), dtype=bool)
            codes[known, task] = table[known].argmax(axis=1)
        return scores_by_task(accuracy_score, truth, codes, weights, self.task_names_)

    def _out_of_fold_shape(self, predicted: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
        return predicted[0] if self._one_dimensional else predicted

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
