import pytest

from skmtl.metrics import delta_m


def test_it_is_the_mean_of_relative_gains():
    assert delta_m({"a": 0.6, "b": 0.9}, {"a": 0.5, "b": 1.0}) == pytest.approx((0.2 - 0.1) / 2)


def test_small_values_may_be_good():
    assert delta_m({"a": 0.9}, {"a": 1.0}, greater_is_better=False) == pytest.approx(0.1)
    gain = delta_m({"a": 0.6, "b": 0.9}, {"a": 0.5, "b": 1.0}, greater_is_better={"b": False})
    assert gain == pytest.approx((0.2 + 0.1) / 2)


def test_a_negated_error_means_what_the_error_means():
    assert delta_m({"a": -0.9}, {"a": -1.0}) == pytest.approx(delta_m({"a": 0.9}, {"a": 1.0}, False))


def test_the_same_scores_gain_nothing():
    assert delta_m({"a": 0.3, "b": -2.0}, {"a": 0.3, "b": -2.0}) == 0


@pytest.mark.parametrize(
    ("scores", "single", "greater", "message"),
    [
        ({}, {}, True, "scores is empty"),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, True, "scores lacks task 'b', which single_task_scores has"),
        ({"a": 1.0, "b": 1.0}, {"a": 1.0}, True, "single_task_scores lacks task 'b', which scores has"),
        ({"a": 1.0}, {"a": 0.0}, True, "The single-task score of task 'a' is 0"),
        ({"a": float("nan")}, {"a": 1.0}, True, "Task 'a': scores must be finite, got nan and 1.0"),
        ({"speed": 1.0}, {"speed": 1.0}, {"sped": True}, "greater_is_better names an unknown task 'sped'. Did you"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, single, greater, message):
    with pytest.raises(ValueError, match=message):
        delta_m(scores, single, greater)
