"""What is printed, and when."""

import numpy as np
import pytest

from skmtl import MultiTaskClassifier, MultiTaskRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(60, 2))


def fit(verbose, **params):
    params = {"hidden_layer_sizes": (4,), "max_iter": 5, "n_estimators": 2, "random_state": 0, **params}
    return MultiTaskRegressor(verbose=verbose, **params).fit(X, Y)


@pytest.mark.parametrize("verbose", [0, False])
def test_nothing_is_printed_without_verbose(verbose, capfd):
    model = fit(verbose)
    model.predict(X)
    model.score(X, Y)
    model.partial_fit(X, Y)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [1, True])
def test_verbose_prints_one_line_that_renews_itself(verbose, capfd):
    fit(verbose)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    last = err.strip().split("\r")[-1]
    assert last.startswith("MultiTaskRegressor: 100%")
    assert "5/5" in last
    assert "loss 0." in last or "loss 1." in last
    assert "best holdout score" in last
    assert "<00:00" in last  # the time left


def test_the_best_holdout_score_is_the_best_of_the_history(capfd):
    model = fit(1)
    best = np.nanmax(model.history_.total("valid_score"))
    assert f"best holdout score {best:.4f}" in capfd.readouterr().err.split("\r")[-1]


def test_without_a_holdout_there_is_no_holdout_score(capfd):
    fit(1, early_stopping=False)
    err = capfd.readouterr().err
    assert "loss" in err
    assert "holdout" not in err


def test_two_leaves_a_line_an_epoch(capfd):
    model = fit(2)
    out, _ = capfd.readouterr()
    lines = out.strip().splitlines()
    assert len(lines) == model.n_iter_ == 5
    assert [line.split(", ")[0] for line in lines] == [f"MultiTaskRegressor: epoch {i}/5" for i in range(1, 6)]
    losses = model.history_.total("train_loss")
    assert all(f"loss {loss:.4f}" in line for line, loss in zip(lines, losses, strict=True))


def test_the_line_names_the_estimator(capfd):
    MultiTaskClassifier(hidden_layer_sizes=(4,), max_iter=2, verbose=1).fit(X, Y > 0)
    assert "MultiTaskClassifier" in capfd.readouterr().err
