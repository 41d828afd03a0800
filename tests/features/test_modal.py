"""Several parts are read as each would be alone, and what is missing is marked."""

import numpy as np
import pandas as pd
import pytest
import torch

from skmtl.features import ArrayReader, Form, ModalReader, MultiModal, TableEncoder, form_of
from skmtl.training import content_keys

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"number": [1.0, 2.0, np.nan, 4.0], "kind": ["a", "b", "a", None]})
PICTURES = RNG.normal(size=(4, 1, 2, 2)).astype(np.float32)
SOUNDS = [RNG.normal(size=(length, 2)) for length in (1, 3, 2, 2)]
TEXTS = ["good day", "bad day", "", "good night"]


def container(**changes):
    return MultiModal({"table": TABLE, "picture": PICTURES, "sound": SOUNDS, "text": TEXTS, **changes})


def test_the_form_of_a_container_is_several_parts():
    assert form_of(container()) is Form.SEVERAL
    assert form_of([None, PICTURES[0]]) is Form.IMAGE


def test_parts_are_standardised_as_each_would_be_alone():
    reader = ModalReader()
    X = reader.fit_matrix(container())
    standardizer = reader.standardizer().update(X, None, np.ones(4))
    block = standardizer.tensor(X, torch.float64, "cpu")
    alone = []
    for own, part in [
        (TableEncoder().build(), TABLE),
        (ArrayReader(Form.IMAGE), PICTURES),
        (ArrayReader(Form.SEQUENCE), SOUNDS),
    ]:
        matrix = own.fit_matrix(part)
        alone.append(own.standardizer().update(matrix, None, np.ones(4)).tensor(matrix, torch.float64, "cpu"))
    widths = [int(value) for value in block[0, :4]]
    assert widths[:3] == [part.shape[1] for part in alone]
    assert sum(widths) + 8 == block.shape[1]
    torch.testing.assert_close(block[:, 8 : 8 + sum(widths[:3])], torch.cat(alone, 1))
    np.testing.assert_array_equal(block[:, 4:8], [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]])


def test_missing_samples_of_a_part_are_marked_and_do_not_count():
    reader = ModalReader()
    X = reader.fit_matrix(container(picture=[PICTURES[0], None, PICTURES[2], None], sound=[None, *SOUNDS[1:]]))
    standardizer = reader.standardizer().update(X, None, np.ones(4))
    np.testing.assert_array_equal(
        standardizer.tensor(X, torch.float32, "cpu")[:, 5:7], [[1, 0], [0, 1], [1, 1], [0, 1]]
    )
    picture = standardizer.blocks[1].standardizer
    np.testing.assert_allclose(picture.mean_, PICTURES[[0, 2]].mean(), rtol=1e-6)


def test_a_part_may_be_absent_later_and_its_statistics_stay():
    reader = ModalReader()
    X = reader.fit_matrix(container())
    standardizer = reader.standardizer().update(X, None, np.ones(4))
    for absent in ("table", "picture", "sound", "text"):
        parts = {name: part for name, part in container().parts.items() if name != absent}
        block = standardizer.tensor(reader.matrix(MultiModal(parts)), torch.float32, "cpu")
        place = list(reader.readers).index(absent)
        assert not block[:, 4 + place].any()
        others = [other for other in range(4) if other != place]
        assert block[1, 4:8][others].all()


LONGER = {
    "sound": [RNG.normal(size=(7, 2)), np.array([[1, 2], [3, 4], [5, 6], [0, 0], [0, np.nan]]), None, SOUNDS[3]],
    "series": [np.ones((1, 3)), None, RNG.normal(size=(5, 3)), np.zeros((3, 3))],
}


def fitted_to_short_sequences():
    """Two parts of sequences, read by a reader that has seen others of at most three and two steps."""
    reader = ModalReader()
    short = reader.fit_matrix(container(series=[np.ones((length, 3)) for length in (1, 2, 2, 1)]))
    return reader, reader.standardizer().update(short, None, np.ones(4)), short


def test_sequences_may_be_longer_later_and_are_read_as_they_would_be_alone():
    reader, standardizer, _ = fitted_to_short_sequences()
    X = reader.matrix(container(**LONGER))
    for rows in ([0, 1, 2, 3], [1, 3], [3, 2], [3]):
        block = standardizer.tensor(X[rows], torch.float64, "cpu")
        widths = [int(value) for value in block[0, :5]]
        starts = np.cumsum([10, *widths])
        for place, name, usual in ((2, "sound", (3, 2)), (4, "series", (2, 3))):
            matrix = reader.readers[name].matrix([np.zeros(usual), *(LONGER[name][row] for row in rows)])[1:]
            alone = standardizer.blocks[place].standardizer.tensor(matrix, torch.float64, "cpu")
            torch.testing.assert_close(block[:, starts[place] : starts[place + 1]], alone)


def test_lengths_are_those_of_the_part_that_grew_most():
    reader, standardizer, short = fitted_to_short_sequences()
    assert standardizer.lengths(short) is None
    found = standardizer.lengths(reader.matrix(container(**LONGER)))
    np.testing.assert_allclose(found, [7 / 3, 1 + 3 / 6, 5 / 2, 3 / 2])  # of 6 values a sound, and of 6 a series


def test_a_row_has_the_same_key_whatever_the_length_of_its_neighbours():
    reader, _, short = fitted_to_short_sequences()
    parts = container(series=[np.ones((length, 3)) for length in (1, 2, 2, 1)]).parts
    longer = {name: [*list(parts[name])[:3], LONGER[name][0 if name == "sound" else 2]] for name in LONGER}
    X = reader.matrix(MultiModal({**parts, **longer}))
    assert X.shape[1] > short.shape[1]
    keys = content_keys(X, None, 0, reader.layout)
    np.testing.assert_array_equal(keys[:3], content_keys(short, None, 0, reader.layout)[:3])
    padded = [*longer["sound"][:3], np.concatenate([longer["sound"][3], np.zeros((1, 2))])]
    other = content_keys(reader.matrix(MultiModal({**parts, **longer, "sound": padded})), None, 0, reader.layout)
    np.testing.assert_array_equal(keys[:3], other[:3])
    assert keys[3] != other[3]  # a step of zeros is none of padding


def test_a_row_has_the_same_key_whatever_its_neighbours_hold_and_however_wide_a_part_in_front_is():
    keys = {}
    for name, parts in {
        "alone": {},
        "longer": {"sound": [*SOUNDS[:3], RNG.normal(size=(9, 2))]},
        "another category": {"table": TABLE.assign(kind=["a", "b", "a", "A"])},
        "a wider text": {"text": [*TEXTS[:3], "a much longer text than the others"]},
    }.items():
        reader = ModalReader()
        X = reader.fit_matrix(container(**parts))
        keys[name] = content_keys(X, None, 0, reader.layout)
        assert len(np.unique(keys[name])) == 4
        np.testing.assert_array_equal(keys[name][:3], keys["alone"][:3])


def test_equal_contents_of_two_parts_do_not_cancel_when_they_change_places():
    reader = ModalReader()
    X = reader.fit_matrix(MultiModal({"a": [[1.0], [2.0]], "b": [[2.0], [1.0]]}))
    assert len(np.unique(content_keys(X, None, 0, reader.layout))) == 2


@pytest.mark.parametrize("nothing", [[""] * 4, [[], None, [], []]])
def test_a_part_of_empty_texts_or_lists_says_nothing(nothing):
    reader = ModalReader()
    X = reader.fit_matrix(container(text=nothing))
    standardizer = reader.standardizer().update(X, None, np.ones(4))
    assert standardizer.blocks[3].standardizer.n_tokens == 1
    assert not standardizer.tensor(X, torch.float32, "cpu")[:, 7].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"picture": [None] * 4}, "Part 'picture' of X is missing in all samples"),
        (
            {"picture": [PICTURES[0], np.zeros((1, 3, 3)), *PICTURES[2:]]},
            r"Part 'picture' of X: Image 1 of X has shape \(1, 3, 3\), but image 0 has \(1, 2, 2\)",
        ),
        ({"text": ["a", 3.5, "b", "c"]}, r"Part 'text' of X: Row 1 of X holds 3\.5, a float"),
        ({"sound": [np.full((1, 2), np.inf), *SOUNDS[1:]]}, "Part 'sound' of X: X holds infinity"),
    ],
)
def test_what_a_part_cannot_hold_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        ModalReader().fit_matrix(container(**changes))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 3)), r"X was a MultiModal of the parts \['table', .* at fit, and now it is a ndarray"),
        (container(film=PICTURES), "X has the part 'film', which was not there at fit"),
        (container(picture=np.zeros((4, 1, 3, 3))), r"Part 'picture' of X: X holds images of shape \(1, 3, 3\)"),
        (container(sound=[np.zeros((5, 3))] * 4), r"Part 'sound' of X: X holds sequences of shape .* \(5, 3\)"),
    ],
)
def test_parts_unlike_those_of_fit_are_named(X, message):
    reader = ModalReader()
    reader.fit_matrix(container())
    with pytest.raises(ValueError, match=message):
        reader.matrix(X)
