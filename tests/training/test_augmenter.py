"""Augmented batches."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skmtl.augmentation import AUGMENTATIONS, Augmentation, CMixup, FeatureDropout, GaussianNoise, Mixup
from skmtl.features import Form, ModalReader, MultiModal, Standardizer
from skmtl.losses import LogLoss, SquaredError
from skmtl.nn import MLP, Mixing, Network
from skmtl.tasks import LabelDistances, Objective, group_tasks, member_statistics
from skmtl.training import Augmenter, Batch, Batches, Rows

N, CPU = 40, torch.device("cpu")
_, GROUPS = group_tasks([SquaredError(), LogLoss()], [1, 2])
X = np.random.default_rng(0).normal(size=(N, 3))
LABELS = np.column_stack([X @ [1.0, 2, 3], X[:, 0] > 0]).astype(float)
SCALES = Standardizer(3, n_bins=4).update(X, None, np.ones(N))


def augmenter(*augmentations, seed=0):
    distances = LabelDistances(GROUPS, np.ones(2))
    return Augmenter(augmentations, SCALES.inputs(torch.float64, CPU), distances, [seed])


def batches(augmentation, held_out=None, n_members=1, batch_size=16, weights=None):
    weights = np.ones((N, 2)) if weights is None else weights
    rows = Rows(X, None, LABELS, weights, SCALES, torch.float64, CPU)
    generator = torch.Generator().manual_seed(0)
    return Batches(rows, batch_size, held_out, n_members, generator, np.ones(2), augmentation)


@pytest.mark.parametrize("name", [name for name, kind in AUGMENTATIONS.items() if Form.COLUMNS in kind.forms])
@pytest.mark.parametrize("batch_size", [16, N])
def test_batches_come_augmented_anew_each_epoch_and_what_they_are_made_of_stays(name, batch_size):
    made = batches(augmenter(AUGMENTATIONS[name]()), batch_size=batch_size)
    plain = list(batches(None, batch_size=batch_size))
    first, second = list(made), list(made)
    for one, theirs in zip(first, plain, strict=True):
        assert one.labels.equal(theirs.labels)
        assert one.mixing is not None or not one.x.equal(theirs.x)
    if batch_size == N:
        assert made._whole.x.equal(plain[0].x)
    for one, again in zip(first, batches(augmenter(AUGMENTATIONS[name]()), batch_size=batch_size), strict=True):
        assert one.x.equal(again.x)
        assert one.mixing is None or one.mixing.share == again.mixing.share
    assert not second[0].x.equal(first[0].x) or second[0].mixing.share != first[0].mixing.share


def test_augmentations_change_a_batch_in_their_order_and_mixing_comes_last():
    batch = next(iter(batches(None)))
    once = augmenter(Mixup(), FeatureDropout(1 - 1e-12), GaussianNoise(0.1))(batch)
    assert isinstance(once.mixing, Mixing)
    assert (once.x[:, :3] != 0).all()  # noise on what was dropped
    assert (augmenter(GaussianNoise(0.1), FeatureDropout(1 - 1e-12))(batch).x[:, :3] == 0).all()


class Fixed(Augmentation):
    """Mix each row with the next."""

    mixes = True

    def __init__(self, share=0.7):
        self.share = share

    def mixing(self, draws, distances):
        return Mixing(torch.arange(draws.n_rows).roll(-1), self.share)


def test_sides_hold_the_labels_of_both_rows_with_their_shares():
    weights = np.random.default_rng(1).integers(0, 3, size=(N, 2)).astype(float)
    batch = next(iter(batches(augmenter(Fixed()), weights=weights)))
    (own, mine), (other, theirs) = batch.sides()
    assert own.equal(batch.labels)
    assert other.equal(batch.labels.roll(-1, 0))
    assert mine.equal(0.7 * batch.weights)
    torch.testing.assert_close(theirs, 0.3 * batch.weights.roll(-1, 0))
    plain = next(iter(batches(None, weights=weights)))
    assert plain.sides() == [(plain.labels, plain.weights)]


class Recorder(Augmentation):
    """Lend from other rows whatever it is given, and remember which rows meet."""

    def augment(self, x, inputs, draws):
        self.met = draws.lenders(5)
        return x


@pytest.mark.parametrize("mixing", [Mixup(), "cmixup"])
def test_no_row_that_a_member_holds_out_reaches_its_loss(mixing):
    mixing = clone(AUGMENTATIONS[mixing]() if isinstance(mixing, str) else mixing)
    held_out = np.arange(N) % 5  # members 0 to 2; two folds that nobody holds out
    recorder = Recorder()
    for batch in batches(augmenter(recorder, mixing), held_out, 3):
        for partners in (batch.mixing.partners.unsqueeze(1), recorder.met):
            assert batch.rows[:, partners].equal(batch.rows[:, :, None].expand_as(batch.rows[:, partners]))


@pytest.mark.parametrize("mixing", [Mixup(), CMixup()])
def test_rows_of_several_parts_are_mixed_with_those_that_have_the_same(mixing):
    reader, there = ModalReader(), np.random.default_rng(0).random((N, 2)) < 0.6
    parts = {name: X[:, :2].reshape(N, 1, 2, 1).copy() for name in ("near", "far")}
    for place, part in enumerate(parts.values()):
        part[~there[:, place]] = np.nan
    matrix = reader.fit_matrix(MultiModal(parts))
    scales = reader.standardizer().update(matrix, None, np.ones(N))
    rows = Rows(matrix, None, LABELS, np.ones((N, 2)), scales, torch.float64, CPU)
    made = Batches(rows, N, None, 1, torch.Generator(), np.ones(2))
    mixed = Augmenter([mixing], scales.inputs(torch.float64, CPU), LabelDistances(GROUPS, np.ones(2)), [0])
    partners = mixed(next(iter(made))).mixing.partners.numpy()
    np.testing.assert_array_equal(there[partners], there)
    assert len(np.unique(there, axis=0)) == 4
    assert (partners != np.arange(N)).mean() > 0.9


def test_poisoned_holdout_rows_change_no_gradient_of_the_member_that_holds_them_out():
    held_out = np.arange(N) % 5
    statistics = member_statistics(LABELS, np.ones((N, 2)), held_out, 3, GROUPS)
    generators = [torch.Generator().manual_seed(member) for member in range(3)]
    n_inputs = SCALES.n_outputs
    network = Network(MLP(n_inputs, [6], "tanh", 0.0, generators), torch.from_numpy(statistics.start)).double()
    torch.nn.init.normal_(network.head.weight, generator=generators[0])
    objective = Objective(GROUPS, statistics, np.ones(2))
    batch = next(iter(batches(augmenter(GaussianNoise(), Mixup(1.0)), held_out, 3, batch_size=N)))
    poisoned = Batch(batch.x.clone(), batch.labels.clone(), None, batch.rows, batch.mixing)
    bad = batch.rows[1] == 0
    poisoned.x[bad] = 1e3
    poisoned.labels[bad] = torch.tensor([50.0, 1.0], dtype=torch.float64)

    def gradients(given):
        passed = network.forward_training(given.x, None, given.mixing)
        sides = [objective(passed.outputs, labels, weights, given.rows) for labels, weights in given.sides()]
        derivative = sum(side.derivative(torch.ones(2).double()) for side in sides)
        passed.backward(derivative)
        return [parameter.grad.clone() for parameter in network.parameters()]

    for clean, spoilt in zip(gradients(batch), gradients(poisoned), strict=True):
        torch.testing.assert_close(clean[1], spoilt[1], rtol=0, atol=0)
        assert not torch.allclose(clean[0], spoilt[0])


def test_augmentations_of_other_samples_are_refused():
    with pytest.raises(ValueError, match=r"'crop' changes an image, and here a sample of X is a row of columns"):
        augmenter(AUGMENTATIONS["crop"]())
