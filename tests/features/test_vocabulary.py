import numpy as np
import pytest

from skmtl.features import TableEncoder, samples_of

NAN = np.nan


def objects(*values):
    column = np.empty((len(values), 1), dtype=object)
    column[:, 0] = values
    return column


def fitted(X):
    reader = TableEncoder().build()
    matrix = reader.fit_matrix(X)
    return reader, matrix


@pytest.mark.parametrize(
    ("values", "entries", "codes"),
    [
        (["b", None, "a", "b"], ["a", "b"], [1, NAN, 0, 1]),
        (["b", NAN, "", "b"], ["", "b"], [1, NAN, 0, 1]),
        (["10", "9", None], ["10", "9"], [0, 1, NAN]),
        ([b"b", b"a", None], [b"a", b"b"], [1, 0, NAN]),
        ([np.str_("x"), "x", float("nan"), float("nan")], ["x"], [0, 0, NAN, NAN]),
    ],
)
def test_strings_become_places_in_a_sorted_list(values, entries, codes):
    reader, matrix = fitted(objects(*values))
    assert reader.layout.categories == {0: entries}
    np.testing.assert_array_equal(matrix.ravel(), codes)


def test_categories_that_were_not_there_become_minus_one():
    reader, _ = fitted(objects("a", "b", None))
    np.testing.assert_array_equal(reader.matrix(objects("b", "c", None, "")).ravel(), [1, -1, NAN, -1])


def test_arrays_of_strings_are_categories():
    for dtype in ("U", "S"):
        X = np.array([["b", "x"], ["a", "x"]], dtype=dtype)
        np.testing.assert_array_equal(fitted(X)[1], [[1, 0], [0, 0]])


def test_categorical_numbers_come_in_increasing_order():
    pd = pytest.importorskip("pandas")
    reader, matrix = fitted(pd.DataFrame({"a": pd.Categorical([10, 9, None, 10], categories=[10, 3, 9])}))
    assert reader.layout.categories == {0: [9, 10]}  # 3 is never there
    np.testing.assert_array_equal(matrix.ravel(), [1, 0, NAN, 1])
    later = pd.DataFrame({"a": pd.Categorical([3.0, 10.0, None])})
    np.testing.assert_array_equal(reader.matrix(later).ravel(), [-1, 1, NAN])


def test_a_number_and_its_text_are_different_categories():
    pd = pytest.importorskip("pandas")
    reader, matrix = fitted(pd.DataFrame({"a": pd.Categorical(["1", 1, None, "1"])}))
    assert reader.layout.categories == {0: [1, "1"]}
    np.testing.assert_array_equal(matrix.ravel(), [1, 0, NAN, 1])


def test_intervals_of_cut_are_categories():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": pd.cut(pd.Series([1.0, 5.0, 9.0, None]), [0, 3, 6, 10])})
    np.testing.assert_array_equal(fitted(X)[1].ravel(), [0, 1, 2, NAN])


def test_every_dtype_of_strings_is_the_same():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    values = ["b", None, "a", "c", "b"]
    expected = fitted(objects(*values))
    frames = [pd.DataFrame({"a": pd.Series(values, dtype=dtype)}) for dtype in ("str", "string", object, "category")]
    dtypes = (pl.String, pl.Categorical, pl.Enum(["z", "c", "b", "a"]))
    frames += [pl.DataFrame({"a": pl.Series(values, dtype=dtype)}) for dtype in dtypes]
    for frame in frames:
        reader, matrix = fitted(frame)
        assert reader.layout.categories == expected[0].layout.categories
        np.testing.assert_array_equal(matrix, expected[1])
        for other in frames:
            np.testing.assert_array_equal(reader.matrix(other), expected[1])


@pytest.mark.parametrize("kind", ["objects", "polars", "category"])
def test_ten_thousand_names_are_categories(kind):
    names = [f"customer-{i:08d}-of-the-northern-region" for i in range(10_000)]
    if kind == "objects":
        X = objects(*names)
    elif kind == "polars":
        X = pytest.importorskip("polars").DataFrame({"a": names})
    else:
        X = pytest.importorskip("pandas").DataFrame({"a": names}).astype("category")
    np.testing.assert_array_equal(fitted(X)[1].ravel(), np.arange(10_000))


# Free text


def sentences(n):
    return [f"The customer with number {i} wrote a long letter about the delivery." for i in range(n)]


@pytest.mark.parametrize("kind", ["objects", "category", "polars"])
def test_free_text_is_refused_with_the_way_out(kind):
    texts = [*sentences(30), None]
    if kind == "objects":
        X, where = objects(*texts), "column 0"
    elif kind == "category":
        X, where = pytest.importorskip("pandas").DataFrame({"letter": texts}).astype("category"), "column 'letter'"
    else:
        X, where = pytest.importorskip("polars").DataFrame({"letter": texts}), "column 'letter'"
    with pytest.raises(
        ValueError, match=rf"{where}: it holds free text, such as 'The customer.*in a data frame.*TfidfVectorizer"
    ):
        fitted(X)


SENTENCES = {
    "Chinese": "这手机的屏幕非常好",
    "Japanese": "このカメラはとても良い",
    "Thai": "สินค้านี้ดีมากส่งเร็วบรรจุภัณฑ์สวยงาม",
    "Korean": "이 제품은 정말 좋아요 추천합니다",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_without_spaces_or_of_few_characters_are_free_text(language):
    pd = pytest.importorskip("pandas")
    texts = [SENTENCES[language] + chr(0x4E00 + i) for i in range(30)]
    with pytest.raises(ValueError, match=f"free text, such as '{SENTENCES[language]}"):
        fitted(objects(*texts))
    assert samples_of(pd.DataFrame({"note": texts, "price": range(30)})).names == ("note",)


NAMES = {
    "cities of China": "呼和浩特市",
    "people of China": "欧阳娜娜",
    "addresses": "朝阳区5号",
    "people of Japan": "佐々木 さくら",
    "companies of Japan": "ソニー株式会社",
    "cities of Thailand": "กรุงเทพมหานคร",
    "people of Thailand": "สมชาย ใจดีประเสริฐ",
    "addresses of Korea": "서울특별시 강남구 테헤란로",
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_without_spaces_are_categories(kind):
    names = [f"{NAMES[kind]}{chr(0x4E00 + i)}" for i in range(30)]
    assert len(fitted(objects(*names))[0].layout.categories[0]) == 30


@pytest.mark.parametrize(
    "texts",
    [
        sentences(19),  # too few to tell
        sentences(30) * 3,  # every third is different
        [f"{i:064x}" for i in range(50)],  # hashes
        [f"Smith-Featherstone, Mr John {i}" for i in range(50)],  # names have few words
        [f"a b c d e f {i}" for i in range(50)],  # short
    ],
)
def test_long_or_many_categories_are_no_free_text(texts):
    assert len(fitted(objects(*texts))[0].layout.categories[0]) == len(set(texts))
