"""Several fitted estimators made into one plain fitted estimator.

`soup` averages estimators of the same tasks, `merge` joins estimators of different tasks over one merged trunk: both
need a common trained start. `distill` trains a small estimator on what any others predict.

>>> from skmtl import MultiTaskRegressor
>>> from skmtl.datasets import load_energy
>>> from skmtl.fusion import merge
>>> from skmtl.nn import FittedTrunk
>>> X, y = load_energy(return_X_y=True)
>>> base = MultiTaskRegressor(max_iter=5, random_state=0).fit(X, y)
>>> tuned = MultiTaskRegressor(trunk=FittedTrunk(base, freeze=False), companions=None, max_iter=5, random_state=0)
>>> heating = tuned.set_params(task_names=["heating"]).fit(X, y[:, 0])
>>> from sklearn.base import clone
>>> cooling = clone(tuned).set_params(task_names=["cooling"]).fit(X, y[:, 1])
>>> merge([heating, cooling]).task_names_
['heating', 'cooling']
"""

from ._average import Average
from ._distill import distill
from ._merge import merge
from ._merging import Merging
from ._methods import MERGINGS, as_merging
from ._regmean import RegMean
from ._soup import soup
from ._task_arithmetic import TaskArithmetic
from ._ties import Ties

__all__ = [
    "MERGINGS",
    "Average",
    "Merging",
    "RegMean",
    "TaskArithmetic",
    "Ties",
    "as_merging",
    "distill",
    "merge",
    "soup",
]
