import numpy as np
import pytest
import torch

from skmtl.augmentation import Draws
from skmtl.features import Form, Inputs


@pytest.fixture
def draws_for():
    """Return what makes the draws of a batch."""

    def make(x, rows=None, seed=0, there=None):
        return Draws(x, rows, torch.Generator().manual_seed(seed), np.random.default_rng(seed), there)

    return make


@pytest.fixture
def inputs_of():
    """Return what describes samples of a form and shape that varied at fit everywhere."""

    def make(form, shape, owner=()):
        n_values = shape[1] if form is Form.SEQUENCE else int(np.prod(shape))
        n_inputs = len(owner)
        owner = torch.tensor(owner, dtype=torch.long)
        return Inputs(form, shape, torch.ones(n_values), owner, torch.zeros(n_inputs))

    return make


@pytest.fixture
def columns(inputs_of):
    """Return what describes rows of as many columns of numbers."""
    return lambda count: inputs_of(Form.COLUMNS, (count,), range(count))
