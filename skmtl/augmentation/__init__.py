"""Training rows changed a little at each step: what should make no difference to the tasks, is learned to make none.

An `Augmentation` is a specification, as a trunk or a balancing is, given to an estimator as `augmentation=`: a name of
`AUGMENTATIONS`, an object, or a list. It changes what the network reads of a batch (`augment`), or mixes rows in pairs
(`mixing`), only while the network is trained. `Draws` is where it gets random numbers and other rows' values from, and
`skmtl.features.Inputs` tells it what stands where in a row.

>>> from skmtl.augmentation import AUGMENTATIONS
>>> from skmtl.features import Form
>>> [name for name, kind in AUGMENTATIONS.items() if Form.IMAGE in kind.forms]
['mixup', 'cmixup', 'noise', 'crop', 'flip', 'erase']
"""

from ._augmentation import Augmentation
from ._augmentations import AUGMENTATIONS
from ._chain import Chain, as_augmentations, check_forms
from ._cmixup import CMixup
from ._corruption import ColumnCorruption
from ._crop import RandomCrop
from ._draws import Draws
from ._erase import RandomErase
from ._feature_dropout import FeatureDropout
from ._flip import RandomFlip
from ._mixup import Mixup
from ._noise import GaussianNoise
from ._spectrogram_mask import SpectrogramMask
from ._word_dropout import WordDropout

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "CMixup",
    "Chain",
    "ColumnCorruption",
    "Draws",
    "FeatureDropout",
    "GaussianNoise",
    "Mixup",
    "RandomCrop",
    "RandomErase",
    "RandomFlip",
    "SpectrogramMask",
    "WordDropout",
    "as_augmentations",
    "check_forms",
]
