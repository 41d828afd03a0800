"""What comes of a tool with a kind of target: it works, refuses, is wrong, or we fail."""

import re
import traceback
import warnings
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

import skmtl

from .kinds import ALL, SPLITTER, Case

OURS = str(Path(skmtl.__file__).parent)
# Warnings of tools about themselves, or on the way to a refusal.
HARMLESS = (
    "OptunaSearchCV is experimental",
    "`optuna.terminator` module has been deprecated",
    "invalid value encountered in cast",  # type_of_target compares NaN with whole numbers, and then refuses it
    "Task types were guessed",  # cross_val_predict has turned the labels of a mixed table into codes
)


@dataclass(frozen=True)
class Note:
    """What a tool says when it refuses, `…` for any text; without an error, what it does wrong."""

    error: str | None
    says: str

    def quotes(self, error):
        pattern = ".*".join(re.escape(part) for part in self.says.split("…"))
        return type(error).__name__ == self.error and re.search(pattern, str(error), re.DOTALL) is not None


@dataclass(frozen=True)
class Tool:
    """A tool, the function that tries it, and what is known to come of it.

    `refused`, `splitter` (works, but an integer as `cv` is refused) and `wrong` hold the kinds by what the tool says;
    all other `kinds` work.
    """

    name: str
    attempt: object
    kinds: tuple = ALL
    refused: dict = field(default_factory=dict)
    splitter: dict = field(default_factory=dict)
    wrong: dict = field(default_factory=dict)
    instead: str = ""
    takes_cv: bool = False
    two_classes: bool = False
    needs: tuple = ()
    slow: bool = False

    def expected(self, kind):
        """Return the status of a kind and the tool's words."""
        if kind not in self.kinds:
            return "not meant", None
        for status in ("refused", "splitter", "wrong"):
            for note, kinds in getattr(self, status).items():
                if kind in kinds:
                    return status, note
        return "works", None

    def missing_packages(self):
        return [name for name in self.needs if not installed(name)]


def installed(package):
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def outcome(tool, kind):
    """Return a status, and the error or None; with an integer as `cv` first, and with a splitter if that is refused."""
    status, error = tried(tool, Case(kind, tool.two_classes))
    if status == "refused" and tool.takes_cv:
        again, _ = tried(tool, Case(kind, tool.two_classes, SPLITTER))
        return {"works": ("splitter", error), "refused": (status, error)}.get(again, (again, error))
    return status, error


def tried(tool, case):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for message in HARMLESS:
                warnings.filterwarnings("ignore", message=message)
            found, by_hand = tool.attempt(case)
    except Exception as error:
        ours = any(frame.filename.startswith(OURS) for frame in traceback.extract_tb(error.__traceback__))
        return "ours fails" if ours else "refused", error
    try:
        check_same(found, by_hand)
    except AssertionError as error:
        return "wrong", error
    return "works", None


def check_same(found, by_hand):
    """Compare nested values; numbers to 1e-6, as another backend may add them up in another order."""
    if isinstance(found, pd.DataFrame):
        pd.testing.assert_frame_equal(found, by_hand, rtol=1e-6)
    elif isinstance(found, (list, tuple)):
        assert len(found) == len(by_hand)
        for one, other in zip(found, by_hand, strict=True):
            check_same(one, other)
    elif isinstance(found, (dict, set, str)):
        assert found == by_hand
    else:
        found, by_hand = np.asarray(found), np.asarray(by_hand)
        assert found.shape == by_hand.shape
        if found.dtype.kind == "f":
            np.testing.assert_allclose(found, by_hand, rtol=1e-6, atol=1e-12, equal_nan=False)
        else:
            np.testing.assert_array_equal(found, by_hand)
