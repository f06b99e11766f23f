"""Values of other libraries, none of which darkcall imports."""

from __future__ import annotations

import copy
import datetime as dt
import subprocess
import sys
import time

import pytest

from darkcall.compare import Uncomparable, equal, signature_of


np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pydantic = pytest.importorskip("pydantic")
django = pytest.importorskip("django")


def told(control, candidate, rules=equal):
    return [
        (found.path, found.kind, found.control, found.candidate)
        for found in rules(control, candidate)
    ]


def places(control, candidate, rules=equal):
    return [(found.path, found.kind) for found in rules(control, candidate)]


NAN = float("nan")

EQUAL = [
    (np.array([1, 2]), np.array([1, 2])),
    (np.array([1.0, NAN]), np.array([1.0, NAN])),
    (np.array([1 + 1j, complex(NAN, 0)]), np.array([1 + 1j, complex(NAN, 0)])),
    (np.array(["2024-01-01", "NaT"], "M8[D]"), np.array(["2024-01-01", "NaT"], "M8[D]")),
    (np.array([], dtype=float), np.array([], dtype=float)),
    (np.array([{"a": [1]}, None]), np.array([{"a": [1]}, None])),
    (np.array(NAN), np.array(NAN)),
    (np.array([(1, NAN)], "i4, f8"), np.array([(1, NAN)], "i4, f8")),
    (np.array({"a": 1}, dtype=object), np.array({"a": 1}, dtype=object)),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 3], mask=[0, 1])),
    (np.float64(NAN), np.float64(NAN)),
    (np.datetime64("NaT", "s"), np.datetime64("NaT", "s")),
    (np.str_("a"), np.str_("a")),
    (np.True_, np.bool_(1)),
    (pd.Series([1.0, NAN], name="a"), pd.Series([1.0, NAN], name="a")),
    (pd.Series([1, None], dtype="Int64"), pd.Series([1, None], dtype="Int64")),
    (pd.Series([[1], None], dtype=object), pd.Series([[1], None], dtype=object)),
    (pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"a": [1], "b": ["x"]})),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame([[1, 2]], columns=["a", "a"])),
    (pd.MultiIndex.from_tuples([(1, "a")]), pd.MultiIndex.from_tuples([(1, "a")])),
    (pd.Index(["a"]), pd.Index(["a"])),
    (pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"])),
    (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01")),
    (pd.Interval(0, 1), pd.Interval(0, 1)),
    ([pd.NaT, pd.NA], [pd.NaT, pd.NA]),
    (pl.Series("a", [1.0, NAN, None]), pl.Series("a", [1.0, NAN, None])),
    (pl.DataFrame({"a": [[1], None]}), pl.DataFrame({"a": [[1], None]})),
]


@pytest.mark.parametrize(("control", "candidate"), EQUAL, ids=map(str, range(len(EQUAL))))
def test_these_are_equal(control, candidate):
    assert told(control, candidate) == []
    assert told({"a": [control]}, {"a": [copy.deepcopy(candidate)]}) == []


UNEQUAL = [
    (np.array([1, 2]), np.array([1, 3]), "$[1]", "value"),
    (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [5, 4]]), "$[1][0]", "value"),
    (np.array([1, 2]), np.array([1.0, 2.0]), "$", "dtype"),
    (np.array([1, 2]), np.array([[1, 2]]), "$", "shape"),
    (np.array([1.0, NAN]), np.array([NAN, NAN]), "$[0]", "value"),
    (np.array(["a"]), np.array(["b"]), "$[0]", "value"),
    (np.array([{"a": [1]}]), np.array([{"a": [2]}]), "$[0].a[0]", "value"),
    (np.array({"a": 1}, dtype=object), np.array({"a": 2}, dtype=object), "$.item.a", "value"),
    (np.array([(1, 2)], "i4, f8"), np.array([(1, 3)], "i4, f8"), "$.f1[0]", "value"),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[0, 0]), "$.mask[1]", "value"),
    (np.ma.array([1, 2]), np.ma.array([1, 2.5]), "$.data", "dtype"),
    (np.float64(1), np.float64(2), "$", "value"),
    (np.float64(1), 1.0, "$", "type"),
    (np.float64(1), np.float32(1), "$", "type"),
    (pd.Series([1, 2]), pd.Series([1, 3]), "$[1]", "value"),
    (pd.Series([1, 2]), pd.Series([1, 2, 3]), "$", "length"),
    (pd.Series([1, 2]), pd.Series([1.0, 2.0]), "$", "dtype"),
    (pd.Series([1], name="a"), pd.Series([1], name="b"), "$.name", "value"),
    (pd.Series([1, True], dtype=object), pd.Series([1, 1], dtype=object), "$[1]", "type"),
    (pd.Series([1], index=["a"]), pd.Series([1], index=["b"]), "$.index[0]", "value"),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1, 2]}), "$", "shape"),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]}), "$.a[1]", "value"),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), "$.a", "missing"),
    (pd.DataFrame({"a": [1], "b": 2}), pd.DataFrame({"b": [2], "a": 1}), "$", "order"),
    (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 3]], columns=["a", "a"]),
        "$[1][0]",
        "value",
    ),
    (pd.Categorical(["a", "b"]), pd.Categorical(["b", "a"]), "$[0]", "value"),
    (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"), "$", "value"),
    (pd.Interval(0, 1), pd.Interval(0, 2), "$", "value"),
    (pl.Series("a", [1, 2]), pl.Series("a", [1, 3]), "$[1]", "value"),
    (pl.Series("a", [1]), pl.Series("b", [1]), "$.name", "value"),
    (pl.Series("a", [1]), pl.Series("a", [1.0]), "$", "dtype"),
    (pl.Series("a", [1]), pl.Series("a", [1, 2]), "$", "length"),
    (pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 3]}), "$.a[1]", "value"),
    (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1], "b": [1]}), "$.b", "extra"),
    (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1, 2]}), "$", "shape"),
]


@pytest.mark.parametrize(
    ("control", "candidate", "path", "kind"), UNEQUAL, ids=map(str, range(len(UNEQUAL)))
)
def test_these_differ_at_a_place(control, candidate, path, kind):
    assert places(control, candidate)[0] == (path, kind)
    assert places(candidate, control) != []


def test_a_million_numbers_with_one_difference_take_milliseconds():
    control = np.arange(1_000_000) / 7
    candidate = control.copy()
    candidate[123] = -1.0
    took = []
    for _ in range(5):
        start = time.perf_counter()
        result = equal(control, candidate)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.05
    assert [found.path for found in result] == ["$[123]"]
    assert type(result[0].candidate) is float
    assert result.stopped is None


def test_of_many_differing_elements_ten_are_listed_and_all_are_counted():
    control = np.arange(1_000_000)
    result = equal({"x": control, "y": 1}, {"x": control + 1, "y": 2})
    assert [found.path for found in result] == [*(f"$.x[{i}]" for i in range(10)), "$.y"]
    assert result.stopped == "10 of 1000000 differing elements of an array are listed"


def test_elements_may_differ_within_a_tolerance():
    near = equal.within(rel=1e-6)
    control = np.array([1.0, 2.0, NAN, np.inf])
    assert near(control, control * (1 + 1e-9)) == []
    assert places(control, control + 0.1, near) == [("$[0]", "value"), ("$[1]", "value")]
    assert near(np.float64(1), np.float64(1 + 1e-9)) == []
    assert near(pd.Series([1.0]), pd.Series([1 + 1e-9])) == []
    assert near(pl.Series([1.0]), pl.Series([1 + 1e-9])) == []
    assert (
        near(
            np.array([100]),
            np.array([101]),
        )
        != []
    )
    assert near(np.array([np.inf]), np.array([-np.inf])) != []


def test_elements_and_columns_may_be_ignored():
    assert equal.ignoring("$[1]")(np.array([1, 2]), np.array([1, 3])) == []
    frames = [pd.DataFrame({"a": [1], "at": [at]}) for at in (1, 2)]
    assert equal.ignoring("$.at")(*frames) == []
    frames = [pl.DataFrame({"a": [1], "at": [at]}) for at in (1, 2)]
    assert equal.ignoring("at")(*frames) == []


def test_dtypes_may_differ_where_the_values_say_the_same():
    loose = equal.loosely_typed()
    assert loose(np.array([1, 2]), np.array([1.0, 2.0])) == []
    assert loose(np.array(["a"]), np.array(["a", "bb"])[:1]) == []
    assert loose(np.float64(1), 1) == []
    assert loose(np.float32(1), np.float64(1)) == []
    assert loose([np.True_], [True]) == []
    assert loose(pd.Timestamp("2024-01-01", tz="UTC"), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)) == []
    assert loose(pd.Series([1]), pd.Series([1.0])) == []
    assert loose(pl.Series([1]), pl.Series([1.0])) == []
    assert loose(np.array([1]), np.array([True])) != []
    assert loose(np.array([1]), np.array(["1"])) != []
    assert loose(np.True_, 1) != []


def test_a_lazy_frame_cannot_be_compared():
    frame = pl.LazyFrame({"a": [1]})
    with pytest.raises(Uncomparable, match=r"\.collect\(\) it"):
        equal(frame, pl.LazyFrame({"a": [1]}))


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: object = None
    b: object = 0
    _hidden: int = 0


def test_pydantic_models_are_compared_field_by_field():
    assert told(Model(a=NAN), Model(a=float("nan"), b=0)) == []
    assert places(Model(a=1), Model(a=True)) == [("$.a", "type")]
    assert places(Model(x=1), Model(x=2)) == [("$.__pydantic_extra__.x", "value")]
    control, candidate = Model(), Model()
    candidate._hidden = 1
    assert places(control, candidate) == [("$.__pydantic_private__._hidden", "value")]


@pytest.fixture(scope="module")
def person():
    from django.conf import settings  # noqa: PLC0415 (only if Django is there)

    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        )
        django.setup()
    from django.db import models  # noqa: PLC0415 (its settings come first)

    class Person(models.Model):  # noqa: DJ008 (never shown)
        name = models.CharField(max_length=9)
        boss = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label = "people"

    return Person


def test_django_models_are_compared_by_more_than_the_primary_key(person):
    control, candidate = person(id=1, name="Ada"), person(id=1, name="Bob")
    assert control == candidate
    assert places(control, candidate) == [("$.name", "value")]
    assert places(person(id=1, name="Ada"), person(id=1, name="Ada")) == []
    assert places(person(name="Ada"), person(name="Ada")) == []


def test_what_django_keeps_for_itself_does_not_count(person):
    control, candidate = person(id=1, name="Ada"), person(id=1, name="Ada")
    control._state.adding = False
    control._state.fields_cache["boss"] = None
    control._prefetched_objects_cache = {}
    assert places(control, candidate) == []


def test_query_sets_are_compared_if_their_rows_are_loaded(person):
    control, candidate = person.objects.all(), person.objects.all()
    with pytest.raises(Uncomparable, match="normalize=list"):
        equal(control, candidate)
    control._result_cache = [person(id=1, name="Ada")]
    candidate._result_cache = [person(id=1, name="Bob")]
    assert places(control, candidate) == [("$[0].name", "value")]


def test_a_frame_s_signature_does_not_depend_on_the_rows():
    frames = [pd.DataFrame({"price": prices}) for prices in ([1.0, 2.0, 3.0], [1.0, 5.0, 6.0])]
    assert signature_of(equal(*frames)) == "$.price[*] value float"


def test_no_library_is_imported():
    program = (
        "import sys; from darkcall.compare import equal; equal([1.5, {'a': object()}], [1, {}]);"
        "print(sorted({'numpy', 'pandas', 'polars', 'pydantic', 'django'}"
        " & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"
