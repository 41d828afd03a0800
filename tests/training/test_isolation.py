"""No side effects on the process."""

import threading

import pytest
import torch

from skmtl.training import few_threads, global_draws
from skmtl.training._isolation import WORTH_THREADS


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_small_steps_run_on_one_thread_and_the_count_is_restored():
    with few_threads(10):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_large_steps_keep_all_threads():
    with few_threads(WORTH_THREADS):
        assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_count_is_restored_after_an_error():
    with pytest.raises(RuntimeError), few_threads(1):
        raise RuntimeError
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_contexts_that_overlap_in_threads_leave_the_count_of_before():
    entered, leave = threading.Event(), threading.Event()
    found = {}

    def first():
        with few_threads(1):
            entered.set()
            assert leave.wait(10)
        found["first"] = torch.get_num_threads()

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with few_threads(1):  # begins inside the first one, ends after it
        leave.set()
        thread.join()
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    assert found == {"first": 3}
    with few_threads(1):  # the count that is saved next is the right one again
        pass
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_nested_contexts_stay_at_one_thread_until_the_outer_one_ends():
    with few_threads(1):
        with few_threads(1):
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_foreign_draws_are_seeded_and_the_global_generator_is_restored():
    before = torch.get_rng_state()
    draws = []
    for _ in range(2):
        with global_draws(3, torch.device("cpu")):
            draws.append(torch.rand(4))
    torch.testing.assert_close(draws[0], draws[1], rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_generator_is_restored_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), global_draws(3, torch.device("cpu")):
        torch.rand(2)
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)


def test_one_context_of_foreign_draws_runs_at_a_time():
    entered = threading.Event()

    def second():
        with global_draws(0, torch.device("cpu")):
            entered.set()

    with global_draws(1, torch.device("cpu")):
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.1)
    thread.join(10)
    assert entered.is_set()
