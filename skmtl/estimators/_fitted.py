"""What a fitted estimator does: predictions, scores, representations and gates, read from its model."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._errors import enough_memory
from ..tasks import Columns, label_weights, split_columns
from ._arguments import check_features, check_same_length, check_task_order
from ._intervals import predicted_intervals
from ._model import Model

# What to do where rows that are to be predicted need more memory than there is.
FEWER_ROWS = "Give fewer rows at a time; among sequences and texts, one that is long pads all others."


class FittedMultiTask(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The part of an estimator that reads its fitted model."""

    _model: Model
    _constants: Any
    _one_dimensional: bool
    task_names_: list[str]
    sharing: Any

    @enough_memory("X", FEWER_ROWS)
    def _predict_values(self, X: Any) -> list[np.ndarray]:
        """Return one array a column: `(n,)`, quantiles `(n, Q)` or probabilities `(n, K)`."""
        check_is_fitted(self)
        X = check_features(self, self._model.reader, X, reset=False)
        return self._decode(self._model.predictions(X), X.shape[0], constants=True)

    def _model_labels(self, X: Any) -> list[np.ndarray]:
        """Return the predicted labels, `(n,)` a column of y."""
        predicted = self._predict_values(X)
        is_class = np.array([len(classes) > 0 for classes in self._model.targets.classes])
        self._refuse_unknown(predicted, np.tile(is_class, (len(predicted[0]), 1)))
        return self._model.targets.labels(self._decided(predicted))

    def _refuse_unknown(self, predicted: list[np.ndarray], needed: np.ndarray) -> None:
        """Refuse NaN in needed cells `(n, n_columns)` of what is learned: it has no class and no error."""
        for column in self._model.tasks:
            unknown = np.isnan(predicted[column].reshape(len(needed), -1)).any(axis=1) & needed[:, column]
            if unknown.any():
                raise ValueError(
                    f"Task {self._model.structure.columns[column]!r} has no prediction (NaN) in {unknown.sum()} of "
                    f"{len(needed)} rows, first in row {unknown.argmax()}: the network's outputs are not finite there. "
                    "Look in X for values far from those at fit, or in a trunk of your own for what overflows."
                )

    def _decided(self, predicted: list[np.ndarray]) -> list[np.ndarray]:
        """Return predictions of which columns with a threshold are certain: of the second class from there on."""
        decided = list(predicted)
        for column, name in enumerate(self._model.structure.columns):
            threshold = getattr(self, "thresholds_", {}).get(name, 0.5)
            if threshold != 0.5:  # there, the more probable class is predicted anyway
                decided[column] = np.eye(2)[(predicted[column][:, 1] >= threshold).astype(np.intp)]
        return decided

    def _decode(self, groups: list[np.ndarray], n_rows: int, *, constants: bool) -> list[np.ndarray]:
        """Turn predictions per group into decoded ones per column; those not learned are constant, or NaN."""
        learned, targets = self._model.place_groups(groups), self._model.targets
        decoded = []
        for column, constant in enumerate(self._constants):
            if column in learned:
                decoded.append(targets.decode(learned[column], column))
            else:
                decoded.append(np.tile(constant if constants else np.full_like(constant, np.nan), (n_rows, 1)))
                if constant.ndim == 0:
                    decoded[-1] = decoded[-1][:, 0]
        return decoded

    def _task_scores(self, columns: Columns, predicted: list[np.ndarray], weights: np.ndarray) -> dict[str, float]:
        """Return the score of each task that has labels and predictions."""
        return self._model.structure.by_task(self._model.targets.scores(columns, predicted, weights))

    def _quantiles(self, X: Any) -> Any:
        """Return the quantiles of each task with quantile loss: an array for 1-D y, else a dict by task name."""
        predicted = self._predict_values(X)
        tasks = {
            name: predicted[column].reshape(len(predicted[column]), -1)
            for column, (name, loss) in enumerate(
                zip(self._model.targets.names, self._model.targets.losses, strict=True)
            )
            if loss.name == "quantile"
        }
        if not tasks:
            raise ValueError(
                f"No task of {self.task_names_} was fitted with the loss 'quantile'; give for example "
                "loss=Quantile(levels=(0.1, 0.5, 0.9)) of skmtl.losses."
            )
        return next(iter(tasks.values())) if self._one_dimensional else tasks

    @enough_memory("X", FEWER_ROWS)
    def _intervals(self, X: Any, coverage: float, joint: bool) -> list[np.ndarray]:
        """Return the interval of each column of y, `(n, 2)`; NaN for columns of classes or that are not learned."""
        check_is_fitted(self)
        X = check_features(self, self._model.reader, X, reset=False)
        found = predicted_intervals(self._model, X, coverage, joint)
        unknown = np.full((X.shape[0], 2), np.nan)
        return [found.get(column, unknown) for column in range(len(self._constants))]

    @enough_memory("X", FEWER_ROWS)
    def transform(self, X: Any) -> np.ndarray:
        """Return the shared representation, as features for other estimators.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_estimators_ * n_units)
            Representations of all members side by side, in the float dtype of X.
        """
        check_is_fitted(self)
        X = check_features(self, self._model.reader, X, reset=False)
        dtype = X.dtype if X.dtype.kind == "f" else np.float64
        return self._model.representation(X).astype(dtype, copy=False)

    @enough_memory("X", FEWER_ROWS)
    def gates(self, X: Any) -> tuple[list[np.ndarray], list[list[int | None]]]:
        """Return how much each task takes of each expert, for ways of sharing that have experts, stitches or masks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        gates : list of ndarray of shape (n_estimators_, n_learned_tasks, n_samples, n_experts)
            One a level, in the order of `history_.task_names`; the last dimension sums to 1, but for several experts a
            task of :class:`~skmtl.nn.AdaTT`, whose residual path learns without bounds, and for
            :class:`~skmtl.nn.CrossStitch`: there it is what a task reads of each task's layer, in the mean over units.
            For :class:`~skmtl.nn.MTAN`, shared units are the experts, and their factors, from 0 to 2, do not sum to 1.
        owners : list of list of (int or None)
            The task that owns each expert, level by level; None: it is shared.

        Raises
        ------
        ValueError
            If the way of sharing has none.
        """
        check_is_fitted(self)
        X = check_features(self, self._model.reader, X, reset=False)
        gates, owners = self._model.gates(X)
        if not gates:
            raise ValueError(
                f"sharing={self.sharing!r} has no gates; those that have are 'mmoe', 'cgc', 'ple', 'dselect_k', "
                "'adatt', 'cross_stitch' and 'mtan'."
            )
        return gates, owners

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean score over tasks: R² in regression, accuracy in classification.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            True labels. Missing ones are left out, and so is a task without labels.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weight of each row or of each label.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If no task has a label, y has another number of tasks than at fit, or the network's output for a labelled
            row is NaN.
        """
        predicted = self._predict_values(X)
        columns = split_columns(y)
        check_same_length(X=X, y=columns.values[0], sample_weight=sample_weight)
        names = self._model.structure.columns
        if len(columns.values) != len(names):
            raise ValueError(f"y has {len(columns.values)} columns, but {len(names)} were fitted: {names}.")
        check_task_order(columns, names, "y")
        weights = label_weights(sample_weight, columns, names)
        self._refuse_unknown(predicted, weights > 0)
        scores = self._task_scores(columns.hide(weights == 0), self._decided(predicted), weights)
        if not scores:
            raise ValueError(f"y has no label of positive weight in any of the tasks {self.task_names_}.")
        return float(np.mean(list(scores.values())))
