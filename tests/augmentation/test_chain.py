"""Names, objects, lists and chains of augmentations."""

import pytest
from sklearn.base import clone

from skmtl.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    Chain,
    CMixup,
    GaussianNoise,
    Mixup,
    RandomFlip,
    as_augmentations,
    check_forms,
)
from skmtl.features import Form


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_is_a_specification_with_defaults(name):
    (augmentation,) = as_augmentations(name)
    augmentation.check()
    assert repr(clone(augmentation)) == repr(augmentation) == f"{AUGMENTATIONS[name].__name__}()"
    for parameter in augmentation.get_params():
        for wrong in ("much", -1, None):
            with pytest.raises(ValueError, match=parameter):
                clone(augmentation).set_params(**{parameter: wrong}).check()


def test_names_objects_lists_and_chains_mean_the_same():
    mine = GaussianNoise(0.3)
    assert as_augmentations(None) == []
    assert as_augmentations(mine) == [mine]
    for several in ([mine, "mixup"], (mine, "mixup"), Chain([mine, "mixup"])):
        first, second = as_augmentations(several)
        assert first is mine
        assert isinstance(second, Mixup)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("mixupp", "Did you mean 'mixup'"),
        (Mixup, r"Give an object, Mixup\(\)"),
        (5, "got 5"),
        (["noise", GaussianNoise()], "'noise' twice"),
        (["mixup", CMixup()], "'mixup' and 'cmixup' both"),
        (["noise", None], "got None"),
    ],
)
def test_what_is_none_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        as_augmentations(wrong)


def test_parameters_of_the_parts_of_a_chain_are_its_own():
    chain = Chain(["flip", GaussianNoise(0.3), Mixup()])
    assert {"parts", "noise", "noise__scale", "mixup", "mixup__alpha"} == set(chain.get_params())
    copy = clone(chain).set_params(noise__scale=0.1, mixup__alpha=2.0)
    assert (copy.get_params()["noise__scale"], chain.get_params()["noise__scale"]) == (0.1, 0.3)
    copy.set_params(mixup=CMixup(3.0))
    assert [type(part) for part in as_augmentations(copy)] == [RandomFlip, GaussianNoise, CMixup]
    with pytest.raises(ValueError, match="mixup"):
        copy.set_params(mixup__alpha=1.0)
    assert copy.set_params(parts=["noise"]).parts == ["noise"]


class Mine(Augmentation):
    forms = (Form.TEXT,)


def test_samples_that_an_augmentation_is_not_for_are_refused_with_what_there_is():
    check_forms([Mixup(), GaussianNoise()], Form.COLUMNS)
    with pytest.raises(ValueError, match=r"'flip' changes an image, and here .* a text\. .* 'word_dropout'\. Or"):
        check_forms([Mixup(), RandomFlip()], Form.TEXT)
    with pytest.raises(ValueError, match="'Mine' changes a text"):
        check_forms([Mine()], Form.IMAGE)
