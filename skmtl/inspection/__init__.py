"""Pictures of fitted estimators, as scikit-learn's Displays: data stay as attributes, `plot` draws them.

>>> from skmtl import MultiTaskRegressor
>>> from skmtl.datasets import load_energy
>>> from skmtl.inspection import LearningCurvesDisplay
>>> X, y = load_energy(return_X_y=True)
>>> display = LearningCurvesDisplay.from_estimator(MultiTaskRegressor(max_iter=3, random_state=0).fit(X, y))
>>> [ax.get_ylabel() for ax in display.axes_[0]]
['loss / loss of the best constant', 'R²']
"""

from ._learning_curves import LearningCurvesDisplay

__all__ = ["LearningCurvesDisplay"]
