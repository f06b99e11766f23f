from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
import types

import pytest
from hypothesis import strategies as st

from darkcall import ConfigurationError, dark_launch
from darkcall.testing import equivalence_tests


PACKAGE = {
    "__init__.py": "",
    "__main__.py": "raise SystemExit('it ran')",
    "prices.py": """
        from darkcall import dark_launch

        @dark_launch(candidate=lambda cart: sum(cart))
        def total(cart: list[int]) -> int:
            return sum(cart)

        @dark_launch(candidate=lambda cart: sum(cart) if cart else 1)
        def differs(cart: list[int]) -> int:
            return sum(cart)

        @dark_launch(candidate=lambda cart: 1)
        def unhinted(cart):
            return 1
    """,
    "inner/__init__.py": "",
    "inner/carts.py": """
        from functools import cached_property
        from darkcall import dark_launch

        class Cart:
            def __init__(self, prices: list[int]):
                self.prices = prices

            @dark_launch(candidate=lambda self: sum(self.prices))
            def total(self):
                return sum(self.prices)

            @classmethod
            @dark_launch(candidate=lambda cls, n: n, name="made")
            def made(cls, n: int):
                return n
    """,
}


numbers = itertools.count()


@pytest.fixture
def shop(pytester, monkeypatch):
    """A package with launches, importable while the test runs."""
    # A name of its own: launches of one that is gone may be there for a while.
    name = f"shop{next(numbers)}"
    for path, text in PACKAGE.items():
        file = pytester.path / name / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(pytester.path)
    importlib.invalidate_caches()
    yield name
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


def run(pytester, text, *options):
    pytester.makepyfile(test_it=textwrap.dedent(text))
    return pytester.runpytest_inprocess(
        "-p", "no:randomly", "-p", "no:cacheprovider", "-rA", *options
    )


def test_each_launch_of_a_package_is_a_test_of_its_own(shop, pytester):
    result = run(
        pytester,
        f"""
        import hypothesis
        from darkcall.testing import equivalence_tests
        test_launches = equivalence_tests(
            "{shop}", max_examples=20, share=("cart", "self.session"),
            settings=hypothesis.settings(database=None, phases=[hypothesis.Phase.generate]),
        )
        """,
    )
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            f"PASSED *::test_launches[[]{shop}.prices.total[]]",
            f"PASSED *::test_launches[[]{shop}.inner.carts.Cart.total[]]",
            "PASSED *::test_launches[[]made[]]",
            f"FAILED *::test_launches[[]{shop}.prices.differs[]]*",
            f"FAILED *::test_launches[[]{shop}.prices.unhinted[]]*",
        ]
    )
    result.stdout.fnmatch_lines_random(
        [
            "E *  differs(cart=[[][]])",
            f"E *has no type hint*: given={{'{shop}.prices.unhinted': {{'cart': st....}}}}",
        ]
    )


@pytest.mark.parametrize("given", [st.integers(), {"x": st.integers()}, {"total": "cart"}])
def test_strategies_that_do_not_say_for_which_launch_are_refused_at_once(given):
    module = types.ModuleType("module_of_total")
    module.total = _launched_in(module.__name__)
    with pytest.raises(ConfigurationError, match="given"):
        equivalence_tests(module, given=given)


def test_strategies_of_a_launch_stand_under_its_parameters():
    module = types.ModuleType("module_of_total")
    module.total = _launched_in(module.__name__)
    with pytest.raises(ConfigurationError) as raised:
        equivalence_tests(module, given={"total": 3})
    assert str(raised.value) == (
        "given={'total': 3} will not do: give strategies by launch and parameter, as "
        "{'total': {'parameter': st....}}"
    )


def _launched_in(module):
    def total(cart):
        return cart

    total.__module__ = module
    return dark_launch(candidate=lambda cart: cart, name="total")(total)


def test_a_launch_gets_its_strategies_by_name(shop, pytester):
    result = run(
        pytester,
        f"""
        from hypothesis import strategies as st
        import {shop}.prices
        from darkcall.testing import equivalence_tests
        test_launches = equivalence_tests(
            {shop}.prices, max_examples=5,
            given={{
                "{shop}.prices.unhinted": {{"cart": st.none()}},
                "{shop}.prices.differs": {{"cart": st.just([1])}},
            }},
        )
        """,
    )
    result.assert_outcomes(passed=3)


def test_a_module_without_launches_is_refused():
    with pytest.raises(ConfigurationError, match="no function of 'types' is decorated with"):
        equivalence_tests(types)


def test_what_is_no_module_is_refused():
    with pytest.raises(ConfigurationError, match=r"equivalence_tests\(3\): give a module"):
        equivalence_tests(3)
    with pytest.raises(ImportError, match="nowhere"):
        equivalence_tests("nowhere")


def test_strategies_of_no_launch_are_refused(shop):
    with pytest.raises(ConfigurationError, match=r"no launch 'total'; the launches are .*total"):
        equivalence_tests(shop, given={"total": {}})


def test_unknown_knobs_are_refused(shop):
    with pytest.raises(TypeError, match="no knob 'comparing'"):
        equivalence_tests(shop, comparing=1)


def test_a_submodule_that_cannot_be_imported_fails_loudly(shop, pytester):
    broken = pytester.path / shop / "broken"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ValueError('broken')")
    with pytest.raises(ValueError, match="broken"):
        equivalence_tests(shop)


def test_namesakes_are_told_apart():
    module = types.ModuleType("namesakes")
    exec("def one(x: int): return x\ndef two(x: int): return x", vars(module))
    launched = [
        dark_launch(candidate=lambda x: x, name="same")(function)
        for function in (module.one, module.two)
    ]
    test = equivalence_tests(module)
    [mark] = test.pytestmark
    assert [one.id for one in mark.args[1]] == ["same", "same-2"]
    assert test.__module__ == __name__
    assert len(launched) == 2


def test_without_pytest_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(ImportError, match="pip install pytest"):
        equivalence_tests("shop")
