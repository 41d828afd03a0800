"""What all estimators share: checking arguments, fitting, and reading the fitted model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags

from .._errors import enough_memory
from ..companions import columns_read
from ..features import Reader, contents_of, takes_holes
from ..nn import FittedTrunk, as_sharing
from ..tasks import (
    Columns,
    Targets,
    TaskStructure,
    check_chains,
    label_weights,
    resolve_task_names,
    settle_chains,
    split_columns,
    task_weights_by_task,
    with_chains,
)
from ._arguments import (
    check_features,
    check_labelled,
    check_same_length,
    check_task_order,
    resolve_reader,
    resolve_samples,
    settle_lengths,
)
from ._continuing import continued_constants, continued_structure, continued_targets
from ._fitted import FittedMultiTask
from ._fitting import Fitted, fit_model
from ._labelled import Labelled, Validation, labelled_places, labelled_rows
from ._model import Model
from ._nested_parameters import refuse_parameters_of_names, with_task_weights
from ._parameters import CONSTRAINTS
from ._transfer import read_as_fitted
from ._trunks import resolve_trunk

PREFIX = "task_weights__"
# Attributes that a fit need not leave behind.
NOT_ALWAYS = (
    "oof_prediction_",
    "oof_score_",
    "oof_task_scores_",
    "oof_part_scores_",
    "companions_",
    "mix_",
    "feature_weights_",
    "thresholds_",
)


class BaseMultiTask(FittedMultiTask):
    """Base of the estimators: everything that does not depend on the kind of the tasks."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    task_weights: Any
    encoder: Any
    structure: Any = None  # where an estimator has no such parameter

    # What a kind of task decides ------------------------------------------------------------------------------------

    def _structure(self, columns: Columns, names: list[str]) -> TaskStructure:
        """Return the tasks over the columns of y."""
        raise NotImplementedError

    def _make_targets(self, columns: Columns, structure: TaskStructure, weights: np.ndarray, classes: Any) -> Targets:
        """Return the encoder of these labels."""
        raise NotImplementedError

    def _class_weights(
        self, targets: Targets, structure: TaskStructure, numbers: np.ndarray, weights: np.ndarray
    ) -> np.ndarray | None:
        """Return the weight of each class, `(n_columns, K)`, or None."""
        del targets, structure, numbers, weights
        return None

    def _out_of_fold_shape(self, predicted: list[np.ndarray]) -> Any:
        """Return out-of-fold predictions, one array a column, in the shape that users see."""
        raise NotImplementedError

    # Fitting --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Fit one network to all tasks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features as they are: a frame or an array of numbers, strings, categories, booleans and dates, with holes,
            a frame also of texts, lists of identifiers and arrays; or sparse numbers. What becomes of them is said by
            `encoder`. Or images, an array `(n_samples, channels, height, width)`; sequences, an array `(n_samples,
            time, features)` or a list of arrays `(time, features)`; texts, a list, Series or array of strings; lists
            of identifiers of any length, in a list, Series or array; or several of these, a
            `skmtl.features.MultiModal`.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            Labels; NaN, None or pandas.NA where one is missing. Column names of a data frame become task names.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weight of each row or of each label. Weight 0 is a missing label.
        groups : array-like of shape (n_samples,), default=None
            Rows of a group are held out together.
        X_val : {array-like, sparse matrix} of shape (n_validation_samples, n_features), default=None
            Rows that replace the members' holdouts, for example the latest ones of a time series. There are no
            out-of-fold predictions then.
        y_val : array-like of shape (n_validation_samples,) or (n_validation_samples, n_tasks), default=None
            Labels of `X_val`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data or parameters are unfit, or training diverges. A fitted estimator stays as it was.
        KeyboardInterrupt
            After Ctrl-C; the estimator then keeps the best state that was reached.
        """
        with self._restored_on_error():
            self._validate_params()
            interrupted = self._fit(X, y, sample_weight, groups, X_val, y_val)
        if interrupted:
            self._raise_interrupt(f"after {self.n_iter_} of {self.max_iter} epochs; the best state so far is kept")
        return self

    def _partial_fit(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Self:
        with self._restored_on_error():
            self._validate_params()
            interrupted = self._fit(X, y, sample_weight, classes=classes, incremental=True)
        if interrupted:
            self._raise_interrupt("in partial_fit; what it learned from the chunk so far is kept")
        return self

    def _raise_interrupt(self, where: str) -> NoReturn:
        """Raise Ctrl-C again, so that a search stops too."""
        warnings.warn(f"Training was interrupted {where}.", ConvergenceWarning, stacklevel=4)
        raise KeyboardInterrupt

    @contextmanager
    def _restored_on_error(self) -> Iterator[None]:
        """Put back all attributes if the block fails: nothing that was fitted before is lost."""
        before = self.__dict__.copy()
        way_out = (
            "Lower batch_size, n_estimators, or the size of the trunk, or give fewer or smaller samples; among "
            "sequences, one that is long pads all others."
        )
        try:
            with enough_memory("The fit", way_out):
                yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        *,
        classes: Any = None,
        incremental: bool = False,
    ) -> bool:
        previous = getattr(self, "_model", None) if incremental or self.warm_start else None
        columns = split_columns(y)
        check_same_length(X=X, y=columns.values[0], sample_weight=sample_weight, groups=groups)
        names = resolve_task_names(self.task_names, columns.names, len(columns.values))
        weights = label_weights(sample_weight, columns, names)
        columns = columns.hide(weights == 0)
        if previous is not None:
            structure = continued_structure(previous, names, self.structure)
        else:
            structure = with_chains(self._structure(columns, names), self.structure)
        column_weights = structure.column_values(task_weights_by_task(self.task_weights, structure.names))
        if not incremental:
            check_labelled(weights, column_weights, structure)
            if (largest := weights.max()) != 1:
                weights = weights / largest  # only their ratios count, and float32 has room for those near 1
        targets = self._make_targets(columns, structure, weights, classes)
        if previous is not None:
            targets = continued_targets(previous, targets, column_weights)
        check_chains(structure, targets, column_weights)
        columns, weights = settle_chains(structure, targets, columns, weights)
        numbers = targets.numbers(columns)
        kept = labelled_places(weights, column_weights)
        samples = resolve_samples(self, X, kept, previous)
        trunk = resolve_trunk(self, samples)
        reads_rows, given = as_sharing(self.sharing).reads_rows, X
        if previous is None and isinstance(trunk, FittedTrunk):
            reader, X = read_as_fitted(self, trunk, X)
            settle_lengths(reader, trunk, reads_rows)
        else:
            reader = resolve_reader(self, trunk, samples) if previous is None else previous.reader
            settle_lengths(reader, trunk, reads_rows)
            X = check_features(self, reader, X, kept, reset=previous is None)
        labelled = labelled_rows(X, numbers, weights, kept, None if incremental else contents_of(reader, given, X))
        fitted = fit_model(
            self,
            trunk,
            reader,
            labelled,
            structure,
            targets,
            column_weights,
            self._class_weights(targets, structure, labelled.numbers, labelled.weights),
            groups=None if groups is None else np.asarray(groups)[labelled.place],
            validation=self._validation(reader, structure, targets, column_weights, X_val, y_val),
            previous=previous,
            incremental=incremental,
        )
        constants = targets.constants(numbers, weights)
        going_on = previous is not None and incremental
        self._constants = continued_constants(self._constants, constants) if going_on else constants
        self._store(fitted, labelled, columns)
        return fitted.interrupted

    def _validation(
        self,
        reader: Reader,
        structure: TaskStructure,
        targets: Targets,
        column_weights: np.ndarray,
        X_val: Any,
        y_val: Any,
    ) -> Validation | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError(f"X_val and y_val belong together, but {'X_val' if X_val is None else 'y_val'} is None.")
        given, X_val = X_val, check_features(self, reader, X_val, reset=False)
        columns = split_columns(y_val, "y_val")
        check_same_length(X_val=X_val, y_val=columns.values[0])
        names = structure.columns
        if len(columns.values) != len(names):
            raise ValueError(f"y_val has {len(columns.values)} columns, but y has {len(names)}: {names}.")
        check_task_order(columns, names, "y_val")
        columns, weights = settle_chains(structure, targets, columns, label_weights(None, columns, names), "y_val")
        if not (weights @ column_weights).any():
            raise ValueError(f"y_val has no label in any of the tasks that are learned: {structure.names}.")
        return Validation(X_val, targets.numbers(columns), weights, contents_of(reader, given, X_val))

    def _store(self, fitted: Fitted, labelled: Labelled, columns: Columns) -> None:
        """Set the attributes that fitting learned."""
        model = self._model = fitted.model
        structure = model.structure
        self.task_names_ = list(structure.names)
        self.task_types_ = dict(zip(structure.names, structure.types, strict=True))
        self.task_columns_ = {
            name: [structure.columns[place] for place in structure.columns_of(task)]
            for task, name in enumerate(structure.names)
        }
        self.n_tasks_ = len(structure.names)
        self.n_estimators_ = model.resolved.n_estimators
        self.early_stopping_ = model.resolved.early_stopping
        self.batch_size_ = model.resolved.batch_size
        self.device_ = model.resolved.device
        self.balancing_ = model.resolved.balancing
        self.n_iter_per_member_ = fitted.n_iter
        self.n_iter_ = int(fitted.n_iter.max())
        self.history_ = fitted.history
        self.net_ = model.net
        self.task_weights_ = fitted.history.learned_weights(structure.names)
        self._one_dimensional = columns.one_dimensional
        self._n_features_out = model.network.n_members * model.network.n_units
        for name in NOT_ALWAYS:
            self.__dict__.pop(name, None)
        if model.blend is not None:
            self._store_parts(fitted, labelled, columns)
        if fitted.out_of_fold is not None:
            predicted = self._decode(fitted.out_of_fold, len(labelled), constants=False)
            self.oof_task_scores_ = self._task_scores(columns.take(labelled.place), predicted, labelled.weights)
            self.oof_score_ = float(np.mean(list(self.oof_task_scores_.values()))) if self.oof_task_scores_ else np.nan
            self.oof_prediction_ = self._out_of_fold_shape(
                [_spread(values, labelled.place, columns.n_samples) for values in predicted]
            )

    def _store_parts(self, fitted: Fitted, labelled: Labelled, columns: Columns) -> None:
        """Set what companions learned, and what each part would score alone."""
        blend = fitted.model.blend
        assert blend is not None
        self.companions_ = blend.companions
        names = fitted.model.structure.columns
        self.mix_ = {
            names[column]: {part: float(weights[task]) for part, weights in mix.items()}
            for place, mix in blend.mix.items()
            for task, column in enumerate(fitted.model.tasks[blend.groups[place].tasks])
        }
        if "kernel" in blend.companions:
            self.feature_weights_ = _feature_weights(fitted.model)
        if not fitted.parts:
            return
        own = columns.take(labelled.place)
        self.oof_part_scores_ = {}
        for name, parts in fitted.parts.items():
            predicted = self._decode(parts, len(labelled), constants=False)
            self.oof_part_scores_[name] = self._task_scores(own, predicted, labelled.weights)

    # scikit-learn's conventions -------------------------------------------------------------------------------------

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `task_weights__<task>` sets the weight of one task.

        Parameters
        ----------
        **params
            Parameters of the estimator, or `<component>__<parameter>` of its specifications.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter is unknown, or belongs to a component that is given by name, or one task's weight is set
            while `task_weights` is a number or a sequence.
        """
        changes = {name.removeprefix(PREFIX): params.pop(name) for name in list(params) if name.startswith(PREFIX)}
        refuse_parameters_of_names(self, params)
        super().set_params(**params)
        if changes:
            self.task_weights = with_task_weights(self.task_weights, changes)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = takes_holes(self.encoder)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")


def _feature_weights(model: Model) -> dict[str, float]:
    """Return how much each column that the kernel reads counts in its distances, by name; their mean is 1."""
    assert model.blend is not None
    columns = columns_read(model.standardizer)
    summed = np.bincount(columns, model.blend.companions["kernel"].column_weights(len(columns)))
    read, names = np.unique(columns), model.reader.layout.names
    weights = summed[read] / max(summed[read].mean(), np.finfo(float).tiny)
    return {names[int(column)]: float(weight) for column, weight in zip(read, weights, strict=True)}


def _spread(predicted: np.ndarray, place: slice | np.ndarray, n_rows: int) -> np.ndarray:
    """Put the predictions of some rows where they belong, NaN elsewhere."""
    if isinstance(place, slice):  # all of them
        return predicted
    table = np.full((n_rows, *predicted.shape[1:]), np.nan)
    table[place] = predicted
    return table


def warn_of_single_classes(targets: Targets) -> None:
    """Warn of tasks with one class only."""
    for name, classes in zip(targets.names, targets.classes, strict=True):
        if len(classes) == 1:
            warnings.warn(
                f"Task {name!r} has one class only, {classes.tolist()[0]!r}: it is always predicted, and nothing is "
                "learned from this task.",
                UserWarning,
                stacklevel=5,
            )
