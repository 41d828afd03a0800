"""The convolutional trunk."""

import numpy as np
import pytest
import torch

from skmtl.nn import ConvTrunk


def net(shape, **settings):
    trunk = ConvTrunk(**{"channels": (4, 8), "dropout": 0.0, **settings}).of_samples(shape)
    n_flat = int(np.prod(shape)) + (shape[0] if len(shape) == 2 else 0)
    return trunk.build(n_flat, [torch.Generator().manual_seed(0)]).eval()


def sequences(steps, there):
    return torch.cat([(steps * there.unsqueeze(2)).flatten(1), there], 1)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 4), (2, 1, 1), (1, 3, 17)])
def test_images_of_any_size_are_read(shape):
    module = net(shape)
    x = torch.randn(5, int(np.prod(shape)), generator=torch.Generator().manual_seed(1))
    found = module(x)
    assert found.shape == (1, 5, 8) == (1, 5, module.n_outputs)
    assert (found.std(1) > 0).any()


def test_what_an_image_becomes_does_not_depend_on_others():
    module = net((1, 8, 8))
    x = torch.randn(9, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module(x[:2]), module(x)[:, :2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("extra", [1, 2, 5])
@pytest.mark.parametrize("length", [1, 4, 7])
def test_padding_of_a_sequence_changes_nothing(length, extra):
    module = net((length, 3), channels=(4, 8, 8))
    steps = torch.randn(6, length, 3, generator=torch.Generator().manual_seed(1))
    alone = module(sequences(steps, torch.ones(6, length)))
    longer = torch.cat([steps, torch.zeros(6, extra, 3)], 1)
    there = torch.cat([torch.ones(6, length), torch.zeros(6, extra)], 1)
    torch.testing.assert_close(module(sequences(longer, there)), alone, rtol=1e-5, atol=1e-5)


def test_steps_that_no_row_of_a_batch_has_are_not_read():
    module = net((9, 3))
    read = []
    module.members[0].stages[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[2]))
    steps, there = torch.randn(6, 9, 3, generator=torch.Generator().manual_seed(1)), torch.ones(6, 9)
    there[:, 4:], there[0, 2:] = 0, 0
    alone = module(sequences(steps[:, :4], there[:, :4]))
    torch.testing.assert_close(module(sequences(steps, there)), alone, rtol=0, atol=0)
    assert read == [4, 4]


def test_an_empty_sequence_is_finite():
    module = net((4, 3))
    found = module(torch.zeros(2, 16))
    assert found.isfinite().all()


def test_products_and_values_are_counted():
    """Two stages of 4 and 8 channels on 8 × 8 and 4 × 4 places, with 3 × 3 kernels and paths around of 1 × 1."""
    (module,) = net((1, 8, 8)).members
    first = 64 * 4 * (9 * 1 + 9 * 4 + 1)
    second = 16 * 8 * (9 * 4 + 9 * 8 + 4)
    assert module.n_products == first + second
    assert module.n_values == 4 * 64
    (module,) = net((10, 3)).members
    assert module.n_products == 10 * 4 * (3 * 3 + 3 * 4 + 3) + 5 * 8 * (3 * 4 + 3 * 8 + 4)


def test_members_start_from_their_own_generators():
    trunk = ConvTrunk((4,)).of_samples((1, 4, 4))
    both = trunk.build(16, [torch.Generator().manual_seed(seed) for seed in (0, 1)]).eval()
    alone = trunk.build(16, [torch.Generator().manual_seed(1)]).eval()
    x = torch.ones(3, 16)
    torch.testing.assert_close(both(x)[1], alone(x)[0])
    assert not torch.equal(both(x)[0], both(x)[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": ()}, "channels must be positive integers"),
        ({"channels": (0,)}, "channels must be positive integers"),
        ({"kernel_size": 2}, "kernel_size must be an odd positive integer, got 2"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        net((1, 4, 4), **settings)


def test_columns_are_refused():
    with pytest.raises(ValueError, match=r"reads images .* or sequences .* X has columns"):
        ConvTrunk().of_samples((5,)).build(5, [torch.Generator()])
