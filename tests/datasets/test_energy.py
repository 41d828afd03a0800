import sys
from pathlib import Path

import numpy as np
import pytest

from skmtl.datasets import load_energy

FEATURES = [
    "relative_compactness",
    "surface_area",
    "wall_area",
    "roof_area",
    "overall_height",
    "orientation",
    "glazing_area",
    "glazing_area_distribution",
]
TARGETS = ["heating_load", "cooling_load"]


def test_bunch_holds_what_the_docstring_promises():
    energy = load_energy()
    assert set(energy) == {"data", "target", "frame", "feature_names", "target_names", "DESCR", "filename"}
    assert energy.data.shape == (768, 8)
    assert energy.target.shape == (768, 2)
    assert energy.data.dtype == energy.target.dtype == np.float64
    assert energy.feature_names == FEATURES
    assert energy.target_names == TARGETS
    assert energy.frame is None
    assert Path(energy.filename).is_file()


def test_first_and_last_row():
    energy = load_energy()
    assert energy.data[0].tolist() == [0.98, 514.5, 294.0, 110.25, 7.0, 2.0, 0.0, 0.0]
    assert energy.target[0].tolist() == [15.55, 21.33]
    assert energy.data[-1].tolist() == [0.62, 808.5, 367.5, 220.5, 3.5, 5.0, 0.4, 5.0]
    assert energy.target[-1].tolist() == [16.64, 16.03]


def test_values_keep_the_geometry_and_the_design_of_the_experiment():
    X, _ = load_energy(return_X_y=True)
    column = dict(zip(FEATURES, X.T, strict=True))
    np.testing.assert_array_equal(column["surface_area"], column["wall_area"] + 2 * column["roof_area"])
    assert len(np.unique(X[:, :5], axis=0)) == 12
    np.testing.assert_array_equal(np.unique(column["orientation"], return_counts=True), [[2, 3, 4, 5], [192] * 4])
    np.testing.assert_array_equal(
        np.unique(column["glazing_area"], return_counts=True), [[0, 0.1, 0.25, 0.4], [48, 240, 240, 240]]
    )
    np.testing.assert_array_equal(column["glazing_area"] == 0, column["glazing_area_distribution"] == 0)
    assert len(np.unique(X, axis=0)) == 768


def test_target_statistics():
    _, y = load_energy(return_X_y=True)
    assert y.min(axis=0).tolist() == [6.01, 10.9]
    assert y.max(axis=0).tolist() == [43.1, 48.03]
    # Every load is given in hundredths: their sums are whole numbers, and exact.
    assert (100 * y).round().sum(axis=0).tolist() == [1_713_193, 1_888_340]
    np.testing.assert_allclose(y.mean(axis=0), [17_131.93 / 768, 18_883.40 / 768], rtol=1e-13)


def test_return_X_y_gives_the_arrays_of_the_bunch():
    X, y = load_energy(return_X_y=True)
    energy = load_energy()
    np.testing.assert_array_equal(X, energy.data)
    np.testing.assert_array_equal(y, energy.target)


def test_arrays_are_writable_and_not_shared_between_calls():
    X, y = load_energy(return_X_y=True)
    X[:], y[:] = 0, 0
    assert load_energy().data[0, 0] == 0.98
    assert X.base is None
    assert y.base is None


def test_as_frame_gives_named_columns_with_the_same_values():
    pytest.importorskip("pandas")
    energy = load_energy(as_frame=True)
    assert list(energy.frame.columns) == FEATURES + TARGETS
    assert list(energy.data.columns) == FEATURES
    assert list(energy.target.columns) == TARGETS
    X, y = load_energy(return_X_y=True)
    np.testing.assert_array_equal(energy.data.to_numpy(), X)
    np.testing.assert_array_equal(energy.target.to_numpy(), y)
    np.testing.assert_array_equal(energy.frame.to_numpy(), np.hstack([X, y]))
    frame_X, frame_y = load_energy(return_X_y=True, as_frame=True)
    assert frame_X.equals(energy.data)
    assert frame_y.equals(energy.target)


def test_as_frame_without_pandas_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"load_energy\(as_frame=True\) needs pandas.*pip install pandas"):
        load_energy(as_frame=True)


def test_description_names_source_licence_and_changes():
    description = load_energy().DESCR
    for part in ("Tsanas", "Xifara", "https://doi.org/10.24432/C51307", "CC BY 4.0", "Changed from it"):
        assert part in description
    for column in FEATURES + TARGETS:
        assert column in description


def test_values_equal_the_published_file(shared_data):
    published = (shared_data / "mulan" / "enb.arff").read_text().partition("@data")[2].split()
    X, y = load_energy(return_X_y=True)
    np.testing.assert_array_equal(np.hstack([X, y]), np.loadtxt(published, delimiter=","))
