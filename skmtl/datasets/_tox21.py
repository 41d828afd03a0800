"""Toxicity of chemical compounds in twelve assays, many of which were not run on a compound."""

from __future__ import annotations

import csv
import gzip
import os
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, load_npz
from sklearn.utils import Bunch

from ._frames import import_pandas_for
from ._user_copies import UserCopy

_SOURCE = "https://tripod.nih.gov/tox21/challenge/ (the compounds and their assays)"
_LICENCE = "public domain (US government)"
_WHAT = "Toxicity of 8,006 compounds in the twelve assays of the Tox21 challenge."
_FINGERPRINTS = UserCopy(
    "tox21_morgan1024.npz",
    f"{_WHAT} This file holds 1,024 bits of each compound's Morgan fingerprint of radius 2, a sparse matrix saved by "
    "scipy.sparse.save_npz.",
    _LICENCE,
    _SOURCE,
)
_LABELS = UserCopy(
    "tox21_labels.csv.gz",
    f"{_WHAT} This file is a gzipped table of comma-separated text with a column for each assay, in the order of the "
    "fingerprints: 1 active, 0 inactive, empty where the assay was not run.",
    _LICENCE,
    _SOURCE,
)


def load_tox21(
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of the Tox21 data (twelve binary tasks, 17 % of the labels missing).

    =================   ====================================================
    Samples             8,006
    Features            1,024, sparse bits
    Tasks               12, binary; most have less than 10 % of positives
    Missing labels      17 %
    =================   ====================================================

    Parameters
    ----------
    data_home : path-like, default=None
        The folder that holds `tox21_morgan1024.npz` and `tox21_labels.csv.gz`. By default the one that the environment
        variable SKMTL_DATA names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` is a pandas DataFrame of sparse columns, `target` a DataFrame, and `frame` holds both. Needs
        pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {CSR matrix, DataFrame} of shape (8006, 1024)
            Bits of the fingerprints, 0 or 1, in float64.
        target : {ndarray, DataFrame} of shape (8006, 12)
            1 active, 0 inactive, NaN not measured, in float64.
        feature_names, target_names : list of str
            ``["bit0", …]``, and the names of the assays.
        frame : DataFrame or None
            `data` and `target` side by side if `as_frame` is True, else None.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the fingerprints.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    FileNotFoundError
        If a file is not there; the message says where to get it.
    ValueError
        If the two files differ in their number of rows.
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Huang, R. et al. (2016). Tox21Challenge to build predictive models of nuclear receptor and stress response
       pathways as mediated by exposure to environmental chemicals and drugs. Frontiers in Environmental Science, 3, 85.
    .. [2] Rogers, D. and Hahn, M. (2010). Extended-connectivity fingerprints. Journal of Chemical Information and
       Modeling, 50, 742-754.

    Examples
    --------
    >>> from skmtl.datasets import load_tox21
    >>> X, y = load_tox21(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((8006, 1024), (8006, 12))
    """
    file, labels_file = _FINGERPRINTS.find(data_home), _LABELS.find(data_home)
    data: Any = csr_matrix(load_npz(file), dtype=np.float64)
    with gzip.open(labels_file, "rt", encoding="utf-8", newline="") as lines:
        target_names, *rows = csv.reader(lines)
    target: Any = np.array([[float(cell or "nan") for cell in row] for row in rows])
    if len(target) != data.shape[0]:
        raise ValueError(
            f"{str(file)!r} has {data.shape[0]} rows and {str(labels_file)!r} has {len(target)}: the two files do not "
            "belong together."
        )
    feature_names = [f"bit{place}" for place in range(data.shape[1])]
    frame = None
    if as_frame:
        pd = import_pandas_for("load_tox21")
        data = pd.DataFrame.sparse.from_spmatrix(data, columns=feature_names)
        target = pd.DataFrame(target, columns=target_names)
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=_FINGERPRINTS.description,
        filename=str(file),
    )
