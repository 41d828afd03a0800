"""What a fitted estimator does for each task: pictures, as scikit-learn's Displays, and importances of features.

Of a Display, `from_estimator` computes and draws; the data stay as attributes, and `plot` draws them again.

>>> from skmtl import MultiTaskRegressor
>>> from skmtl.datasets import load_energy
>>> from skmtl.inspection import LearningCurvesDisplay
>>> X, y = load_energy(return_X_y=True)
>>> display = LearningCurvesDisplay.from_estimator(MultiTaskRegressor(max_iter=3, random_state=0).fit(X, y))
>>> [ax.get_ylabel() for ax in display.axes_[0]]
['loss / loss of the best constant', 'R²']
"""

from ._attributed import Attributions
from ._attributions import attributions
from ._attributions_display import AttributionsDisplay
from ._calibration import CalibrationCurve, CalibrationDisplay
from ._confusion import ConfusionMatrixDisplay
from ._coverage import CoverageDisplay
from ._gates import GatesDisplay
from ._learning_curves import LearningCurvesDisplay
from ._parts import PartsDisplay
from ._permutation import PermutationImportances, permutation_importance
from ._permutation_display import PermutationImportancesDisplay
from ._prediction_errors import PredictionErrorDisplay
from ._report import TaskReportDisplay
from ._representation import SharedRepresentation, shared_representation
from ._task_weights import GradientConflictDisplay, TaskWeightsDisplay

__all__ = [
    "Attributions",
    "AttributionsDisplay",
    "CalibrationCurve",
    "CalibrationDisplay",
    "ConfusionMatrixDisplay",
    "CoverageDisplay",
    "GatesDisplay",
    "GradientConflictDisplay",
    "LearningCurvesDisplay",
    "PartsDisplay",
    "PermutationImportances",
    "PermutationImportancesDisplay",
    "PredictionErrorDisplay",
    "SharedRepresentation",
    "TaskReportDisplay",
    "TaskWeightsDisplay",
    "attributions",
    "permutation_importance",
    "shared_representation",
]
