"""Texts with two tasks each: one set that ships with the package, one read from the user's own copy."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._frames import import_pandas_for
from ._user_copies import UserCopy

_RATED_TEXTS = UserCopy(
    "text_source_sentiment.csv.gz",
    "23,703 snippets of tweets, film reviews, product reviews and editorials, each rated by 20 people for its "
    "sentiment (Hutto and Gilbert, 2014). The file is a gzipped table of comma-separated text with the columns text, "
    "source (tweet, movie, product or editorial) and sentiment (the mean rating, from -4 to 4).",
    "MIT",
    "https://github.com/cjhutto/vaderSentiment (the ground-truth files tweets, movieReviewSnippets, "
    "amazonReviewSnippets and nytEditorialSnippets, joined into one table)",
)


def load_sentences(*, return_X_y: bool = False, as_frame: bool = False) -> Bunch | tuple[Any, Any]:
    """Load sentences of reviews (text; two classification tasks).

    Where does a sentence come from, and does it say something good? 3,000 sentences of reviews of films, products and
    restaurants, chosen so that each is clearly positive or clearly negative.

    =================   ====================================================
    Samples             3,000; 2,982 distinct texts
    Features            1, a text in English
    Tasks               2: source (3 classes) and positive (2 classes)
    =================   ====================================================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` is a pandas Series, `target` a DataFrame with one dtype a column, and `frame` holds both. Needs
        pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {ndarray of object, Series} of shape (3000,)
            The sentences, as `str`: what the vectorizers of :mod:`sklearn.feature_extraction.text` take.
        target : {ndarray of object, DataFrame} of shape (3000, 2)
            `source` ("amazon", "imdb" or "yelp") and `positive` (1 or 0).
        feature_names : list of str
            ``["text"]``.
        target_names : list of str
            ``["source", "positive"]``.
        frame : DataFrame of shape (3000, 3) or None
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
    .. [1] Kotzias, D. (2015). Sentiment Labelled Sentences [Data set]. UCI Machine Learning Repository.
       https://doi.org/10.24432/C57604. Licence: CC BY 4.0.
    .. [2] Kotzias, D., Denil, M., de Freitas, N. and Smyth, P. (2015). From group to individual labels using deep
       features. KDD 2015, 597-606.

    Examples
    --------
    >>> from skmtl.datasets import load_sentences
    >>> X, y = load_sentences(return_X_y=True)
    >>> X[1001], y[1001].tolist()
    ('Good case, Excellent value.', ['amazon', 1])
    """
    folder = resources.files("skmtl.datasets") / "data"
    file = folder / "sentences.csv.gz"
    description = (folder / "sentences.rst").read_text(encoding="utf-8")
    kinds: dict[str, Callable[[str], Any]] = {"source": str, "positive": int}
    return _load_texts("load_sentences", file, kinds, description, return_X_y, as_frame)


def load_text_sentiment(
    *,
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple[Any, Any]:
    """Load your copy of rated texts (text; one classification and one regression task).

    Snippets of tweets, film reviews, product reviews and editorials, each rated by 20 people.

    =================   ====================================================
    Samples             23,703
    Features            1, a text in English
    Tasks               2: source (4 classes) and sentiment (a number)
    =================   ====================================================

    Parameters
    ----------
    data_home : path-like, default=None
        The folder that holds `text_source_sentiment.csv.gz`. By default the one that the environment variable
        SKMTL_DATA names.
    return_X_y : bool, default=False
        If True, returns ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` is a pandas Series, `target` a DataFrame with one dtype a column, and `frame` holds both. Needs
        pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes:

        data : {ndarray of object, Series} of shape (n_samples,)
            The texts, as `str`.
        target : {ndarray of object, DataFrame} of shape (n_samples, 2)
            `source` ("tweet", "movie", "product" or "editorial") and `sentiment`, the mean rating from -4 to 4.
        feature_names, target_names : list of str
            Names of the columns.
        frame : DataFrame of shape (n_samples, 3) or None
            `data` and `target` side by side if `as_frame` is True, else None.
        DESCR : str
            What the set is, its source and licence.
        filename : str
            The path of the file.

    (data, target) : tuple if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message says where to get it.
    ValueError
        If the file has other columns.
    ImportError
        If `as_frame` is True and pandas is not installed.

    References
    ----------
    .. [1] Hutto, C. and Gilbert, E. (2014). VADER: A parsimonious rule-based model for sentiment analysis of social
       media text. Proceedings of the International AAAI Conference on Web and Social Media, 8, 216-225.

    Examples
    --------
    >>> from skmtl.datasets import load_text_sentiment
    >>> X, y = load_text_sentiment(return_X_y=True, as_frame=True)  # doctest: +SKIP
    >>> y.dtypes.to_dict()  # doctest: +SKIP
    {'source': <StringDtype(na_value=nan)>, 'sentiment': dtype('float64')}
    """
    file = _RATED_TEXTS.find(data_home)
    kinds: dict[str, Callable[[str], Any]] = {"source": str, "sentiment": float}
    return _load_texts("load_text_sentiment", file, kinds, _RATED_TEXTS.description, return_X_y, as_frame)


def _load_texts(
    loader: str,
    file: Traversable | Path,
    kinds: dict[str, Callable[[str], Any]],
    description: str,
    return_X_y: bool,
    as_frame: bool,
) -> Bunch | tuple[Any, Any]:
    """Read the column `text` and the tasks named in `kinds`, each turned from text by its function."""
    names = ["text", *kinds]
    with file.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    if header != names:
        raise ValueError(f"{str(file)!r} has the columns {header}; {loader} needs {names}.")
    texts, *labels = zip(*rows, strict=True)
    columns = [list(map(kind, column)) for kind, column in zip(kinds.values(), labels, strict=True)]
    data: Any = np.array(texts, dtype=object)
    target: Any = np.empty((len(data), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        target[:, place] = column
    frame = None
    if as_frame:
        frame = import_pandas_for(loader).DataFrame(dict(zip(names, [list(texts), *columns], strict=True)))
        data, target = frame["text"], frame[list(kinds)]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=["text"],
        target_names=list(kinds),
        DESCR=description,
        filename=str(file),
    )
