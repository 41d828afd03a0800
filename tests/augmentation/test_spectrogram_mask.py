"""Masks over time and features."""

import torch

from skmtl.augmentation import SpectrogramMask
from skmtl.features import Form

STEPS, FEATURES, ROWS = 10, 8, 3000


def sequences(there=None, n_rows=ROWS):
    """Return flat sequences of ones where a step is there."""
    there = torch.ones(n_rows, STEPS) if there is None else there
    return torch.cat([there.repeat_interleave(FEATURES, 1), there], 1)


def masks(x, augmentation, draws_for, inputs_of):
    """Return what became 0, `(B, time, features)`."""
    masked = augmentation.augment(x, inputs_of(Form.SEQUENCE, (STEPS, FEATURES)), draws_for(x))
    assert masked[:, STEPS * FEATURES :].equal(x[:, STEPS * FEATURES :])  # steps remain steps
    both = torch.stack([x, masked], 1)[..., : STEPS * FEATURES].view(len(x), 2, STEPS, FEATURES)
    assert (both[:, 1] == torch.where(both[:, 1] == 0, 0, both[:, 0])).all()  # masked or as it was
    return (both[:, 1] == 0) & (both[:, 0] != 0)


def is_one_stretch(mask):
    """Tell whether what is masked along the last axis has no gap."""
    return (mask.int().diff(dim=-1, prepend=torch.zeros_like(mask[..., :1]).int()) == 1).sum(-1) <= 1


def test_bands_go_through_all_steps_and_stretches_through_all_features(draws_for, inputs_of):
    bands = masks(sequences(), SpectrogramMask(0.5, time_masks=0), draws_for, inputs_of)
    assert (bands.all(1) == bands.any(1)).all()
    stretches = masks(sequences(), SpectrogramMask(time_width=0.5, feature_masks=0), draws_for, inputs_of)
    assert (stretches.all(2) == stretches.any(2)).all()
    both = masks(sequences(), SpectrogramMask(0.5, time_width=0.5), draws_for, inputs_of)
    assert (both == (both.all(1, keepdim=True) | both.all(2, keepdim=True))).all()


def test_widths_are_drawn_evenly_from_none_to_the_largest_and_lie_inside(draws_for, inputs_of):
    band = masks(sequences(), SpectrogramMask(0.5, time_masks=0), draws_for, inputs_of).any(1)
    widths = band.sum(1)
    shares = torch.bincount(widths, minlength=5) / ROWS
    torch.testing.assert_close(shares, torch.full((5,), 0.2), rtol=0, atol=4 * (0.16 / ROWS) ** 0.5)
    assert is_one_stretch(band).all()
    ends = band.float().mean(0)
    assert abs(ends[0] - ends[-1]) < 0.05  # one side is as likely as the other


def test_stretches_are_a_share_of_the_steps_that_are_there_and_lie_among_them(draws_for, inputs_of):
    there = torch.zeros(ROWS, STEPS)
    there[:, [0, 3, 4, 8]] = 1  # padding anywhere
    masked = masks(sequences(there), SpectrogramMask(time_width=0.5, feature_masks=0), draws_for, inputs_of).any(2)
    assert masked[:, there[0] == 0].sum() == 0
    among = masked[:, there[0] == 1]
    torch.testing.assert_close(
        torch.bincount(among.sum(1), minlength=3) / ROWS, torch.full((3,), 1 / 3), rtol=0, atol=0.04
    )
    assert is_one_stretch(among).all()


def test_each_sequence_has_masks_of_its_own_and_as_many_as_asked(draws_for, inputs_of):
    one, three = (
        masks(sequences(), SpectrogramMask(0.25, time_masks=0, feature_masks=count), draws_for, inputs_of).any(1)
        for count in (1, 3)
    )
    assert len(one.unique(dim=0)) > 5
    assert one.sum(1).max() == 2
    assert three.sum(1).max() == 6
    assert not is_one_stretch(three).all()


def test_no_masks_and_empty_sequences_change_nothing(draws_for, inputs_of):
    inputs, x = inputs_of(Form.SEQUENCE, (STEPS, FEATURES)), torch.randn(4, STEPS * (FEATURES + 1))
    x[:, STEPS * FEATURES :] = 1
    for nothing in (SpectrogramMask(0.0, time_width=0.0), SpectrogramMask(feature_masks=0, time_masks=0)):
        assert nothing.augment(x, inputs, draws_for(x)).equal(x)
    empty = torch.zeros_like(x)
    assert SpectrogramMask().augment(empty, inputs, draws_for(empty)).equal(empty)
