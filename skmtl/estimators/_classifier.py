"""Multi-task classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags

from ..losses import CLASSIFICATION_LOSSES, Loss
from ..tasks import (
    ClassificationTargets,
    Columns,
    EntireSpaceChain,
    Targets,
    TaskStructure,
    check_chain_weights,
    class_weight_table,
    find_classes,
    given_classes,
    losses_by_task,
    stack_labels,
)
from ._base import BaseMultiTask, warn_of_single_classes
from ._calibrating import temperatures_by_column
from ._fitting import Fitted
from ._labelled import Labelled
from ._parameters import CALIBRATION, CONSTRAINTS


class MultiTaskClassifier(ClassifierMixin, BaseMultiTask):
    r"""Classification of several targets with one shared-trunk network.

    All tasks are learned at once: they share the trunk of the network, and each has a head of its own and its own
    classes. Features are standardised inside; labels may be missing anywhere; by default eight members train side by
    side, each stopped by rows that it holds out.

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
    loss : str, Loss, sequence or dict, default="log_loss"
        How each task's error is measured: "log_loss", "focal", "ordinal" (ordered classes: numbers, or an ordered
        category), or an object of `skmtl.losses`, such as `LogLoss(label_smoothing=0.1)`.
    class_weight : "balanced", dict or sequence, default=None
        Weight of each class: a dict with numbers as values is by class, for every task that has those classes; with
        dicts, "balanced" or None as values it is by task name; a sequence holds one of these a task. "balanced" makes
        all classes of a task weigh the same.
    structure : EntireSpaceChain or sequence of them, default=None
        Tasks of which each can only happen where the one before has: `skmtl.tasks.EntireSpaceChain("click",
        "conversion")`, of names or positions of columns of y. Their probabilities are products of conditional ones.
        They are binary, have the log loss and no class weights; companions and temperatures leave them as they are.
    task_names : sequence of str, default=None
        Names of the tasks. By default the column names of y, or `y0, y1, …`.
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
        `Chain`, or None. "auto" is "mixup" for images and sequences that a built-in trunk learns to read, and None for
        all else. Members see the same changed rows; companions and predictions none of it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of them
        Sorted classes: an array for 1-D y, else a list with an array per task.
    task_names_ : list of str
        Names of the tasks.
    n_tasks_ : int
        Number of tasks.
    task_types_ : dict
        "classification" for each task name, as `MultiTaskEstimator` has it for tasks of several types.
    task_columns_ : dict
        The columns of y, one, that each task covers.
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
    oof_prediction_ : ndarray of shape (n_samples, n_classes) or list of them
        Predictions for the rows of fit, each by the member that held the row out; NaN where none did. Only with early
        stopping and without `X_val`.
    oof_score_ : float
        Mean score over tasks of `oof_prediction_`.
    oof_task_scores_ : dict
        Its accuracy by task name.
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
    sklearn.neural_network.MLPClassifier : One network without task weights or missing labels.

    Notes
    -----
    The members minimise `Σ_t task_weight_t · L_t / c_t`, where `L_t` is the weighted mean loss over the labels of task
    t and `c_t` the loss of the best constant prediction: every task starts near 1, so that equal weights mean equal say
    (`c_t` is at least 0.1, so that no task is scaled up more than tenfold).

    Which rows a member holds out follows from what the rows hold and `random_state`: equal rows are held out together.

    References
    ----------
    Caruana, R. (1997). Multitask learning. Machine Learning 28, 41-75.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skmtl import MultiTaskClassifier
    >>> X, species = load_iris(return_X_y=True)
    >>> y = np.column_stack([species.astype(object), np.where(X[:, 0] > 5.8, "long", "short")])
    >>> y[::3, 1] = None  # a missing label
    >>> model = MultiTaskClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2])
    array([[0, 'short'],
           [0, 'short']], dtype=object)
    >>> [p.shape for p in model.predict_proba(X)]
    [(150, 3), (150, 2)]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "loss": [str, Loss, dict, "array-like"],
        "class_weight": [None, str, dict, "array-like"],
        "structure": [None, EntireSpaceChain, list, tuple],
        "calibration": CALIBRATION,
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
        loss: str | Loss | Sequence[str | Loss] | Mapping[str, str | Loss] = "log_loss",
        class_weight: Any = None,
        structure: EntireSpaceChain | Sequence[EntireSpaceChain] | None = None,
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
        self.structure = structure
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

        Raises
        ------
        ValueError
            If probabilities are NaN, as a trunk of your own can make them.
        """
        labels = self._model_labels(X)
        return labels[0] if self._one_dimensional else stack_labels(labels)

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

    def _structure(self, columns: Columns, names: list[str]) -> TaskStructure:
        del columns
        return TaskStructure.of_columns(names, "classification")

    def _make_targets(self, columns: Columns, structure: TaskStructure, weights: np.ndarray, classes: Any) -> Targets:
        names = structure.columns
        losses = losses_by_task(self.loss, names, CLASSIFICATION_LOSSES, "log_loss")
        if classes is not None:
            given = [classes] if columns.one_dimensional else list(classes)
            if len(given) != len(names):
                raise ValueError(f"classes has {len(given)} entries, but y has {len(names)} tasks: {names}.")
            listed = zip(given, names, columns.categories, strict=True)
            found = [given_classes(np.asarray(of_task), name, categories) for of_task, name, categories in listed]
        else:
            found = find_classes(columns, names, weights, losses)
        return ClassificationTargets(names, losses, found)

    def _class_weights(
        self, targets: Targets, structure: TaskStructure, numbers: np.ndarray, weights: np.ndarray
    ) -> np.ndarray | None:
        table = class_weight_table(self.class_weight, structure, targets, numbers, weights)
        check_chain_weights(structure, table)
        return table

    def _store(self, fitted: Fitted, labelled: Labelled, columns: Columns) -> None:
        targets = fitted.model.targets
        self.classes_ = targets.classes[0] if columns.one_dimensional else targets.classes
        super()._store(fitted, labelled, columns)
        self.temperatures_ = temperatures_by_column(fitted.model)
        warn_of_single_classes(targets)

    def _out_of_fold_shape(self, predicted: list[np.ndarray]) -> np.ndarray | list[np.ndarray]:
        return predicted[0] if self._one_dimensional else predicted

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
