import sys

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmtl import MultiTaskRegressor
from skmtl.metrics import TaskReport, task_report

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = X @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))


def by_name(report):
    return {row["task"]: row for row in report.rows}


def test_a_row_holds_the_metrics_of_its_task(mixed):
    estimator, X, y = mixed
    report = task_report(estimator, X, y)
    assert isinstance(report, TaskReport)
    rows, table = by_name(report), estimator.table
    assert list(rows) == ["price", "tags", "kind", "visits", "stars"]
    assert rows["price"]["r2"] == rows["price"]["score"] == pytest.approx(metrics.r2_score(y["price"], table["price"]))
    assert rows["visits"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(y["visits"], table["visits"]))
    assert rows["visits"]["mae"] == pytest.approx(metrics.mean_absolute_error(y["visits"], table["visits"]))
    assert rows["kind"]["accuracy"] == pytest.approx((y["kind"] == table["kind"]).mean())
    balanced = metrics.balanced_accuracy_score(y["stars"], table["stars"])
    assert rows["stars"]["balanced_accuracy"] == pytest.approx(balanced)
    chances = estimator.probabilities
    auc = metrics.roc_auc_score(y["kind"], chances["kind"], multi_class="ovr")
    assert rows["kind"]["roc_auc"] == pytest.approx(auc)
    assert rows["kind"]["log_loss"] == pytest.approx(metrics.log_loss(y["kind"], chances["kind"]))
    of_group = [metrics.roc_auc_score(y[name], chances["tags"][:, t]) for t, name in enumerate(("hot", "new"))]
    assert rows["tags"]["roc_auc"] == pytest.approx(np.mean(of_group))
    assert (rows["tags"]["n_columns"], rows["tags"]["n_classes"], rows["kind"]["n_classes"]) == (2, None, 3)


def test_the_baseline_is_the_best_constant(mixed):
    estimator, X, y = mixed
    rows = by_name(task_report(estimator, X, y))
    assert rows["price"]["baseline"] == 0
    assert rows["kind"]["baseline"] == pytest.approx(y["kind"].value_counts(normalize=True).max())
    shares = [max(y[name].mean(), 1 - y[name].mean()) for name in ("hot", "new")]
    assert rows["tags"]["baseline"] == pytest.approx(np.mean(shares))
    for row in rows.values():
        assert row["lift"] == pytest.approx(row["score"] - row["baseline"])


def test_missing_labels_are_counted_and_left_out(mixed):
    estimator, X, y = mixed
    y = y.copy()
    y.loc[:14, "price"] = np.nan
    y.loc[:29, "kind"] = None
    report = task_report(estimator, X, y)
    rows = by_name(report)
    assert (rows["price"]["n_labels"], rows["price"]["missing"]) == (45, 0.25)
    assert (rows["kind"]["n_labels"], rows["kind"]["missing"]) == (30, 0.5)
    assert rows["price"]["r2"] == pytest.approx(metrics.r2_score(y["price"][15:], estimator.table["price"][15:]))
    assert report.total["n_labels"] == 360 - 45
    assert report.total["missing"] == pytest.approx(45 / 360)


def test_the_total_is_the_mean_over_tasks():
    y = np.where(rng.random(Y.shape) < 0.2, np.nan, Y)
    model = MultiTaskRegressor(hidden_layer_sizes=(4,), max_iter=2, n_estimators=1, random_state=0)
    model = make_pipeline(StandardScaler(), model).fit(X, y)
    report = task_report(model, X, y)
    assert report.total["score"] == pytest.approx(model.score(X, y))
    assert report.total["lift"] == pytest.approx(np.mean([row["lift"] for row in report.rows]))


def test_weights_of_cells_count():
    model = LinearRegression().fit(X, Y)
    weights = rng.integers(0, 3, Y.shape).astype(float)
    rows = by_name(task_report(model, X, Y, sample_weight=weights))
    expected = metrics.r2_score(Y[:, 1], model.predict(X)[:, 1], sample_weight=weights[:, 1])
    assert rows["y1"]["r2"] == pytest.approx(expected)
    assert rows["y1"]["n_labels"] == np.count_nonzero(weights[:, 1])


def test_what_is_undefined_is_nan_without_a_warning(mixed):
    estimator, X, y = mixed
    rows = by_name(task_report(estimator, X[:1], y[:1]))
    assert np.isnan([rows["price"][key] for key in ("r2", "baseline", "lift")]).all()
    assert np.isfinite(rows["price"]["mae"])
    assert np.isnan(rows["kind"]["roc_auc"])
    assert rows["kind"]["baseline"] == 1
    rows = by_name(task_report(estimator, X, y.assign(kind=None)))
    assert (rows["kind"]["n_labels"], rows["kind"]["missing"]) == (0, 1)
    assert np.isnan(rows["kind"]["score"])
    assert "–" in repr(task_report(estimator, X, y.assign(kind=None)))


def test_constant_labels_leave_nothing_to_explain():
    model = LinearRegression().fit(X, Y)
    rows = by_name(task_report(model, X, np.column_stack([Y[:, 0], np.ones(40)])))
    assert (rows["y1"]["r2"], rows["y1"]["baseline"]) == (0, 1)


def test_classifiers_without_probabilities_have_no_area():
    tags = (Y > 0).astype(int)
    rows = by_name(task_report(RidgeClassifier().fit(X, tags), X, tags))
    assert np.isnan([rows["y0"]["roc_auc"], rows["y0"]["log_loss"]]).all()
    assert np.isfinite(rows["y0"]["balanced_accuracy"])


def test_no_label_at_all_is_refused():
    with pytest.raises(ValueError, match=r"task_report: no label to score; .* Columns of y: 'y0', 'y1'"):
        task_report(LinearRegression().fit(X, Y), X, np.full(Y.shape, np.nan))


# Shown


def test_the_text_is_aligned_and_narrow(mixed):
    text = str(task_report(*mixed))
    assert max(map(len, text.splitlines())) < 100
    sections = [section.splitlines() for section in text.split("\n\n")]
    assert [len(section) for section in sections] == [3, 4, 1]
    assert sections[0][0].split() == ["task", "type", "labels", "missing", "R²", "baseline", "lift", "RMSE", "MAE"]
    assert sections[1][1].split()[:3] == ["tags", "2", "labels"]
    assert sections[0][0].index("labels") == sections[1][0].index("labels")
    for section in sections[:2]:
        assert len(set(map(len, section))) == 1
    assert sections[2][0].split()[:4] == ["total", "5", "tasks", "360"]


def test_long_names_are_shortened_in_the_middle(mixed):
    estimator, X, y = mixed
    long = "a very long name of a task that no terminal shows at once, "
    estimator.types = {long + "first": "classification", long + "second": "regression"}
    estimator.columns, estimator.classes = None, {}
    estimator.table = estimator.table[["kind", "price"]].set_axis(list(estimator.types), axis=1)
    estimator.probabilities = {}
    y = y[["kind", "price"]].set_axis(list(estimator.types), axis=1)
    report = task_report(estimator.fit(X, y), X, y)
    text = str(report)
    assert max(map(len, text.splitlines())) < 100
    assert "first " in text
    assert "second " in text
    assert "…" in text
    assert long + "first" in report._repr_html_()


def test_the_html_is_escaped():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame(Y, columns=["<b>&", "b"])
    html = task_report(LinearRegression().fit(X, y), X, y)._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert html.count("<tr>") == html.count("</tr>") == 4


def test_a_frame_holds_a_row_a_task_and_a_total(mixed):
    estimator, X, y = mixed
    frame = task_report(estimator, X, y, as_frame=True)
    assert frame.index.tolist() == ["price", "tags", "kind", "visits", "stars", "total"]
    report = task_report(estimator, X, y)
    assert frame.loc["kind", "roc_auc"] == by_name(report)["kind"]["roc_auc"]
    assert frame.loc["total", "score"] == report.total["score"]


def test_a_frame_needs_pandas(monkeypatch):
    report = task_report(LinearRegression().fit(X, Y), X, Y)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas; without it, its attribute `rows`"):
        report.to_frame()
