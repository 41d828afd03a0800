"""Optional frames: pandas where a loader is asked for frames, and a clear word where it is not there."""

from __future__ import annotations

from typing import Any


def import_pandas(what: str, instead: str) -> Any:
    """Return pandas.

    Parameters
    ----------
    what : str
        What needs it.
    instead : str
        What to do without it.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            f"{what} needs pandas, which is not installed. Install it (pip install pandas) or {instead}."
        ) from error
    return pd


def import_pandas_for(loader: str) -> Any:
    """Return pandas for `loader(as_frame=True)`."""
    return import_pandas(f"{loader}(as_frame=True)", "leave as_frame=False to get arrays")
