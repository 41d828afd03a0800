"""How long encoding a data frame takes, next to scikit-learn's ColumnTransformer(OrdinalEncoder, StandardScaler).

10⁶ rows × 20 columns, ten of numbers and ten of strings with 2 to 1000 distinct values. "fit" is `fit_matrix`, the
statistics of the matrix, and one pass over all rows that hands them out as standardised tensors, one-hot columns and
rows of embeddings included, next to `fit_transform`; "transform" is `matrix` and such a pass, next to `transform`.
"fit without pass" leaves the pass out. Both sides take turns; the shortest of several repeats counts. One thread.

    python benchmarks/encoding.py                   # strings in a frame of pandas
    python benchmarks/encoding.py --rows 100000     # fewer rows
    python benchmarks/encoding.py --types category polars objects
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits
from timing import shortest_times

from skmtl.features import Standardizer, TableEncoder, TableReader, as_tensor

N_DISTINCT = (2, 3, 5, 8, 12, 16, 40, 100, 300, 1000)
BATCH = 8192


def make_frame(n_rows: int) -> pd.DataFrame:
    """Return ten columns of numbers and ten of strings."""
    draws = np.random.default_rng(0)
    columns: dict[str, np.ndarray] = {f"number {i}": draws.normal(size=n_rows) for i in range(10)}
    for place, n_distinct in enumerate(N_DISTINCT):
        names = np.array([f"value {i:04d}" for i in range(n_distinct)], dtype=object)
        columns[f"text {place}"] = names[draws.integers(n_distinct, size=n_rows)]
    return pd.DataFrame(columns)


def as_type(frame: pd.DataFrame, kind: str) -> Any:
    """Return the frame with strings of another type."""
    text = [name for name in frame.columns if name.startswith("text")]
    if kind == "category":
        return frame.astype(dict.fromkeys(text, "category"))
    if kind == "objects":
        return frame.astype(dict.fromkeys(text, object))
    if kind == "polars":
        import polars as pl

        return pl.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    return frame


def peer(frame: Any) -> ColumnTransformer:
    names = list(frame.columns)
    return ColumnTransformer(
        [
            ("text", OrdinalEncoder(), [name for name in names if name.startswith("text")]),
            ("number", StandardScaler(), [name for name in names if name.startswith("number")]),
        ]
    )


def pass_over(standardizer: Standardizer, matrix: np.ndarray) -> None:
    """Hand out all rows, a batch at a time, as training does."""
    rows = as_tensor(matrix)
    for places in torch.arange(len(rows)).split(BATCH):
        standardizer.tensor(rows.index_select(0, places), torch.float32, "cpu")


def fit(frame: Any, with_pass: bool) -> tuple[TableReader, Standardizer]:
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(frame)
    standardizer = reader.standardizer().update(matrix, None, np.ones(len(matrix)))
    if with_pass:
        pass_over(standardizer, matrix)
    return reader, standardizer


def transform(frame: Any, reader: TableReader, standardizer: Standardizer) -> None:
    pass_over(standardizer, reader.matrix(frame))


def report(kind: str, n_rows: int, n_repeats: int) -> None:
    frame = as_type(make_frame(n_rows), kind)
    reader, standardizer = fit(frame, with_pass=False)
    fitted = peer(frame).fit(frame)
    ours, short, theirs, our_transform, their_transform = shortest_times(
        [
            lambda: fit(frame, with_pass=True),
            lambda: fit(frame, with_pass=False),
            lambda: peer(frame).fit_transform(frame),
            lambda: transform(frame, reader, standardizer),
            lambda: fitted.transform(frame),
        ],
        n_repeats,
        warm_up=False,
    )
    for work, mine, other in (
        ("fit", ours, theirs),
        ("fit without pass", short, theirs),
        ("transform", our_transform, their_transform),
    ):
        print(f"| {kind} | {work} | {mine / other:.2f} | ≤ 1.5 | {mine:.2f} s / {other:.2f} s |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10**6, help="number of rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--types", nargs="+", default=["strings"], choices=["strings", "category", "objects", "polars"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| text columns | work | ratio | must reach | times |\n|---|---|---|---|---|")
    with threadpool_limits(1):
        for kind in options.types:
            report(kind, options.rows, options.repeats)


if __name__ == "__main__":
    main()
