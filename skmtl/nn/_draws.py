"""Sources of starts: one draw repeated for what exists once a task, a draw each for what exists once an expert."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ._trunk import WITHOUT_GATES, Trunk

LARGEST_SEED = 2**62


def check_draws(trunk: Trunk, n_experts: int, sharing: str) -> None:
    """Refuse a trunk of which several experts would start, and stay, equal.

    Parameters
    ----------
    trunk : Trunk
    n_experts : int
        Experts that are to differ.
    sharing : str
        Who asks, for the message.

    Raises
    ------
    ValueError
        If the trunk starts alike whatever is drawn, and there are several experts.
    """
    if n_experts > 1 and trunk.starts_alike:
        raise ValueError(
            f"{sharing} needs {n_experts} experts that differ, but copies of the module {trunk!r} start alike, and "
            "under equal gates would stay so: give ModuleTrunk(its class, …), a callable that makes it, or "
            f"{WITHOUT_GATES}."
        )


def repeated_draws(generators: Sequence[torch.Generator], count: int) -> list[torch.Generator]:
    """Return `count` generators a member, one member's after the other's, that all draw what the member's own would.

    Only so does the order of tasks not matter, and a way of sharing can start where hard sharing does.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One a member. Each is the first of its copies, and so goes on as it would without the others.
    count : int

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._draws import repeated_draws
    >>> first, second = repeated_draws([torch.Generator().manual_seed(0)], 2)
    >>> bool(torch.rand(3, generator=first).equal(torch.rand(3, generator=second)))
    True
    """
    copies = []
    for generator in generators:
        state = generator.get_state()
        copies += [generator, *(torch.Generator() for _ in range(count - 1))]
        for copy in copies[len(copies) - count + 1 :]:
            copy.set_state(state)
    return copies


def distinct_draws(generators: Sequence[torch.Generator], count: int) -> list[torch.Generator]:
    """Return `count` generators a member, one member's after the other's, that all draw something else.

    Experts that start equal never separate under equal gates.

    Parameters
    ----------
    generators : sequence of torch.Generator
        One a member. Each is the first of its member's, and goes on as it would without the others.
    count : int

    Examples
    --------
    >>> import torch
    >>> from skmtl.nn._draws import distinct_draws
    >>> first, second = distinct_draws([torch.Generator().manual_seed(0)], 2)
    >>> bool(torch.rand(3, generator=first).equal(torch.rand(3, generator=second)))
    False
    """
    result = []
    for generator in generators:
        seeds = torch.randint(LARGEST_SEED, (count,), generator=torch.Generator().set_state(generator.get_state()))
        result += [generator, *(torch.Generator().manual_seed(int(seed)) for seed in seeds[1:])]
    return result
