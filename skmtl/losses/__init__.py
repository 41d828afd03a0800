"""What a task's error is: one frozen dataclass a loss, each with its value and its derivative in closed form.

A loss sees scaled targets and raw network outputs. It returns the loss of each label and the derivative with respect
to the outputs, so that a training step needs no automatic differentiation behind the network, and so that every loss
can be held against finite differences.

>>> from skmtl.losses import Huber
>>> from skmtl import MultiTaskRegressor
>>> MultiTaskRegressor(loss=["squared_error", Huber(delta=2.0)]).get_params()["loss"]
['squared_error', Huber(delta=2.0)]
"""

from ._base import Loss
from ._deviances import Gamma, Poisson
from ._focal import Focal
from ._location import AbsoluteError, Huber, SquaredError
from ._log_loss import LogLoss, Multilabel
from ._ordinal import Ordinal
from ._quantile import Quantile

__all__ = [
    "CLASSIFICATION_LOSSES",
    "MULTILABEL_LOSSES",
    "REGRESSION_LOSSES",
    "AbsoluteError",
    "Focal",
    "Gamma",
    "Huber",
    "LogLoss",
    "Loss",
    "Multilabel",
    "Ordinal",
    "Poisson",
    "Quantile",
    "SquaredError",
]

REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
}
CLASSIFICATION_LOSSES: dict[str, type[Loss]] = {"log_loss": LogLoss, "focal": Focal, "ordinal": Ordinal}
MULTILABEL_LOSSES: dict[str, type[Loss]] = {"multilabel": Multilabel, "log_loss": LogLoss, "focal": Focal}
