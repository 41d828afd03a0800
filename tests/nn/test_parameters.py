"""How many parameters ways of sharing have, and which of them decay."""

from skmtl.nn import MTAN, Hard
from skmtl.training._optimizers import decaying_weights
from tests.nn.networks import N_FEATURES, N_TASKS, OPTIONS, WIDTH, built


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_as_many_as_the_formulas_say():
    n_members, n_tasks, n_features, width = 2, N_TASKS, N_FEATURES, WIDTH
    first, second = n_features * width + width, width * width + width
    trunk = first + second
    gate = n_features + 1
    expected = {
        "hard": trunk,
        "independent": n_tasks * trunk,
        "soft": n_tasks * trunk,
        "soft trace": n_tasks * trunk,
        "low_rank": trunk + n_tasks * 4 * ((n_features + width) + 2 * width),
        "low_rank factors": trunk + 2 * (n_features * width + n_tasks) + 2 * (width * width + n_tasks),
        "cross_stitch": n_tasks * trunk + 2 * n_tasks**2,
        "cross_stitch channel": n_tasks * trunk + 2 * n_tasks**2 * width,
        "cross_stitch full": n_tasks * trunk + 2 * n_tasks**2 * width**2,
        "sluice": n_tasks * trunk + 2 * (2 * n_tasks) ** 2 + 2 * n_tasks,
        "mtan": trunk + n_tasks * (2 * width**2 + 2 * width),
        "mmoe": 4 * trunk + 4 * n_tasks * gate,
        "cgc": (n_tasks + 1) * trunk + 2 * n_tasks * gate,
        "cgc 2 + 1": (2 * n_tasks + 1) * trunk + 3 * n_tasks * gate,
        "cgc without shared": 2 * n_tasks * trunk + 2 * n_tasks * gate,
        "cgc without own": 3 * trunk + 3 * n_tasks * gate,
        "ple": (n_tasks + 1) * trunk + 2 * n_tasks * gate + 2 * n_tasks * (width + 1) + (n_tasks + 1) * gate,
        "ple 2 + 0": 2 * n_tasks * trunk + 2 * n_tasks * (gate + width + 1),
        "ple 0 + 2": 2 * trunk + 2 * n_tasks * (gate + width + 1) + 2 * gate,
        "dselect_k": 8 * trunk + n_tasks * 2 * (3 + 1),
        "dselect_k per example": 4 * trunk + n_tasks * 2 * (2 + 1) * gate,
        "adatt": n_tasks * trunk + n_tasks**2 * gate + n_tasks**2 * (width + 1),
        "adatt of two": 2 * n_tasks * trunk + 2 * n_tasks**2 * (gate + width + 1) + 2 * 2 * n_tasks,
        "film": trunk + 2 * n_tasks * 2 * width,
        "batch_ensemble": trunk + n_tasks * (n_features + 2 * width) + n_tasks * 3 * width,
    }
    assert {name: count(built(sharing)) for name, sharing in OPTIONS.items()} == {
        name: n_members * numbers for name, numbers in expected.items()
    }


def test_mtan_has_as_many_parameters_as_its_formula_says():
    n_tasks, width, n_blocks = N_TASKS, WIDTH, 2
    trunk = built(MTAN(), seeds=(0,), sizes=(width,) * 4)
    plain = count(built(Hard(), seeds=(0,), sizes=(width,) * 4))
    later = n_tasks * (3 * width**2 + 2 * width) + width**2 + width
    assert count(trunk) == plain + n_tasks * (2 * width**2 + 2 * width) + (n_blocks - 1) * later


def test_weights_of_layers_and_gates_decay_and_nothing_else():
    """Towards zero, stitches, scales, deltas and selectors would say nothing, not something simple."""
    n_tasks, n_features, width = N_TASKS, N_FEATURES, WIDTH
    trunk = n_features * width + width**2
    expected = {
        "hard": trunk,
        "independent": n_tasks * trunk,
        "soft": n_tasks * trunk,
        "soft trace": n_tasks * trunk,
        "low_rank": trunk,
        "low_rank factors": trunk + 2 * trunk,  # two matrices that tasks mix, of the form of each layer
        "cross_stitch": n_tasks * trunk,
        "cross_stitch channel": n_tasks * trunk,
        "cross_stitch full": n_tasks * trunk,
        "sluice": n_tasks * trunk,
        "mtan": trunk + n_tasks * 2 * width**2,
        "mmoe": 4 * trunk + 4 * n_tasks * n_features,
        "cgc": (n_tasks + 1) * trunk + 2 * n_tasks * n_features,
        "cgc 2 + 1": (2 * n_tasks + 1) * trunk + 3 * n_tasks * n_features,
        "cgc without shared": 2 * n_tasks * trunk + 2 * n_tasks * n_features,
        "cgc without own": 3 * trunk + 3 * n_tasks * n_features,
        "ple": (n_tasks + 1) * (trunk + n_features) + 2 * n_tasks * (n_features + width),
        "ple 2 + 0": 2 * n_tasks * trunk + 2 * n_tasks * (n_features + width),
        "ple 0 + 2": 2 * trunk + 2 * n_tasks * (n_features + width) + 2 * n_features,
        "dselect_k": 8 * trunk,
        "dselect_k per example": 4 * trunk,
        "adatt": n_tasks * trunk + n_tasks**2 * (n_features + width),
        "adatt of two": 2 * n_tasks * trunk + 2 * n_tasks**2 * (n_features + width),
        "film": trunk,
        "batch_ensemble": trunk,
    }
    found = {name: sum(weight.numel() for weight in decaying_weights(built(way))) for name, way in OPTIONS.items()}
    assert found == {name: 2 * numbers for name, numbers in expected.items()}
