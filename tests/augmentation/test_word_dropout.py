"""Word dropout."""

import torch

from skmtl.augmentation import WordDropout
from skmtl.features import Form


def texts(n_rows, n_tokens, padding):
    """Return places and weights of texts that end in padding."""
    places = torch.randint(0, 1000, (n_rows, n_tokens)).float()
    weights = torch.rand(n_rows, n_tokens) + 0.5
    places[:, n_tokens - padding :] = weights[:, n_tokens - padding :] = 0
    return torch.cat([places, weights], 1)


def test_tokens_are_left_out_at_the_asked_rate_and_places_stay(draws_for, inputs_of):
    x = texts(500, 40, 10)
    dropped = WordDropout(0.2).augment(x, inputs_of(Form.TEXT, ()), draws_for(x))
    assert dropped[:, :40].equal(x[:, :40])
    assert (dropped[:, 70:] == 0).all()
    assert abs((dropped[:, 40:70] == 0).float().mean().item() - 0.2) < 4 * (0.16 / 15000) ** 0.5


def test_what_stays_keeps_its_proportions_and_has_the_length_of_all(draws_for, inputs_of):
    x = texts(50, 12, 3)
    dropped = WordDropout(0.5).augment(x, inputs_of(Form.TEXT, ()), draws_for(x))
    before, after = x[:, 12:], dropped[:, 12:]
    torch.testing.assert_close(after.norm(dim=1), before.norm(dim=1))
    growth = torch.where(after > 0, after / before, torch.nan)
    torch.testing.assert_close(growth.nan_to_num(-1).amax(1), growth.nan_to_num(1e9).amin(1))


def test_at_least_one_token_stays_and_an_empty_text_stays_empty(draws_for, inputs_of):
    x = texts(300, 4, 1)
    x[0] = 0
    dropped = WordDropout(1 - 1e-9).augment(x, inputs_of(Form.TEXT, ()), draws_for(x))
    assert ((dropped[1:, 4:] != 0).sum(1) == 1).all()
    assert dropped[0].equal(x[0])
