"""Which companion reads what of X: of a table, of texts, and of several parts."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from skmtl.companions import (
    Blend,
    KernelCompanion,
    LinearCompanion,
    Readings,
    Sizes,
    SparseLinearCompanion,
    TreesCompanion,
    columns_read,
    distinct_rows,
    readings_of,
    sizes_of,
)
from skmtl.features import FrameReader, ModalReader, MultiModal, TableEncoder, TextEncoder, samples_of
from skmtl.losses import SquaredError
from skmtl.tasks import group_tasks


def measured(reader, X):
    """The standardizer of a reader, and the matrix."""
    matrix = reader.fit_matrix(X)
    return reader.standardizer().update(matrix, None, np.ones(len(X))), matrix


def frame(n_rows=60, seed=0):
    rng = np.random.default_rng(seed)
    words = [f"word{number}" for number in range(20)]
    return pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "review": [" ".join(rng.choice(words, 8)) for _ in range(n_rows)],
            "kind": rng.choice(list("abc"), n_rows),
            "seen": [rng.integers(9, size=3).tolist() for _ in range(n_rows)],
        }
    )


X = frame()
PICTURES = np.random.default_rng(0).normal(size=(60, 1, 3, 3))


def test_a_table_and_texts_are_read_as_they_are_alone():
    table, matrix = measured(TableEncoder().build(), X[["size", "kind"]])
    readings = readings_of(table, matrix)
    assert sizes_of(table) == Sizes(readings.columns.shape[1], 0) == Sizes(4, 0)
    assert all(readings.of(name) is readings.columns for name in ("linear", "kernel", "trees"))
    kinds = {name: type(readings.companion(name)) for name in sizes_of(table).readers}
    assert kinds == {"linear": LinearCompanion, "kernel": KernelCompanion, "trees": TreesCompanion}
    texts, matrix = measured(TextEncoder().build(), X["review"].tolist())
    readings = readings_of(texts, matrix)
    assert sizes_of(texts).readers == ("linear",)
    np.testing.assert_array_equal(readings.of("linear").toarray(), texts.token_weights(matrix).toarray())
    assert isinstance(readings.companion("linear"), SparseLinearCompanion)


def test_of_several_parts_columns_and_tokens_stand_side_by_side():
    standardizer, matrix = measured(FrameReader(samples_of(X), TableEncoder()), X)
    table, own = measured(TableEncoder().build(), X[["size", "kind"]])
    texts, counts = measured(TextEncoder().build(), X["review"].tolist())
    readings, columns = readings_of(standardizer, matrix), readings_of(table, own).columns
    np.testing.assert_allclose(readings.of("trees"), columns)
    np.testing.assert_array_equal(columns_read(standardizer), columns_read(table))
    side_by_side = readings.of("linear").toarray()
    np.testing.assert_allclose(side_by_side[:, :4], columns)
    weights = texts.token_weights(counts).toarray()
    np.testing.assert_allclose(side_by_side[:, 4 : 4 + weights.shape[1]], weights)
    sizes = sizes_of(standardizer)
    assert sizes == Sizes(4, side_by_side.shape[1] - 4)
    assert sizes.n_tokens > weights.shape[1]  # those of lists behind those of texts
    assert sizes.readers == ("linear", "kernel", "trees")
    assert readings.companion("linear").n_columns == 4
    assert isinstance(readings.companion("kernel"), KernelCompanion)


def test_images_and_sequences_of_several_parts_are_not_read():
    parts = {"picture": PICTURES, "sound": list(PICTURES[:, 0])}
    standardizer, matrix = measured(ModalReader(), MultiModal(parts))
    assert sizes_of(standardizer) == Sizes(0, 0)
    assert sizes_of(standardizer).readers == ()
    assert readings_of(standardizer, matrix).columns.shape == (60, 0)
    standardizer, _ = measured(ModalReader(), MultiModal({**parts, "words": X["review"].tolist()}))
    assert sizes_of(standardizer).readers == ("linear",)
    reader = ModalReader()
    standardizer, _ = measured(reader, MultiModal({**parts, "one": X[["size"]], "other": X[["size", "kind"]]}))
    assert sizes_of(standardizer).readers == ("linear", "kernel", "trees")
    names = [reader.layout.names[column] for column in columns_read(standardizer)]
    assert names == ["one: size", "other: size", *["other: kind"] * 3]


def test_missing_parts_are_zeros_of_tokens_and_the_mean_of_numbers():
    reader = ModalReader()
    parts = {"words": [None, *X["review"][1:]], "numbers": X[["size"]].assign(half=1.0)}
    parts["numbers"].loc[2] = np.nan
    parts["numbers"].loc[3, "half"] = 0.0
    standardizer, matrix = measured(reader, MultiModal(parts))
    readings = readings_of(standardizer, matrix)
    assert not readings.tokens[[0]].nnz
    assert readings.tokens[[2]].nnz
    np.testing.assert_allclose(readings.columns[2, :2], 0)
    absent = readings_of(standardizer, reader.matrix(MultiModal({"words": parts["words"]})))
    np.testing.assert_allclose(absent.columns[:, :2], 0)
    np.testing.assert_array_equal(absent.tokens.toarray(), readings.tokens.toarray())


def test_what_is_affordable_follows_columns_and_tokens():
    assert Sizes(10, 10_000).affordable(1000) == ("linear", "kernel", "trees")
    assert Sizes(0, 10_000).affordable(100_000) == ("linear",)
    assert Sizes(10, 10_000).affordable(200_000) == ("kernel", "trees")  # of so many texts, the fit is long
    assert Sizes(10, 0).affordable(200_000) == ("linear", "kernel", "trees")
    assert Sizes(1000, 10).affordable(100_000) == ()
    assert Sizes(0, 0).affordable(10) == ()


def fitted(readings, names, y):
    keys = np.arange(len(y), dtype=np.uint64)
    groups = group_tasks([SquaredError()], [1])[1]
    rows = distinct_rows(readings, y, np.ones(y.shape), keys, keys, groups)
    blend = Blend(names, groups, np.ones(1))
    return blend, blend.fit(rows)


def test_texts_that_say_nothing_leave_the_companions_of_the_table():
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(90, 3))
    y = columns[:, :1] - np.abs(columns[:, 1:2])
    names = ["linear", "kernel", "trees"]
    alone, left_alone = fitted(Readings(columns), names, y)
    for tokens in (csr_array(np.full((90, 2), 3.0)), csr_array((90, 2))):
        beside, left_beside = fitted(Readings(columns, tokens, True), names, y)
        for name in ("kernel", "trees"):
            np.testing.assert_array_equal(left_beside[name], left_alone[name])
        one, other = alone.predict(Readings(columns)), beside.predict(Readings(columns, tokens, True))
        # Their ridges are found on other rows.
        assert np.corrcoef(one["linear"][:, 0], other["linear"][:, 0])[0, 1] > 0.999
        assert np.corrcoef(left_beside["linear"][:, 0], left_alone["linear"][:, 0])[0, 1] > 0.99
