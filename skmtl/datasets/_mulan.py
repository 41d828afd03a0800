"""Sets of the Mulan collections, read from the user's own copies: several numbers to predict, or several labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from scipy.io import arff
from sklearn.utils import Bunch

from .._spelling import likely_and_known
from ._frames import import_pandas_for
from ._user_copies import UserCopy

# Number of targets, always the last columns, and what the set is.
MULTI_TARGET = {
    "andro": (6, "six measures of the quality of sea water (Andromeda), five days ahead, from those of five days."),
    "edm": (2, "two controls of electrical discharge machining, set by a human operator to -1, 0 or 1."),
    "enb": (2, "heating load and cooling load (kWh/m²) of buildings of several shapes."),
    "jura": (3, "cadmium, copper and cobalt in the soil of the Swiss Jura, from cheaper measures and the place."),
    "oes10": (16, "employees of 16 occupations in US cities in 2010, from those of other occupations."),
    "scpf": (3, "views, clicks and comments of issues that citizens reported; many features are missing."),
    "wq": (14, "relative abundance of 14 species in Slovenian rivers, from measures of the water."),
}
MULTI_LABEL = {
    "emotions": "six emotions that listeners find in a piece of music, from features of its rhythm and timbre.",
    "yeast": "fourteen groups of functions of a yeast gene, from its expression and phylogenetic profile.",
}
_LICENCE = "none stated; the collection is offered for research and benchmarks"


def load_mulan(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of a multi-target regression set of the Mulan collection.

    ========  =======  ========  =======
    name      samples  features  tasks
    ========  =======  ========  =======
    andro     49       30        6
    edm       154      16        2
    enb       768      8         2
    jura      359      15        3
    oes10     403      298       16
    scpf      1,137    23        3
    wq        1,060    16        14
    ========  =======  ========  =======

    Parameters
    ----------
    name : {"andro", "edm", "enb", "jura", "oes10", "scpf", "wq"}
        Which set. Its file is `mulan/<name>.arff` in the data folder.
    data_home : path-like, default=None
        The data folder. By default the one that the environment variable SKMTL_DATA names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` and `target` are pandas DataFrames and `frame` holds both.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {ndarray, DataFrame} of shape (n_samples, n_features)
            The features, in float64; missing ones (scpf) are NaN.
        target : {ndarray, DataFrame} of shape (n_samples, n_tasks)
            The targets, in float64: the last columns of the file.
        feature_names, target_names : list of str
            Names of the columns, as in the file.
        frame : DataFrame or None
            `data` and `target` side by side if `as_frame` is True, else None.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the file.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If there is no set of that name.
    FileNotFoundError
        If the file is not there; the message says where to get it.
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Spyromitros-Xioufis, E., Tsoumakas, G., Groves, W. and Vlahavas, I. (2016). Multi-target regression via input
       space expansion: treating targets as inputs. Machine Learning, 104, 55-98.

    Examples
    --------
    >>> from skmtl.datasets import load_mulan
    >>> X, y = load_mulan("jura", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((359, 15), (359, 3))
    """
    n_targets, what = MULTI_TARGET[_known(name, list(MULTI_TARGET), "multi-target")]
    page = "https://mulan.sourceforge.net/datasets-mtr.html"
    copy = UserCopy(
        f"mulan/{name}.arff", f"The set {name!r} of the Mulan multi-target collection: {what}", _LICENCE, page
    )
    file = copy.find(data_home)
    table, names = _read_arff(file)
    if len(names) <= n_targets:
        raise ValueError(
            f"{str(file)!r} has {len(names)} columns, which is not the set {name!r} with {n_targets} targets."
        )
    is_target = np.arange(len(names)) >= len(names) - n_targets
    return _bunch("load_mulan", table, names, is_target, np.dtype(np.float64), return_X_y, as_frame, copy, file)


def load_multilabel(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of a multi-label set of the Mulan collection.

    ========  =======  ========  =======
    name      samples  features  tasks
    ========  =======  ========  =======
    emotions  593      72        6
    yeast     2,417    103       14
    ========  =======  ========  =======

    Parameters
    ----------
    name : {"emotions", "yeast"}
        Which set. Its files are `multilabel/<name>.arff` and, for the names of the labels, `multilabel/<name>.xml` in
        the data folder.
    data_home : path-like, default=None
        The data folder. By default the one that the environment variable SKMTL_DATA names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` and `target` are pandas DataFrames and `frame` holds both.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {ndarray, DataFrame} of shape (n_samples, n_features)
            The features, in float64.
        target : {ndarray, DataFrame} of shape (n_samples, n_tasks)
            The labels, 0 or 1, in int64 and in the order of the table.
        feature_names, target_names : list of str
            Names of the columns, as in the file.
        frame : DataFrame or None
            `data` and `target` side by side if `as_frame` is True, else None.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the table.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If there is no set of that name, or the two files do not belong together.
    FileNotFoundError
        If a file is not there; the message says where to get it.
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Trohidis, K., Tsoumakas, G., Kalliris, G. and Vlahavas, I. (2008). Multi-label classification of music into
       emotions. ISMIR 2008, 325-330.
    .. [2] Elisseeff, A. and Weston, J. (2001). A kernel method for multi-labelled classification. Advances in Neural
       Information Processing Systems 14, 681-687.

    Examples
    --------
    >>> from skmtl.datasets import load_multilabel
    >>> X, y = load_multilabel("yeast", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((2417, 103), (2417, 14))
    """
    what = MULTI_LABEL[_known(name, list(MULTI_LABEL), "multi-label")]
    page = "https://mulan.sourceforge.net/datasets-mlc.html"
    story = f"The set {name!r} of the Mulan multi-label collection: {what}"
    copy = UserCopy(f"multilabel/{name}.arff", story, _LICENCE, page)
    file = copy.find(data_home)
    listed = _read_label_names(
        UserCopy(f"multilabel/{name}.xml", f"{story} Here, the names of its labels.", _LICENCE, page).find(data_home)
    )
    table, names = _read_arff(file)
    if unknown := sorted(listed - set(names)):
        raise ValueError(f"{str(file)!r} has no column {unknown[0]!r}, which {name}.xml beside it lists as a label.")
    is_target = np.array([column in listed for column in names])
    return _bunch("load_multilabel", table, names, is_target, np.dtype(np.int64), return_X_y, as_frame, copy, file)


def _known(name: str, names: list[str], collection: str) -> str:
    if name in names:
        return name
    raise ValueError(f"name={name!r} is no {collection} set.{likely_and_known(name, names, 'sets')}")


def _read_arff(file: Path) -> tuple[np.ndarray, list[str]]:
    """Return the table in float64, NaN where a value is missing, and the names of its columns."""
    with file.open(encoding="utf-8") as lines:
        records, attributes = arff.loadarff(lines)
    names = attributes.names()
    # Nominal values come as bytes; those of 0 and 1 are read as numbers.
    return np.column_stack([records[name].astype(np.float64) for name in names]), names


def _read_label_names(file: Path) -> set[str]:
    root = ElementTree.parse(file).getroot()
    return {element.attrib["name"] for element in root.iter() if element.tag.rpartition("}")[2] == "label"}


def _bunch(
    loader: str,
    table: np.ndarray,
    names: list[str],
    is_target: np.ndarray,
    target_dtype: np.dtype,
    return_X_y: bool,
    as_frame: bool,
    copy: UserCopy,
    file: Path,
) -> Bunch | tuple[Any, Any]:
    feature_names = [name for name, target in zip(names, is_target, strict=True) if not target]
    target_names = [name for name, target in zip(names, is_target, strict=True) if target]
    data: Any = table[:, ~is_target]
    target: Any = table[:, is_target].astype(target_dtype)
    frame = None
    if as_frame:
        pd = import_pandas_for(loader)
        data, target = pd.DataFrame(data, columns=feature_names), pd.DataFrame(target, columns=target_names)
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=copy.description,
        filename=str(file),
    )
