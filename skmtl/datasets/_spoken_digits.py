"""Recorded digits as spectrograms: which digit is it, and who speaks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._frames import import_pandas_for
from ._user_copies import UserCopy

SUBSETS = ("all", "train", "test")
N_TEST_TAKES = 5
_TARGETS = ["digit", "speaker"]
_DIGITS = UserCopy(
    "spoken_digits_logmel.npz",
    "3,000 recordings of digits, spoken 50 times each by six speakers. The file is a NumPy archive with the arrays X "
    "(log-mel spectrograms, 32 frames of 40 bands), digit, speaker and take (the number of the repetition).",
    "CC BY-SA 4.0",
    "https://github.com/Jakobovski/free-spoken-digit-dataset (the recordings)",
)


def load_spoken_digits(
    *,
    subset: str = "all",
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of the spoken digits (spectrograms; two classification tasks).

    =================   ====================================================
    Samples             3,000: 2,700 to train, 300 to test
    Features            32 frames of 40 bands
    Tasks               2: digit (10 classes) and speaker (6 classes)
    =================   ====================================================

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Which recordings: all, or one side of the data set's own split. The first five takes of each speaker and digit
        are the test set.
    data_home : path-like, default=None
        The folder that holds `spoken_digits_logmel.npz`. By default the one that the environment variable SKMTL_DATA
        names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `target` is a pandas DataFrame with one dtype a column; `data`, which no frame can hold, stays an
        array. Needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : ndarray of shape (n_samples, 32, 40)
            Log-mel spectrograms (natural logarithm of the power), in float32: frames by bands.
        target : {ndarray of object, DataFrame} of shape (n_samples, 2)
            `digit` (0 to 9) and `speaker` (a name).
        take : ndarray of shape (n_samples,)
            The number of the repetition, from 0 to 49.
        target_names : list of str
            ``["digit", "speaker"]``.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the file.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If `subset` is unknown.
    FileNotFoundError
        If the file is not there; the message says where to get it.
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Jackson, Z., Souza, C., Flaks, J., Pan, Y., Nicolas, H. and Thite, A. (2018). Free Spoken Digit Dataset,
       v1.0.8. Zenodo. https://doi.org/10.5281/zenodo.1342401. Licence: CC BY-SA 4.0.

    Examples
    --------
    >>> from skmtl.datasets import load_spoken_digits
    >>> X, y = load_spoken_digits(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((2700, 32, 40), (2700, 2))
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r} must be one of {', '.join(map(repr, SUBSETS))}.")
    file = _DIGITS.find(data_home)
    with np.load(file) as archive:
        spectrograms, digit, speaker, take = (archive[name] for name in ("X", "digit", "speaker", "take"))
    rows = np.flatnonzero((subset == "all") | ((take < N_TEST_TAKES) == (subset == "test")))
    data = spectrograms[rows].astype(np.float32)  # (n_samples, 32, 40)
    columns = [digit[rows].tolist(), speaker[rows].tolist()]
    target: Any = np.empty((len(rows), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        target[:, place] = column
    if as_frame:
        target = import_pandas_for("load_spoken_digits").DataFrame(dict(zip(_TARGETS, columns, strict=True)))
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        take=take[rows],
        target_names=list(_TARGETS),
        DESCR=_DIGITS.description,
        filename=str(file),
    )
