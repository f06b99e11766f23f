"""What the end of a test run says of launches, and how it gets there."""

from __future__ import annotations

import json
import os

import attrs
import pytest

from darkcall.testing._plugin_account import MAX_KINDS, Account
from darkcall.testing._plugin_summary import summary_lines
from plugin_runs import beside_a_shop


@pytest.fixture
def run(pytester, monkeypatch):
    return beside_a_shop(pytester, monkeypatch)


@pytest.fixture
def account_of(make_record):
    """Make an account of records with these fields."""

    def make(*records, is_allowed=False):
        account = Account()
        for fields in records:
            record = attrs.evolve(make_record(), **fields)
            account.add(record, record.outcome, "test_it.py::test_a", is_allowed=is_allowed)
        return account

    return make


def a_difference(path, **fields):
    return {"path": path, "kind": "value", "control_type": "int", "candidate_type": "int", **fields}


def test_a_run_without_a_call_says_so(run):
    result = run("def test_it(): pass", "--darkcall=record")

    result.stdout.fnmatch_lines(["=* darkcall =*", "no call of a launch was shadowed"])


def test_launches_without_a_call_are_named(run):
    result = run("def test_it(): price(1)", "--darkcall=record")

    result.stdout.fnmatch_lines(["no call was shadowed of: !idle*"])


def test_a_quiet_run_tells_only_what_is_not_as_it_should_be(run):
    silent = run("def test_it(): price(1)", "--darkcall=record", "-q")
    telling = run("def test_it(): price(3)", "--darkcall=record", "-q")

    silent.stdout.no_fnmatch_line("=* darkcall =*")
    telling.stdout.fnmatch_lines(["=* darkcall =*"])


def test_a_mere_collection_tells_nothing_of_launches(run):
    result = run("def test_it(): price(1)", "--darkcall=record", "--collect-only")

    result.stdout.no_fnmatch_line("=* darkcall =*")


@pytest.mark.parametrize("mode", ["strict", "record"])
def test_names_that_may_mismatch_was_given_for_nothing_are_told(run, mode):
    result = run(
        """
        @pytest.mark.may_mismatch("shop.prise", "shop.price", "shop.total", "!idle")
        def test_all():
            price(3)
            total([1])

        @pytest.mark.may_mismatch("not run")
        @pytest.mark.skip
        def test_skipped(): pass
        """,
        f"--darkcall={mode}",
        "-q",
    )

    result.stdout.fnmatch_lines(
        [
            "may_mismatch names what is no launch: shop.prise",
            "may_mismatch names what did not differ: !idle, shop.total",
        ]
    )


def test_a_quiet_run_tells_of_a_name_that_is_no_launch(run):
    result = run(
        """
        @pytest.mark.may_mismatch("shop.prise")
        def test_all(): price(1)
        """,
        "--darkcall=strict",
        "-q",
    )

    result.stdout.fnmatch_lines(["may_mismatch names what is no launch: shop.prise"])


def test_calls_outside_of_tests_count(run):
    result = run(
        """
        price(3)
        def test_it(): pass
        """,
        "--darkcall=record",
        conftest="""
        def pytest_sessionfinish():
            import shop
            shop.price(3)
        """,
    )

    result.stdout.fnmatch_lines(
        [
            "shop.price [[]candidate[]]: 2 calls: 2 mismatch",
            "2 mismatch: *in the collection of test_it.py: *",
        ]
    )


@pytest.mark.parametrize("hook", ["pytest_collection_modifyitems", "pytest_sessionfinish"])
def test_what_differs_before_and_after_all_tests_is_told_to_be_in_no_test(run, hook):
    result = run(
        "def test_it(): pass",
        "--darkcall=record",
        conftest=f"def {hook}(): import shop; shop.price(3)",
    )

    result.stdout.fnmatch_lines(["1 mismatch: shop.price [[]candidate[]] in no test: *"])


def test_calls_that_were_skipped_are_told_with_the_reason(run):
    result = run(
        """
        def test_total(): total(x for x in [1, 2])
        """,
        "--darkcall=strict",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 skipped: shop.total [[]candidate[]]: *xs*"])


def test_calls_without_end_on_many_threads_are_all_counted(run):
    result = run(
        """
        import threading

        def test_price():
            threads = [threading.Thread(target=lambda: [price(1) for _ in range(300)])
                       for _ in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """,
        "--darkcall=record",
    )

    result.stdout.fnmatch_lines(["shop.price [[]candidate[]]: 1200 calls: 1200 match"])


def test_what_reports_and_workers_tell_is_json(run):
    result = run(
        """
        def test_price(): price(3)
        """,
        "--darkcall=record",
        conftest="""
        import json

        def pytest_configure(config):
            # As a worker has it.
            config.workeroutput = {}

        def pytest_terminal_summary(terminalreporter, config):
            [report] = terminalreporter.stats["passed"]
            data = config.hook.pytest_report_to_serializable(config=config, report=report)
            print("of the report:", json.dumps(data["darkcall"]))
            print("of the worker:", json.dumps(config.workeroutput["darkcall"]))
        """,
    )

    result.stdout.fnmatch_lines(
        [
            'of the report: {"outcomes": [[][[]"shop.price", "candidate", *',
            'of the worker: [[]{"outcomes": [[][]], *"shop.price"*',
        ]
    )


def test_what_each_worker_imports_counts_once(run):
    result = run(
        """
        price(3)
        def test_it(): pass
        """,
        "--darkcall=record",
        conftest="""
        from types import SimpleNamespace

        def pytest_sessionfinish(session):
            # As two workers that end, and one that crashed.
            watch = session.config.pluginmanager.get_plugin("darkcall-watch")
            told = [{"outcomes": [["shop.price", "v2", "match", 5]], "reasons": [], "kinds": []}]
            workers = [*told, ["!a"], ["x"]], [*told, ["!b"], ["y"]]
            for output in ({}, *({"darkcall": worker} for worker in workers)):
                watch.pytest_testnodedown(SimpleNamespace(workeroutput=output))
        """,
    )

    result.stdout.fnmatch_lines(
        [
            "shop.price [[]v2[]]: 5 calls: 5 match",
            "no call was shadowed of: !a, !b, !idle*",
            "may_mismatch names what is no launch: x, y",
        ]
    )


def test_workers_tell_one_summary_even_those_that_crash(run):
    result = run(
        """
        import os

        def test_price(): price(3)
        def test_crash(): os._exit(1)
        """,
        "--darkcall=record",
        "-n1",
        "--max-worker-restart=0",
        plugins=["darkcall", "xdist"],
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["shop.price [[]candidate[]]: 1 call: 1 mismatch"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_test_that_is_forked_while_another_thread_counts_is_told_of(run):
    result = run(
        """
        import os, threading

        def test_fork(request):
            watch = request.config.pluginmanager.get_plugin("darkcall-watch")
            is_held, is_over = threading.Event(), threading.Event()

            def count():
                with watch._counting.inside:
                    is_held.set()
                    is_over.wait(0.05)

            thread = threading.Thread(target=count)
            thread.start()
            is_held.wait()
            child = os.fork()
            if not child:
                price(3)
                os._exit(len(watch._take_counted()["kinds"]))
            is_over.set()
            thread.join()
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        """,
        "--darkcall=record",
        "-Wignore::DeprecationWarning",
    )

    result.assert_outcomes(passed=1)


def test_an_account_is_the_same_after_it_passed_to_another_process(account_of):
    account = account_of(
        {"outcome": "match"},
        {"outcome": "skipped", "reason": "why"},
        {"outcome": "mismatch", "signature": "s", "differences": [a_difference("$", control=1)]},
    )
    other = Account()

    for _ in range(2):
        other.add_plain(json.loads(json.dumps(account.to_plain())))

    assert list(other.outcomes.values()) == [2, 2, 2]
    assert list(other.reasons.values()) == [2]
    assert [kind.count for kind in other.kinds.values()] == [2]


def test_kinds_of_difference_are_bounded(account_of):
    account = account_of(
        *({"outcome": "mismatch", "signature": str(n)} for n in range(MAX_KINDS + 1))
    )

    assert len(account.kinds) == MAX_KINDS
    assert list(account.outcomes.values()) == [MAX_KINDS + 1]
    assert "and 90 more kinds of difference" in list(summary_lines(account, ()))


def test_the_first_differences_of_a_kind_are_shown(account_of):
    account = account_of(
        {
            "launch": "shop.price",
            "candidate": "v2",
            "outcome": "mismatch",
            "differences": [
                a_difference("$.a", control=1, candidate=2),
                a_difference("$.b", control=1, candidate_type=None),
                a_difference("$.c"),
            ],
        }
    )

    _, line = summary_lines(account, ())

    assert line.startswith("1 mismatch: shop.price [v2] in test_it.py::test_a: $.a (value): 1 | 2;")
    assert line.endswith("; $.b (value): 1 | nothing; and 1 more")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"outcome": "candidate_error", "candidate_raised": {"type": "KeyError"}},
            "it raised KeyE",
        ),
        ({"outcome": "uncomparable", "reason": "no way"}, "no way"),
        ({"outcome": "timeout"}, "timeout"),
    ],
)
def test_what_has_no_differences_says_what_it_was(account_of, fields, text):
    *_, line = summary_lines(account_of(fields), ())

    assert f"test_a: {text}" in line


def test_what_nobody_allowed_comes_first(account_of):
    account = account_of(*[{"outcome": "mismatch", "signature": "allowed"}] * 3, is_allowed=True)
    account.add_plain(account_of({"outcome": "mismatch", "signature": "not"}).to_plain())

    _, first, second = summary_lines(account, ())

    assert first.startswith("1 mismatch: ")
    assert second.startswith("3 mismatch (3 allowed by may_mismatch): ")


def test_reasons_and_names_are_bounded(account_of):
    account = account_of(*({"outcome": "skipped", "reason": str(n)} for n in range(12)))

    names = {f"shop.{n:02}" for n in range(12)}
    lines = list(summary_lines(account, names, names | {f"cafe.{n:02}" for n in range(12)}))

    assert "and 2 more reasons" in lines
    assert lines[-3].endswith("shop.09, and 2 more")
    assert lines[-2].endswith("cafe.09, and 2 more")
    assert lines[-1].endswith("shop.09, and 2 more")


def test_launches_without_end_with_names_without_end_are_told_in_few_lines(account_of):
    names = ["\x1b" * 900 + str(n) for n in range(200)]
    account = account_of(
        *({"launch": name, "candidate": name, "outcome": "match"} for name in names[:150])
    )

    lines = list(summary_lines(account, names))

    assert len(lines) == 102
    assert "and 50 more candidates" in lines
    assert len("".join(lines)) < 250_000


def test_values_that_look_the_same_are_shown_once(account_of):
    difference = a_difference("$.a", control="1", candidate="1", candidate_type="shop.Text")

    *_, line = summary_lines(account_of({"outcome": "mismatch", "differences": [difference]}), ())

    assert line.endswith("$.a (value): both are shown as '1'")
