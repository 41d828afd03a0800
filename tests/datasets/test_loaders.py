"""Loaders of sets that ship, and of copies that the user supplies: tiny files here, the real ones where they are."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, issparse, save_npz

from skmtl.datasets import (
    load_adult,
    load_mulan,
    load_multilabel,
    load_sentences,
    load_spoken_digits,
    load_text_sentiment,
    load_tox21,
)

with_data = pytest.mark.skipif(not os.environ.get("SKMTL_DATA"), reason="SKMTL_DATA names no folder of data sets")


def packed(path, text):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)


# Sentences


def test_sentences_ship():
    texts, labels = load_sentences(return_X_y=True)
    assert texts.shape == (3000,)
    assert all(isinstance(text, str) and text for text in texts)
    source, count = np.unique(labels[:, 0].tolist(), return_counts=True)
    assert source.tolist() == ["amazon", "imdb", "yelp"]
    assert count.tolist() == [1000] * 3
    assert sum(labels[:, 1].tolist()) == 1500
    bunch = load_sentences(as_frame=True)
    assert bunch.target.dtypes.astype(str).to_dict()["positive"] == "int64"
    assert bunch.frame.columns.tolist() == ["text", "source", "positive"]
    assert bunch.target_names == ["source", "positive"]
    assert bunch.feature_names == ["text"]
    assert "CC BY 4.0" in bunch.DESCR or "Creative Commons" in bunch.DESCR


# Tiny files

ARFF = """@relation tiny
@attribute a numeric
@attribute b numeric
@attribute y1 {lines}
@attribute y2 {lines}
@data
1,2,0,1
3,?,1,0
"""


def test_mulan_targets_are_the_last_columns(tmp_path):
    (tmp_path / "mulan").mkdir()
    (tmp_path / "mulan" / "edm.arff").write_text(ARFF.format(lines="numeric"))
    X, y = load_mulan("edm", data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, [[1, 2], [3, np.nan]])
    np.testing.assert_array_equal(y, [[0, 1], [1, 0]])
    bunch = load_mulan("edm", data_home=str(tmp_path), as_frame=True)
    assert bunch.frame.columns.tolist() == ["a", "b", "y1", "y2"]
    assert bunch.target_names == ["y1", "y2"]
    (tmp_path / "mulan" / "wq.arff").write_text(ARFF.format(lines="numeric"))
    with pytest.raises(ValueError, match="has 4 columns, which is not the set 'wq' with 14 targets"):
        load_mulan("wq", data_home=tmp_path)


def test_multilabel_labels_are_those_of_the_list(tmp_path):
    (tmp_path / "multilabel").mkdir()
    (tmp_path / "multilabel" / "yeast.arff").write_text(ARFF.format(lines="{0,1}"))
    names = tmp_path / "multilabel" / "yeast.xml"
    names.write_text(
        '<labels xmlns="http://mulan.sourceforge.net/labels"><label name="y1"/><label name="y2"/></labels>'
    )
    bunch = load_multilabel("yeast", data_home=tmp_path)
    assert bunch.data.shape == (2, 2)
    assert bunch.target.tolist() == [[0, 1], [1, 0]]
    assert bunch.target.dtype == np.int64
    names.write_text('<labels><label name="z"/></labels>')
    with pytest.raises(ValueError, match=r"has no column 'z', which yeast\.xml beside it lists"):
        load_multilabel("yeast", data_home=tmp_path)


def test_unknown_sets_are_refused_with_the_likely_one():
    with pytest.raises(ValueError, match=r"name='jurra' is no multi-target set\. Did you mean 'jura'"):
        load_mulan("jurra")
    with pytest.raises(ValueError, match="is no multi-label set"):
        load_multilabel("x")


ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,"
    "capital_loss,hours_per_week,native_country,income,split\n"
    "30,Private,1,HS,9,Single,?,Own,White,Male,0,0,40,US,<=50K,train\n"
    "40,?,2,BA,13,Married,Sales,Wife,Black,Female,5,0,20,?,>50K,test\n"
)


def test_the_census_is_a_raw_table(tmp_path):
    packed(tmp_path / "adult.csv.gz", ADULT)
    X, y = load_adult(subset="train", data_home=tmp_path, return_X_y=True)
    assert y.columns.tolist() == ["income", "marital_status", "hours_per_week"]
    assert X.shape == (1, 12)
    assert X["occupation"].isna().all()
    assert X["workclass"].cat.categories.tolist() == ["Private"]
    bunch = load_adult(data_home=tmp_path, targets="income")
    assert bunch.target.tolist() == ["<=50K", ">50K"]
    assert bunch.data.shape == (2, 14)
    assert bunch.frame.shape == (2, 16)
    for wrong, message in (
        ({"subset": "half"}, "subset='half' must be one of"),
        ({"targets": "wealth"}, "targets names an unknown column 'wealth'"),
        ({"targets": []}, "must name at least one column"),
        ({"targets": ["sex", "sex"]}, "none twice"),
    ):
        with pytest.raises(ValueError, match=message):
            load_adult(data_home=tmp_path, **wrong)
    packed(tmp_path / "adult.csv.gz", "age,split\n1,train\n")
    with pytest.raises(ValueError, match="has the columns age, split; load_adult needs"):
        load_adult(data_home=tmp_path)


def test_tox21_is_sparse_with_missing_labels(tmp_path):
    save_npz(tmp_path / "tox21_morgan1024.npz", csr_matrix(np.eye(2, 4, dtype=np.uint8)))
    packed(tmp_path / "tox21_labels.csv.gz", "a,b\n1.0,\n,0.0\n")
    X, y = load_tox21(data_home=tmp_path, return_X_y=True)
    assert issparse(X)
    assert X.shape == (2, 4)
    np.testing.assert_array_equal(y, [[1, np.nan], [np.nan, 0]])
    frame = load_tox21(data_home=tmp_path, as_frame=True).frame
    assert frame.columns.tolist() == ["bit0", "bit1", "bit2", "bit3", "a", "b"]
    assert load_tox21(data_home=tmp_path).target_names == ["a", "b"]
    packed(tmp_path / "tox21_labels.csv.gz", "a,b\n1.0,\n")
    with pytest.raises(ValueError, match=r"has 2 rows and .* has 1: the two files do not belong together"):
        load_tox21(data_home=tmp_path)


def test_rated_texts_have_a_class_and_a_number(tmp_path):
    packed(tmp_path / "text_source_sentiment.csv.gz", 'text,source,sentiment\n"good, really",tweet,2.5\nbad,movie,-3\n')
    X, y = load_text_sentiment(data_home=tmp_path, return_X_y=True)
    assert X.tolist() == ["good, really", "bad"]
    assert y.tolist() == [["tweet", 2.5], ["movie", -3.0]]
    frame = load_text_sentiment(data_home=tmp_path, as_frame=True).target
    assert frame["sentiment"].dtype == float
    packed(tmp_path / "text_source_sentiment.csv.gz", "text,mood\na,b\n")
    with pytest.raises(ValueError, match=r"has the columns \['text', 'mood'\]; load_text_sentiment needs"):
        load_text_sentiment(data_home=tmp_path)


def test_spoken_digits_keep_their_own_split(tmp_path):
    archive = {
        "X": np.arange(24.0).reshape(3, 2, 4).astype(np.float16),
        "digit": np.array([1, 2, 3]),
        "speaker": np.array(["u", "v", "u"]),
        "take": np.array([0, 4, 5]),
    }
    np.savez(tmp_path / "spoken_digits_logmel.npz", **archive)
    X, y = load_spoken_digits(subset="test", data_home=tmp_path, return_X_y=True)
    assert X.shape == (2, 2, 4)
    assert X.dtype == np.float32
    assert y.tolist() == [[1, "u"], [2, "v"]]
    bunch = load_spoken_digits(subset="train", data_home=tmp_path, as_frame=True)
    assert bunch.target.columns.tolist() == bunch.target_names == ["digit", "speaker"]
    assert bunch.take.tolist() == [5]
    with pytest.raises(ValueError, match="subset='some' must be one of"):
        load_spoken_digits(subset="some", data_home=tmp_path)


# Files that are not there


@pytest.mark.parametrize(
    "load",
    [
        load_adult,
        load_spoken_digits,
        load_text_sentiment,
        load_tox21,
        lambda **settings: load_mulan("jura", **settings),
        lambda **settings: load_multilabel("emotions", **settings),
    ],
)
def test_a_missing_file_is_named_with_its_licence_and_source(load, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"(?s)There is no file .*data_home.*[Ll]icen"):
        load(data_home=tmp_path)
    monkeypatch.setenv("SKMTL_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="the environment variable SKMTL_DATA"):
        load()
    monkeypatch.delenv("SKMTL_DATA")
    with pytest.raises(FileNotFoundError, match="no folder is known to look for it: give data_home="):
        load()


def test_frames_need_pandas(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"load_sentences\(as_frame=True\) needs pandas, which is not installed"):
        load_sentences(as_frame=True)
    packed(tmp_path / "adult.csv.gz", ADULT)
    with pytest.raises(ImportError, match="load_adult needs pandas"):
        load_adult(data_home=tmp_path)


# The real files


@with_data
def test_the_real_sets_have_the_shapes_that_are_documented():
    shapes = {"andro": (49, 30, 6), "edm": (154, 16, 2), "enb": (768, 8, 2), "jura": (359, 15, 3)}
    shapes |= {"oes10": (403, 298, 16), "scpf": (1137, 23, 3), "wq": (1060, 16, 14)}
    for name, (n_rows, n_features, n_tasks) in shapes.items():
        X, y = load_mulan(name, return_X_y=True)
        assert (X.shape, y.shape) == ((n_rows, n_features), (n_rows, n_tasks))
    for name, (n_rows, n_features, n_tasks) in {"emotions": (593, 72, 6), "yeast": (2417, 103, 14)}.items():
        X, y = load_multilabel(name, return_X_y=True)
        assert (X.shape, y.shape) == ((n_rows, n_features), (n_rows, n_tasks))
    X, y = load_tox21(return_X_y=True)
    assert X.shape == (8006, 1024)
    assert np.isnan(y).mean() == pytest.approx(0.17, abs=0.01)
    assert [len(load_adult(subset=subset).data) for subset in ("train", "test")] == [32561, 16281]
    assert load_text_sentiment(return_X_y=True)[0].shape == (23703,)
    assert load_spoken_digits(subset="test", return_X_y=True)[0].shape == (300, 32, 40)
    assert isinstance(load_mulan("jura", as_frame=True).frame, pd.DataFrame)
