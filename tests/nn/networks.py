"""Every way of sharing with its options, small networks in double precision, and what they learn."""

import torch
from sklearn.base import clone

from skmtl.nn import CGC, PLE, SHARINGS, AdaTT, CrossStitch, DSelectK, LowRank, MLPTrunk, Network, Soft

N_FEATURES, N_TASKS, WIDTH = 5, 3, 4
OPTIONS = {
    **{name: sharing() for name, sharing in SHARINGS.items()},
    "soft trace": Soft("trace"),
    "low_rank factors": LowRank(2, form="factors"),
    "cross_stitch channel": CrossStitch("channel"),
    "cross_stitch full": CrossStitch("full"),
    "sluice": CrossStitch(n_subspaces=2, skip=True),
    "cgc 2 + 1": CGC(2, 1),
    "cgc without shared": CGC(2, 0),
    "cgc without own": CGC(0, 3),
    "ple 2 + 0": PLE(2, 0),
    "ple 0 + 2": PLE(0, 2),
    "adatt of two": AdaTT(2),
    "dselect_k per example": DSelectK(4, per_example=True, entropy=0.01),
}


def draws(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def built(sharing, n_tasks=N_TASKS, seeds=(0, 1), sizes=(WIDTH, WIDTH), activation="tanh"):
    trunk = clone(sharing).build(MLPTrunk(sizes, activation=activation), N_FEATURES, n_tasks, draws(*seeds))
    return trunk.double()


def randomised(sharing, scale=0.7, **settings):
    """Return a trunk whose gates, stitches and whatever else starts at rest are anywhere."""
    trunk, generator = built(sharing, **settings), draws(5)[0]
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return trunk


def network_of(sharing, owners=range(N_TASKS), **settings):
    trunk = built(sharing, **settings)
    network = Network(trunk, torch.zeros(len(settings.get("seeds", (0, 1))), len(owners)), None, None, owners)
    return network.double()


def features(n_rows=12, seed=3):
    return torch.randn(n_rows, N_FEATURES, generator=draws(seed)[0], dtype=torch.float64)


def targets(n_tasks=N_TASKS, seed=4):
    weights = torch.randn(N_FEATURES, n_tasks, generator=draws(seed)[0], dtype=torch.float64)
    return torch.sin(features() @ weights)


def train(network, y, n_steps=8, rate=0.05):
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    for _ in range(n_steps):
        passed = network.forward_training(features())
        passed.backward(2 * (passed.outputs - y) / len(y))
        optimizer.step()
        network.after_step(rate)
    return network
