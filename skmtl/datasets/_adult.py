"""Census records of 1994: a raw table of numbers and categories, from which several columns can be predicted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sklearn.utils import Bunch

from ._frames import import_pandas
from ._user_copies import UserCopy

COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
]
NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")
SUBSETS = ("all", "train", "test")
_ADULT = UserCopy(
    "adult.csv.gz",
    "Records of 48,842 adults of the US census of 1994 (Becker and Kohavi, 1996). The file is a gzipped table of "
    f"comma-separated text with the columns {', '.join(COLUMNS)} and split, which is train for the rows of the "
    "published adult.data and test for those of adult.test; income is <=50K or >50K, a missing category is ?.",
    "CC BY 4.0",
    "https://doi.org/10.24432/C5XW20 (adult.data and adult.test, joined into one table)",
)


def load_adult(
    *,
    subset: str = "all",
    targets: str | Sequence[str] = ("income", "marital_status", "hours_per_week"),
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of the adult census records (mixed tasks on a raw table). Needs pandas.

    Any column can be a task. By default they are three of different kinds: the class of income, the marital status (7
    classes) and the hours of work per week.

    =================   ====================================================
    Samples             48,842: 32,561 of the official training set and
                        16,281 of the official test set
    Columns             15: 6 of numbers, 9 of categories
    Missing             workclass, occupation and native_country, up to 6 %
    =================   ====================================================

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Which rows: all, or those of one side of the official split.
    targets : str or sequence of str, default=("income", "marital_status", "hours_per_week")
        The columns to predict; the others are the features. With a single name that is not in a sequence, `target` is
        a Series.
    data_home : path-like, default=None
        The folder that holds `adult.csv.gz`. By default the one that the environment variable SKMTL_DATA names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : DataFrame of shape (n_samples, 15 - n_tasks)
            The features as they are in the file: integers and categories, a missing one as NaN. The categories of a
            column are those of the whole file, in alphabetical order, whatever the subset.
        target : DataFrame of shape (n_samples, n_tasks) or Series of shape (n_samples,)
            The tasks, in the order of `targets`.
        frame : DataFrame of shape (n_samples, 16)
            The columns of the file with its `split`.
        feature_names, target_names : list of str
            Names of the columns.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the file.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If `subset` or a target is unknown, or the file has other columns.
    FileNotFoundError
        If the file is not there; the message says where to get it.
    ImportError
        If pandas is not installed.

    Notes
    -----
    `relationship` (husband, wife, unmarried, …) nearly tells the marital status; drop it for a harder task.

    References
    ----------
    .. [1] Becker, B. and Kohavi, R. (1996). Adult [Data set]. UCI Machine Learning Repository.
       https://doi.org/10.24432/C5XW20. Licence: CC BY 4.0.

    Examples
    --------
    >>> from skmtl.datasets import load_adult
    >>> X, y = load_adult(subset="train", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, list(y.columns)  # doctest: +SKIP
    ((32561, 12), ['income', 'marital_status', 'hours_per_week'])
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r} must be one of {', '.join(map(repr, SUBSETS))}.")
    target_names = _target_names(targets)
    file = _ADULT.find(data_home)
    frame = _read(file)
    if subset != "all":
        frame = frame[frame["split"] == subset].reset_index(drop=True)
    feature_names = [name for name in COLUMNS if name not in target_names]
    data, target = frame[feature_names], frame[targets if isinstance(targets, str) else target_names]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=_ADULT.description,
        filename=str(file),
    )


def _target_names(targets: str | Sequence[str]) -> list[str]:
    names = [targets] if isinstance(targets, str) else list(targets)
    if unknown := [name for name in names if name not in COLUMNS]:
        raise ValueError(f"targets names an unknown column {unknown[0]!r}. Known columns: {', '.join(COLUMNS)}.")
    if not 0 < len(names) < len(COLUMNS) or len(set(names)) < len(names):
        raise ValueError(f"targets={targets!r} must name at least one column, none twice, and leave one as a feature.")
    return names


def _read(file: os.PathLike[str]) -> Any:
    pd = import_pandas("load_adult", "read the file by other means")
    # Only "?" is missing: pandas' own list of words for missing values is not this file's.
    frame = pd.read_csv(file, na_values=["?"], keep_default_na=False, skipinitialspace=True)
    if sorted(frame.columns) != sorted([*COLUMNS, "split"]):
        raise ValueError(
            f"{str(file)!r} has the columns {', '.join(map(str, frame.columns))}; load_adult needs "
            f"{', '.join(COLUMNS)} and split."
        )
    return frame[[*COLUMNS, "split"]].astype({name: "category" for name in COLUMNS if name not in NUMBERS})
