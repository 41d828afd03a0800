"""scikit-learn's metrics of one target, made fit for classes that are absent from the scored rows, or new in them.

Each takes `labels`, the classes that the columns of the probabilities stand for; without it, the classes that occur. A
label of another class has probability 0. What is undefined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics


def log_loss(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None, normalize: bool = True
) -> float:
    """Log loss; the probability 0 of an unknown class is clipped as scikit-learn clips any other 0."""
    codes, table, _ = _coded(y_true, y_proba, labels)
    return _log_loss(codes, table, sample_weight=sample_weight, normalize=normalize)


def brier_score_loss(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    labels: Any = None,
    pos_label: Any = None,
    scale_by_half: Any = "auto",
) -> float:
    """Brier score, between 0 and 1 for tasks of two classes, else between 0 and 2."""
    codes, table, n_known = _coded(y_true, y_proba, labels, pos_label)
    # By the known classes: a new one shall not double the score of the whole fold.
    half = n_known < 3 if isinstance(scale_by_half, str) else scale_by_half
    return _brier(codes, table, sample_weight=sample_weight, scale_by_half=half)


def d2_log_loss_score(y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None) -> float:
    """Share of the log loss of the scored rows' class shares that is explained."""
    codes, table, _ = _coded(y_true, y_proba, labels)
    return _explained(_log_loss, codes, table, sample_weight)


def d2_brier_score(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None, pos_label: Any = None
) -> float:
    """Share of the Brier score of the scored rows' class shares that is explained."""
    codes, table, _ = _coded(y_true, y_proba, labels, pos_label)
    return _explained(_brier, codes, table, sample_weight)


def roc_auc_score(
    y_true: Any,
    y_score: Any,
    *,
    sample_weight: Any = None,
    labels: Any = None,
    multi_class: str = "ovr",
    average: str = "macro",
    max_fpr: float | None = None,
) -> float:
    """Area under the ROC curve of the greater class; of several classes, the mean over those that occur."""
    codes, table, _ = _coded(y_true, y_score, labels)
    present = np.unique(codes)
    if len(present) < 2:
        return np.nan
    if table.shape[1] == 2:
        return float(metrics.roc_auc_score(codes, table[:, 1], sample_weight=sample_weight, max_fpr=max_fpr))
    if max_fpr not in (None, 1):
        raise ValueError(f"max_fpr={max_fpr!r} is for two classes; here are {table.shape[1]}.")
    if multi_class == "ovo":
        return _one_against_one(codes, table, present, average, sample_weight)
    if multi_class not in ("ovr", "raise"):
        raise ValueError(f"multi_class must be 'ovr' or 'ovo', got {multi_class!r}.")
    return _one_against_rest(metrics.roc_auc_score, codes, table, present, average, sample_weight)


def average_precision_score(
    y_true: Any,
    y_score: Any,
    *,
    sample_weight: Any = None,
    labels: Any = None,
    pos_label: Any = None,
    average: str = "macro",
) -> float:
    """Average precision of the greater class; of several classes, the mean over those that occur."""
    codes, table, n_known = _coded(y_true, y_score, labels, pos_label)
    present = np.unique(codes)
    if len(present) < 2:
        return np.nan
    if table.shape[1] == 2 == n_known:
        return float(metrics.average_precision_score(codes, table[:, 1], sample_weight=sample_weight))
    return _one_against_rest(metrics.average_precision_score, codes, table, present, average, sample_weight)


def cohen_kappa_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None, weights: str | None = None
) -> float:
    """Cohen's kappa over all known classes: with weights, a class that does not occur still takes its step."""
    known = np.unique(np.concatenate([np.asarray(part) for part in (y_true, y_pred)]))
    if len(known) < 2:
        return np.nan
    if weights is not None and labels is not None:
        known = np.unique(np.concatenate([known, np.asarray(labels)]))
    return float(metrics.cohen_kappa_score(y_true, y_pred, labels=known, weights=weights, sample_weight=sample_weight))


# What `multitask` puts in the place of scikit-learn's own.
SUBSTITUTES: dict[Any, Callable[..., float]] = {
    metrics.average_precision_score: average_precision_score,
    metrics.brier_score_loss: brier_score_loss,
    metrics.cohen_kappa_score: cohen_kappa_score,
    metrics.d2_log_loss_score: d2_log_loss_score,
    metrics.log_loss: log_loss,
    metrics.roc_auc_score: roc_auc_score,
}
if hasattr(metrics, "d2_brier_score"):  # scikit-learn 1.8
    SUBSTITUTES[metrics.d2_brier_score] = d2_brier_score


def _coded(y_true: Any, y_score: Any, labels: Any, pos_label: Any = None) -> tuple[np.ndarray, np.ndarray, int]:
    """Return class codes, scores `(n_samples, n_classes)` with a column of zeros a new class, and the known classes."""
    table = np.asarray(y_score)
    if table.dtype.kind != "f":
        table = table.astype(float)
    try:
        present, inverse = np.unique(np.asarray(y_true), return_inverse=True)
    except TypeError as error:
        raise ValueError(f"The labels are of kinds that cannot be compared: {error}.") from error
    known = (np.unique(labels) if labels is not None else _occurring(present, table)).tolist()
    if table.ndim == 1 and labels is not None and len(known) == 1:
        table = table[:, None]
    n_columns = 2 if table.ndim == 1 else table.shape[1]
    if len(known) != n_columns:
        raise ValueError(
            f"There are probabilities of {n_columns} classes, but {len(known)} classes {known} "
            + ("in labels." if labels is not None else "occur: say with labels= what the columns stand for.")
        )
    if pos_label is not None and n_columns == 2 and pos_label == known[0]:
        known = known[::-1]
        table = table[:, ::-1] if table.ndim == 2 else table
    if table.ndim == 1:
        table = np.stack([1 - table, table], axis=1)
    code = {label: position for position, label in enumerate(known)}
    codes = np.array([code.setdefault(label, len(code)) for label in present.tolist()])[inverse]
    new = np.zeros((len(table), len(code) - n_columns), dtype=table.dtype)
    return codes, np.hstack([table, new]), n_columns


def _occurring(present: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the classes that occur; of 0 and 1 or -1 and 1 both, where one is not there."""
    if len(present) == 1 and (table.ndim == 1 or table.shape[1] == 2) and present.dtype.kind in "biuf":
        for pair in ([0, 1], [-1, 1]):
            if present[0] in pair:
                return np.array(pair)
    return present


def _log_loss(codes: np.ndarray, table: np.ndarray, *, sample_weight: Any, normalize: bool = True) -> float:
    if table.shape[1] < 2:
        return np.nan
    classes = np.arange(table.shape[1])
    return float(metrics.log_loss(codes, table, labels=classes, sample_weight=sample_weight, normalize=normalize))


def _brier(codes: np.ndarray, table: np.ndarray, *, sample_weight: Any, scale_by_half: bool = False) -> float:
    if table.shape[1] < 2:
        return np.nan
    classes = np.arange(table.shape[1])
    return float(
        metrics.brier_score_loss(codes, table, labels=classes, sample_weight=sample_weight, scale_by_half=scale_by_half)
    )


def _explained(loss: Callable[..., float], codes: np.ndarray, table: np.ndarray, sample_weight: Any) -> float:
    if len(np.unique(codes)) < 2:
        return np.nan
    shares = np.bincount(codes, weights=sample_weight, minlength=table.shape[1]).astype(table.dtype)
    constant = np.tile(shares / shares.sum(), (len(table), 1))
    return 1 - loss(codes, table, sample_weight=sample_weight) / loss(codes, constant, sample_weight=sample_weight)


def _one_against_rest(
    score: Callable[..., float],
    codes: np.ndarray,
    table: np.ndarray,
    present: np.ndarray,
    average: str,
    sample_weight: Any,
) -> float:
    truth = (codes[:, None] == present).astype(int)  # (n_samples, n_present)
    if average == "micro":
        repeated = None if sample_weight is None else np.repeat(sample_weight, len(present))
        return float(score(truth.ravel(), table[:, present].ravel(), sample_weight=repeated))
    scores = [
        score(truth[:, column], table[:, code], sample_weight=sample_weight)
        for column, code in enumerate(present.tolist())
    ]
    if average == "weighted":
        return float(np.average(scores, weights=np.average(truth, axis=0, weights=sample_weight)))
    if average != "macro":
        raise ValueError(f"average must be 'macro', 'micro' or 'weighted', got {average!r}.")
    return float(np.mean(scores))


def _one_against_one(
    codes: np.ndarray, table: np.ndarray, present: np.ndarray, average: str, sample_weight: Any
) -> float:
    """Hand and Till's mean over pairs of classes."""
    if average not in ("macro", "weighted"):
        raise ValueError(f"average must be 'macro' or 'weighted' with multi_class='ovo', got {average!r}.")
    weights = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    scores, shares = [], []
    for place, first in enumerate(present.tolist()):
        for second in present[place + 1 :].tolist():
            rows = (codes == first) | (codes == second)
            both = [
                metrics.roc_auc_score(codes[rows] == one, table[rows, one], sample_weight=weights[rows])
                for one in (first, second)
            ]
            scores.append(np.mean(both))
            shares.append(weights[rows].sum())
    return float(np.average(scores, weights=shares if average == "weighted" else None))
