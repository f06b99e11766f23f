from __future__ import annotations

import importlib
import sys
import types

import pytest

from darkcall import ConfigurationError, dark_launch
from darkcall.testing import equivalence_tests


PACKAGE = {
    "shop/__init__.py": "",
    "shop/__main__.py": "raise SystemExit('it ran')",
    "shop/prices.py": """
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
    "shop/inner/__init__.py": "",
    "shop/inner/carts.py": """
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


@pytest.fixture
def shop(pytester, monkeypatch):
    """A package with launches, importable while the test runs."""
    for path, text in PACKAGE.items():
        file = pytester.path / path
        file.parent.mkdir(exist_ok=True)
        pytester.makepyfile(**{path.removesuffix(".py"): text})
    monkeypatch.syspath_prepend(pytester.path)
    importlib.invalidate_caches()
    yield pytester
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def run(pytester, text, *options):
    pytester.makepyfile(test_it=text)
    return pytester.runpytest_inprocess(
        "-p", "no:randomly", "-p", "no:cacheprovider", "-rA", *options
    )


def test_each_launch_of_a_package_is_a_test_of_its_own(shop):
    result = run(
        shop,
        """
        import hypothesis
        from darkcall.testing import equivalence_tests
        test_launches = equivalence_tests(
            "shop", max_examples=20,
            settings=hypothesis.settings(database=None, phases=["generate", "shrink"]),
        )
        """,
    )
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "PASSED *::test_launches[[]shop.prices.total[]]",
            "PASSED *::test_launches[[]shop.inner.carts.Cart.total[]]",
            "PASSED *::test_launches[[]made[]]",
            "FAILED *::test_launches[[]shop.prices.differs[]]*MismatchError*",
            "FAILED *::test_launches[[]shop.prices.unhinted[]]*ConfigurationError*",
        ]
    )
    result.stdout.fnmatch_lines_random(
        [
            "E *  differs(cart=[[][]])",
            "E *the parameter 'cart' has no type hint*",
        ]
    )


def test_a_launch_gets_its_strategies_by_name(shop):
    result = run(
        shop,
        """
        from hypothesis import strategies as st
        import shop.prices
        from darkcall.testing import equivalence_tests
        test_launches = equivalence_tests(
            shop.prices, max_examples=5,
            given={
                "shop.prices.unhinted": {"cart": st.none()},
                "shop.prices.differs": {"cart": st.just([1])},
            },
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
        equivalence_tests("shop", given={"total": {}})


def test_unknown_knobs_are_refused(shop):
    with pytest.raises(TypeError, match="no knob 'comparing'"):
        equivalence_tests("shop", comparing=1)


def test_a_submodule_that_cannot_be_imported_fails_loudly(shop):
    broken = shop.path / "shop" / "broken"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ValueError('broken')")
    with pytest.raises(ValueError, match="broken"):
        equivalence_tests("shop")


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
