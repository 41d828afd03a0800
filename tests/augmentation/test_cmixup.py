"""C-mixup: partners of like labels."""

import pytest
import torch

import skmtl.augmentation._cmixup as cmixup
from skmtl.augmentation import CMixup

N = 3000
LABELS = torch.tensor([0.0, 0.5, 1.5, 4.0], dtype=torch.float64)


def distances(rows):
    return (LABELS[rows, None] - LABELS).square()


def shares_of(draws_for, augmentation, rows=None, n_draws=N):
    """Return how often each row is the partner of each, `(4, 4)`."""
    x = torch.zeros(4, 1, dtype=torch.float64)
    found = torch.stack([augmentation.mixing(draws_for(x, rows, seed), distances).partners for seed in range(n_draws)])
    return torch.stack([(found == place).double().mean(0) for place in range(4)], 1)


def test_partners_are_drawn_by_the_kernel_of_their_labels(draws_for):
    kernel = torch.exp(-distances(slice(None)) / (2 * 0.8**2)) * (1 - torch.eye(4))
    expected = kernel / kernel.sum(1, keepdim=True)
    found = shares_of(draws_for, CMixup(bandwidth=0.8))
    torch.testing.assert_close(found, expected, rtol=0, atol=4 * (0.25 / N) ** 0.5)  # four standard errors


def test_an_infinite_bandwidth_is_mixup_in_distribution(draws_for):
    found = shares_of(draws_for, CMixup(bandwidth=float("inf")))
    torch.testing.assert_close(found, (1 - torch.eye(4).double()) / 3, rtol=0, atol=4 * (0.25 / N) ** 0.5)


def test_a_small_bandwidth_takes_the_nearest_other(draws_for):
    assert CMixup(bandwidth=1e-3).mixing(
        draws_for(torch.zeros(4, 1)), lambda rows: distances(rows).float()
    ).partners.tolist() == [1, 0, 1, 2]


def test_partners_are_rows_that_the_same_members_train_on(draws_for):
    trains = torch.tensor([[1.0, 0, 1, 0], [0, 1, 1, 1]], dtype=torch.float64)
    assert shares_of(draws_for, CMixup(), trains, 20).equal(torch.eye(4)[[0, 3, 2, 1]].double())


@pytest.mark.parametrize("most", [1, 7, 12])
def test_few_distances_at_once_leave_the_kernel_as_it_is(draws_for, monkeypatch, most):
    monkeypatch.setattr(cmixup, "MOST_DISTANCES", most)
    mixing = CMixup(bandwidth=1e-3).mixing(draws_for(torch.zeros(4, 1, dtype=torch.float64)), distances)
    assert mixing.partners.tolist() == [1, 0, 1, 2]
