"""What a trunk is: a specification that builds, for all members, the module from features to representation."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import torch
from sklearn.base import BaseEstimator
from torch import nn

from ..features import Form, PretrainedReader

# What a message proposes where a trunk is one opaque module.
WITHOUT_LAYERS = "sharing='hard', 'independent', 'soft', 'mmoe', 'dselect_k' or 'cgc'"
# And where gates cannot read rows either, or copies of the module start alike.
WITHOUT_GATES = "sharing='hard', 'independent', 'soft' or 'dselect_k'"


def n_outputs_of(module: nn.Module) -> int:
    """Return the units of a trunk, or of one of its layers.

    Parameters
    ----------
    module : nn.Module
        With an attribute `n_outputs`.
    """
    return int(module.n_outputs)  # type: ignore[arg-type]


class Trunk(BaseEstimator):
    """Base of trunk specifications: stores settings and builds the module that maps features to a representation.

    A subclass stores its parameters in `__init__`, so that `clone`, `set_params` and a grid search over
    `trunk__<parameter>` work, and defines `build`.

    Attributes
    ----------
    batched : bool
        Whether members train in one batched module, so that several are cheap; by default False.
    usual_members : int
        Members where an estimator's `n_estimators` is "auto": 8 where they are batched, or else 1.
    wants_codes : bool
        Whether numbers get piecewise-linear codes beside them where an estimator's `encoder` is "auto". A module of
        your own reads one standardised number per column.
    draws_globally : bool
        Whether the module draws from torch's global generator, as foreign layers do.
    starts_alike : bool
        Whether all members start alike, whatever their generators draw.
    any_length : bool
        Whether sequences may be longer later than at fit.
    largest_batch : int
        Largest number of rows of a batch where an estimator's `batch_size` is "auto", 32 or more.
    usual_augmentation : str or None
        Name of the augmentation where an estimator's `augmentation` is "auto" and a task is one of classes.
    shape : tuple of int
        What a sample is: `(features,)`, `(channels, height, width)` or `(time, features)`. Set by `of_samples`.

    Examples
    --------
    >>> from skmtl.nn import MLPTrunk, Trunk
    >>> issubclass(MLPTrunk, Trunk)
    True
    """

    starts_alike = False
    largest_batch = 256
    usual_augmentation: str | None = None
    shape: tuple[int, ...] = ()

    def of_samples(self, shape: tuple[int, ...]) -> Self:
        """Return a copy that builds for samples of a shape. Modules read rows that are flat, whatever it is.

        Parameters
        ----------
        shape : tuple of int
            `(features,)`, `(channels, height, width)` or `(time, features)`. The flat row of a sequence ends with a
            mark for each step: 1, or 0 for padding.

        Returns
        -------
        Trunk
        """
        bound = copy.copy(self)
        bound.shape = shape
        return bound

    def of_members(self, n_members: int) -> Self:
        """Return a trunk that builds for so many members; what `build` is asked for may be several copies of each.

        By default the trunk itself: what starts from draws need not know whose they are.

        Parameters
        ----------
        n_members : int

        Returns
        -------
        Trunk
        """
        del n_members
        return self

    @property
    def batched(self) -> bool:
        """Whether members train in one batched module."""
        return False

    @property
    def draws_globally(self) -> bool:
        """Whether the module draws from torch's global generator."""
        return True

    @property
    def any_length(self) -> bool:
        """Whether sequences may be longer later than at fit."""
        return False

    @property
    def usual_members(self) -> int:
        """Members where an estimator's `n_estimators` is "auto"."""
        return 8 if self.batched else 1

    @property
    def wants_codes(self) -> bool:
        """Whether numbers get piecewise-linear codes beside them where an estimator's `encoder` is "auto"."""
        return False

    def reader(self, form: Form, device: torch.device) -> PretrainedReader | None:
        """Return what reads X for this trunk; None: what the estimator's `encoder` says.

        Parameters
        ----------
        form : Form
            What the samples of X are.
        device : torch.device
        """
        del form, device
        return None

    def build(self, n_features: int, generators: Sequence[torch.Generator]) -> nn.Module:
        """Return a module `(B, F)` or `(M, B, F)` → `(M, B, H)`.

        Parameters
        ----------
        n_features : int
            Number of numbers that the encoder makes of a row of X.
        generators : sequence of torch.Generator
            One a member, on the CPU: the source of its start.
        """
        raise NotImplementedError

    def build_layers(self, n_features: int, generators: Sequence[torch.Generator]) -> list[nn.Module]:
        """Return the layers one by one, each a module like that of `build`, for ways of sharing that join between them.

        Parameters
        ----------
        n_features : int
        generators : sequence of torch.Generator

        Raises
        ------
        ValueError
            If the trunk is one opaque module.
        """
        del n_features, generators
        raise ValueError(
            f"{self!r} is one module, which has no layers between which tasks could share. Use {WITHOUT_LAYERS}."
        )
