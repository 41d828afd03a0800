"""The mean of trunks."""

from __future__ import annotations

from ._merging import Merging


class Average(Merging):
    """The mean of all trunks' weights, `Σ θ_i / N`.

    References
    ----------
    Wortsman, M., Ilharco, G., Gadre, S. Y., et al. (2022). Model soups: averaging weights of multiple fine-tuned models
    improves accuracy without increasing inference time. ICML.

    Examples
    --------
    >>> import torch
    >>> from skmtl.fusion import Average
    >>> Average().merged(torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]]]))
    tensor([[2., 0.]])
    """
