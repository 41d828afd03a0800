import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

from skmtl.features import MatrixReader, TableEncoder, TableReader, TransformerReader, make_reader, takes_holes

FRAME = pd.DataFrame({"size": [1.0, 2.0, 3.0], "city": ["u", "v", "u"]})


def test_each_encoder_has_its_reader():
    assert isinstance(make_reader("auto"), TableReader)
    assert make_reader("auto").n_bins == TableEncoder().n_bins
    assert make_reader("auto", codes=False).n_bins == 0
    assert make_reader(TableEncoder(n_bins=3), codes=False).n_bins == 3
    assert isinstance(make_reader("passthrough"), MatrixReader)
    assert isinstance(make_reader(StandardScaler()), TransformerReader)


def test_rows_of_unequal_length_are_named():
    with pytest.raises(ValueError, match=r"row 1, \[3.0\], is not as long as row 0"):
        MatrixReader().fit_matrix([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("wrong", [None, 5, "onehot", StandardScaler, object()])
def test_what_is_no_encoder_is_refused(wrong):
    with pytest.raises(ValueError, match="encoder must be 'auto', 'passthrough'"):
        make_reader(wrong)


def test_holes_are_allowed_where_they_are_understood():
    assert takes_holes("auto")
    assert takes_holes(TableEncoder())
    assert takes_holes(StandardScaler())  # it leaves NaN where it is
    assert not takes_holes("passthrough")
    assert not takes_holes(5)


# A matrix of numbers


def test_a_matrix_is_taken_as_it_is():
    X = np.arange(6.0).reshape(3, 2)
    reader = MatrixReader()
    assert reader.fit_matrix(X) is X
    assert reader.layout.n_columns == 2
    assert reader.standardizer().n_outputs == 2


def test_a_sparse_matrix_is_put_in_order_without_changing_the_users():
    given = csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 3))
    matrix = MatrixReader().fit_matrix(given)
    assert matrix.nnz == 1
    assert given.nnz == 2
    np.testing.assert_array_equal(matrix.toarray(), [[3, 0, 0]])


def test_a_matrix_with_a_hole_is_refused_by_name():
    with pytest.raises(ValueError, match="NaN in column 'size', row 1"):
        MatrixReader().fit_matrix(FRAME[["size"]].replace(2.0, np.nan))


# Transformers


def test_what_a_transformer_makes_is_read_as_a_table():
    reader = TransformerReader(FunctionTransformer())
    matrix = reader.fit_matrix(FRAME)
    assert reader.layout.categories == {1: ["u", "v"]}
    np.testing.assert_array_equal(matrix, [[1, 0], [2, 1], [3, 0]])
    np.testing.assert_array_equal(reader.matrix(FRAME[:1]), [[1, 0]])
    assert reader.standardizer().update(matrix, None, np.ones(3)).n_outputs == 3


def test_a_transformer_sees_the_rows_that_count():
    reader = TransformerReader(StandardScaler())
    matrix = reader.fit_matrix(np.array([[1.0], [3.0], [100.0]]), np.array([0, 1]))
    np.testing.assert_allclose(matrix[:2], [[-1], [1]])
    assert len(matrix) == 3


def test_a_transformer_may_make_sparse_numbers():
    matrix = TransformerReader(OneHotEncoder()).fit_matrix(FRAME[["city"]])
    np.testing.assert_array_equal(matrix.toarray(), [[1, 0], [0, 1], [1, 0]])


@pytest.mark.parametrize("rows", [None, np.array([0, 1])])
def test_a_transformer_that_reads_labels_is_refused(rows):
    with pytest.raises(ValueError, match="needs y, but an encoder must not read the labels"):
        TransformerReader(TargetEncoder()).fit_matrix(FRAME[["city"]], rows)


def test_other_errors_of_a_transformer_are_its_own():
    def fails(table):
        raise TypeError(f"not today, {len(table)} rows")

    with pytest.raises(TypeError, match="not today"):
        TransformerReader(FunctionTransformer(fails)).fit_matrix(FRAME)
