import numpy as np
import pytest
import torch

from skmtl.training import RunningAverage
from skmtl.training._averages import RECENCY


def averaged(weights, average):
    with average.in_place():
        return [weight.clone() for weight in weights]


def test_the_average_is_the_first_step_and_then_moves_by_the_papers_share():
    weights = [torch.zeros(2), torch.zeros(1, 3)]
    average = RunningAverage(weights)
    by_hand = None
    for step, value in enumerate([3.0, -1.0, 4.0], 1):
        for weight in weights:
            weight.fill_(value)
        average.update()
        share = (RECENCY + 1) / (step + RECENCY)
        by_hand = value if step == 1 else (1 - share) * by_hand + share * value
    for found in averaged(weights, average):
        np.testing.assert_allclose(found, by_hand, rtol=1e-6)


@pytest.mark.parametrize("n_steps", [100, 1000])
def test_it_reaches_back_over_a_twentieth_of_the_steps(n_steps):
    weights = [torch.zeros(1, dtype=torch.float64)]
    average = RunningAverage(weights)
    for step in range(1, n_steps + 1):
        weights[0].fill_(step)
        average.update()
    # The weight of step s of t falls as (s / t) ** RECENCY: on average it is t / (RECENCY + 2) steps old.
    lag = n_steps - averaged(weights, average)[0].item()
    assert lag == pytest.approx(n_steps / (RECENCY + 2), rel=0.1)


def test_the_weights_themselves_are_back_afterwards_even_after_an_error():
    weights = [torch.zeros(2)]
    average = RunningAverage(weights)
    for value in (1.0, 2.0):
        weights[0].fill_(value)
        average.update()
    with pytest.raises(KeyError), average.in_place():
        assert (weights[0] < 2).all()
        raise KeyError
    assert weights[0].tolist() == [2, 2]


def test_it_sees_through_views_of_one_vector():
    flat = torch.zeros(4)
    view = flat[1:3].view(2, 1)
    average = RunningAverage([flat])
    view.fill_(5)
    average.update()
    view.fill_(7)
    with average.in_place():
        assert view.flatten().tolist() == [5, 5]
    assert view.flatten().tolist() == [7, 7]
