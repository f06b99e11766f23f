"""``--darkcall``: what is asked for, by whom, and what then happens to a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import darkcall
from darkcall import _config
from plugin_runs import SHOP, beside_a_shop


SOURCE = Path(darkcall.__file__).parents[1]


@pytest.fixture
def run(pytester, monkeypatch):
    return beside_a_shop(pytester, monkeypatch)


def test_without_an_option_nothing_changes(run):
    result = run(
        """
        def test_price(): assert price(3) == 6
        """
    )

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*darkcall:*")
    result.stdout.no_fnmatch_line("=* darkcall =*")


def test_without_an_option_darkcall_is_not_imported(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "_darkcall_pytest" in sys.modules
            assert "darkcall" not in sys.modules
        """
    )

    ended = in_a_process(pytester.path, "-p", "darkcall", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

    assert ended.returncode == 0, ended.stdout


def test_without_the_plugin_there_is_no_option(run):
    result = run("def test_it(): pass", "--darkcall=record", plugins=["no:darkcall"])

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --darkcall=record*"])


def test_coverage_of_the_code_under_test_is_measured_as_ever(pytester):
    pytester.makepyfile(shop=SHOP, test_it="import shop\ndef test_it(): shop.price(1)")
    arguments = ["-p", "darkcall", "--darkcall=record", "-p", "pytest_cov", "--cov=shop"]

    ended = in_a_process(pytester.path, *arguments, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

    assert ended.returncode == 0, ended.stdout
    assert re.search(r"^shop.py +18 +6 ", ended.stdout, re.MULTILINE), ended.stdout


def in_a_process(folder, *arguments, **environment):
    # What is measured here is not to be measured from outside.
    clean = {
        name: text for name, text in os.environ.items() if not name.startswith(("COV", "PYTEST"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**clean, "PYTHONPATH": str(SOURCE), **environment},
    )


def test_strict_fails_a_test_right_at_the_call_that_differs(run):
    result = run(
        """
        def test_price():
            assert price(1) == 2
            price(3)
            assert False, "it did not come here"
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "darkcall: strict",
            ">       price(3)",
            "E       *MismatchError: shop.price: candidate differs from the control",
            "E         called with: x=3",
            "E           candidate: 7  (int)",
            "=* darkcall =*",
            "shop.price [[]candidate[]]: 2 calls: 1 match, 1 mismatch",
        ]
    )
    result.stdout.no_fnmatch_line("*_wrappers.py*")


def test_record_fails_nothing_and_tells_what_differs(run):
    result = run(
        """
        def test_price(): assert price(3) == 6
        """,
        "--darkcall=record",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "darkcall: record",
            "1 mismatch: shop.price [[]candidate[]] in test_it.py::test_price: $ (value): 6 | 7",
        ]
    )


def test_off_switches_launches_off_until_the_run_ends(run):
    result = run(
        """
        from darkcall import launch_of
        from darkcall.testing import capture

        def test_price():
            price(3)
            assert launch_of(price).stats().off == 1

        def test_asked_for_by_name():
            with capture() as records:
                price(3)
            assert len(records) == 1
        """,
        "--darkcall=off",
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["darkcall: off"])
    result.stdout.no_fnmatch_line("=* darkcall =*")
    assert _config.is_enabled()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\ndarkcall = strict"),
        ("pyproject.toml", "[tool.pytest]\nstrict = true\ndarkcall = 'strict'"),
    ],
)
def test_the_configuration_file_can_ask_for_it(run, pytester, file, text):
    (pytester.path / file).write_text(text)

    run("def test_price(): price(3)").assert_outcomes(failed=1)


def test_the_command_line_wins_over_the_configuration_file(run, pytester):
    pytester.makeini("[pytest]\ndarkcall = strict")

    result = run("def test_price(): price(3)", "--darkcall=off")

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [["--darkcall=loud"], ["-o", "darkcall=loud"]])
def test_a_wrong_word_is_told_with_those_that_there_are(run, arguments):
    result = run("def test_price(): price(3)", *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: darkcall='loud': it is one of strict, record, off"])


@pytest.mark.parametrize("version", ["7.4.4", "8.0.0.dev1", "10.1"])
def test_a_pytest_that_is_too_old_is_refused_where_something_is_asked_of_it(
    run, monkeypatch, version
):
    source = "def test_price(darkcall_records): price(1)"
    monkeypatch.setattr(pytest, "__version__", version)

    asked, fixture = run(source, "--darkcall=record"), run(source)

    if version == "7.4.4":
        assert asked.ret == pytest.ExitCode.USAGE_ERROR
        asked.stderr.fnmatch_lines(["ERROR: darkcall='record' needs pytest 8.0 or later; *7.4.4"])
        fixture.assert_outcomes(errors=1)
        fixture.stdout.fnmatch_lines(["*the fixture darkcall_records needs pytest 8.0 or later*"])
    else:
        asked.assert_outcomes(passed=1)
        fixture.assert_outcomes(passed=1)


def test_a_pytest_that_is_too_old_runs_what_asks_for_nothing(run, monkeypatch):
    monkeypatch.setattr(pytest, "__version__", "7.4.4")

    run("def test_price(): price(1)").assert_outcomes(passed=1)


def test_to_watch_while_the_environment_says_off_is_a_usage_error(run, monkeypatch):
    monkeypatch.setattr(_config, "IS_OFF_BY_ENVIRONMENT", True)

    result = run("def test_price(): price(3)", "--darkcall=record")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: darkcall='record', but DARKCALL=off is set in the env*"])


def test_a_mismatch_that_was_caught_fails_the_phase_in_which_it_was(run):
    result = run(
        """
        @pytest.fixture
        def before(): swallowing(3)

        @pytest.fixture
        def after():
            yield
            swallowing(3)

        def test_setup(before): pass
        def test_call(): assert swallowing(3) is None
        def test_teardown(after): pass
        def test_skipped_later():
            swallowing(3)
            pytest.skip("not today")
        def test_expected():
            with pytest.raises(AssertionError):
                price(3)
        def test_none_of_it(): pass
        """,
        "--darkcall=strict",
    )

    # The one of teardown passed before.
    result.assert_outcomes(passed=2, failed=3, errors=2)
    result.stdout.fnmatch_lines(["E*It did not come through: what called caught it, *"])


def test_the_first_of_the_mismatches_that_were_caught_is_shown(run):
    result = run(
        """
        @dark_launch(candidate=lambda: 2)
        def other(): return 1

        def test_it():
            swallowing(3)
            try: other()
            except AssertionError: pass
        """,
        "--darkcall=strict",
    )

    result.stdout.fnmatch_lines(["E*shop.price: candidate differs from the control"])
    result.stdout.no_fnmatch_line("*_plugin.py:*")


def test_a_test_that_fails_by_itself_fails_with_its_own_error(run):
    result = run(
        """
        def test_price():
            swallowing(3)
            raise ValueError("of its own")
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*ValueError: of its own"])


def test_fixtures_of_every_scope_are_watched(run):
    result = run(
        """
        @pytest.fixture(scope="session")
        def of_session(): swallowing(3)

        @pytest.fixture(scope="module")
        def of_module():
            yield
            swallowing(3)

        def test_one(of_session): pass
        def test_two(of_module): pass
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(passed=1, errors=2)


def test_a_mismatch_that_was_caught_while_tests_were_collected_fails_the_collection(run):
    result = run(
        """
        swallowing(3)
        def test_it(): pass
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "shop.price: candidate differs from the control",
            "1 mismatch: *in the collection of test_it.py: *",
        ]
    )


def test_a_collection_that_fails_by_itself_fails_with_its_own_error(run):
    result = run("swallowing(3)\nraise ValueError('of its own')", "--darkcall=strict")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*ValueError: of its own"])


def test_a_mismatch_while_tests_are_collected_is_a_collection_error(run):
    result = run(
        """
        price(3)
        def test_it(): pass
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(errors=1)


def test_unittest_and_subtests_fail_where_the_call_is(run):
    result = run(
        """
        import unittest

        class TestShop(unittest.TestCase):
            def test_raised(self): price(3)
            def test_caught(self): swallowing(3)
            def test_parts(self):
                for x in 2, 3:
                    with self.subTest(x=x):
                        price(x)

        def test_parts(subtests):
            for x in 2, 3:
                with subtests.test(x=x):
                    swallowing(x)
        """,
        "--darkcall=strict",
    )

    assert result.parseoutcomes()["failed"] == 5
    result.stdout.fnmatch_lines(["shop.price [[]candidate[]]: 6 calls: 2 match, 4 mismatch"])


def test_parameters_xfail_and_async_tests_work_as_ever(run):
    result = run(
        """
        @pytest.mark.parametrize("x", [1, 2, 3])
        def test_each(x): price(x)

        @pytest.mark.xfail
        def test_raised(): price(3)

        @pytest.mark.xfail(strict=True)
        def test_caught(): swallowing(3)

        @pytest.mark.xfail(raises=ValueError)
        def test_other(): price(3)

        def test_imperatively():
            swallowing(3)
            pytest.xfail("known")

        @pytest.fixture
        def anyio_backend(): return "asyncio"

        @pytest.mark.anyio
        async def test_async(): price(3)
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(passed=2, failed=3, xfailed=3)


def test_a_mismatch_on_a_thread_of_a_test_fails_the_test(run):
    result = run(
        """
        import concurrent.futures

        def test_threads():
            with concurrent.futures.ThreadPoolExecutor(2) as executor:
                executor.submit(price, 3)
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)


def test_a_mismatch_in_a_task_of_a_test_fails_the_test(run):
    result = run(
        """
        import asyncio
        async def other(x):
            if x == "slow":
                await go_on.wait()
            return x + x

        @dark_launch(candidate=other, name="shop.later")
        async def later(x): return x

        async def turns():
            for _ in range(20): await asyncio.sleep(0)

        def test_caught():
            async def main():
                await asyncio.gather(later("a"), later("b"), return_exceptions=True)

            asyncio.run(main())

        def test_cancelled():
            async def main():
                global go_on
                go_on = asyncio.Event()
                task = asyncio.create_task(later("slow"))
                await turns()
                task.cancel()
                await turns()
                go_on.set()
                await turns()

            asyncio.run(main())
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "FAILED test_it.py::test_caught - *MismatchError*",
            "FAILED test_it.py::test_cancelled - *MismatchError*",
        ]
    )


def test_all_candidates_of_a_call_run_before_it_raises(run):
    result = run(
        """
        @dark_launch(candidate={"v2": lambda x: x + 1, "v3": lambda x: x + 2}, name="shop.two")
        def two(x): return x

        def test_two(): two(1)
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["shop.two [[]v2[]]: 1 call: 1 mismatch", "shop.two [[]v3[]]: 1 call: 1 mismatch"]
    )


def test_a_control_that_disagrees_with_itself_fails_no_test(run):
    result = run(
        """
        from darkcall.testing import capture

        @dark_launch(candidate=lambda: len(calls), name="shop.count")
        def count():
            calls.append(None)
            return len(calls)

        calls = []

        def test_count():
            with capture(noise=1.0) as records:
                count()
            assert [record.outcome for record in records] == ["match", "mismatch"]
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 mismatch: shop.count [[]control[]] in *: $ (value): 1 | 2"])


def test_a_property_that_does_not_hold_is_shrunk_to_its_least_example(run):
    result = run(
        """
        from hypothesis import Phase, given, settings, strategies as st

        @settings(database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
        @given(st.sampled_from([50, 40, 3, 2]), st.integers())
        def test_price(x, y): price(x)
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*shop.price: candidate differs*", "*test_price(*"])
    result.stdout.fnmatch_lines(["E*x=3,*", "E*y=0,*"])


def test_tests_that_are_run_again_begin_anew(run):
    result = run(
        """
        def test_price(darkcall_records):
            price(3)
            assert len(darkcall_records) == 1
        """,
        "--darkcall=record",
        conftest="""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                reports = runtestprotocol(item, log=False, nextitem=nextitem)
                item._initrequest()
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """,
    )

    result.assert_outcomes(passed=1)
    # What the first run was is not told by anybody: its reports were thrown away.
    result.stdout.fnmatch_lines(["shop.price [[]candidate[]]: 1 call: 1 mismatch"])


def test_the_first_failure_ends_a_run_that_was_told_so(run):
    result = run(
        """
        def test_one(): swallowing(3)
        def test_two(): pass
        """,
        "--darkcall=strict",
        "-x",
    )

    result.assert_outcomes(failed=1)


def test_in_any_order_each_test_has_its_own_records(run):
    result = run(
        """
        @pytest.mark.parametrize("times", range(5))
        def test_price(times, darkcall_records):
            for _ in range(times):
                price(1)
            assert len(darkcall_records) == times
        """,
        "--darkcall=record",
        "--random-order",
        plugins=["darkcall", "random_order"],
    )

    result.assert_outcomes(passed=5)


def test_a_call_whose_control_was_ended_by_a_mismatch_inside_is_none_that_differs(run):
    result = run(
        """
        def test_total(): total([1, 3])
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*MismatchError: shop.price: candidate differs from the control",
            "1 skipped: shop.total [[]candidate[]]: a call inside it raised MismatchError",
        ]
    )


def test_a_mismatch_error_that_both_sides_raise_is_agreement(run):
    result = run(
        """
        from darkcall.testing import MismatchError

        def refusing(): raise MismatchError("no")

        def test_it():
            with pytest.raises(MismatchError, match="no"):
                dark_launch(candidate=refusing, name="shop.refuse")(refusing)()
        """,
        "--darkcall=strict",
    )

    result.stdout.fnmatch_lines(["shop.refuse [[]candidate[]]: 1 call: 1 match"])


def test_a_junit_file_tells_the_mismatch(run, pytester):
    run("def test_price(): price(3)", "--darkcall=strict", "--junitxml=report.xml")

    assert "candidate differs from the control" in (pytester.path / "report.xml").read_text()


def test_the_helps_name_what_there_is(run):
    for option, lines in (
        ("--help", ["darkcall:", "*--darkcall=strict|record|off*"]),
        ("--fixtures", ["darkcall_records*", "*Records of the candidates that ran in this test*"]),
        ("--markers", ["@pytest.mark.may_mismatch(*launches): under --darkcall=strict, *"]),
    ):
        run("", option).stdout.fnmatch_lines(lines)


def test_a_test_that_may_mismatch_does_not_fail_and_is_told(run):
    result = run(
        """
        @pytest.mark.may_mismatch
        def test_all(): assert price(3) == 6

        @pytest.mark.may_mismatch("shop.price")
        class TestNamed:
            def test_price(self): price(3)

        @pytest.mark.may_mismatch("shop.total")
        def test_other(): price(3)
        """,
        "--darkcall=strict",
        "--strict-markers",
    )

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["3 mismatch (2 allowed by may_mismatch): shop.price *"])


def test_a_block_inside_a_test_that_may_mismatch_is_as_strict_as_ever(run):
    result = run(
        """
        from darkcall.testing import MismatchError, strict

        @pytest.mark.may_mismatch("shop.price")
        def test_price():
            with pytest.raises(MismatchError), strict():
                price(3)
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(passed=1)


def test_may_mismatch_takes_names_alone(run):
    result = run(
        """
        @pytest.mark.may_mismatch(3)
        def test_number(): pass

        @pytest.mark.may_mismatch(launch="shop.price")
        def test_keyword(): pass
        """,
        "--darkcall=record",
    )

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["may_mismatch takes names of launches, as text: 3"])
    result.stdout.fnmatch_lines(["may_mismatch takes names of launches, as text: 'launch'"])


@pytest.mark.parametrize("arguments", [(), ("--darkcall=record",)])
def test_the_records_of_a_test_grow_with_its_calls(run, arguments):
    result = run(
        """
        def test_price(darkcall_records):
            price(1)
            price(3)
            assert [record.outcome for record in darkcall_records] == ["match", "mismatch"]
        """,
        *arguments,
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [(), ("--darkcall=record",), ("--darkcall=strict",)])
def test_the_records_of_a_test_begin_and_end_with_the_fixture(run, arguments):
    result = run(
        """
        @pytest.fixture(scope="session")
        def of_session(): price(1)

        @pytest.fixture(scope="module")
        def of_module(of_session): price(1)

        @pytest.fixture
        def around():
            seen = []
            yield seen
            price(1)
            assert len(seen[0]) == 1

        def test_declared(of_module, around, darkcall_records):
            around.append(darkcall_records)
            price(2)
            assert len(darkcall_records) == 1

        def test_asked_for_later(request):
            price(1)
            records = request.getfixturevalue("darkcall_records")
            price(2)
            assert len(records) == 1
        """,
        *arguments,
    )

    result.assert_outcomes(passed=2)


def test_a_test_that_needs_records_is_skipped_where_launches_are_off(run, monkeypatch):
    source = "def test_price(darkcall_records): price(1)"

    off = run(source, "--darkcall=off", "-rs")
    monkeypatch.setattr(_config, "IS_OFF_BY_ENVIRONMENT", True)
    off_by_environment = run(source, "-rs")

    off.assert_outcomes(skipped=1)
    off.stdout.fnmatch_lines(["SKIPPED*there are no records: launches are off by --darkcall=off*"])
    off_by_environment.assert_outcomes(skipped=1)
    off_by_environment.stdout.fnmatch_lines(["SKIPPED*DARKCALL=off is set in the environment"])
