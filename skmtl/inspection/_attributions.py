"""What each column, word or pixel adds to a prediction: attributions of one task, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ..estimators._arguments import check_features
from ..estimators._base import BaseMultiTask
from ..estimators._explaining import ExplainedColumn
from ..estimators._paths import Inputs
from ..features import Reader
from ..training import few_threads
from ._attributed import Attributions
from ._gradients import exact, integrated
from ._origins import origins_of

# Values of a chunk of rows, along all steps of the path, that captum holds at a time.
CHUNK_VALUES = 2**22


def attributions(
    estimator: Any,
    X: Any,
    *,
    task: str | None = None,
    target_class: Any = None,
    baseline: Any = None,
    part: str | None = None,
    n_steps: int = 64,
) -> Attributions:
    r"""Return what each column, word or pixel adds to the prediction of a task, row by row.

    Integrated gradients (Sundararajan, Taly and Yan 2017): on the straight line from a baseline :math:`b` to a row
    :math:`x`, both as the network reads them, value :math:`i` adds

    .. math:: (x_i - b_i) \int_0^1 \frac{\partial f}{\partial x_i}\big(b + \alpha (x - b)\big) \, d\alpha.

    These sum to :math:`f(x) - f(b)`. All that a column became (its standardised number, its codes, its categories, the
    vector of its category, whether it is missing) is summed back to the column, and all tokens of a text to the words
    that they cover, a token's value split evenly among its characters. The path to a list of identifiers begins at an
    empty one, and lets the shares of all in the pooled vector grow. Of a network without hidden layers the integral is
    exact, and no package is needed; all others are read by captum.

    Of samples of several parts, and of data frames with texts or lists among their columns, all parts move at once,
    each as it would alone, and what they add sums to the prediction: `Attributions.parts` holds each part's own, such
    as the words of a text. Whether a part is there is the same all the way, so that one that a row lacks adds nothing.

    Through a `PretrainedTrunk`, frozen or trained further, and through a `FittedTrunk` of a frozen one, the path of a
    text leads through the vectors of its tokens, and that of a picture through its pixels. Words beyond `max_length`
    add nothing.

    Parameters
    ----------
    estimator : MultiTaskClassifier, MultiTaskRegressor or MultiTaskEstimator
        Fitted.
    X : {array-like, sparse matrix, data frame}
        Rows to explain, as `predict` takes them.
    task : str, default=None
        Name of a task, or of one column of a group. None: the only one.
    target_class : object, default=None
        The class whose log-odds against all others are explained. None: of two classes the second, of more that which
        is most probable for each row.
    baseline : X of one row, default=None
        Where the path begins, in the form of X. None: the mean of the fitted rows, in which a category with a vector of
        its own counts as one that was not there; zero where X is sparse; the mean picture, or the mean of each step of
        a sequence; an empty text or list, the only baseline of these. Through a pretrained model, vectors of tokens
        begin at that of the padding token, or at zero if there is none, those for the beginning and end of a text
        stay, and pictures begin at the mean colour of those that the model learned from. Of several parts, one that
        this row lacks begins as is usual. A sequence must be as long as those of the rows, which have the same steps
        all the way; longer and shorter rows are explained apart, each with a baseline of its own.
    part : "network" or None, default=None
        "network": explain the network alone, without companions and temperatures. None: explain what `predict` and
        `predict_proba` say, which is refused where companions have a part in it.
    n_steps : int, default=64
        Steps of the integral; more is exacter, and takes longer. `Attributions.residual` says how exact it was.

    Returns
    -------
    Attributions
        Of numbers in the task's units, members averaged; of classes in units of log-odds, of the members' mean
        probability.

    Raises
    ------
    ValueError
        If the task or class is unknown, or not learned from the features; if the model has companions and `part` is
        None; if the baseline is not one row, holds a text or list, or a sequence of another length than a row's; or if
        a pretrained model takes no vectors in the place of tokens, or its tokenizer does not tell where they stand.
    ImportError
        If captum is needed and not installed.

    Notes
    -----
    A row costs `n_steps` passes through the network, forwards and backwards. Of a pretrained model that is some 130
    times what predicting it takes, and as many rows go through at once as its trunk's `chunk_size` says: memory is that
    of a training step of so many rows.

    Sundararajan et al. begin texts at vectors of zero, which many tables hold for padding. Where a model divides a
    token's vector by its length before all else, a path from zero would have only one direction, and all would happen
    at its beginning; from another vector it does not.

    References
    ----------
    Sundararajan, M., Taly, A. and Yan, Q. (2017). Axiomatic attribution for deep networks. ICML.

    Kokhlikyan, N. et al. (2020). Captum: A unified and generic model interpretability library for PyTorch.
    arXiv:2009.07896.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skmtl import MultiTaskRegressor
    >>> from skmtl.inspection import attributions
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> model = MultiTaskRegressor((), companions=None, max_iter=50, random_state=0).fit(X, y)
    >>> found = attributions(model, X, task="Weight")
    >>> found.to_frame().shape, bool(abs(found.residual).max() < 1e-3)
    ((20, 3), True)
    """
    _check(estimator, part, n_steps)
    model, column = estimator._model, _column_of(estimator, task)
    _refuse_companions(estimator, column, part)
    explained = ExplainedColumn(model, column, tempered=part is None)
    code = _code_of(model, column, explained.n_classes, target_class)
    rows = _read(estimator, explained.reader, X)
    first = None if baseline is None else _read(estimator, explained.reader, baseline)
    reader, standardizer = explained.reader, explained.standardizer
    origins = origins_of(estimator, reader, standardizer, X)
    if first is not None:
        origins.check_baseline(first, origins_of(estimator, reader, standardizer, baseline))
    values, ends, codes = [], [], []
    for chunk in _chunks(explained, rows, n_steps):
        inputs = explained.inputs(rows[chunk], first)
        parts, own_ends, own_codes = _explain(explained, inputs, code, n_steps)
        values += origins.gather(parts, inputs, chunk)
        ends.append(own_ends)
        codes.append(own_codes)
    start, end = np.concatenate(ends, axis=1)
    target = None if explained.n_classes == 1 else model.targets.classes[column][np.concatenate(codes)]
    return origins.attributed(values, end, start, model.structure.columns[column], target)


def _explain(
    explained: ExplainedColumn, inputs: Inputs, code: int | None, n_steps: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return what each value adds that the network reads, both ends of the paths, `(2, B)`, and classes, `(B,)`."""
    network, n_rows = explained.model.network, len(inputs.values[0])
    if network.training:
        network.eval()
    with few_threads(n_rows * n_steps * explained.n_products):
        with torch.no_grad():
            outputs = explained.outputs(inputs.values, inputs.fixed)
            codes = torch.full((n_rows,), code or 0)
            if code is None and explained.n_classes > 1:
                codes = explained.most_probable(outputs)
            start = explained.predicted(explained.outputs(inputs.baselines, inputs.fixed), codes)
            end = explained.predicted(outputs, codes)
        found = exact(explained, inputs, codes) if explained.linear else integrated(explained, inputs, codes, n_steps)
    return [part.cpu().double().numpy() for part in found], np.stack([start.numpy(), end.numpy()]), codes.numpy()


def _chunks(explained: ExplainedColumn, rows: Any, n_steps: int) -> Iterator[slice]:
    """Yield some rows at a time: captum holds them once for each step; as many as a pretrained model takes at once."""
    model = explained.model
    per_row = max(model.network.n_members * model.network.widest, model.standardizer.n_outputs)
    step = explained.rows_at_once or max(8, CHUNK_VALUES // (per_row * n_steps))
    for first in range(0, rows.shape[0], step):
        yield slice(first, first + step)


def _check(estimator: Any, part: str | None, n_steps: int) -> None:
    """Check what does not depend on the data."""
    if not isinstance(estimator, BaseMultiTask):
        raise ValueError(
            "attributions reads the networks of MultiTaskClassifier, MultiTaskRegressor and MultiTaskEstimator, got "
            f"{type(estimator).__name__}. Of a pipeline, pass the last step, and X as that step sees it."
        )
    check_is_fitted(estimator)
    if part not in (None, "network"):
        raise ValueError(f"part must be None or 'network', got {part!r}.")
    if not isinstance(n_steps, Integral) or n_steps < 1:
        raise ValueError(f"n_steps must be a positive integer, got {n_steps!r}.")


def _read(estimator: Any, reader: Reader, X: Any) -> Any:
    """Return X as a matrix with a row at least."""
    rows = check_features(estimator, reader, X, reset=False)
    if not rows.shape[0]:
        raise ValueError("X has no row to explain.")
    return rows


def _column_of(estimator: Any, task: str | None) -> int:
    """Return the position of the column of y that is explained."""
    structure = estimator._model.structure
    known = list(structure.columns)
    if task is None and len(known) == 1:
        return 0
    if task in structure.names and task not in known:
        own = [known[place] for place in structure.columns_of(structure.names.index(task))]
        raise ValueError(f"Task {task!r} is a group: name one of its columns, {', '.join(map(repr, own))}.")
    if task not in known:
        raise ValueError(f"task must be one of {', '.join(map(repr, known))}, got {task!r}.")
    column = known.index(task)
    if column not in estimator._model.tasks:
        raise ValueError(
            f"Nothing was learned of task {task!r}: its prediction is a constant, to which X adds nothing."
        )
    return column


def _refuse_companions(estimator: Any, column: int, part: str | None) -> None:
    """Refuse to explain a mix as if it were the network."""
    name = estimator._model.structure.columns[column]
    mix = getattr(estimator, "mix_", {}).get(name)
    if part is None and mix is not None and any(share for other, share in mix.items() if other != "network"):
        shares = ", ".join(f"{other} {share:.2f}" for other, share in mix.items())
        raise ValueError(
            f"Companions have a part in what is predicted of task {name!r} ({shares}), and only the network's can be "
            "explained. Pass part='network' to explain that alone, or fit with companions=None."
        )


def _code_of(model: Any, column: int, n_classes: int, target_class: Any) -> int | None:
    """Return the place of the class that is explained; None: the most probable one of each row."""
    name, classes = model.structure.columns[column], list(model.targets.classes[column])
    if n_classes == 1:
        if target_class is not None:
            raise ValueError(f"Task {name!r} is one of numbers and has no classes, but target_class={target_class!r}.")
        return None
    if target_class is None:
        return 1 if n_classes == 2 else None
    if target_class not in classes:
        raise ValueError(f"target_class must be one of the classes {classes} of task {name!r}, got {target_class!r}.")
    return classes.index(target_class)
