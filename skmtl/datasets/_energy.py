"""Energy efficiency of buildings: eight features of the building, two loads to predict."""

from importlib import resources
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

_N_TARGETS = 2


@overload
def load_energy(*, return_X_y: Literal[False] = False, as_frame: bool = False) -> Bunch: ...
@overload
def load_energy(*, return_X_y: Literal[True], as_frame: bool = False) -> tuple[Any, Any]: ...
def load_energy(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """Load the energy efficiency data set (regression, two tasks).

    The heating load and the cooling load of 768 simulated residential buildings, each described by eight features of
    its shape and its windows. Both loads follow from the same physics of the same building: two related tasks.

    =================   ====================================================
    Samples             768
    Features            8, real or small integer codes, none missing
    Tasks               2, real: heating load and cooling load, in kWh/m²
    =================   ====================================================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` and `target` are pandas DataFrames, whose column names are the features' and the tasks' names,
        and `frame` holds both. Needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {ndarray, DataFrame} of shape (768, 8)
            The features, in float64: relative compactness (no unit), surface, wall and roof area (m²), overall height
            (m), orientation (a code from 2 to 5), glazing area (as a share of the floor area) and the distribution
            of the glazing area (a code from 0 to 5).
        target : {ndarray, DataFrame} of shape (768, 2)
            Heating load and cooling load, in float64 (kWh/m²).
        feature_names : list of str
            The names of the features, in column order.
        target_names : list of str
            The names of the tasks, in column order.
        frame : DataFrame of shape (768, 10) or None
            `data` and `target` side by side if `as_frame` is True, else None.
        DESCR : str
            The description of the data set, with its source and its licence.
        filename : str
            The path of the file that holds the data.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone, with the shapes and types given above.

    Raises
    ------
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Tsanas, A. and Xifara, A. (2012). Energy Efficiency [Data set]. UCI Machine Learning Repository.
       https://doi.org/10.24432/C51307. Licence: CC BY 4.0.
    .. [2] Tsanas, A. and Xifara, A. (2012). Accurate quantitative estimation of energy performance of residential
       buildings using statistical machine learning tools. Energy and Buildings, 49, 560-567.

    Examples
    --------
    >>> from skmtl.datasets import load_energy
    >>> energy = load_energy()
    >>> energy.data.shape, energy.target.shape
    ((768, 8), (768, 2))
    >>> energy.target_names
    ['heating_load', 'cooling_load']
    >>> X, y = load_energy(return_X_y=True)
    >>> y.mean(axis=0).round(2)
    array([22.31, 24.59])
    """
    folder = resources.files("skmtl.datasets") / "data"
    with (folder / "energy.csv").open(encoding="utf-8") as lines:
        names = next(lines).strip().split(",")
        table = np.loadtxt(lines, delimiter=",")  # (768, 10)
    feature_names, target_names = names[:-_N_TARGETS], names[-_N_TARGETS:]
    data: Any = table[:, :-_N_TARGETS].copy()
    target: Any = table[:, -_N_TARGETS:].copy()
    frame = None
    if as_frame:
        frame = _as_frame(table, names)
        data, target = frame[feature_names], frame[target_names]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=(folder / "energy.rst").read_text(encoding="utf-8"),
        filename=str(folder / "energy.csv"),
    )


def _as_frame(table: np.ndarray, names: list[str]) -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "load_energy(as_frame=True) needs pandas, which is not installed. "
            "Install it (pip install pandas) or leave as_frame=False to get arrays."
        ) from error
    return pd.DataFrame(table, columns=names)
