"""What ways of merging do to weights."""

import pytest
import torch

from skmtl.fusion import MERGINGS, Average, RegMean, TaskArithmetic, Ties, as_merging


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_average_is_the_mean_and_knows_no_order():
    ends = draws(3, 2, 5)
    torch.testing.assert_close(Average().merged(ends), ends.mean(0))
    torch.testing.assert_close(Average().merged(ends.flip(0)), ends.mean(0))


def test_task_arithmetic_with_all_of_one_step_is_its_end_and_with_none_the_start():
    ends, start = draws(1, 2, 5), draws(2, 5, seed=1)
    torch.testing.assert_close(TaskArithmetic(scale=1.0).merged(ends, start), ends[0])
    torch.testing.assert_close(TaskArithmetic(scale=0.0).merged(ends, start), start)


def test_task_arithmetic_by_the_number_of_trunks_is_the_average():
    ends, start = draws(3, 2, 5), draws(2, 5, seed=1)
    torch.testing.assert_close(TaskArithmetic(scale=1 / 3).merged(ends, start), ends.mean(0))


def test_ties_of_equal_steps_that_keeps_all_is_their_end():
    end, start = draws(1, 2, 5), draws(2, 5, seed=1)
    torch.testing.assert_close(Ties(density=1.0).merged(end.expand(3, -1, -1), start), end[0])


def test_ties_trims_over_all_weights_of_a_member_and_averages_those_that_agree():
    start = torch.zeros(1, 4)
    ends = torch.tensor([[[5.0, -1.0, 0.4, 3.0]], [[3.0, 4.0, 0.3, -1.0]], [[-1.0, 2.0, 0.2, -1.5]]])
    # kept: (5, ., ., 3), (3, 4, ., .), (., 2, ., -1.5); signs of the sums: +, +, 0, +
    expected = torch.tensor([[4.0, 3.0, 0.0, 3.0]])
    torch.testing.assert_close(Ties(density=0.5).merged(ends, start), expected)
    torch.testing.assert_close(Ties(density=0.5, scale=0.1).merged(ends, start), 0.1 * expected)


def test_ties_keeps_a_share_of_each_member_by_itself():
    ends = torch.tensor([[[10.0, 9.0], [0.1, 0.2]]])
    torch.testing.assert_close(
        Ties(density=0.5).merged(ends, torch.zeros(2, 2)), torch.tensor([[10.0, 0.0], [0.0, 0.2]])
    )


def test_weights_on_which_no_trunk_moved_stay_where_they_were():
    start = draws(2, 5)
    for method in (Average(), TaskArithmetic(), Ties()):
        torch.testing.assert_close(method.merged(start.expand(3, -1, -1), start), start)


def test_regmean_of_two_least_squares_is_that_of_both_sets_of_rows():
    rows = [torch.cat([draws(n, 3, seed=n), torch.ones(n, 1, dtype=torch.float64)], 1) for n in (9, 30)]
    targets = [draws(len(x), 2, seed=5 + len(x)) for x in rows]
    solved = torch.stack([torch.linalg.lstsq(x, y).solution for x, y in zip(rows, targets, strict=True)])
    products = torch.stack([x.T @ x for x in rows])
    both = torch.linalg.lstsq(torch.cat(rows), torch.cat(targets)).solution
    torch.testing.assert_close(RegMean(ridge=1e-12).solved(products, solved), both)


def test_regmean_of_a_unit_that_is_never_active_is_the_mean():
    products, weights = torch.zeros(2, 3, 3, dtype=torch.float64), draws(2, 3, 2)
    products[:, :2, :2] = torch.eye(2)
    found = RegMean().solved(products, weights)
    torch.testing.assert_close(found, weights.mean(0))


@pytest.mark.parametrize("name", MERGINGS)
def test_every_way_has_a_name_and_takes_its_parameters_from_a_specification(name):
    method = as_merging(name)
    assert as_merging(method) is method
    method.check()


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (TaskArithmetic(scale=-1.0), "scale"),
        (Ties(density=0.0), "density"),
        (Ties(density=1.5), "density"),
        (RegMean(ridge=0.0), "ridge"),
    ],
)
def test_parameters_out_of_range_are_refused(method, message):
    with pytest.raises(ValueError, match=message):
        method.check()


def test_an_unknown_way_is_refused_with_a_likely_one():
    with pytest.raises(ValueError, match="'ties'"):
        as_merging("tis")
