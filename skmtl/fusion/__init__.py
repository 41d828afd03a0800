"""Several fitted estimators made into one plain fitted estimator.

>>> from skmtl import MultiTaskRegressor
>>> from skmtl.datasets import load_energy
>>> from skmtl.fusion import distill
>>> X, y = load_energy(return_X_y=True)
>>> teacher = MultiTaskRegressor(max_iter=5, companions=None, random_state=0).fit(X, y)
>>> student = distill(teacher, X)
>>> student.n_estimators_, student.predict(X).shape
(1, (768, 2))
"""

from ._distill import distill

__all__ = ["distill"]
