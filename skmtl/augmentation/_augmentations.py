"""All augmentations by name."""

from __future__ import annotations

from ._augmentation import Augmentation
from ._cmixup import CMixup
from ._corruption import ColumnCorruption
from ._crop import RandomCrop
from ._erase import RandomErase
from ._feature_dropout import FeatureDropout
from ._flip import RandomFlip
from ._mixup import Mixup
from ._noise import GaussianNoise
from ._spectrogram_mask import SpectrogramMask
from ._word_dropout import WordDropout

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    # for every kind of sample
    "mixup": Mixup,
    "cmixup": CMixup,
    # for numbers
    "noise": GaussianNoise,
    # for columns
    "corruption": ColumnCorruption,
    "feature_dropout": FeatureDropout,
    # for sequences
    "spectrogram_mask": SpectrogramMask,
    # for images
    "crop": RandomCrop,
    "flip": RandomFlip,
    "erase": RandomErase,
    # for texts
    "word_dropout": WordDropout,
}


def name_of(augmentation: Augmentation) -> str:
    """Return the name of an augmentation; of one that has none, that of its class.

    Parameters
    ----------
    augmentation : Augmentation

    Examples
    --------
    >>> from skmtl.augmentation import GaussianNoise
    >>> from skmtl.augmentation._augmentations import name_of
    >>> name_of(GaussianNoise())
    'noise'
    """
    kind = type(augmentation)
    return next((name for name, known in AUGMENTATIONS.items() if known is kind), kind.__name__)
