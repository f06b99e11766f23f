"""Arrays, series and frames are shown by their first items, and redacted by column."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from darkcall._describe import Budget, describe, is_exact
from darkcall._redact import Redactor


np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

HIDDEN = {"$": "str", "redacted": True}


def shown(value, **bounds):
    described = describe(value, Redactor(), budget=Budget(**bounds))
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    return described


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (np.float64(1.5), {"$": "numpy.float64", "value": 1.5}),
        (np.float32("nan"), {"$": "numpy.float32", "value": {"$": "float", "value": "nan"}}),
        (np.int64(7), {"$": "numpy.int64", "value": 7}),
        (np.True_, {"$": "numpy.bool", "value": True}),
        (np.str_("x"), {"$": "numpy.str_", "value": "x"}),
        (
            np.datetime64("2024-01-02"),
            {"$": "numpy.datetime64", "value": "2024-01-02", "dtype": "datetime64[D]"},
        ),
        (
            np.array([[1, 2], [3, 4]], dtype="i4"),
            {"$": "numpy.ndarray", "dtype": "int32", "shape": [2, 2], "items": [1, 2, 3, 4]},
        ),
        (
            np.array([1, None], dtype=object),
            {"$": "numpy.ndarray", "dtype": "object", "shape": [2], "items": [1, None]},
        ),
        (np.array(7), {"$": "numpy.ndarray", "dtype": "int64", "shape": [], "items": [7]}),
    ],
)
def test_numpy_values_show_their_dtype(value, described):
    assert shown(value) == described
    assert is_exact(described)


def test_a_number_wider_than_python_has_is_shown_as_text():
    assert shown(np.longdouble("0.5"))["dtype"].startswith("float")


def test_a_structured_array_is_redacted_by_field():
    dtype = [("id", "i4"), ("token", "U9")]
    array = np.array([(1, "CANARY")], dtype=dtype)
    assert shown(array)["fields"] == {"id": [1], "token": {"$": "list", "redacted": True}}
    assert shown(array[0])["fields"]["id"] == {"$": "numpy.int32", "value": 1}
    assert "CANARY" not in json.dumps(shown([array, array[0]]))


def test_a_large_array_is_cut_in_no_time():
    array = np.zeros((1000, 1000, 10))
    began = time.process_time()
    described = shown(array)
    assert time.process_time() - began < 0.1
    assert described["shape"] == [1000, 1000, 10]
    assert len(described["items"]) == 200
    assert not is_exact(described)


def test_an_array_whose_items_do_not_fit_is_cut():
    described = shown(np.array(["x" * 100] * 50), size=500)
    assert described["truncated"]


def test_an_array_of_a_kind_of_its_own_is_not_exact():
    assert not is_exact(shown(np.ma.masked_array([1, 2], [True, False])))


@pytest.mark.parametrize("library", [pd, pl])
def test_a_frame_is_shown_by_its_columns(library):
    described = shown(library.DataFrame({"id": [1, 2], "password": ["CANARY"] * 2}))
    assert described["shape"] == [2, 2]
    (name, column), (hidden, redacted) = described["columns"]
    assert (name, hidden) == ("id", "password")
    assert column["items"] == [1, 2]
    assert column["dtype"].lower() == "int64"
    assert redacted["redacted"]
    assert "CANARY" not in json.dumps(described)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_large_frame_is_cut_in_no_time(library):
    frame = library.DataFrame({f"c{i}": range(100_000) for i in range(20)})
    began = time.process_time()
    described = shown(frame)
    assert time.process_time() - began < 0.5
    assert described["shape"] == [100_000, 20]
    assert described["truncated"]
    assert len(json.dumps(described)) < 60_000


@pytest.mark.parametrize("library", [pd, pl])
def test_a_frame_of_more_columns_than_fit_is_cut(library):
    described = shown(library.DataFrame({f"c{i}": [1] for i in range(10)}), items=3)
    assert len(described["columns"]) == 3
    assert described["truncated"]


def test_a_frame_shows_its_index():
    described = shown(pd.DataFrame({"a": [1.5]}, index=["x"]))
    assert described["index"]["items"] == ["x"]
    secret = pd.DataFrame({"a": [1.5]}, index=pd.Index(["CANARY"], name="api_key"))
    assert "CANARY" not in json.dumps(shown(secret))


@pytest.mark.parametrize("series", [pd.Series([1, 2], name="n"), pl.Series("n", [1, 2])])
def test_a_series_shows_its_name_and_dtype(series):
    described = shown(series)
    assert (described["name"], described["length"], described["items"]) == ("n", 2, [1, 2])
    assert is_exact(described)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_series_with_the_name_of_a_secret_is_hidden(library):
    described = shown(
        library.Series(name="token", **{"data" if library is pd else "values": ["CANARY"]})
    )
    assert described["redacted"]
    assert "CANARY" not in json.dumps(described)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_long_series_is_cut(library):
    described = shown(library.Series(range(1_000_000)))
    assert len(described["items"]) == 200
    assert described["length"] == 1_000_000
    assert described["truncated"]


def test_odd_values_of_pandas_are_described():
    described = shown(pd.Series([pd.Timestamp("2024-01-02"), pd.NaT]))
    assert described["items"][0]["value"] == "2024-01-02T00:00:00"
    assert shown(pd.NA)["$"].endswith(".NAType")


def test_describing_imports_none_of_them():
    code = (
        "import sys;"
        "from darkcall._describe import describe; from darkcall._redact import Redactor;"
        "describe({'a': [1.5, b'x']}, Redactor());"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'polars')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
