"""Every way of sharing is its formula, written out member by member, task by task and expert by expert."""

from typing import Any, NamedTuple

import pytest
import torch

from skmtl.nn import (
    CGC,
    MTAN,
    PLE,
    SHARINGS,
    AdaTT,
    BatchEnsemble,
    CrossStitch,
    DSelectK,
    FiLM,
    Hard,
    Independent,
    LowRank,
    MMoE,
    Soft,
)
from tests.nn.networks import N_FEATURES, N_TASKS, draws, randomised

N_MEMBERS, N_ROWS, OWN = 2, 7, 0.75  # 3/4, and 1/8 for each of two others, are exact in single precision
TASKS = range(N_TASKS)


# What formulas are made of: one copy of a layer, or one gate, at a time ----------------------------------------------


def dense(mlp, copy, x):
    for layer in mlp.layers:
        x = torch.tanh(x @ layer.weight[copy] + layer.bias[copy])
    return x


def deep(layers, copy, x):
    for layer in layers:
        x = dense(layer, copy, x)
    return x


def softmax(logits):
    return logits.exp() / logits.exp().sum(-1, keepdim=True)


def gate(module, member, reader, x):
    copy, first = member, reader * module.n_experts
    if module.own_inputs:
        copy, first = member * module.n_readers + reader, 0
    columns = slice(first, first + module.n_experts)
    return softmax(x @ module.logits.weight[copy, :, columns] + module.logits.bias[copy, :, columns])


def mixture(shares, experts):
    return sum(shares[:, [place]] * experts[place] for place in range(shares.shape[1]))


# One member of each: the tasks' representations, (B, H) each, and what they take of each expert, (T, B, E) a level ---


def hard(trunk, x, member):
    return [dense(trunk, member, x)], []


def independent(trunk, x, member):
    return [dense(trunk.trunks, member * N_TASKS + task, x) for task in TASKS], []


def mmoe(trunk, x, member):
    experts = [dense(trunk.experts, member * trunk.n_experts + place, x) for place in range(trunk.n_experts)]
    shares = [gate(trunk.gate, member, task, x) for task in TASKS]
    return [mixture(shares[task], experts) for task in TASKS], [torch.stack(shares)]


def smooth_step(z, gamma):
    inside = -2 * z**3 / gamma**3 + 3 * z / (2 * gamma) + 0.5
    return torch.where(z <= -gamma / 2, 0.0, torch.where(z >= gamma / 2, 1.0, inside))


def selectors(gate, x, member, task, n_digits):
    """Return digits (B, k, D) and logits (B, k) of a task's selectors."""
    if gate.per_example:
        digits, logits = (x @ part.weight[member] + part.bias[member] for part in (gate.digits, gate.choices))
    else:
        digits, logits = (part[member].expand(len(x), -1) for part in (gate.static_digits, gate.static_choices))
    width = gate.k * n_digits
    by_selector = digits[:, task * width : (task + 1) * width].reshape(len(x), gate.k, n_digits)
    return by_selector, logits[:, task * gate.k : (task + 1) * gate.k]


def selected(digits, expert, gamma):
    """Return how much one selector takes of an expert, whose number's binary digits it must meet, the highest first."""
    share = torch.ones(len(digits), dtype=torch.float64)
    for place, bit in enumerate(f"{expert:0{digits.shape[1]}b}"):
        step = smooth_step(digits[:, place], gamma)
        share = share * (step if bit == "1" else 1 - step)
    return share


def dselect_k(trunk, x, member):
    experts = [dense(trunk.experts, member * trunk.n_experts + place, x) for place in range(trunk.n_experts)]
    shares = []
    for task in TASKS:
        digits, logits = selectors(trunk.gate, x, member, task, trunk.n_experts.bit_length() - 1)
        weights = softmax(logits)
        columns = [
            sum(weights[:, i] * selected(digits[:, i], place, trunk.gate.gamma) for i in range(trunk.gate.k))
            for place in range(trunk.n_experts)
        ]
        shares.append(torch.stack(columns, 1))
    return [mixture(shares[task], experts) for task in TASKS], [torch.stack(shares)]


def ple(trunk, x, member):
    n_own, n_shared = trunk.n_specific, trunk.n_shared
    first = member * (N_TASKS * n_own + n_shared)
    tasks, common, levels = [x] * N_TASKS, x, []
    for level, layers in enumerate(trunk.levels):
        own = [[deep(layers, first + task * n_own + place, tasks[task]) for place in range(n_own)] for task in TASKS]
        shared = [deep(layers, first + N_TASKS * n_own + place, common) for place in range(n_shared)]
        shares = torch.zeros(N_TASKS, len(x), N_TASKS * n_own + n_shared, dtype=torch.float64)
        mixed = []
        for task in TASKS:
            taken = gate(trunk.task_gates[level], member, task, tasks[task])
            mixed.append(mixture(taken, own[task] + shared))
            shares[task, :, task * n_own : (task + 1) * n_own] = taken[:, :n_own]
            shares[task, :, N_TASKS * n_own :] = taken[:, n_own:]
        if n_shared and level + 1 < len(trunk.levels):
            everything = [expert for experts in own for expert in experts] + shared
            common = mixture(gate(trunk.shared_gates[level], member, 0, common), everything)
        tasks = mixed
        levels.append(shares)
    return tasks, levels


def adatt(trunk, x, member):
    n_own, tasks, levels = trunk.n_experts, [x] * N_TASKS, []
    for level, layers in enumerate(trunk.levels):
        first = member * N_TASKS * n_own
        experts = [deep(layers, first + place, tasks[place // n_own]) for place in range(N_TASKS * n_own)]
        mixed, shares = [], []
        for task in TASKS:
            fused = gate(trunk.fusions[level], member, task, tasks[task])
            residual = torch.zeros(N_TASKS * n_own, dtype=torch.float64)
            for place in range(n_own):
                learned = 1.0 if trunk.residuals is None else trunk.residuals[member, level, task, place]
                residual[task * n_own + place] = learned
            shares.append((fused + residual) / 2)
            mixed.append((mixture(fused, experts) + sum(v * f for v, f in zip(residual, experts, strict=True))) / 2)
        tasks = mixed
        levels.append(torch.stack(shares))
    return tasks, levels


def mtan(trunk, x, member):
    shared = [x]
    for layer in trunk.layers:
        shared.append(dense(layer, member, shared[-1]))
    n_blocks = len(shared) // 2
    tasks, masks = [], [[] for _ in range(n_blocks)]
    for task in TASKS:
        copy, own = member * N_TASKS + task, None
        for block in range(n_blocks):
            end = len(shared) - 1 - 2 * (n_blocks - 1 - block)
            read = shared[end - 1]
            if own is not None:
                carry = trunk.carries[block - 1]
                read = torch.cat([read, torch.relu(own @ carry.weight[member] + carry.bias[member])], 1)
            units = read @ trunk.readings[block].weight[copy] + trunk.readings[block].bias[copy]
            centred = units - units.mean(1, keepdim=True)
            normed = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
            logits = torch.relu(normed) @ trunk.masks[block].weight[copy] + trunk.masks[block].bias[copy]
            masks[block].append(2 / (1 + (-logits).exp()))
            own = masks[block][-1] * shared[end]
        tasks.append(own)
    return tasks, [torch.stack(block) for block in masks]


def film(trunk, x, member):
    tasks = [x] * N_TASKS
    for layer, modulation in zip(trunk.layers, trunk.modulations, strict=True):
        for task in TASKS:
            scale, shift = modulation.scale[member, task], modulation.shift[member, task]
            tasks[task] = (1 + scale) * dense(layer, member, tasks[task]) + shift
    return tasks, []


def adapted(change):
    """Return the loop of layers whose units before activation `change` says."""

    def loop(trunk, x, member):
        tasks = [x] * N_TASKS
        for layer in trunk.layers:
            weight, bias = layer.linear.weight[member], layer.linear.bias[member]
            tasks = [torch.tanh(change(layer, tasks[task], weight, bias, member, task)) for task in TASKS]
        return tasks, []

    return loop


@adapted
def batch_ensemble(layer, x, weight, bias, member, task):
    inputs, units = layer.input_scale[member, task], layer.unit_scale[member, task]
    return ((x * inputs) @ weight + bias) * units + layer.unit_bias[member, task]


@adapted
def lora(layer, x, weight, bias, member, task):
    return x @ (weight + layer.inputs[member, task] @ layer.units[member, task]) + bias


@adapted
def factors(layer, x, weight, bias, member, task):
    for share, factor in zip(layer.mixture[member, task], layer.factors.weight[member], strict=True):
        weight = weight + share * factor
    return x @ weight + bias


def stitched(stitch, tasks, member):
    """Mix part `p` of task `t` from parts `q` of tasks `s`; ten times what is learned is added to the start."""
    learned, n_parts, n_units = 10 * stitch.shift[member], stitch.n_subspaces, tasks[0].shape[1]
    width, result = n_units // n_parts, []
    for t in TASKS:
        parts = []
        for p in range(n_parts):
            mixed = torch.zeros(len(tasks[0]), width, dtype=torch.float64)
            for s in TASKS:
                for q in range(n_parts):
                    start = (OWN if s == t else (1 - OWN) / (N_TASKS - 1)) if p == q else 0.0
                    units = tasks[s][:, q * width : (q + 1) * width]
                    if stitch.mixing == "full":
                        block = learned[t * n_units : (t + 1) * n_units, s * n_units : (s + 1) * n_units]
                        mixed = mixed + start * units + units @ block.T
                    else:
                        mixed = mixed + (start + learned[t * n_parts + p, s * n_parts + q]) * units
            parts.append(mixed)
        result.append(torch.cat(parts, 1))
    return result


def cross_stitch(trunk, x, member):
    tasks, seen = [x] * N_TASKS, []
    for layer, stitch in zip(trunk.layers, trunk.stitches, strict=True):
        tasks = stitched(stitch, [dense(layer, member * N_TASKS + task, tasks[task]) for task in TASKS], member)
        seen.append(tasks)
    if trunk.skip_shift is None:
        return tasks, []
    start = torch.tensor([0.1 / (len(seen) - 1)] * (len(seen) - 1) + [0.9]).double()  # in single precision, as it is
    weights = start + 10 * trunk.skip_shift[member]
    return [sum(weights[task, place] * level[task] for place, level in enumerate(seen)) for task in TASKS], []


# The proof -----------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    sharing: Any
    loop: Any
    sizes: tuple[int, ...] = (4, 6)


CASES = {
    "hard": Case(Hard(), hard, (4, 6, 3)),
    "independent": Case(Independent(), independent),
    "soft": Case(Soft(), independent, (4, 6, 3)),
    "mmoe": Case(MMoE(4), mmoe),
    "dselect_k": Case(DSelectK(8, gamma=2.0), dselect_k),
    "dselect_k of three selectors": Case(DSelectK(4, 3), dselect_k, (4, 6, 3)),
    "dselect_k by example": Case(DSelectK(4, per_example=True, gamma=3.0), dselect_k),
    "cgc": Case(CGC(), ple),
    "cgc 2 + 3": Case(CGC(2, 3), ple, (4, 6, 3)),
    "cgc 2 + 0": Case(CGC(2, 0), ple),
    "cgc 0 + 2": Case(CGC(0, 2), ple),
    "ple": Case(PLE(), ple),
    "ple 2 + 3": Case(PLE(2, 3, n_levels=3), ple, (4, 6, 3)),
    "ple of deeper experts": Case(PLE(2, 1, n_levels=2), ple, (4, 6, 3)),
    "ple 2 + 0": Case(PLE(2, 0), ple),
    "ple 0 + 2": Case(PLE(0, 2), ple),
    "adatt": Case(AdaTT(), adatt, (4, 6, 3)),
    "adatt of two": Case(AdaTT(2), adatt),
    "adatt of deeper experts": Case(AdaTT(2, n_levels=2), adatt, (4, 6, 3)),
    "mtan of two layers": Case(MTAN(), mtan),
    "mtan of three": Case(MTAN(), mtan, (4, 6, 3)),
    "mtan of four": Case(MTAN(), mtan, (4, 6, 3, 5)),
    "film": Case(FiLM(), film, (4, 6, 3)),
    "batch_ensemble": Case(BatchEnsemble(), batch_ensemble, (4, 6, 3)),
    "low_rank": Case(LowRank(2), lora, (4, 6, 3)),
    "low_rank factors": Case(LowRank(2, form="factors"), factors, (4, 6, 3)),
    "cross_stitch": Case(CrossStitch(own=OWN), cross_stitch, (4, 6, 3)),
    "cross_stitch channel": Case(CrossStitch("channel", own=OWN), cross_stitch, (4, 6, 3)),
    "cross_stitch full": Case(CrossStitch("full", own=OWN), cross_stitch, (4, 6, 3)),
    "cross_stitch of parts": Case(CrossStitch(own=OWN, n_subspaces=2), cross_stitch),
    "cross_stitch channel of parts": Case(CrossStitch("channel", own=OWN, n_subspaces=3), cross_stitch, (3, 6)),
    "sluice": Case(CrossStitch(own=OWN, n_subspaces=2, skip=True), cross_stitch, (4, 4, 4)),
}
STITCHES = ("stitches", "skip_shift")
GATED = {name: case for name, case in CASES.items() if case.loop in (mmoe, dselect_k, ple, adatt)}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def prepared(case):
    trunk = randomised(case.sharing, sizes=case.sizes)
    with torch.no_grad():
        for name, parameter in trunk.named_parameters():
            if name.startswith(STITCHES):  # which count ten times: numbers are to be of size 1
                parameter /= 10
    return trunk


def rows(own):
    """Return (B, F), or (M, B, F), rows of each member's own."""
    shape = (N_MEMBERS, N_ROWS, N_FEATURES) if own else (N_ROWS, N_FEATURES)
    return torch.randn(*shape, generator=draws(3)[0], dtype=torch.float64)


def looped(case, trunk, x):
    """Return representations (M, T, B, H) and shares of experts (M, T, B, E) a level."""
    members = [case.loop(trunk, x[member] if x.dim() == 3 else x, member) for member in range(N_MEMBERS)]
    levels = zip(*(levels for _, levels in members), strict=True)
    return torch.stack([torch.stack(tasks) for tasks, _ in members]), [torch.stack(level) for level in levels]


def assert_same(one, other):
    """Sums of a few dozen products of size 1 differ by rounding, in any order, by far less than 1e-12."""
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_no_way_of_sharing_is_left_out():
    assert {type(case.sharing) for case in CASES.values()} == set(SHARINGS.values())


@every_case
@pytest.mark.parametrize("own", [False, True], ids=["rows of all", "rows of each member's own"])
def test_representations_are_those_of_the_plain_loop(case, own):
    trunk, x = prepared(case), rows(own)
    expected, _ = looped(case, trunk, x)
    assert_same(trunk(x), expected.squeeze(1) if isinstance(case.sharing, Hard) else expected)
    for task in range(1, expected.shape[1]):  # a loop over tasks that are all alike would prove little
        assert (expected[:, task] - expected[:, 0]).abs().amax((1, 2)).min() > 1e-3


@every_case
def test_gradients_are_those_of_the_plain_loop(case):
    """Stitches have their own gradient, though what is learned counts ten times: a tenth of the loop's."""
    trunk, x = prepared(case), rows(own=True)
    expected, _ = looped(case, trunk, x)
    weights = torch.randn(expected.shape, generator=draws(6)[0], dtype=torch.float64)
    names, parameters = zip(*trunk.named_parameters(), strict=True)
    found = torch.autograd.grad((trunk(x).view_as(expected) * weights).sum(), parameters)
    wanted = torch.autograd.grad((expected * weights).sum(), parameters)
    for name, one, other in zip(names, found, wanted, strict=True):
        assert_same(one, other / 10 if name.startswith(STITCHES) else other)


@pytest.mark.parametrize("case", GATED.values(), ids=GATED)
@pytest.mark.parametrize("own", [False, True], ids=["rows of all", "rows of each member's own"])
def test_gates_are_what_tasks_take_of_each_expert(case, own):
    trunk, x = prepared(case), rows(own)
    _, levels = looped(case, trunk, x)
    for found, expected in zip(trunk.gates(x), levels, strict=True):
        assert_same(found, expected)


@pytest.mark.parametrize("per_example", [False, True])
def test_the_penalty_of_dselect_k_is_the_entropy_of_its_selectors(per_example):
    """A sum over members, tasks and selectors, and a mean over the rows on which a member trains."""
    sharing = DSelectK(4, 3, gamma=3.0, entropy=0.2, per_example=per_example)
    trunk, x = randomised(sharing), rows(own=True)
    trains = torch.ones(N_MEMBERS, N_ROWS, dtype=torch.float64)
    trains[0, :3] = trains[1, 5:] = 0
    trunk(x, trains)
    total = 0.0
    for member in range(N_MEMBERS):
        for task in TASKS:
            digits, _ = selectors(trunk.gate, x[member], member, task, 2)
            for i in range(3):
                for place in range(4):
                    share = selected(digits[:, i], place, 3.0)
                    total = total - (share * (share + 1e-6).log())[trains[member] == 1].mean()
    assert_same(trunk.penalty, 0.2 * total)
