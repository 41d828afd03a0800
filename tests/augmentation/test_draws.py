"""Random numbers of a batch, and rows that may meet."""

import pytest
import torch

N = 4000


def held_out(*members, n_members=3):
    """Return who trains on each row, given which member holds it out, -1 for none."""
    members = torch.tensor(members)
    return (members != torch.arange(n_members)[:, None]).float()


def test_every_row_is_the_partner_of_one_other(draws_for):
    for seed in range(20):
        partners = draws_for(torch.zeros(7, 1), seed=seed).partners()
        assert sorted(partners.tolist()) == list(range(7))
        assert (partners != torch.arange(7)).all()


def test_a_row_alone_is_its_own_partner(draws_for):
    assert draws_for(torch.zeros(1, 1)).partners().tolist() == [0]
    assert draws_for(torch.zeros(3, 1), held_out(0, 1, 1)).partners().tolist() == [0, 2, 1]


def test_partners_are_drawn_evenly(draws_for):
    found = torch.stack([draws_for(torch.zeros(5, 1), seed=seed).partners() for seed in range(N)])
    shares = torch.stack([(found == place).double().mean(0) for place in range(5)])
    expected = (1 - torch.eye(5, dtype=torch.float64)) / 4
    torch.testing.assert_close(shares, expected, rtol=0, atol=4 * (0.25 * 0.75 / N) ** 0.5)  # four standard errors


def test_rows_meet_only_where_the_same_members_train_on_both(draws_for):
    rows = held_out(0, 1, -1, 0, 1, -1, 0, 2, 2, 0)
    for seed in range(20):
        draws = draws_for(torch.zeros(10, 1), rows, seed)
        for met in (draws.partners().unsqueeze(1), draws.lenders(6)):
            assert (rows[:, met] == rows[:, :, None]).all()


@pytest.mark.parametrize("n_parts", [2, 70])
def test_rows_of_several_parts_meet_only_where_they_have_the_same(draws_for, n_parts):
    rows = held_out(0, 1, -1, 0, 1, -1, 0, 2, 2, 0, -1, -1)
    there = torch.ones(12, n_parts, dtype=torch.bool)
    there[[0, 5, 6, 10], 1] = False
    there[[1, 4], 0] = False
    for seed in range(20):
        draws = draws_for(torch.zeros(12, 1), rows, seed, there)
        for met in (draws.partners().unsqueeze(1), draws.lenders(6)):
            assert (rows[:, met] == rows[:, :, None]).all()
            assert (there[met] == there[:, None]).all()
        assert draws.partners()[[0, 1, 2, 3, 4, 5]].tolist() == [6, 4, 11, 9, 1, 10]


def test_lenders_are_drawn_evenly_from_all_that_may_lend(draws_for):
    lenders = draws_for(torch.zeros(6, 1), held_out(0, 0, 0, 1, 1, -1)).lenders(N)
    for row, may in enumerate([(0, 1, 2)] * 3 + [(3, 4)] * 2 + [(5,)]):
        for lender in range(6):
            share = (lenders[row] == lender).double().mean().item()
            assert abs(share - (lender in may) / len(may)) < 4 * (0.25 / N) ** 0.5


def test_numbers_follow_the_seeds_and_the_type_of_the_batch(draws_for):
    for dtype in (torch.float32, torch.float64):
        first, again, other = (draws_for(torch.zeros(3, 1, dtype=dtype), seed=seed) for seed in (0, 0, 1))
        mine = first.uniform(4), first.normal(2, 2), torch.tensor(first.beta(0.3))
        assert mine[0].dtype is mine[1].dtype is dtype
        for one, same, different in zip(
            mine,
            (again.uniform(4), again.normal(2, 2), torch.tensor(again.beta(0.3))),
            (other.uniform(4), other.normal(2, 2), torch.tensor(other.beta(0.3))),
            strict=True,
        ):
            assert one.equal(same)
            assert not one.equal(different)
