"""Multi-task learning of targets of several types at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if

from ..losses import Loss
from ..tasks import (
    NUMBER_TYPES,
    ClassificationTargets,
    Columns,
    MixedTargets,
    RegressionTargets,
    Targets,
    TaskStructure,
    class_weight_table,
    find_classes,
    given_classes,
    losses_by_type,
    resolve_task_types,
    stack_labels,
)
from ._base import BaseMultiTask, warn_of_single_classes
from ._calibrating import temperatures_by_column
from ._fitting import Fitted
from ._labelled import Labelled
from ._parameters import CALIBRATION, CONSTRAINTS


def _has_probabilities(estimator: MultiTaskEstimator) -> bool:
    """Whether a fitted estimator has a task with classes; one that is not fitted may have."""
    types = getattr(estimator, "task_types_", {"any": "classification"}).values()
    return any(kind not in NUMBER_TYPES for kind in types)


class MultiTaskEstimator(BaseMultiTask):
    r"""Targets of several types, numbers and classes, learned at once by one shared-trunk network.

    `y` is a data frame (or an array, with `task_types`): a price beside a class, a count, an ordered rating, a group of
    tags. All tasks share the trunk of the network, each has a head and a loss of its own, and every loss starts near 1,
    so that equal task weights mean equal say whatever the types. Labels may be missing anywhere.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        Units of each layer of the built-in trunk. An empty sequence makes the network linear.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu", "selu", "mish"}, \
            default="relu"
        Activation of the built-in trunk's layers.
    dropout : float, default=0.0
        Share of each layer's units that are dropped while training, in [0, 1). More is smoother.
    solver : {"adamw", "adam", "sgd"}, default="adamw"
        The optimizer; "sgd" has Nesterov momentum 0.9.
    alpha : float, default=0.01
        Decay of weights, never of biases: decoupled in "adamw", an L2 penalty `alpha / 2 * ||w||²` in the others.
    batch_size : int or "auto", default="auto"
        Rows per step. "auto" is a 32nd of the distinct rows, at least 32 and at most 256. A set of no more distinct
        rows than this is one batch, in float64 for the built-in trunk on the CPU.
    learning_rate : {"constant", "cosine"}, default="constant"
        Schedule of the learning rate; "cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs.
    learning_rate_init : float, default=0.003
        First learning rate.
    max_iter : int, default=200
        Largest number of epochs; the number of epochs without early stopping.
    early_stopping : bool or "auto", default="auto"
        Whether each member stops when it has made no progress on its holdout for `n_iter_no_change` epochs, and goes
        back to its best state: a running average of its weights over about the last twentieth of its steps. Each task
        counts by the share of its loss that it gains or loses, and what a task loses only until half of what it had
        gained is lost; a task that the holdouts show to be worse off than with a constant is drawn back to it. Where
        holdouts have fewer than 4 distinct rows each, members stop by the mean of all of them. "auto" is True unless a
        holdout would be empty, or fewer than 4 rows of a single member. False trains every member on all rows for
        exactly `max_iter` epochs.
    validation_fraction : float, default=0.1
        Share of the distinct rows that a single member holds out. Unused with several members: each holds out one of
        `max(n_estimators, 5)` folds.
    n_iter_no_change : int or "auto", default="auto"
        Patience of early stopping, in epochs. "auto": 20; of more than 16,384 distinct rows, whose epochs are longer,
        fewer, 20 by the root of how many times as many there are, but at least 3; where samples lack some of
        several parts, three times as many.
    warm_start : bool, default=False
        Whether `fit` trains the members of the last fit further, instead of new ones. Scales of features and targets
        stay as they were.
    n_estimators : int or "auto", default="auto"
        Number of members, networks that are trained together and averaged. "auto" is 8 for the built-in trunk and 1
        for a trunk of your own.
    task_weights : float, sequence of float or dict, default=None
        Weight of each task's loss: one for all, one a task in column order, or by task name (unnamed tasks: 1). A task
        of weight 0 is not learned. Single weights are parameters of their own: `set_params(task_weights__price=2)`.
    loss : str, Loss, sequence or dict, default=None
        How each task's error is measured. None is the loss of its type: "squared_error" for regression, "poisson" for
        counts, "log_loss" for classification, "ordinal" for ordered classes, "multilabel" for groups. A single loss
        serves the tasks whose type it suits; a sequence or a dict by task name says it for each.
    class_weight : "balanced", dict or sequence, default=None
        Weight of each class: a dict with numbers as values is by class, for every task that has those classes; with
        dicts, "balanced" or None as values it is by task name; a sequence holds one of these a task. "balanced" makes
        all classes of a task weigh the same.
    task_types : str, sequence or dict, default=None
        Type of each task: "regression", "count" (whole numbers from 0, log link), "classification" (two classes or
        more), "ordinal" (classes in order: numbers, or an ordered category) or "multilabel". One for all, one a column
        of y, or by column name; unnamed ones are inferred. A list of columns makes a multilabel group:
        `{"tags": ["funny", "sad"]}` is one task over two binary columns; columns of type "multilabel" make a group of
        that name. Inferred are: strings, categories and booleans as classification; whole numbers with at most 20
        distinct values as classification, with more as regression; floats as regression.
    task_names : sequence of str, default=None
        Names of the columns of y. By default the column names of y, or `y0, y1, …`.
    max_grad_norm : float, default=None
        Largest norm of a member's gradient; longer ones are scaled down. None does not clip.
    callbacks : list of skorch callbacks, default=None
        Cloned at fit. They see `train_loss`, `valid_loss` and `valid_loss_best`, means over members.
    device : str or torch.device, default="auto"
        Where to train and predict; "auto" is the CPU.
    random_state : int, RandomState instance or None, default=None
        Source of starts, holdouts, batch order and dropout. With an int and the same number of threads, fits are equal
        to the bit.
    verbose : {0, 1, 2} or bool, default=0
        1 shows one line that renews itself; 2 prints a line per epoch instead.
    trunk : "auto", trunk specification, callable or nn.Module, default="auto"
        The shared part of the network. "auto" follows X: for columns the built-in `skmtl.nn.MLPTrunk`, for images
        `skmtl.nn.ConvTrunk()`, for sequences `skmtl.nn.RecurrentTrunk()`, for texts `skmtl.nn.TextTrunk()`, for
        lists of identifiers `skmtl.nn.BagTrunk()`, for several of these `skmtl.nn.MultiModalTrunk()`.
        `skmtl.nn.FittedTrunk` starts from a fitted estimator's, `skmtl.nn.PretrainedTrunk` from a large model. Of your
        own: `skmtl.nn.ModuleTrunk(MyModule, width=8)`, whose arguments can be searched as `trunk__width`; a callable
        `n_features -> nn.Module`; or a module, of which each member trains a copy.
    sharing : str or sharing specification, default="hard"
        How tasks share the trunk: a name of `skmtl.nn.SHARINGS` ("hard": all read one representation; "independent": a
        trunk a task), or a specification, whose parameters are searched as `sharing__…`.
    companions : {"auto", "linear", "kernel", "trees"}, sequence of them, or None, default="auto"
        Models that are fitted beside the network and mixed with it, by how well each predicts rows that were left out:
        ridge regression; a kernel machine that learns which features matter and keeps up to 1,200 coded rows (of
        fingerprints, the bits of up to 8,192); up to 500 extremely randomised trees. All read columns; of texts and
        lists of identifiers, alone or beside columns, ridge regression reads the weights of tokens; none reads images
        or sequences. "auto": those that can read X, for the built-in trunks, where members hold rows out and X is not
        so large that they would take long; None: the network alone.
    calibration : {"auto", "temperature"} or None, default="auto"
        How probabilities are made as sure as they are right: by a temperature a task, fitted to the log loss of rows
        that members held out, or of `X_val`, as weights of labels and classes count them, and drawn towards 1 as if by
        320 rows more. "auto": where members hold rows out and no companions are mixed in, whose mix is fitted so
        already. "temperature": the mix too, and an error without holdouts. None: not. The most probable class is the
        same.
    balancing : str or balancing specification, default="auto"
        How the tasks' losses or gradients are combined while training: a name of `skmtl.balancing.BALANCINGS`, or a
        specification, whose parameters are searched as `balancing__…`. Task weights are preferences under all of them.
        "auto": "scale_invariant" where all tasks are numbers, else "uniform".
    encoder : "auto", "passthrough", encoder of skmtl.features or transformer, default="auto"
        How X becomes numbers, see `skmtl.features.TableEncoder`: "auto" standardises numbers, fills and marks holes,
        codes categories (one-hot, or learned vectors where there are many) and dates; where the built-in trunk has
        hidden layers, it adds piecewise-linear codes of numbers; columns of a data frame that hold texts, lists of
        identifiers or arrays become parts of their own. "passthrough" takes a matrix of numbers without holes, and
        standardises it. A scikit-learn transformer that needs no y is fitted to the labelled rows, and what it makes is
        read as a table; its parameters are searched as `encoder__…`. `skmtl.features.TextEncoder` and `BagEncoder` hold
        the settings of texts and of lists.
    augmentation : "auto", str, augmentation, list of them or None, default="auto"
        How training rows are changed at each step, see `skmtl.augmentation`: a name of its `AUGMENTATIONS` ("mixup",
        "noise", "crop", …), an object, whose parameters are searched as `augmentation__…`, several in a list or a
        `Chain`, or None. "auto" is "mixup" for images and sequences that a built-in trunk learns to read, if a task is
        one of classes, and None for all else. Members see the same changed rows; companions and predictions none of it.

    Attributes
    ----------
    task_names_ : list of str
        Names of the tasks.
    n_tasks_ : int
        Number of tasks.
    task_types_ : dict
        Type of each task, by name.
    task_columns_ : dict
        Names of the columns of y that each task covers, by name: one, but for a multilabel group.
    classes_ : dict of ndarray or ndarray
        Classes of each task of type classification or ordinal, by name. For 1-D y the array; not there if the task has
        no classes.
    balancing_ : balancing specification
        What `balancing` stands for.
    task_weights_ : dict
        Mean weight of each task over the second half of training, as balancing left it; sums to the number of tasks.
        `set_params(task_weights=model.task_weights_, balancing="uniform")` is a cheaper refit with fixed weights.
    n_features_in_ : int
        Number of columns of X; channels of images, features of a step of sequences, 1 for texts.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Their names, if X had names that are all strings.
    n_estimators_ : int
        Number of members.
    early_stopping_ : bool
        Whether members stopped early.
    batch_size_ : int
        Rows per step.
    device_ : torch.device
        Where the network is.
    n_iter_ : int
        Epochs that the longest member ran.
    n_iter_per_member_ : ndarray of int of shape (n_estimators_,)
        Epochs that each member ran.
    history_ : skmtl.training.History
        Losses and scores per epoch and task; `history_.to_frame()` is a data frame.
    oof_prediction_ : dict of ndarray or ndarray
        Predictions for the rows of fit, each by the member that held the row out; NaN where none did. By task name:
        numbers, or what `predict_proba` gives; an array for 1-D y. Only with early stopping and without `X_val`.
    oof_score_ : float
        Mean score over tasks of `oof_prediction_`.
    oof_task_scores_ : dict
        Its score by task name.
    companions_ : dict
        The fitted companions by name; this and the next three only with companions.
    mix_ : dict
        For each task that companions serve, the weight of "network" and of each companion: the same for all tasks of a
        loss and number of classes, but for tasks of X of several parts that gain by their own.
    feature_weights_ : dict
        How much each column counts in the kernel companion's distances, by name, of mean 1; a mean over tasks.
    oof_part_scores_ : dict
        For "network" and each companion, what `oof_task_scores_` would be with it alone.
    temperatures_ : dict
        By column of y with classes, the temperature T: probabilities are proportional to `p ** (1 / T)` of the averaged
        ones. Above 1 they became less sure; 1 where they are as they were.
    thresholds_ : dict
        By column of y with classes, the probability of the second class from which it is predicted. Only after
        :func:`skmtl.model_selection.tune_thresholds`; fitting again forgets it.
    net_ : skorch.NeuralNet
        The trained net; `net_.module_` is the network of all members.

    See Also
    --------
    MultiTaskRegressor : Regression of several targets.
    MultiTaskClassifier : Classification of several targets.

    Notes
    -----
    The members minimise `Σ_t task_weight_t · L_t / c_t`, where `L_t` is the weighted mean loss over the labels of task
    t and `c_t` the loss of the best constant prediction: half the variance, the entropy of the class shares, half the
    deviance. Every task starts near 1, so that equal weights mean equal say (`c_t` is at least 0.1, so that no task is
    scaled up more than tenfold). The loss of a multilabel group is the mean over its columns.

    By its tags this is neither a classifier nor a regressor: scikit-learn's tools take an integer `cv` as plain folds.

    References
    ----------
    Caruana, R. (1997). Multitask learning. Machine Learning 28, 41-75.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmtl import MultiTaskEstimator
    >>> from skmtl.datasets import load_energy
    >>> X, y = load_energy(return_X_y=True, as_frame=True)
    >>> loads = y.iloc[:, 0]
    >>> y = pd.DataFrame({"heating": loads, "class": np.where(loads > 20, "high", "low")})
    >>> model = MultiTaskEstimator(max_iter=30, random_state=0).fit(X, y)
    >>> model.task_types_
    {'heating': 'regression', 'class': 'classification'}
    >>> model.predict(X).dtypes.tolist() == y.dtypes.tolist()
    True
    >>> model.predict_proba(X)["class"].shape
    (768, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "loss": [None, str, Loss, dict, "array-like"],
        "class_weight": [None, str, dict, "array-like"],
        "calibration": CALIBRATION,
        "task_types": [None, str, dict, "array-like"],
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
        n_iter_no_change: int | str = "auto",
        warm_start: bool = False,
        n_estimators: int | str = "auto",
        task_weights: float | Sequence[float] | Mapping[str, float] | None = None,
        loss: str | Loss | Sequence[str | Loss] | Mapping[str, str | Loss] | None = None,
        class_weight: Any = None,
        task_types: Any = None,
        task_names: Sequence[str] | None = None,
        max_grad_norm: float | None = None,
        callbacks: Sequence[Any] | None = None,
        device: Any = "auto",
        random_state: Any = None,
        verbose: int | bool = 0,
        trunk: Any = "auto",
        sharing: Any = "hard",
        companions: Any = "auto",
        calibration: str | None = "auto",
        balancing: Any = "auto",
        encoder: Any = "auto",
        augmentation: Any = "auto",
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
        self.task_types = task_types
        self.task_names = task_names
        self.max_grad_norm = max_grad_norm
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.trunk = trunk
        self.sharing = sharing
        self.companions = companions
        self.calibration = calibration
        self.balancing = balancing
        self.encoder = encoder
        self.augmentation = augmentation

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on a chunk of data, going on from where the last call ended.

        There are no holdouts, no early stopping and no schedule. Types of tasks and scales of features are those of the
        first chunk.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Labels, NaN or None where missing; a task may have none in a chunk.
        classes : dict of array-like or array-like, default=None
            All classes that will ever occur in the columns that have classes, by column name; an array for 1-D y.
            Needed at the first call only; unnamed columns have the classes of the first chunk.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_columns), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If classes change later, data or parameters are unfit, or training diverges; the estimator then stays as it
            was.
        """
        if hasattr(self, "_model"):
            model = self._model
            known = dict(zip(model.structure.columns, model.targets.classes, strict=True))
            given = classes if isinstance(classes, Mapping) else {model.structure.columns[0]: classes}
            for name, labels in given.items() if classes is not None else ():
                if name in known and set(np.asarray(labels).tolist()) != set(known[name].tolist()):
                    raise ValueError(
                        f"classes of {name!r} were {known[name].tolist()} at the first call of partial_fit and are "
                        f"{np.asarray(labels).tolist()} now; leave them out."
                    )
            classes = {name: labels for name, labels in known.items() if len(labels)}
        return self._partial_fit(X, y, {} if classes is None else classes, sample_weight)

    def predict(self, X: Any) -> Any:
        """Predict all targets: numbers, or the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        DataFrame, or ndarray of shape (n_samples,) or (n_samples, n_columns)
            A frame where y was one at fit, each column in its own dtype (whole numbers that are regressed become
            floats), with the row labels of X. Else an array like y, of dtype object if columns are of different kinds.

        Raises
        ------
        ValueError
            If probabilities are NaN, as a trunk of your own can make them.
        """
        labels = self._model_labels(X)
        if self._one_dimensional:
            return labels[0]
        if self._frame is not None:
            return self._frame.build(labels, X.index if hasattr(X, "iloc") else None)
        return stack_labels(labels)

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> dict[str, np.ndarray] | np.ndarray:
        """Predict the probability of every class of the tasks that have classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        dict of ndarray or ndarray
            By task name `(n_samples, n_classes)`, classes as in `classes_`, or for a multilabel group
            `(n_samples, n_columns)`: the probability of each column's second value. For 1-D y the array alone.
        """
        tasks = self._by_task(self._predict_values(X))
        tasks = {name: values for name, values in tasks.items() if self.task_types_[name] not in NUMBER_TYPES}
        return next(iter(tasks.values())) if self._one_dimensional else tasks

    def predict_quantiles(self, X: Any) -> np.ndarray | dict[str, np.ndarray]:
        """Predict all quantiles of the tasks with quantile loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_levels) or dict of them
            An array for 1-D y, else a dict by task name. Levels increase, and quantiles never cross.

        Raises
        ------
        ValueError
            If no task was fitted with quantile loss.
        """
        return self._quantiles(X)

    def predict_interval(
        self, X: Any, coverage: float = 0.9, *, joint: bool = False
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Predict intervals that hold the true numbers with probability `coverage`, for the tasks of numbers.

        They are measured, not modelled: every row of the fit was held out by a member, and how far that member missed
        it says how far new rows may be missed (CV+: Barber et al. 2021). Under quantile loss, the two quantiles nearest
        to `(1 ∓ coverage) / 2` are moved by how much labels of such rows lie outside of them, and the width follows the
        row (Romano et al. 2019). With `X_val`, its rows are what is measured (split conformal prediction).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        coverage : float, default=0.9
            Share of new rows whose label is to lie inside, between 0 and 1: of each task, or with `joint` of all tasks
            at once. More is wider.
        joint : bool, default=False
            Whether the intervals are to hold for all tasks of a row at once. They are wider, each by the same factor of
            what its task usually misses, and are learned from rows with a label of every task.

        Returns
        -------
        ndarray of shape (n_samples, 2) or dict of them
            Lower and upper ends by name of each task of type "regression" or "count"; for 1-D y the array alone. NaN
            for a task of weight 0, from which nothing was learned.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1, no row was held out (`early_stopping=False`, `partial_fit`), no task
            has numbers, quantiles lie on one side of the median, or `joint` finds too few rows with a label of every
            task.

        Warns
        -----
        UserWarning
            If a task has too few labels for this coverage: its intervals are then infinite.

        Notes
        -----
        Coverage is meant over new rows like those of the fit, not for each single row. It is approximate: held-out rows
        also decided when their member stopped. Rows of `X_val` with `early_stopping=False` decide nothing, and what
        they promise is exact. Rows that are not exchangeable, such as later ones of a time series, are covered less.

        A companion's own prediction is taken as it is, without fitting it anew for each row that is left out. Weights
        count as repeated rows do; rows of equal content and label count as one in the number of rows.

        References
        ----------
        Barber, R. F., Candès, E. J., Ramdas, A., & Tibshirani, R. J. (2021). Predictive inference with the jackknife+.
        Annals of Statistics 49(1), 486-507.

        Romano, Y., Patterson, E., & Candès, E. J. (2019). Conformalized quantile regression. NeurIPS.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skmtl import MultiTaskEstimator
        >>> from skmtl.datasets import load_energy
        >>> X, y = load_energy(return_X_y=True, as_frame=True)
        >>> y = pd.DataFrame({"heating": y["heating_load"], "cool": np.where(y["cooling_load"] > 20, "no", "yes")})
        >>> model = MultiTaskEstimator(max_iter=5, random_state=0).fit(X, y)
        >>> {name: ends.shape for name, ends in model.predict_interval(X).items()}
        {'heating': (768, 2)}
        """
        intervals = self._intervals(X, coverage, joint)
        if self._one_dimensional:
            return intervals[0]
        structure = self._model.structure
        return {
            name: intervals[int(structure.columns_of(task)[0])]
            for task, (name, kind) in enumerate(zip(structure.names, structure.types, strict=True))
            if kind in NUMBER_TYPES
        }

    def _by_task(self, predicted: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Gather decoded predictions of the columns by task: numbers, class probabilities, or those of a group."""
        model = self._model
        labels = model.targets.labels(predicted)
        tasks = {}
        for task, (name, kind) in enumerate(zip(model.structure.names, model.structure.types, strict=True)):
            columns = model.structure.columns_of(task).tolist()
            if kind == "multilabel":
                second = [_second_value(predicted[column], model.targets.classes[column]) for column in columns]
                tasks[name] = np.column_stack(second)
            else:
                tasks[name] = labels[columns[0]] if kind in NUMBER_TYPES else predicted[columns[0]]
        return tasks

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags, tags.regressor_tags = ClassifierTags(), RegressorTags()  # it can do both, and is neither
        return tags

    def _structure(self, columns: Columns, names: list[str]) -> TaskStructure:
        return resolve_task_types(self.task_types, columns, names)

    def _make_targets(self, columns: Columns, structure: TaskStructure, weights: np.ndarray, classes: Any) -> Targets:
        losses = losses_by_type(self.loss, structure)
        of_numbers = np.array([structure.types[task] in NUMBER_TYPES for task in structure.task_of_column])
        numeric, classed = np.flatnonzero(of_numbers), np.flatnonzero(~of_numbers)
        names, own_losses = [structure.columns[place] for place in classed], [losses[place] for place in classed]
        found = find_classes(columns.select(classed), names, weights[:, classed], own_losses) if len(classed) else []
        if classes is not None:
            given = {structure.columns[0]: classes} if not isinstance(classes, Mapping) else classes
            if unknown := [name for name in given if name not in names]:
                raise ValueError(
                    f"classes names {unknown[0]!r}, which is no column with classes; these are "
                    f"{', '.join(map(repr, names))}."
                )
            listed = zip(names, found, [columns.categories[place] for place in classed], strict=True)
            found = [
                given_classes(np.asarray(given[name]), name, categories) if name in given else own
                for name, own, categories in listed
            ]
        for place, known in zip(classed, found, strict=True):
            if structure.types[structure.task_of_column[place]] == "multilabel" and len(known) > 2:
                raise ValueError(
                    f"Column {structure.columns[place]!r} of the multilabel task "
                    f"{structure.names[structure.task_of_column[place]]!r} has {len(known)} distinct values, "
                    f"{known[:5].tolist()} …; columns of such a group are binary. Make it a task of its own."
                )
        numeric_names = [structure.columns[place] for place in numeric]
        regression = RegressionTargets(numeric_names, [losses[place] for place in numeric])
        classification = ClassificationTargets(names, own_losses, found)
        return MixedTargets(structure.columns, [(numeric, regression), (classed, classification)])

    def _class_weights(
        self, targets: Targets, structure: TaskStructure, numbers: np.ndarray, weights: np.ndarray
    ) -> np.ndarray | None:
        return class_weight_table(self.class_weight, structure, targets, numbers, weights)

    def _store(self, fitted: Fitted, labelled: Labelled, columns: Columns) -> None:
        structure, classes = fitted.model.structure, fitted.model.targets.classes
        by_task = {
            name: classes[structure.columns_of(task)[0]]
            for task, (name, kind) in enumerate(zip(structure.names, structure.types, strict=True))
            if kind in ("classification", "ordinal")
        }
        self.__dict__.pop("classes_", None)
        if not columns.one_dimensional:
            self.classes_ = by_task
        elif by_task:
            self.classes_ = next(iter(by_task.values()))
        self._frame = columns.frame
        super()._store(fitted, labelled, columns)
        self.temperatures_ = temperatures_by_column(fitted.model)
        warn_of_single_classes(fitted.model.targets)

    def _out_of_fold_shape(self, predicted: list[np.ndarray]) -> Any:
        tasks = self._by_task(predicted)
        return next(iter(tasks.values())) if self._one_dimensional else tasks


def _second_value(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the probability of a binary column's second value; a column of one value only has the other never."""
    if probabilities.shape[1] == 2:
        return probabilities[:, 1]
    return np.full(len(probabilities), float(bool(classes[0])) if len(classes) else np.nan)
