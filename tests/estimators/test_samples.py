"""Estimators on images and sequences: the trunk follows X, and the rest of scikit-learn goes on working."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmtl import MultiTaskClassifier, MultiTaskEstimator, MultiTaskRegressor
from skmtl.features import MultiModal
from skmtl.nn import ConvTrunk, MLPTrunk, ModuleTrunk, MultiModalTrunk, RecurrentTrunk

pixels, digit = load_digits(return_X_y=True)
IMAGES, DIGITS = pixels[:300].reshape(-1, 1, 8, 8), np.column_stack([digit, digit % 2])[:300]
draws = np.random.default_rng(0)
SERIES = draws.normal(size=(120, 6, 3))
MEANS = np.column_stack([SERIES[:, :, 0].mean(1), SERIES[:, -1, 1]])
WAVES = draws.normal(size=(460, 12, 2))
SHAPES = np.column_stack([(WAVES[:, 1:, 0] - WAVES[:, :-1, 0]).max(1), (WAVES[:, :, 1] ** 2).mean(1)])
LENGTHS = draws.integers(1, 7, size=120)
RAGGED = [series[:length] for series, length in zip(SERIES, LENGTHS, strict=True)]
OF_RAGGED = np.array([[x[:, 0].mean(), x[-1, 1]] for x in RAGGED])

# Needs all six steps, and reads padding too.
LINEAR = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 4))
SMALL_CONV, SMALL_RECURRENT = ConvTrunk((8, 16)), RecurrentTrunk(8)


def classifier(**settings):
    return MultiTaskClassifier(**{"trunk": SMALL_CONV, "max_iter": 3, "random_state": 0, **settings})


def regressor(**settings):
    return MultiTaskRegressor(**{"trunk": SMALL_RECURRENT, "max_iter": 3, "random_state": 0, **settings})


@pytest.mark.parametrize(
    ("X", "y", "kind", "trunk"),
    [
        (IMAGES, DIGITS, MultiTaskClassifier, "ImageNet"),
        (SERIES, MEANS, MultiTaskRegressor, "RecurrentNet"),
        (RAGGED, OF_RAGGED, MultiTaskRegressor, "RecurrentNet"),
    ],
)
def test_the_trunk_follows_the_dimensions_of_x(X, y, kind, trunk):
    model = kind(max_iter=1, random_state=0).fit(X, y)
    assert model.n_estimators_ == 1
    assert type(model.net_.module_.trunk.members[0]).__name__ == trunk
    assert not hasattr(model, "companions_")
    assert model.predict(X[:3]).shape == (3, 2)


@pytest.mark.parametrize(
    ("make", "X", "y"),
    [
        (lambda **settings: classifier(max_iter=100, **settings), IMAGES, DIGITS),
        (lambda **settings: regressor(max_iter=150, **settings), SERIES, MEANS),
        (lambda **settings: regressor(trunk=SMALL_CONV, max_iter=150, **settings), WAVES, SHAPES),
    ],
    ids=["images", "sequences", "convolutions along time"],
)
def test_a_trunk_beats_itself_untrained(make, X, y):
    """Its own representation, as it starts, under linear heads that are fitted to it for longer."""
    trained = make().fit(X[:-60], y[:-60]).score(X[-60:], y[-60:])
    start = make(learning_rate_init=1e-12).fit(X[:-60], y[:-60])
    heads = type(start)((), companions=None, random_state=0)
    untrained = heads.fit(start.transform(X[:-60]), y[:-60]).score(start.transform(X[-60:]), y[-60:])
    assert trained > untrained + 0.02


@pytest.mark.parametrize("kind", [list, pd.Series, np.array])
def test_sequences_of_different_lengths_are_what_their_padded_array_is(kind):
    padded = np.full((120, 6, 3), np.nan)
    for row, sample in zip(padded, RAGGED, strict=True):
        row[: len(sample)] = sample
    expected = regressor().fit(padded, OF_RAGGED).predict(padded)
    X = np.array(RAGGED, dtype=object) if kind is np.array else kind(RAGGED)
    np.testing.assert_array_equal(regressor().fit(X, OF_RAGGED).predict(X), expected)


def with_holes(samples, before, between, after):
    """Return sequences with steps of which nothing is known before, within and behind each."""
    hole = np.full((9, samples[0].shape[1]), np.nan)
    return [
        np.concatenate([hole[:before], x[: len(x) // 2], hole[:between], x[len(x) // 2 :], hole[:after]])
        for x in samples
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"trunk": SMALL_CONV},
        {"trunk": MLPTrunk((8,))},
        {"sharing": "mmoe"},
        {"trunk": SMALL_CONV, "n_estimators": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("holes", [(5, 0, 0), (0, 2, 0), (0, 0, 7), (1, 2, 3)], ids=str)
def test_steps_that_are_not_there_change_neither_a_model_nor_a_prediction(settings, holes):
    model = regressor(**settings).fit(RAGGED, OF_RAGGED)
    expected = model.predict(RAGGED)
    others = with_holes(RAGGED, *holes)
    np.testing.assert_array_equal(model.predict(others), expected)
    np.testing.assert_array_equal(regressor(**settings).fit(others, OF_RAGGED).predict(RAGGED), expected)
    padded = np.full((len(others), 20, 3), np.nan)
    for row, sample in zip(padded, others, strict=True):
        row[: len(sample)] = sample
    np.testing.assert_array_equal(regressor(**settings).fit(padded, OF_RAGGED).predict(padded), expected)


@pytest.mark.parametrize("trunk", [SMALL_RECURRENT, SMALL_CONV], ids=["recurrent", "convolutional"])
def test_a_longer_batch_changes_no_prediction(trunk):
    model = regressor(trunk=trunk).fit(RAGGED, OF_RAGGED)
    alone = model.predict(RAGGED[:5])
    longest = draws.normal(size=(30, 3))
    np.testing.assert_allclose(model.predict([*RAGGED[:5], longest])[:5], alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(RAGGED[:1]), alone[:1], rtol=1e-5, atol=1e-6)


AMONG_OTHERS = {
    "alone": lambda samples: samples,
    "part": lambda samples: MultiModal({"series": samples, "number": np.arange(len(samples))[:, None] % 7.0}),
    "column": lambda samples: pd.DataFrame({"number": np.arange(len(samples)) % 7.0, "series": samples}),
}


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("among", AMONG_OTHERS.values(), ids=AMONG_OTHERS)
def test_a_long_sequence_without_a_label_that_counts_never_changes_a_bit(among, early_stopping):
    def fitted(samples, y, weights=None):
        model = MultiTaskRegressor(max_iter=3, random_state=0, companions=None, early_stopping=early_stopping)
        model.fit(among(samples), y, sample_weight=weights)
        held_out = model.oof_prediction_[:100] if early_stopping else None
        return model.predict(among(RAGGED[:100])), held_out

    samples = [*RAGGED[:110], draws.normal(size=(40, 3)), *RAGGED[111:]]
    expected = fitted(samples[:100], OF_RAGGED[:100])
    counts = np.arange(len(samples)) < 100
    np.testing.assert_equal(fitted(samples, OF_RAGGED, 1.0 * counts), expected)
    np.testing.assert_equal(fitted(samples, np.where(counts[:, None], OF_RAGGED, np.nan)), expected)


def results(model, X):
    """Return all that is predicted of each row, rows first."""
    rows = model._model.reader.matrix(X)
    members = [group.transpose(1, 0, 2) for group in model._model.network_member_predictions(rows)]
    gates = [level.transpose(2, 0, 1, 3) for level in model._model.gates(rows)[0]]
    return [model.predict(X), model.transform(X), *members, *gates]


@pytest.mark.parametrize(
    "settings", [{}, {"trunk": SMALL_CONV, "n_estimators": 2}, {"sharing": "dselect_k"}, {"trunk": LINEAR}], ids=str
)
def test_rows_that_are_read_by_length_come_back_in_their_order(settings, monkeypatch):
    X = [*RAGGED[:21], np.full((6, 3), 0.5), *RAGGED[21:30], None]
    model = regressor(**settings).fit(RAGGED, OF_RAGGED)
    expected = results(model, X)
    monkeypatch.setattr("skmtl.estimators._model.CHUNK_VALUES", 1)  # chunks of eight rows
    for found, whole in zip(results(model, X), expected, strict=True):
        np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("at_fit", [False, True])
def test_one_long_sequence_leaves_the_others_as_short_as_they_are(several, at_fit, monkeypatch):
    """Of 121 sequences, eight rows are as long as the longest; read at once, all would be."""
    monkeypatch.setattr("skmtl.estimators._model.CHUNK_VALUES", 2**16)
    long = [*RAGGED, draws.normal(size=(600, 3))]
    rows = np.arange(121) % 120
    X, longer = (
        (MultiModal({"sound": one, "table": MEANS[rows[: len(one)]]}) if several else one) for one in (RAGGED, long)
    )
    model = regressor(trunk=MultiModalTrunk({"sound": SMALL_RECURRENT}) if several else SMALL_RECURRENT, max_iter=1)
    model.fit(longer, OF_RAGGED[rows]) if at_fit else model.fit(X, OF_RAGGED)
    layer = next(module for module in model.net_.module_.modules() if hasattr(module, "state_weight"))
    read = []
    layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].shape[:2]))
    model.predict(longer)
    assert sum(n_rows for n_rows, n_steps in read if n_steps > 6) <= 8
    assert 121 <= sum(n_rows for n_rows, _ in read) <= 128


@pytest.mark.parametrize("settings", [{"sharing": "mmoe"}, {"sharing": "cgc"}, {"trunk": MLPTrunk((8,))}], ids=str)
def test_what_reads_each_step_for_itself_refuses_more_of_them(settings):
    model = regressor(**settings).fit(RAGGED, OF_RAGGED)
    short = [x for x in RAGGED if len(x) < 4]
    padded = [np.concatenate([x, np.full((6 - len(x), 3), np.nan)]) for x in short]
    np.testing.assert_allclose(model.predict(short), model.predict(padded), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"sequences of 30 steps, and at fit the longest had 6.*sharing='hard'"):
        model.predict([*RAGGED[:5], draws.normal(size=(30, 3))])


@pytest.mark.parametrize("trunk", ["auto", MLPTrunk((16,)), SMALL_CONV], ids=["auto", "dense", "convolutional"])
def test_bytes_are_read_like_floats(trunk):
    X = IMAGES.astype(np.uint8)
    settings = {"trunk": trunk, "max_iter": 1, "random_state": 0}
    one, other = (MultiTaskClassifier(**settings).fit(x, DIGITS) for x in (X, IMAGES))
    np.testing.assert_allclose(one.predict_proba(X)[0], other.predict_proba(IMAGES)[0], rtol=1e-3, atol=1e-4)
    assert one.transform(X[:2]).dtype == np.float64


def test_a_dense_trunk_reads_flat_pixels_with_all_that_belongs_to_it():
    model = MultiTaskClassifier(trunk=MLPTrunk((32,)), max_iter=5, random_state=0).fit(IMAGES, DIGITS)
    assert model.n_estimators_ == 8
    assert set(model.companions_) == {"linear", "kernel", "trees"}


def test_a_module_of_ones_own_reads_images_as_they_are():
    shapes = []

    class Own(torch.nn.Module):
        def __init__(self, n_channels, width=4):
            super().__init__()
            self.layer = torch.nn.Conv2d(n_channels, width, 3)

        def forward(self, x):
            shapes.append(tuple(x.shape[1:]))
            return self.layer(x).relu().mean((2, 3))

    classifier(trunk=ModuleTrunk(Own, width=6), max_iter=1).fit(IMAGES, DIGITS)
    assert set(shapes) == {(1, 8, 8)}
    sequential = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8))
    model = classifier(trunk=sequential, sharing="cross_stitch", max_iter=1).fit(IMAGES, DIGITS)
    assert model.predict(IMAGES).shape == DIGITS.shape


def test_a_module_of_ones_own_reads_sequences_with_zeros_for_padding():
    seen = []

    class Own(torch.nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.layer = torch.nn.Linear(n_features, 4)

        def forward(self, x):
            seen.append(x)
            return self.layer(x).mean(1)

    regressor(trunk=ModuleTrunk(Own)).fit(RAGGED, OF_RAGGED).predict(RAGGED[:9])
    assert seen[-1].shape[1:] == (6, 3)
    np.testing.assert_array_equal((seen[-1] == 0).all(2).sum(1), 6 - LENGTHS[:9])


@pytest.mark.parametrize("sharing", ["hard", "independent", "soft", "mmoe", "dselect_k", "cgc"])
@pytest.mark.parametrize("balancing", ["uniform", "nash_mtl"])
def test_every_sharing_of_one_module_and_every_balancing_serve(sharing, balancing):
    model = classifier(trunk=ConvTrunk((8,)), sharing=sharing, balancing=balancing, max_iter=2).fit(IMAGES, DIGITS)
    assert all(np.isfinite(part).all() for part in model.predict_proba(IMAGES[:5]))
    regressor(sharing=sharing, balancing=balancing).fit(SERIES, MEANS)


def test_other_ways_of_sharing_say_which_do():
    for sharing in ("ple", "film", "low_rank"):
        with pytest.raises(
            ValueError, match=r"ConvTrunk\(.*\) is one module, which has no layers .* Use sharing='hard'"
        ):
            classifier(sharing=sharing).fit(IMAGES, DIGITS)
        with pytest.raises(ValueError, match=r"RecurrentTrunk\(.*\) is one module, which has no layers"):
            regressor(trunk=RecurrentTrunk(4), sharing=sharing).fit(SERIES, MEANS)


def test_several_members_have_holdouts_of_their_own():
    model = classifier(n_estimators=2).fit(IMAGES, DIGITS)
    assert model.n_estimators_ == 2
    known = ~np.isnan(model.oof_prediction_[0][:, 0])
    assert 0.3 < known.mean() < 0.5  # two folds of five


def test_missing_labels_weights_and_mixed_tasks():
    y = pd.DataFrame({"digit": DIGITS[:, 0].astype(float), "ink": IMAGES.mean((1, 2, 3))})
    y.loc[::3, "digit"] = np.nan
    model = MultiTaskEstimator(task_types={"digit": "classification"}, trunk=SMALL_CONV, max_iter=2, random_state=0)
    predicted = model.fit(IMAGES, y, sample_weight=draws.uniform(size=300)).predict(IMAGES)
    assert list(predicted) == ["digit", "ink"] and np.isfinite(predicted["ink"]).all()


def test_models_are_cloned_pickled_searched_and_put_into_pipelines():
    search = GridSearchCV(classifier(max_iter=1), {"trunk__channels": [(4,), (8,)]}, cv=KFold(2))
    search.fit(IMAGES, DIGITS)
    assert search.best_params_["trunk__channels"] in [(4,), (8,)]
    model = classifier().fit(IMAGES, DIGITS)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(IMAGES), model.predict(IMAGES))
    np.testing.assert_array_equal(clone(model).fit(IMAGES, DIGITS).predict(IMAGES), model.predict(IMAGES))
    pipeline = make_pipeline(FunctionTransformer(lambda X: X.reshape(-1, 1, 8, 8)), classifier())
    np.testing.assert_array_equal(pipeline.fit(pixels[:300], DIGITS).predict(pixels[:300]), model.predict(IMAGES))
    assert np.isfinite(cross_val_score(regressor(max_iter=1), RAGGED, OF_RAGGED, cv=2)).all()


def test_copies_of_a_row_share_a_holdout():
    doubled = np.concatenate([IMAGES, IMAGES])
    model = classifier(max_iter=1, n_estimators=5).fit(doubled, np.concatenate([DIGITS, DIGITS]))
    one, other = np.split(model.oof_prediction_[0], 2)
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_validation_data_and_chunks_have_the_form_of_fit():
    model = classifier().fit(IMAGES[:200], DIGITS[:200], X_val=IMAGES[200:], y_val=DIGITS[200:])
    assert model.history_["valid_loss"].shape == (model.n_iter_, 2)
    with pytest.raises(ValueError, match="an image of shape"):
        classifier().fit(IMAGES, DIGITS, X_val=pixels[:9], y_val=DIGITS[:9])
    classes = [np.arange(10), np.arange(2)]
    chunked = classifier().partial_fit(IMAGES[:100], DIGITS[:100], classes=classes)
    chunked.partial_fit(IMAGES[100:], DIGITS[100:])
    with pytest.raises(ValueError, match=r"images of shape \(1, 4, 16\), but held \(1, 8, 8\)"):
        chunked.partial_fit(IMAGES.reshape(-1, 1, 4, 16), DIGITS)
    continued = classifier(warm_start=True).fit(IMAGES, DIGITS).fit(IMAGES, DIGITS)
    assert len(continued.history_) > continued.n_iter_


def test_the_form_of_predict_is_that_of_fit():
    model = classifier(max_iter=1).fit(IMAGES, DIGITS)
    for X in (pixels[:3], SERIES, RAGGED):
        with pytest.raises(ValueError, match="an image of shape"):
            model.predict(X)
    columns = MultiTaskRegressor(max_iter=1, companions=None).fit(SERIES[:, 0], MEANS)
    with pytest.raises(ValueError, match=r"X has 6 features, but .* is expecting 3"):
        columns.predict(SERIES)
    assert model.n_features_in_ == 1
    assert not hasattr(model, "feature_names_in_")


def test_settings_of_the_dense_trunk_are_refused_beside_images():
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* a sample of X is an image: ConvTrunk\(\)"):
        MultiTaskClassifier((32,)).fit(IMAGES, DIGITS)


def test_a_hole_counts_as_the_mean_and_infinity_is_refused():
    X = IMAGES.copy()
    X[0, 0, 2:4] = np.nan
    model = classifier(max_iter=1).fit(X, DIGITS)
    filled = X.copy()
    filled[0, 0, 2:4] = model._model.standardizer.mean_[0]
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], model.predict_proba(filled[:1])[0], rtol=1e-4, atol=1e-6)
    X[1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        classifier().fit(X, DIGITS)


@pytest.mark.parametrize(("make", "X", "y"), [(classifier, IMAGES, DIGITS), (regressor, SERIES, MEANS)])
def test_marks_of_missing_data_are_read_as_what_lies_far_out(make, X, y):
    marked = X.astype(np.float32)
    marked[1, 0, 0] = np.finfo(np.float32).min
    farther = X.copy()
    farther[1, 0, 0] = -1e300
    model = make().fit(X, y)
    np.testing.assert_allclose(model.predict(marked), model.predict(farther), atol=1e-5)
    np.testing.assert_allclose(model.predict(marked)[2:], model.predict(X)[2:], atol=1e-5)
    of_marked, others = make(max_iter=60).fit(marked, y), np.arange(len(X)) != 1
    assert of_marked.score(X[others], y[others]) > make(max_iter=60).fit(X, y).score(X[others], y[others]) - 0.1


@pytest.mark.parametrize("trunk", [SMALL_CONV, SMALL_RECURRENT])
def test_every_trunk_of_sequences_predicts_numbers_for_absurd_ones(trunk):
    model = regressor(trunk=trunk).fit(RAGGED, OF_RAGGED)
    absurd = [np.full((3, 3), 1e300), np.full((2, 3), -1e300), RAGGED[0]]
    assert np.isfinite(model.predict(absurd)).all()


def test_images_that_are_all_missing_at_predict_are_means():
    model = classifier(max_iter=1).fit(IMAGES, DIGITS)
    missing = model.predict_proba([None, None])[0]
    empty = np.full((2, *IMAGES.shape[1:]), np.nan)
    np.testing.assert_array_equal(missing, model.predict_proba(empty)[0])


def test_more_memory_than_there_is_names_the_way_out():
    with pytest.raises(MemoryError, match=r"needs more memory than there is .*Lower batch_size"):
        classifier(trunk=ConvTrunk(channels=(10**7,))).fit(IMAGES, DIGITS)


@pytest.mark.parametrize("kind", ["alone", "parts", "frame", "column"])
def test_a_sequence_too_long_to_pad_all_others_is_named_with_the_way_out(kind):
    table = MEANS[:6]
    endless = [*RAGGED[:5], np.broadcast_to(np.zeros((1, 3)), (10**13, 3))]
    where, make = {
        "alone": ("", list),
        "parts": ("Part 'sound' of X: ", lambda X: MultiModal({"sound": X, "table": table[: len(X)]})),
        "frame": ("Column 'sound' of X: ", lambda X: pd.DataFrame({"sound": X, "number": table[: len(X), 0]})),
        "column": ("Column 'sound' of X: ", lambda X: pd.DataFrame({"sound": X})),
    }[kind]
    message = f"^{where}Padding all sequences to the longest, row 5 of {10**13} steps, needs more memory .*Cut it"
    model = MultiTaskRegressor(max_iter=1, random_state=0)
    with pytest.raises(MemoryError, match=message):
        model.fit(make(endless), table)
    model.fit(make(endless[:5]), table[:5])
    for method in (model.predict, model.transform, model.predict_interval):
        with pytest.raises(MemoryError, match=message):
            method(make(endless))


def test_more_rows_than_fit_into_memory_at_predict_name_the_way_out(monkeypatch):
    model = regressor(max_iter=1).fit(RAGGED, OF_RAGGED)
    monkeypatch.setattr(model._model.reader, "matrix", lambda X: np.empty((10**13, len(X))))
    with pytest.raises(MemoryError, match=r"^X needs more memory than there is .*fewer rows at a time"):
        model.predict(RAGGED)


def test_nested_lists_are_told_what_to_be():
    with pytest.raises(ValueError, match=r"dim 3.*np\.asarray"):
        regressor().fit(SERIES.tolist(), MEANS)
