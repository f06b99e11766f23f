"""Recorded mismatches become tests that make the same calls."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import json
import shutil
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcall import ConfigurationError
from darkcall.testing import MismatchError, _choice, _written, capture
from darkcall.testing._emit import MARK, emit
from darkcall.testing._found import imported
from darkcall.testing._kinds import MAX_INPUTS
from darkcall.testing._source import NotWrittenError


SHOP = """
import asyncio
import dataclasses
import functools
import threading
from decimal import Decimal

from darkcall import dark_launch


def wrong(*args, **kwargs):
    return "wrong"


async def late_v2(*args, **kwargs):
    return "wrong"


def raises(*args, **kwargs):
    raise ValueError("no")


RAISED = KeyError


class NoSuchLine(LookupError):
    pass


@dataclasses.dataclass
class Line:
    sku: str
    quantity: int = 1


@dataclasses.dataclass
class Cart:
    lines: list[Line]

    @dark_launch(candidate=wrong)
    def total(self, rate, /, *more, note="", **others):
        if rate < 0:
            raise NoSuchLine(rate)
        return rate

    @classmethod
    @dark_launch(candidate=wrong)
    def of(cls, sku):
        return sku

    @staticmethod
    @dark_launch(candidate=wrong)
    def double(number):
        return 2 * number

    @property
    @dark_launch(candidate=wrong)
    def size(self):
        return len(self.lines)

    half = dark_launch(candidate=wrong, name="shop.half")(functools.partial(divmod, 10))


class BigCart(Cart):
    pass


a_cart = Cart([])


class Forgetful:
    def __init__(self, given):
        self.kept = given

    @dark_launch(candidate=wrong)
    def get(self):
        return self.kept


class Failing:
    def __init__(self, given):
        self.given = given
        if given == 13:
            raise RuntimeError("not again")
        if given == 14:
            raise SystemExit("no token=x")

    @dark_launch(candidate=wrong)
    def get(self):
        return self.given


def price_v2(cart, currency="EUR", factor=1):
    return {"total": float(len(cart.lines))}


@dark_launch(candidate={"v2": price_v2, "v3": raises})
def price(cart: Cart, currency="EUR", factor=1):
    return {"total": len(cart.lines)}


@dark_launch(candidate=late_v2)
async def late(number):
    return number


@dark_launch(candidate=wrong)
def same(value):
    return value


@dark_launch(candidate=wrong)
def failing(value):
    raise RAISED(value)


@dark_launch(candidate=wrong, name="checkout")
def checkout(value):
    return value


@dark_launch(candidate=wrong)
def login(user, password):
    return user


@dark_launch(candidate=wrong)
def test_of_quality(value):
    return value


maximum = dark_launch(candidate=wrong, name="shop.maximum")(max)

FREE = 10
LINGERS = threading.Event()


def fee_v2(cents, quantity):
    return cents * quantity * (90 if quantity >= FREE else 100) // 100


@dark_launch(candidate=fee_v2)
def fee(cents, quantity):
    if quantity > 10:
        cents = cents * 90 // 100
    return cents * quantity


def lingering_v2(number):
    LINGERS.wait(30)
    return -number


@dark_launch(candidate=lingering_v2, timeout=0.01, max_stuck=1)
def lingering(number):
    return number


@dark_launch(candidate=wrong, isolate="share")
def emptied(numbers):
    numbers.clear()
    return numbers


@dark_launch(candidate={"v2 of " + "many words " * number: wrong for number in (1, 4, 6, 20)})
def worded(value):
    return value


@dark_launch(candidate={"v2 of " + "many words " * number: wrong for number in (1, 4, 6, 20)})
def worded_and_raising(value):
    raise KeyError(value)


twins = [
    dark_launch(candidate=wrong, name="shop.twin")(lambda value: value),
    dark_launch(candidate=wrong, name="shop.twin")(lambda value: value),
]
one_twin, other_twin = twins
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "shop", raising=False)
        yield importlib.import_module("shop")
        patch.undo()
    sys.modules.pop("shop", None)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    # What is in the folder is imported last.
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


def recorded(*calls):
    """Make calls; give their records as they are read."""
    with capture(keep="everything") as records:
        for function, *args in calls:
            with contextlib.suppress(Exception):
                function(*args)
    return [json.loads(json.dumps(record.to_dict())) for record in records]


def bodies(code):
    """Give the tests of a file by name, without comments."""
    tests = {}
    for part in code.split("\n\n\ndef ")[1:]:
        name, _, body = part.partition("():\n")
        lines = textwrap.dedent(body.partition("\n\n")[0]).splitlines()
        tests[name] = [line for line in lines if not line.startswith("#")]
    return tests


def fails(code):
    """Run each test of a file; tell which fail with a mismatch."""
    module = types.ModuleType("found")
    exec(compile(code, "found", "exec"), vars(module))
    failed = []
    for name, test in vars(module).items():
        if name.startswith("test"):
            with pytest.raises(MismatchError):
                test()
            failed.append(name)
    return failed


def test_a_mismatch_becomes_a_test_that_makes_the_same_call(shop):
    records = recorded((shop.price, shop.Cart([shop.Line("tea", 2)]), "USD"))
    for record in records:
        record["at"] = 1_700_000_000

    emitted = emit(records[:1])

    assert emitted.tests == ("test_price_when_total_differs_in_type",)
    assert emitted.left_out == ()
    assert emitted.code.startswith(MARK)
    assert emitted.code.partition("\n\n")[2] == textwrap.dedent(
        """\
        from darkcall.testing import strict
        from shop import Cart, Line, price


        def test_price_when_total_differs_in_type():
            # $.total: 1 (int) -> 1.0 (float)
            # v2: 1 call, first 2023-11-14 22:13:20 UTC
            with strict(price, candidate="v2"):
                price(Cart(lines=[Line(sku="tea", quantity=2)]), currency="USD")
        """
    )
    assert fails(emitted.code) == list(emitted.tests)


def test_of_each_kind_the_smallest_input_is_written(shop):
    carts = [shop.Cart([shop.Line("tea")] * number) for number in (9, 1, 5)]
    records = recorded(*[(shop.price, cart) for cart in carts])

    emitted = emit(records)

    called = '    price(Cart(lines=[Line(sku="tea", quantity=1)]))'
    assert bodies(emitted.code) == {
        "test_price_when_total_differs_in_type": ['with strict(price, candidate="v2"):', called],
        "test_price_when_candidate_raises": ['with strict(price, candidate="v3"):', called],
    }
    assert "    # $.total: 1 (int) -> 1.0 (float)\n    # v2: 3 calls" in emitted.code
    assert "-> ValueError [message: no]\n    # v3: 3 calls" in emitted.code


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (
            lambda shop: (shop.Cart([]).total, 1, 2, 3),
            [
                "instance = Cart(lines=[])",
                "with strict(Cart.total):",
                "    instance.total(1, 2, 3)",
            ],
        ),
        (lambda shop: (shop.Cart.of, "tea"), ["with strict(Cart.of):", '    Cart.of("tea")']),
        (lambda shop: (shop.BigCart.of, "tea"), None),
        (lambda shop: (shop.Cart.double, 2), ["with strict(Cart.double):", "    Cart.double(2)"]),
        (
            lambda shop: (lambda: shop.Cart([]).size,),
            ["instance = Cart(lines=[])", "with strict(Cart.size):", "    _ = instance.size"],
        ),
        (
            lambda shop: (lambda: asyncio.run(shop.late({1})),),
            ["with strict(late):", "    asyncio.run(late({1}))"],
        ),
        (
            lambda shop: (lambda: shop.Cart([]).total(1, note="x", **{"a b": 1, "c": 2}),),
            [
                "instance = Cart(lines=[])",
                "with strict(Cart.total):",
                '    instance.total(1, note="x", **{"a b": 1}, c=2)',
            ],
        ),
        (
            lambda shop: (shop.test_of_quality, 1),
            ["with strict(_shop_test_of_quality):", "    _shop_test_of_quality(1)"],
        ),
        (
            lambda shop: (shop.Cart([]).total, -1),
            [
                "instance = Cart(lines=[])",
                "with strict(Cart.total), pytest.raises(NoSuchLine):",
                "    instance.total(-1)",
            ],
        ),
        (
            lambda shop: (shop.failing, "x"),
            ["with strict(failing), pytest.raises(KeyError):", '    failing("x")'],
        ),
    ],
)
def test_each_shape_of_function_is_called_as_it_is_called(shop, call, body):
    emitted = emit(recorded(call(shop)))

    if body is None:
        assert emitted.left_out[0].endswith("cls: it cannot be seen into")
        return
    assert list(bodies(emitted.code).values()) == [body]
    assert fails(emitted.code) == list(emitted.tests)


def test_an_exception_that_cannot_be_imported_is_expected_as_any(shop, monkeypatch):
    class LocalError(Exception):
        pass

    monkeypatch.setattr(shop, "RAISED", LocalError)

    emitted = emit(recorded((shop.failing, "x")))

    assert "with strict(failing), contextlib.suppress(Exception):" in emitted.code
    assert fails(emitted.code) == list(emitted.tests)


def test_a_launch_with_a_name_of_its_own_needs_to_be_told_its_function(shop):
    records = recorded((shop.checkout, 1), (shop.maximum, 1, 2), (shop.Cart.half, 3))

    assert len(emit(records).left_out) == 2
    functions = [imported(f"shop:{name}") for name in ("checkout", "Cart.half")]
    assert list(bodies(emit(records, functions).code).values()) == [
        ["with strict(checkout):", "    checkout(1)"],
        ["with strict(Cart.half):", "    Cart.half(3)"],
        ["with strict(maximum):", "    maximum(1, 2)"],
    ]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("shop", "is no function: give module:function"),
        ("shop:class", "is no function: give module:function"),
        ("no_such_module_here:price", "ModuleNotFoundError: No module named"),
        ("shop:nothing", "AttributeError"),
        ("shop:wrong", "is not decorated with dark_launch"),
        ("shop:a_cart.total", "a_cart.total is bound to an instance: name it as Class.total"),
    ],
)
def test_a_function_that_is_not_there_is_an_error(shop, reference, message):
    with pytest.raises(ConfigurationError, match=message):
        imported(reference)


@pytest.mark.parametrize(
    ("launch", "reason"),
    [
        ("checkout", "no function is named like the launch"),
        ("__main__.price", "its file was the main one: --function tells where it is"),
        ("shop.no such thing", "no function is named like the launch"),
        ("no_such_module_here.price", "there is no module no_such_module_here here"),
        ("shop.checkout", "no function is named like the launch: --function tells where it is$"),
        ("shop.wrong", r"\): shop:wrong is not decorated with dark_launch; --function"),
        ("shop.nothing", "AttributeError: .*'nothing'"),
        ("broken.price", "ZeroDivisionError"),
        ("leaving.price", r"SystemExit: no password=\[redacted\];"),
        ("lacking.price", "ModuleNotFoundError: No module named 'no_such_module_here'"),
    ],
)
def test_a_launch_whose_function_is_not_found_is_told_with_the_reason(
    shop, tmp_path, monkeypatch, launch, reason
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "leaving.py").write_text("raise SystemExit('no password=x')")
    (tmp_path / "lacking.py").write_text("import no_such_module_here")
    records = recorded((shop.same, 1), (shop.same, "a"))
    for record in records:
        record["launch"] = launch

    emitted = emit(records)

    assert (emitted.code, emitted.tests) == ("", ())
    assert len(emitted.left_out) == 2
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(emitted.left_out[0])


def test_what_cannot_be_rebuilt_is_told_with_the_reason(shop):
    forgetful, failing = shop.Forgetful([1]), shop.Failing(1)
    failing.given = 13
    records = recorded(
        (shop.same, object()),
        (shop.login, "ann", "x"),
        (forgetful.get,),
        (failing.get,),
        (shop.Cart.double, 3),
    )

    emitted = emit(records)

    assert emitted.tests == ("test_cart_double_when_result_differs_in_type",)
    by_launch = {one.partition(",")[0]: one.partition("): ")[2] for one in emitted.left_out}
    assert by_launch == {
        "shop.same": "value: object: it is told by its identity",
        "shop.login": "password: hidden",
        "shop.Forgetful.get": "a Forgetful does not keep the given that it is made of",
        "shop.Failing.get": "to make the arguments by their classes fails: RuntimeError: not again",
    }
    assert "# No test was written of:\n# - shop." in emitted.code
    compile(emitted.code, "found", "exec")


@pytest.mark.parametrize("name", ["not-a-name", "__main__"])
def test_an_exception_of_a_module_that_no_test_can_import_is_expected_as_any(
    shop, monkeypatch, name
):
    module = types.ModuleType(name)
    module.Error = type("Error", (Exception,), {"__module__": name})
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(shop, "RAISED", module.Error)

    code = emit(recorded((shop.failing, 1))).code

    assert "with strict(failing), contextlib.suppress(Exception):" in code


def test_an_interrupt_is_no_reason_to_leave_a_test_out(shop, monkeypatch, tmp_path):
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(tmp_path)
    records = [{**record, "launch": "interrupted.f"} for record in recorded((shop.same, 1))]

    with pytest.raises(KeyboardInterrupt):
        emit(records)


def test_a_class_that_ends_the_program_is_told_of(shop):
    failing = shop.Failing(1)
    failing.given = 14
    (why,) = emit(recorded((failing.get,))).left_out

    assert why.endswith(
        "to make the arguments by their classes fails: SystemExit: no token=[redacted]"
    )


def test_an_object_that_its_class_makes_otherwise_is_left_out(shop):
    line = shop.Line("tea")
    line.since = 3
    cart = shop.Cart([line])

    emitted = emit(recorded((cart.total, 1)))

    assert emitted.left_out[0].endswith("self: its class makes something else of what was recorded")


def test_a_method_that_a_class_overrides_is_not_called_in_its_place(shop, monkeypatch):
    records = recorded((shop.Cart([]).total, 1))
    function = imported("shop:Cart.total")

    monkeypatch.setattr(shop.Cart, "total", lambda self, rate: None)
    emitted = emit(records, [function])

    assert emitted.left_out[0].endswith("a Cart has a total of its own")


def test_a_function_of_the_main_file_is_found_where_it_is_told(shop):
    records = recorded((shop.same, 1))
    records[0]["launch"] = "__main__.same"

    emitted = emit(records, [imported("shop:same")])

    assert "    same(1)" in emitted.code


def test_what_differs_at_length_stands_in_a_line_for_each_side(shop):
    emitted = emit(recorded((shop.same, "x" * 100)))

    assert "    # $\n    #   'xxxxx" in emitted.code
    assert "    #   -> 'wrong' (str)\n" in emitted.code


def test_arguments_of_a_function_that_takes_others_today_are_left_out(shop):
    records = recorded((shop.same, 1))
    records[0]["arguments"]["gone"] = 1

    assert "gone: the control has no such parameter" in emit(records).left_out[0]


def test_a_method_that_is_recorded_without_its_instance_is_left_out(shop):
    records = recorded((shop.Cart([]).total, 1))
    del records[0]["arguments"]["self"]

    assert emit(records).left_out


def test_records_without_arguments_are_told_of(shop):
    records = recorded((shop.same, 1))
    del records[0]["arguments"]

    assert 'keep="everything"' in emit(records).left_out[0]


def test_what_says_nothing_about_a_candidate_is_passed_over(shop):
    records = [
        {**record, **other}
        for record in recorded((shop.same, 1))
        for other in ({"outcome": "match"}, {"outcome": "timeout"}, {"candidate": "control"})
    ]

    assert emit(records) == emit([])


def test_what_came_up_again_is_preferred_to_what_did_not(shop):
    records = recorded((shop.same, 1), (shop.same, 10_000))
    records[0]["confirmation"] = "flaky_candidate"
    records[1]["confirmation"] = "deterministic"

    assert "same(10000)" in emit(records).code


def test_one_launch_can_be_asked_for(shop):
    records = recorded((shop.same, 1), (shop.Cart.double, 1))

    assert emit(records, launch="shop.same").tests == ("test_same_when_result_differs_in_type",)


def test_a_limit_leaves_the_rarest_kinds_out(shop):
    records = recorded((shop.same, "a"), (shop.same, 1), (shop.same, 2), (shop.same, None))

    emitted = emit(records, limit=1)

    assert "same(1)" in emitted.code
    assert emitted.left_out == ("2 more kinds (2 calls): beyond the limit",)


def test_an_input_is_chosen_on_which_the_candidate_differs_today(shop, monkeypatch):
    records = recorded(*[(shop.fee, 1, quantity) for quantity in (10, 11, 20)])
    assert "    fee(1, quantity=10)\n" in emit(records).code

    monkeypatch.setattr(shop, "FREE", 11)
    emitted = emit(records)

    assert list(bodies(emitted.code).values()) == [["with strict(fee):", "    fee(1, quantity=11)"]]
    assert fails(emitted.code) == list(emitted.tests)
    assert emitted.passing == ()


def test_a_test_that_passes_today_says_so(shop, monkeypatch):
    records = recorded((shop.fee, 10, 10), (shop.fee, 10, 10), (shop.fee, 20, 10), (shop.same, 1))
    monkeypatch.setattr(shop, "FREE", 11)

    emitted = emit(records)

    assert emitted.passing == ("test_fee_when_result_differs",)
    assert "    # passes today, on each of 2 inputs that were tried\n    with strict(fee):" in (
        emitted.code
    )
    assert "    fee(10, quantity=10)\n" in emitted.code
    assert "passes today, on the one input that was tried\n" in emit(records[:1]).code


def test_a_test_that_passes_today_counts_inputs_that_could_not_be_written(shop, monkeypatch):
    def body_of(found, arguments, *rest):
        if arguments["quantity"] == 11:
            raise NotWrittenError("no source")
        return _written.body_of(found, arguments, *rest)

    records = recorded((shop.fee, 10, 10), (shop.fee, 1, 11))
    monkeypatch.setattr(shop, "FREE", 11)
    monkeypatch.setattr(_choice, "body_of", body_of)

    told = "on 1 of 2 inputs that were tried; no test could be written of the others\n"
    assert f"    # passes today, {told}" in emit(records).code


def test_so_many_inputs_of_a_kind_are_tried_and_equal_ones_once(shop, monkeypatch):
    calls = [(shop.fee, 10 * number, 10) for number in (*[1] * 9, *range(1, MAX_INPUTS + 2))]
    records = recorded(*reversed(calls))
    assert emit(records).passing == ()
    monkeypatch.setattr(shop, "FREE", 11)

    for one in (records, reversed(records)):
        told = f"passes today, on each of {MAX_INPUTS} inputs that were tried\n"
        assert told in emit(one).code


def test_where_a_candidate_takes_too_long_the_smallest_input_is_written(shop):
    with capture(keep="everything") as records:
        shop.LINGERS.set()
        shop.lingering(1)
        shop.lingering(20)
        shop.LINGERS.clear()
    records = [json.loads(json.dumps(record.to_dict())) for record in records]

    emitted = emit(records)
    shop.LINGERS.set()

    assert list(bodies(emitted.code).values()) == [["with strict(lingering):", "    lingering(1)"]]
    assert emitted.passing == ()


def test_two_kinds_that_come_up_on_one_call_share_a_test(shop):
    records = recorded((shop.same, 1), (shop.same, 1))
    records[1]["signature"] = "another"

    emitted = emit(records)

    assert emitted.tests == ("test_same_when_result_differs_in_type",)
    assert emitted.code.count("    # candidate: 1 call, first") == 2


def test_what_running_does_to_arguments_is_not_written(shop):
    records = recorded((shop.emptied, []))
    records[0]["arguments"] = {"numbers": [1, 2]}

    emitted = emit(records)

    assert "    emptied([1, 2])\n" in emitted.code


def test_what_the_control_raises_today_is_expected(shop, monkeypatch):
    records = recorded((shop.failing, "x"))
    monkeypatch.setattr(shop, "RAISED", LookupError)

    assert "pytest.raises(LookupError)" in emit(records).code


def test_a_candidate_that_a_launch_has_no_longer_gets_no_test(shop):
    records = recorded((shop.same, 1))
    records[0]["candidate"] = "v1"

    assert emit(records).left_out == (
        "shop.same, v1: $ type int/str (1 call): the launch has no such candidate today",
    )


def test_two_functions_whose_launches_have_one_name_are_an_error(shop):
    one, other = imported("shop:one_twin"), imported("shop:other_twin")

    with pytest.raises(
        ConfigurationError, match="shop:one_twin and shop:other_twin are both named"
    ):
        emit([], [one, other])
    assert "    one_twin(1)\n" in emit(recorded((shop.one_twin, 1)), [one, one]).code


def test_a_function_of_the_main_file_is_not_guessed(shop, tmp_path, monkeypatch):
    (tmp_path / "other_shop.py").write_text(
        "from darkcall import dark_launch\nsame = dark_launch(candidate=str)(lambda value: value)\n"
        "same.__darkcall_launch__.name = 'other_shop.same'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    records = recorded((shop.same, 1))
    records[0]["launch"] = "__main__.same"
    functions = [imported("shop:same"), imported("other_shop:same")]
    monkeypatch.delitem(sys.modules, "other_shop")

    (why,) = emit(records, [*functions, functions[0]]).left_out

    assert why.endswith(
        "it may be shop:same and other_shop:same: --function for one of the two alone"
    )


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("$", "value", "test_same_when_result_differs"),
        ("$.lines[0].price", "missing", "test_same_when_lines_price_is_missing"),
        ("$.a.b.c", "extra", "test_same_when_b_c_is_extra"),
        ("$.total", "length", "test_same_when_total_differs_in_length"),
        ("$", "raised", "test_same_when_candidate_raises"),
        ("$", "not_raised", "test_same_when_candidate_does_not_raise"),
        ("$", "exception", "test_same_when_exceptions_differ"),
        ("$", "Größe: 3", "test_same_when_result_differs_in_gr_e_3"),
        ("$." + "long" * 30, "value", "test_same_when_" + ("long" * 30)[:55]),
    ],
)
def test_a_test_is_named_after_the_function_and_the_first_difference(shop, path, kind, name):
    records = recorded((shop.same, 1))
    records[0]["differences"][0].update(path=path, kind=kind)

    assert emit(records).tests == (name,)


def test_names_of_tests_are_unique(shop):
    records = recorded((shop.same, 1), (shop.same, None), (shop.same, 1.5))

    name = "test_same_when_result_differs_in_type"
    assert emit(records).tests == (name, f"{name}_2", f"{name}_3")


def test_a_comment_tells_the_first_differences_and_how_many_more(shop):
    records = recorded((shop.same, 1))
    one = {"path": "rows: 3", "kind": "length", "control_type": "list", "candidate_type": None}
    records[0]["differences"] = [one] * 5

    emitted = emit(records)

    assert emitted.tests == ("test_same_when_result_differs_in_length",)
    assert emitted.code.count("    # at rows: 3: list -> nothing\n") == 3
    assert "    # and 2 more\n" in emitted.code


def test_a_mismatch_without_differences_is_named_by_its_signature(shop):
    records = recorded((shop.same, 1))
    del records[0]["differences"], records[0]["signature"]

    emitted = emit(records)

    assert emitted.tests == ("test_same_when_result_differs",)
    assert "    # mismatch\n" in emitted.code


HOSTILE = st.text(max_size=60) | st.sampled_from(
    [
        "a\n    import os",
        '"""',
        "'''",
        "\\",
        "\r\nx = 1",
        "\u2028def test_forged(): pass",
        "\ud800",
        "# fmt: off",
        "noqa",
        "{1/0}",
        "\x00",
        "\x0c",
        "def test_forged():",
    ]
)


@settings(max_examples=40)
@given(st.lists(HOSTILE, min_size=8, max_size=8))
def test_no_text_of_a_record_gets_into_the_code(shop, texts):
    value, candidate, path, kind, name, type_name, signature, message = texts
    first, second = recorded((shop.same, "value"), (shop.failing, "value"))
    described = {"$": "str", "escaped": value.encode("unicode_escape").decode()}
    arguments = recorded((shop.same, [value, {name: value}]))[0]["arguments"]
    difference = {
        "path": path,
        "kind": kind,
        "control_type": type_name,
        "candidate_type": None,
        "control": described,
    }
    records = [
        {
            **first,
            "candidate": candidate,
            "signature": signature,
            "differences": [difference],
            "arguments": arguments,
        },
        {**second, "control_raised": {"type": type_name, "message": message}},
        {**first, "launch": name, "candidate": candidate, "signature": message},
    ]

    emitted = emit(records)

    tests = [one for one in compiled_names(emitted.code) if one.startswith("test")]
    assert sorted(tests) == sorted(emitted.tests)
    assert all(line.isprintable() for line in emitted.code.split("\n"))
    assert 1 <= len(tests) <= 2


def compiled_names(code):
    """Give the names of all functions in a file, and see that it has nothing but these."""
    names = []
    for statement in ast.parse(code).body:
        assert isinstance(statement, ast.FunctionDef | ast.ImportFrom | ast.Import)
        if isinstance(statement, ast.FunctionDef):
            names.append(statement.name)
            assert all(isinstance(one, ast.With | ast.Assign) for one in statement.body)
    return names


RUFF = shutil.which("ruff", path=Path(sys.executable).parent) or shutil.which("ruff")


@pytest.mark.skipif(RUFF is None, reason="ruff, which formats, is not installed")
def test_a_formatter_and_a_linter_have_nothing_to_say(shop, tmp_path):
    texts = ["it's\n" * 30, 'a "quoted" text, ' * 9, "# noqa", "漢字 " * 40, b"\x00'\"" * 40]
    lines = [shop.Line("tea " * 9, number) for number in range(9)]
    records = recorded(
        *[(shop.same, text) for text in texts],
        *[(shop.same, [text, {"key": text, 2.5e300: (text,)}, {1, 2}]) for text in texts],
        (shop.price, shop.Cart(lines), "USD"),
        (shop.Cart(lines).total, 1, *texts),
        (shop.Cart(lines[:1]).total, -1),
        (shop.failing, texts),
        (shop.test_of_quality, {"a": lines[:1]}),
        (lambda: asyncio.run(shop.late([1] * 40)),),
        (lambda: shop.Cart([]).size,),
        (shop.login, "ann", "x"),
        (shop.worded, 1),
        (shop.worded_and_raising, 1),
    )
    for number, record in enumerate(records):
        record["signature"] = f"# fmt: skip {number}"
    # What another one has been found with.
    records.append({**records[0], "candidate": "# noqa: F401", "launch": "nowhere"})
    file = tmp_path / "test_found.py"
    emitted = emit(records)
    file.write_text(emitted.code, encoding="utf-8")

    for command in (["format", "--check", "--diff"], ["check"]):
        ruff = [RUFF, command[0], "--isolated", "--no-cache", *command[1:]]
        done = subprocess.run([*ruff, file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert len(emitted.tests) > 15
