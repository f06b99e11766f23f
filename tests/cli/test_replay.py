"""``darkcall replay``: what is typed, what is said, and how it ends."""

from __future__ import annotations

import importlib
import json
import os
import sys
import textwrap

import pytest

from darkcall import _cli, flush
from darkcall._cli import _out
from darkcall.sinks import JsonlSink, RollupSink


MODULE = """
import dataclasses
import decimal

from darkcall import dark_launch
from darkcall.runners import InlineRunner


@dataclasses.dataclass
class Line:
    price: decimal.Decimal


def price_v2(lines: list[Line]):
    {candidate}


@dark_launch(
    candidate={{"v2": price_v2}}, name="shop.price", keep="everything",
    runner=InlineRunner(), cpu_budget=None,
)
def price(lines: list[Line]):
    print("told by the control")
    return sum(line.price for line in lines)


class Cart:
    def __init__(self, rate):
        self.rate = rate

    @dark_launch(
        candidate=lambda cart, x: [cart.rate], name="shop.cart", keep="everything",
        runner=InlineRunner(), cpu_budget=None,
    )
    def price(self, x):
        return [self.rate, x]
"""
WRONG = "return float(sum(line.price for line in lines))"
RIGHT = "return sum(line.price for line in lines)"


class Shop:
    """Modules in the current folder, and the records of one of them."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self._capsys = capsys

    def write(self, name, candidate):
        text = textwrap.dedent(MODULE.format(candidate=candidate))
        (self.folder / f"{name}.py").write_text(text)

    def record(self, candidate=WRONG):
        """Have a shop whose candidate is wrong make records."""
        self.write("recorded_shop", candidate)
        sys.path.insert(0, str(self.folder))
        shop = importlib.import_module("recorded_shop")
        sys.path.remove(str(self.folder))
        # Classes are known by their module: what is replayed stands in the same.
        del sys.modules["recorded_shop"]
        return shop

    def __call__(self, *words):
        status = _cli.main(["replay", *words])
        told = self._capsys.readouterr()
        return status, told.out, told.err


@pytest.fixture
def shop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Two files of one name may be written within a second.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Shop(tmp_path, capsys)
    sys.modules.pop("recorded_shop", None)


@pytest.fixture
def recorded(shop):
    """Records of two inputs on which the candidate differs, one of them twice."""
    sink = JsonlSink("records")
    module = shop.record()
    launch = module.price.__darkcall_launch__
    launch.update(sinks=[sink])
    for prices in (["1.5"], ["1.5"], ["1.5", "2"]):
        module.price([module.Line(module.decimal.Decimal(price)) for price in prices])
    module.Cart.price.__darkcall_launch__.update(sinks=[sink])
    module.Cart(3).price(2)
    module.Cart({"password": 1}).price(2)
    flush()
    sink.close()
    shop._capsys.readouterr()
    return shop


def test_what_remains_is_shown_with_an_example_and_ends_with_one(recorded):
    status, out, err = recorded("records", "recorded_shop:price")

    assert status == 1
    assert err == "told by the control\n" * 2
    assert out.splitlines() == [
        "NOT_FIXED",
        "",
        "shop.price: v2",
        "inputs     2 different ones, of 3 recorded calls",
        "fixed      0",
        "remains    2",
        "new        0",
        "",
        "1. $ type decimal.Decimal/float",
        "   remains: 2 inputs, 3 recorded calls; mismatch",
        "   called with: lines=[recorded_shop.Line(price=decimal.Decimal(1.5))]",
        "     $  (type)",
        "       control:   decimal.Decimal(1.5)  (decimal.Decimal)",
        "       candidate: 1.5  (float)",
        "",
        "2 records of other launches passed over.",
    ]


def test_where_all_is_fixed_it_ends_with_zero(recorded):
    recorded.write("recorded_shop", RIGHT)
    status, out, _ = recorded("records", "recorded_shop:price")

    assert status == 0
    assert out.startswith("FIXED\n\nshop.price: v2\n")
    assert "fixed      2\nremains    0\nnew        0\n" in out


def test_what_is_new_is_told_with_what_it_was_recorded_as(recorded):
    recorded.write("recorded_shop", "raise KeyError(len(lines))")
    status, out, _ = recorded("records", "recorded_shop:price")

    assert status == 1
    assert "   new: 2 inputs, 3 recorded calls; candidate_error\n" in out
    assert "   recorded as: $ type decimal.Decimal/float\n" in out
    assert "   candidate raised KeyError: 1\n" in out


def test_what_could_not_be_judged_is_counted_and_ends_with_two(recorded):
    recorded.write("recorded_shop", RIGHT)
    path = recorded.folder / "recorded_shop.py"
    path.write_text(path.read_text().replace("[cart.rate]", "[cart.rate, x]"))
    status, out, _ = recorded("records", "recorded_shop:Cart.price")

    assert status == 2
    assert out.startswith("UNKNOWN\n\nshop.cart: candidate\n")
    assert "fixed      1\n" in out
    assert "1 input not judged\n      1    self.rate.password: hidden\n" in out


def test_more_signatures_and_reasons_than_can_be_read_are_counted(shop):
    sink = JsonlSink("records")
    module = shop.record("return {len(lines): 1}")
    module.price.__darkcall_launch__.update(sinks=[sink])
    for number in range(3):
        module.price([module.Line(module.decimal.Decimal(number))] * number)
    for number in range(22):
        with pytest.raises(AttributeError):
            module.price([{f"x{number}": print}])
    flush()
    sink.close()
    status, out, _ = shop("records", "recorded_shop:price", "--limit", "1", "--outcome", "mismatch")

    assert status == 1
    assert "1 more signature not shown\n" in out
    assert "2 more reasons not shown\n" in out


def test_with_json_standard_output_is_one_document(recorded):
    status, out, err = recorded("records", "recorded_shop:price", "--json", "--candidate", "v2")
    data = json.loads(out)

    assert status == 1
    assert err == "told by the control\n" * 2
    assert data["answer"] == "NOT_FIXED"
    assert data["candidates"][0]["remains"] == 2


def test_other_outcomes_can_be_replayed(recorded):
    status, out, _ = recorded("records", "recorded_shop:price", "--outcome", "match")

    assert status == 2
    assert "shop.price: no record of such an outcome or candidate\n" in out


def test_matches_that_match_are_told(shop):
    sink = JsonlSink("records")
    module = shop.record(RIGHT)
    module.price.__darkcall_launch__.update(sinks=[sink])
    module.price([])
    flush()
    sink.close()
    status, out, _ = shop("records", "recorded_shop:price", "--outcome", "match")

    assert status == 0
    assert "fixed      0\nmatches    1, as recorded\n" in out


def test_a_control_that_changed_and_lines_that_are_no_records_are_told(recorded):
    path = recorded.folder / "recorded_shop.py"
    path.write_text(path.read_text().replace("sum(line.price for line", "max(line.price for line"))
    (file,) = (recorded.folder / "records").glob("*.jsonl")
    file.write_text(file.read_text() + "nonsense\n")
    _, out, _ = recorded("records", "recorded_shop:price")

    assert "The control does something else than was recorded on 1 input.\n" in out
    assert "Not read: 1 not_json.\n" in out


def test_calls_inside_are_not_recorded(recorded):
    before = [path.read_bytes() for path in (recorded.folder / "records").iterdir()]
    path = recorded.folder / "recorded_shop.py"
    path.write_text(
        "import darkcall\n"
        "from darkcall.sinks import JsonlSink\n"
        f"{path.read_text()}\n"
        "price.__darkcall_launch__.update(sinks=[JsonlSink('records')])\n"
        "price([])\n"
    )
    recorded("records", "recorded_shop:price")
    launch = sys.modules["recorded_shop"].price.__darkcall_launch__
    flush()

    assert launch.stats().shadowed == 0
    assert [path.read_bytes() for path in (recorded.folder / "records").iterdir()] == before


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("recorded_shop", "'recorded_shop' is no function: give module:function, as shop.cart"),
        ("recorded_shop:", "'recorded_shop:' is no function"),
        ("recorded_shop:f()", "'recorded_shop:f()' is no function"),
        ("recorded_shop:price_v2", "recorded_shop:price_v2 is not decorated with dark_launch"),
        ("recorded_shop:nope", "recorded_shop:nope cannot be imported: AttributeError: "),
        ("nowhere.shop:price", "nowhere.shop:price cannot be imported: ModuleNotFoundError: "),
        ("exits:price", "exits:price cannot be imported: SystemExit: bye"),
        ("skips:price", "skips:price cannot be imported: Skipped: no database"),
    ],
)
def test_what_is_no_launch_is_an_error(recorded, function, told):
    (recorded.folder / "exits.py").write_text("raise SystemExit('bye')")
    skip = "import pytest; pytest.skip('no database', allow_module_level=True)"
    (recorded.folder / "skips.py").write_text(skip)
    status, out, err = recorded("records", function)

    assert (status, out) == (3, "")
    assert err.startswith(f"darkcall: {told}")
    assert err.count("\n") == 1
    assert ("or set PYTHONPATH" in err) == ("nowhere" in function)


def test_records_of_other_launches_alone_are_an_error(recorded):
    (recorded.folder / "empty.jsonl").write_text("")
    status, _, err = recorded("empty.jsonl", "recorded_shop:price")

    assert status == 3
    assert err == "darkcall: empty.jsonl: no record is of the launch shop.price\n"
    assert recorded("records", "recorded_shop:price", "--candidate", "v9")[0] == 3
    assert recorded("records", "recorded_shop:price", "--outcome", "no")[0] == 3


def test_an_interrupted_import_is_an_interrupt(recorded):
    (recorded.folder / "interrupted.py").write_text("raise KeyboardInterrupt")

    assert recorded("records", "interrupted:price")[0] == 130


def test_rollups_are_told(shop):
    sink = RollupSink(JsonlSink("records"))
    module = shop.record()
    module.price.__darkcall_launch__.update(sinks=[sink])
    for number in range(5):
        module.price([module.Line(module.decimal.Decimal(number))])
    flush()
    sink.close()
    _, out, _ = shop("records", "recorded_shop:price")

    assert "1 rollup not replayed: what they count has no inputs.\n" in out


def test_what_is_printed_past_python_is_not_in_the_answer(capfd):
    with _out.kept_for_the_answer():
        os.write(1, b"by a child process\n")
        sys.stdout.write("by the code\n")
    sys.stdout.write("answer\n")

    assert capfd.readouterr() == ("answer\n", "by a child process\nby the code\n")


def test_without_a_standard_output_nothing_is_kept_for_it(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with _out.kept_for_the_answer():
        assert sys.stdout is sys.stderr
    assert sys.stdout is None
