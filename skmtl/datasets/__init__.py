"""Multi-task data: real sets, made-up ones, and what joins sets of different rows.

Two sets ship with the package, `load_energy` and `load_sentences`. `load_adult`, `load_mulan`, `load_multilabel`,
`load_spoken_digits`, `load_text_sentiment` and `load_tox21` read your own copies from the folder `data_home`, or from
the one that the environment variable SKMTL_DATA names; nothing is ever downloaded. Each loader returns a
:class:`~sklearn.utils.Bunch`, as the loaders of :mod:`sklearn.datasets` do, and takes ``return_X_y=True``.

`make_multitask_regression` and `make_multitask_classification` make tasks that are related as much as you ask for;
`make_clicks` makes clicks and conversions, of which a common cause makes clicked rows unlike the others.
`stack_datasets` joins sets that label different rows for different tasks.
"""

from ._adult import load_adult
from ._clicks import make_clicks
from ._energy import load_energy
from ._make import make_multitask_classification, make_multitask_regression
from ._mulan import load_mulan, load_multilabel
from ._spoken_digits import load_spoken_digits
from ._stack import stack_datasets
from ._texts import load_sentences, load_text_sentiment
from ._tox21 import load_tox21

__all__ = [
    "load_adult",
    "load_energy",
    "load_mulan",
    "load_multilabel",
    "load_sentences",
    "load_spoken_digits",
    "load_text_sentiment",
    "load_tox21",
    "make_clicks",
    "make_multitask_classification",
    "make_multitask_regression",
    "stack_datasets",
]
