"""Callbacks: the user's, checked and cloned, and the line that shows progress."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from skorch.callbacks import BatchScoring, Callback, EpochScoring, PassthroughScoring
from tqdm import tqdm


def clone_callbacks(callbacks: Sequence[Any] | None) -> list[Any]:
    """Return copies of the callbacks, so that a fit leaves the given ones as they were.

    Parameters
    ----------
    callbacks : sequence of skorch callbacks, classes of them or (name, callback) pairs, or None

    Raises
    ------
    ValueError
        If one of them is no skorch callback, or scores by predicting on the training data.
    """
    return [_clone(callback) for callback in callbacks or ()]


def _clone(callback: Any) -> Any:
    if isinstance(callback, tuple) and len(callback) == 2:
        return callback[0], _clone(callback[1])
    kind = callback if inspect.isclass(callback) else type(callback)
    if not issubclass(kind, Callback):
        raise ValueError(f"callbacks must be skorch callbacks (skorch.callbacks.Callback), got {callback!r}.")
    if issubclass(kind, (EpochScoring, BatchScoring, PassthroughScoring)):
        raise ValueError(
            f"{kind.__name__} predicts on the data given to fit, where each member's holdout is masked, so its scores "
            "would be wrong. Read history_['valid_score'] after fit, or monitor 'valid_loss' in the callback."
        )
    return callback if inspect.isclass(callback) else clone(callback, safe=False)


def raised_on_purpose(interrupt: BaseException) -> bool:
    """Tell a `raise` statement, the way in which skorch's callbacks stop training, from Ctrl-C."""
    trace = interrupt.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    instruction = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return dis.opname[instruction] == "RAISE_VARARGS"


class ProgressLine(Callback):
    """One line that renews itself: epoch, loss, best holdout score, time left; or a line an epoch.

    Parameters
    ----------
    name : str
        What stands at the beginning of the line.
    keep_lines : bool
        Whether every epoch leaves a line.
    """

    def __init__(self, name: str, keep_lines: bool) -> None:
        self.name = name
        self.keep_lines = keep_lines

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the line."""
        del kwargs
        self.best_score_ = np.nan
        self.line_ = tqdm(
            total=net.max_epochs, desc=self.name, unit="epoch", dynamic_ncols=True, disable=self.keep_lines
        )

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Renew the line."""
        del kwargs
        history = net.task_history
        self.best_score_ = float(np.fmax(self.best_score_, history.total("valid_score")[-1]))
        text = f"loss {history.total('train_loss')[-1]:.4f}"
        if not np.isnan(self.best_score_):
            text += f", best holdout score {self.best_score_:.4f}"
        if self.keep_lines:
            tqdm.write(f"{self.name}: epoch {len(history)}/{net.max_epochs}, {text}")
        self.line_.set_postfix_str(text, refresh=False)
        self.line_.update()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the line."""
        del net, kwargs
        self.line_.close()
        del self.line_
