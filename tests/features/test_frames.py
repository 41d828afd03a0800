"""Frames some of whose columns are texts, lists of identifiers, images or sequences."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import eye_array

from skmtl.features import (
    ArrayReader,
    BagEncoder,
    BagReader,
    Form,
    FrameReader,
    ModalReader,
    MultiModal,
    Samples,
    TableEncoder,
    TableReader,
    TextEncoder,
    TextReader,
    reader_of_frame,
    samples_of,
)

N = 30
TEXTS = [f"The customer with number {number} wrote a long letter about it." for number in range(N)]
LISTS = [[number % 7, "new"] for number in range(N)]
FRAME = pd.DataFrame({"size": np.arange(N) * 1.5, "letter": TEXTS, "kind": ["a", "b", None] * (N // 3), "seen": LISTS})


def polars(frame):
    rows = {name: [None if one is None or one != one else one for one in frame[name]] for name in frame}
    rows["seen"] = [None if one is None else [str(each) for each in one] for one in frame["seen"]]
    return pl.DataFrame(rows)


def fitted(frame=FRAME, encoder=None, **changes):
    frame = frame.assign(**changes)
    samples = samples_of(frame, encoder or "auto")
    reader = FrameReader(samples, encoder or TableEncoder())
    return reader, reader.fit_matrix(frame)


# What is found --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda frame: frame, polars, lambda frame: frame.astype({"letter": "category"})])
def test_texts_and_lists_are_found(make):
    assert samples_of(make(FRAME)) == Samples(Form.SEVERAL, (1, 3), ("letter", "seen"))


def test_a_frame_of_one_column_is_read_as_what_it_holds():
    assert samples_of(FRAME[["letter"]]).form is Form.TEXT
    assert samples_of(FRAME[["seen"]]).form is Form.BAG
    assert samples_of(FRAME[["kind"]]) == Samples(Form.COLUMNS)
    assert samples_of(FRAME[["letter", "seen"]]).form is Form.SEVERAL


@pytest.mark.parametrize(
    "letters",
    [
        TEXTS[:19] + [None] * 11,  # too few to tell
        TEXTS[:10] * 3,  # every third is different
        [f"{number:064x}" for number in range(N)],  # hashes
        [f"Smith-Featherstone, Mr John {number}" for number in range(N)],  # names have few words
        [f"a b c d e f {number}" for number in range(N)],  # short
        [None] * N,
        [f"{number:064x}".encode() for number in range(N)],
    ],
)
def test_what_was_read_as_categories_still_is(letters):
    assert samples_of(FRAME[["size", "kind"]].assign(letter=letters)) == Samples(Form.COLUMNS)


@pytest.mark.parametrize(
    "letters",
    [
        [text.encode() for text in TEXTS],
        [text.encode() if row % 2 else text for row, text in enumerate(TEXTS)],
        [None, np.nan, *[text.encode() if row % 3 else text for row, text in enumerate(TEXTS[2:])]],
    ],
)
def test_texts_are_found_in_bytes_too_and_beside_strings(letters):
    frame = FRAME[["size", "kind"]].assign(letter=pd.Series(letters, dtype=object))
    assert samples_of(frame) == Samples(Form.SEVERAL, (2,), ("letter",))
    assert samples_of(frame[["letter"]]).form is Form.TEXT
    reader = FrameReader(samples_of(frame), TableEncoder())
    found = reader.fit_matrix(frame).toarray()
    kept = [None if pd.isna(letter) else text for letter, text in zip(letters, TEXTS, strict=True)]
    np.testing.assert_array_equal(reader.matrix(frame.assign(letter=kept)).toarray(), found)


def test_texts_are_found_in_bytes_of_polars():
    frame = pl.DataFrame({"size": np.arange(N), "letter": [text.encode() for text in TEXTS]})
    assert samples_of(frame).names == ("letter",)
    assert samples_of(frame.with_columns(letter=pl.lit(b"a"))) == Samples(Form.COLUMNS)


def test_few_strings_and_bytes_are_still_a_mixture():
    with pytest.raises(ValueError, match="it mixes"):
        TableEncoder().build().fit_matrix(FRAME[["size"]].assign(letter=["a", b"b"] * (N // 2)))


@pytest.mark.parametrize("first", ["x", 3, 2.5])
def test_what_is_no_list_among_lists_is_named(first):
    frame = FRAME[["size"]].assign(seen=pd.Series([first, *LISTS[1:]], dtype=object))
    assert samples_of(frame).names == ("seen",)
    with pytest.raises(ValueError, match=f"Column 'seen' of X: Row 0 of X holds {first!r}, a .*, where others hold"):
        FrameReader(samples_of(frame), TableEncoder()).fit_matrix(frame)


@pytest.mark.parametrize("value", [["a", "b"], np.ones(2), {"a": 1}])
@pytest.mark.parametrize("letters", [["road"], ["a letter of some length, and all of them different"]])
def test_what_is_no_string_among_strings_is_named(letters, value):
    notes = pd.Series([f"{' '.join(letters)} {row}" for row in range(30)], dtype=object)
    notes[7] = value
    with pytest.raises(TypeError, match=r"column 'note': in row 7 it holds the .*, where others hold strings"):
        samples_of(pd.DataFrame({"note": notes, "price": 1.0}))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_encoders_of_texts_and_lists_read_the_only_column(make):
    for encoder, values in ((TextEncoder(), ["a", "b"]), (BagEncoder(), [["a"], ["b", "c"]])):
        frame = make({"own": values})
        found = samples_of(frame, encoder)
        reader = reader_of_frame(encoder, found)
        expected = encoder.build().fit_matrix(values)
        assert found.names == ("own",)
        assert (reader.fit_matrix(frame) != expected).nnz == 0
        assert (reader.matrix(values) != expected).nnz == 0


def test_only_rows_that_count_tell_texts_from_categories():
    few = np.arange(15)
    assert samples_of(FRAME.drop(columns="seen"), "auto", few).form is Form.COLUMNS
    assert samples_of(FRAME.drop(columns="seen"), "auto", np.empty(0, int)).form is Form.SEVERAL


def test_lists_of_any_kind_are_found():
    for value in ([1], (1, 2), {1}, frozenset("a"), np.array([1, 2]), []):
        column = pd.Series([None, value, np.nan], dtype=object)
        assert samples_of(pd.DataFrame({"x": [1, 2, 3], "seen": column})).names == ("seen",)


@pytest.mark.parametrize(("shape", "form"), [((2, 3), Form.SEQUENCE), ((1, 2, 3), Form.IMAGE)])
def test_images_and_sequences_are_found(shape, form):
    values = [None, *(number * np.ones(shape) for number in range(1, N))]
    frame = FRAME[["size"]].assign(array=pd.Series(values))
    assert samples_of(frame) == Samples(Form.SEVERAL, (1,), ("array",))
    assert samples_of(frame[["array"]]).form is form
    reader, matrix = fitted(frame)
    assert [type(one) for one in reader.inner.readers.values()] == [TableReader, ArrayReader]
    matrix = matrix.toarray()
    assert np.isnan(matrix[0, 1:]).all()
    np.testing.assert_array_equal(matrix[1:, 1:], np.repeat(np.arange(1.0, N)[:, None], 6, 1))
    nested = pl.DataFrame({"size": frame["size"], "array": [None, *(value.tolist() for value in values[1:])]})
    assert samples_of(nested) == samples_of(frame)
    np.testing.assert_array_equal(FrameReader(samples_of(nested), TableEncoder()).fit_matrix(nested).toarray(), matrix)
    alone = FrameReader(samples_of(frame[["array"]]), TableEncoder())
    np.testing.assert_array_equal(alone.fit_matrix(frame[["array"]]), matrix[:, 1:])


def test_what_is_wrong_with_an_array_is_said_of_its_column():
    images = [np.ones((1, 2, 2))] * (N - 1)
    with pytest.raises(ValueError, match=r"Column 'scan' of X: Image 29 of X has shape \(1, 3, 2\)"):
        fitted(scan=pd.Series([*images, np.ones((1, 3, 2))]))
    with pytest.raises(ValueError, match=r"Column 'scan' of X: Sample 1 of X has shape \(5, 3\)"):
        fitted(scan=pd.Series([np.ones((4, 2)), *[np.ones((5, 3))] * (N - 1)]))
    ragged = pl.DataFrame({"size": [1.0, 2.0], "scan": [[[1.0, 2.0], [3.0]], [[1.0, 2.0]]]})
    with pytest.raises(ValueError, match="Column 'scan' of X holds in row 0 lists of different lengths"):
        FrameReader(samples_of(ragged), TableEncoder()).fit_matrix(ragged)


def test_settings_name_texts():
    short = FRAME.assign(letter=["good"] * N)
    assert samples_of(short).names == ("seen",)
    assert samples_of(short, TableEncoder(text_columns=["letter"])).names == ("letter", "seen")
    assert samples_of(FRAME, TableEncoder(text_columns=["kind"])).names == ("kind", "seen")
    for none in ([], None):
        assert samples_of(FRAME, TableEncoder(text_columns=none)).names == ("seen",)
    assert samples_of(FRAME, "passthrough") == Samples(Form.COLUMNS)
    assert samples_of(FRAME.to_numpy()) == Samples(Form.COLUMNS)
    assert samples_of(pd.DataFrame.sparse.from_spmatrix(eye_array(3))) == Samples(Form.COLUMNS)


@pytest.mark.parametrize(
    ("X", "names", "message"),
    [
        (
            FRAME,
            ["letters"],
            r"text_columns names 'letters', which is no column of X; its columns are \['size', 'letter'",
        ),
        (FRAME, ["size"], "text_columns names 'size', which holds neither texts nor lists"),
        (FRAME.assign(letter=None), ["letter"], "names 'letter', which is missing in all rows. Leave it out"),
        (FRAME.to_numpy(), ["letter"], r"text_columns=\['letter'\] names columns, and X is a ndarray without names"),
    ],
)
def test_columns_that_are_no_texts_are_named(X, names, message):
    with pytest.raises(ValueError, match=message):
        samples_of(X, TableEncoder(text_columns=names))


def test_settings_of_another_type_are_refused():
    with pytest.raises(ValueError, match="text_columns"):
        TableEncoder(text_columns="letter").build()
    with pytest.raises(ValueError, match="text_columns"):
        TableEncoder(text_columns=3).build()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", 3.5] * (N // 2), "Cannot encode column 'letter': it mixes strings"),
        (["a", ["b"]] * (N // 2), r"Cannot encode column 'letter': in row 1 it holds the list \['b'\]"),
        ([{"a": 1}] * N, r"Cannot encode column 'letter': in row 0 it holds the dict"),
    ],
)
def test_columns_of_several_kinds_are_named(column, message):
    with pytest.raises((ValueError, TypeError), match=message):
        samples_of(FRAME.assign(letter=column))


# How it is read -------------------------------------------------------------------------------------------------------


def test_each_text_and_list_is_a_part_and_all_else_is_one():
    reader, X = fitted()
    assert isinstance(reader.inner, ModalReader)
    assert {name: type(own) for name, own in reader.inner.readers.items()} == {
        "columns": TableReader,
        "letter": TextReader,
        "seen": BagReader,
    }
    parts = MultiModal({"columns": FRAME[["size", "kind"]], "letter": TEXTS, "seen": FRAME["seen"]})
    expected = ModalReader().fit_matrix(parts)
    np.testing.assert_array_equal(X.toarray(), expected.toarray())
    assert reader.names == list(FRAME.columns)


def test_a_name_that_is_taken_stays_apart():
    frame = FRAME.rename(columns={"letter": "columns"})
    assert list(fitted(frame)[0].inner.readers) == ["columns_", "columns", "seen"]


def test_missing_cells_are_missing_parts():
    letters, lists = [None, "", *TEXTS[2:]], [None, [], *LISTS[2:]]
    reader, X = fitted(letter=letters, seen=pd.Series(lists))
    standardizer = reader.standardizer().update(X, None, np.ones(N))
    np.testing.assert_array_equal(
        standardizer.tensor(X, torch.float32, "cpu")[:3, 3:6], [[1, 0, 0], [1, 0, 0], [1, 1, 1]]
    )
    again = reader.matrix(FRAME.assign(letter=None, seen=None)[:1])
    np.testing.assert_array_equal(standardizer.tensor(again, torch.float32, "cpu")[:, 3:6], [[1, 0, 0]])


def test_columns_are_found_by_name_in_every_kind_of_frame():
    frame = FRAME.assign(seen=[[str(one) for one in row] for row in LISTS])
    reader, X = fitted(frame)
    other = polars(frame)
    for one in (frame[["seen", "kind", "letter", "size"]], other, other[["kind", "seen", "size", "letter"]]):
        np.testing.assert_array_equal(reader.matrix(one).toarray(), X.toarray())
    np.testing.assert_array_equal(reader.matrix(frame[:1]).toarray(), X[:1].toarray())
    numbered = frame.set_axis(range(4), axis=1)
    np.testing.assert_array_equal(fitted(numbered)[1].toarray(), X.toarray())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(columns="letter"), r"yet now missing:\n- letter"),
        (lambda X: X.assign(extra=1), r"unseen at fit time:\n- extra"),
        (
            lambda X: X.to_numpy(),
            r"was a data frame with texts, lists or arrays in \['letter', 'seen'\] at.*a ndarray",
        ),
        (lambda X: X.set_axis(range(4), axis=1).iloc[:, :3], "X has 3 columns, but had 4 at fit"),
        (
            lambda X: X.assign(letter=3.5),
            r"^Column 'letter' of X: Row 0 of X holds 3\.5, a float, where others hold text",
        ),
        (lambda X: X.assign(seen="a"), "^Column 'seen' of X: Row 0 of X holds 'a', a str, where others hold lists"),
        (
            lambda X: X.assign(seen=[[0.5]] * N),
            r"^Column 'seen' of X: Row 0 of X holds 0\.5, a float.*belong into columns",
        ),
        (lambda X: X.assign(seen=[[{"a": 1}]] * N), "^Column 'seen' of X: Row 0 of X holds .*, a dict"),
        (lambda X: X.assign(size="big"), "^X holds categories in column 'size'"),
    ],
)
def test_what_is_unlike_the_frame_of_fit_is_named(change, message):
    reader, _ = fitted()
    with pytest.raises(ValueError, match=message):
        reader.matrix(change(FRAME))


def test_the_only_column_is_named_too():
    reader, X = fitted(FRAME[["letter"]])
    assert isinstance(reader.inner, TextReader)
    assert X.shape == (N, reader.layout.n_columns)
    with pytest.raises(ValueError, match=r"^Column 'letter' of X: Row 0 of X holds 3\.5"):
        reader.matrix(pd.DataFrame({"letter": [3.5]}))


def test_strange_texts_and_lists_are_read():
    reader, _ = fitted()
    strange = FRAME[:4].assign(
        letter=["😀 👍🏽", "x" * 10**6, "", b"bytes"], seen=pd.Series([["😀"], [], [None, np.nan], {"x" * 10**5}])
    )
    block = (
        reader.standardizer().update(fitted()[1], None, np.ones(N)).tensor(reader.matrix(strange), torch.float64, "cpu")
    )
    assert torch.isfinite(block).all()
