"""A file of tests from recorded mismatches: one for each kind, with its smallest input."""

from __future__ import annotations

import bisect
import collections
import json
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._describe import is_exact
from darkcall._model import CONTROL_NAME
from darkcall._paths import steps_of
from darkcall._text import one_line
from darkcall.analysis._described import shown
from darkcall.analysis._words import counted, moment

from ._found import Found, NotFoundError, by_name
from ._imports import Imports
from ._rebuild import NotRebuiltError, Rebuilder
from ._recorded import DIFFERING
from ._source import NotWrittenError
from ._written import Body, body_of


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: What the file begins with, so that it may be overwritten.
MARK: Final = '# Written by "darkcall emit"'
_HEAD: Final = f"""\
{MARK} from recorded mismatches, which writes it anew each time:
# copy a test to another file before you change it.

"""
_FLAKY: Final = frozenset({"flaky_control", "flaky_candidate", "first_sight"})
_MAX_TRIED: Final = 8
_MAX_DIFFERENCES: Final = 3
_MAX_SIDE: Final = 60
_MAX_LINE: Final = 80
_MAX_COMMENT: Final = 240
_MAX_NAME: Final = 70
_WORDS: Final = {
    "value": "differs",
    "missing": "is_missing",
    "extra": "is_extra",
}
#: Of these the place says nothing: it is the result as a whole.
_SENTENCES: Final = {
    "raised": "candidate_raises",
    "not_raised": "candidate_does_not_raise",
    "exception": "exceptions_differ",
}


@attrs.define(eq=False)
class _Kind:
    """One kind of mismatch.

    Attributes:
        launch: Of this launch.
        candidate: Of this candidate.
        signature: What makes it a kind.
        calls: How many there were.
        first_at: When the first of them was.
        smallest: Those with the smallest arguments: how hard each is to take, and the record.
    """

    launch: str
    candidate: str
    signature: str
    calls: int = 0
    first_at: float = float("inf")
    smallest: list[tuple[tuple[Any, ...], Mapping[str, Any]]] = attrs.Factory(list)

    def add(self, record: Mapping[str, Any]) -> None:
        self.calls += 1
        self.first_at = min(self.first_at, record["at"])
        arguments = record.get("arguments")
        size = len(json.dumps(arguments))
        if len(self.smallest) == _MAX_TRIED and (False, False, size) >= self.smallest[-1][0]:
            # However whole it is: to find that out takes longer.
            return
        is_whole = isinstance(arguments, dict) and is_exact(arguments)
        effort = (not is_whole, _is_flaky(record), size)
        bisect.insort(self.smallest, (effort, record), key=lambda one: one[0])
        del self.smallest[_MAX_TRIED:]


def _is_flaky(record: Mapping[str, Any]) -> bool:
    return record.get("confirmation") in _FLAKY


@attrs.frozen(eq=False)
class _Test:
    """A test, and what it is of; several kinds may come up on the same call."""

    name: str
    body: Body
    of: list[tuple[_Kind, Mapping[str, Any]]]


@attrs.frozen
class Emitted:
    """What became of recorded mismatches.

    Attributes:
        code: The file; empty if no test was written.
        tests: The names of the tests.
        left_out: A sentence for each kind that there is no test of.
    """

    code: str
    tests: tuple[str, ...]
    left_out: tuple[str, ...]


def emit(
    records: Iterable[Mapping[str, Any]],
    functions: Sequence[Found] = (),
    *,
    launch: str | None = None,
    limit: int | None = None,
) -> Emitted:
    """Write tests that fail where candidates still do what was recorded.

    Args:
        records: What :func:`darkcall.analysis.read` gives.
        functions: The functions of launches that have names of their own.
        launch: Only this launch.
        limit: At most so many tests: those of the most frequent kinds.

    Returns:
        The file, and what is not in it.
    """
    kinds = _kinds_in(records, launch)
    writer = _Writer(functions)
    for number, kind in enumerate(kinds):
        if limit is not None and len(writer.tests) >= limit:
            more, calls = len(kinds) - number, sum(one.calls for one in kinds[number:])
            writer.left_out.append(
                f"{counted(more, 'more kind')} ({counted(calls, 'call')}): beyond the limit"
            )
            break
        writer.add(kind)
    tests = writer.tests
    code = "".join(_file_of(tests, writer.imports, writer.left_out)) if tests else ""
    return Emitted(code, tuple(test.name for test in tests), tuple(writer.left_out))


def _kinds_in(records: Iterable[Mapping[str, Any]], launch: str | None) -> list[_Kind]:
    kinds: dict[tuple[str, str, str], _Kind] = {}
    for record in records:
        is_asked = launch is None or record["launch"] == launch
        if (
            not is_asked
            or record["outcome"] not in DIFFERING
            or record["candidate"] == CONTROL_NAME
        ):
            continue
        signature = record.get("signature") or record["outcome"]
        key = (record["launch"], record["candidate"], signature)
        kinds.setdefault(key, _Kind(*key)).add(record)
    return sorted(kinds.values(), key=lambda kind: (-kind.calls, kind.launch, kind.signature))


class _Writer:
    """Writes a test for one kind after the other.

    Args:
        functions: The functions that are known.
    """

    def __init__(self, functions: Sequence[Found]) -> None:
        self.imports = Imports()
        self.tests: list[_Test] = []
        self.left_out: list[str] = []
        self._known: dict[str, Found | NotFoundError] = {
            name: one for one in functions for name in one.names
        }
        self._names: collections.Counter[str] = collections.Counter()

    def add(self, kind: _Kind) -> None:
        try:
            found = self._found(kind.launch)
        except NotFoundError as error:
            self.left_out.append(_sentence(kind, str(error)))
            return
        bodies, reasons = self._bodies(found, kind)
        if not bodies:
            self.left_out.append(_sentence(kind, reasons[0]))
            return
        body, record = min(bodies, key=lambda pair: (_is_flaky(pair[1]), pair[0].size))
        for test in self.tests:
            if test.body.lines == body.lines:
                test.of.append((kind, record))
                return
        self.imports = body.imports
        self.tests.append(_Test(self._named(found, record), body, [(kind, record)]))

    def _found(self, launch: str) -> Found:
        if launch not in self._known:
            try:
                self._known[launch] = by_name(launch)
            except NotFoundError as error:
                self._known[launch] = error
        found = self._known[launch]
        if isinstance(found, NotFoundError):
            raise found
        return found

    def _bodies(
        self, found: Found, kind: _Kind
    ) -> tuple[list[tuple[Body, Mapping[str, Any]]], list[str]]:
        bodies, reasons = [], []
        rebuilder = Rebuilder(found.launch.control)
        for _, record in kind.smallest:
            try:
                arguments = rebuilder.of_record(record)
                bodies.append((body_of(found, arguments, record, self.imports), record))
            except (NotRebuiltError, NotWrittenError) as error:
                reasons.append(str(error))
        return bodies, reasons

    def _named(self, found: Found, record: Mapping[str, Any]) -> str:
        stem = _slug(f"test_{found.name.path}_when_{_difference_in_words(record)}")[:_MAX_NAME]
        name = stem = stem.rstrip("_")
        while self._names[name]:
            self._names[stem] += 1
            name = f"{stem}_{self._names[stem]}"
        self._names[name] += 1
        return name


def _slug(text: str) -> str:
    return re.sub("[^0-9a-z]+", "_", text.lower()).strip("_")


def _difference_in_words(record: Mapping[str, Any]) -> str:
    differences = record.get("differences") or [{"path": "$", "kind": "value"}]
    path, kind = str(differences[0]["path"]), str(differences[0]["kind"])
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    words = _WORDS.get(kind) or f"differs_in_{kind}"
    names = [step for step in steps_of(path) or () if isinstance(step, str) and _slug(step)]
    return f"{'_'.join(names[-2:]) or 'result'}_{words}"


def _file_of(tests: Sequence[_Test], imports: Imports, left_out: Sequence[str]) -> Iterator[str]:
    yield _HEAD
    yield from imports.code()
    for test in sorted(tests, key=lambda test: test.of[0][0].launch):
        yield f"\n\ndef {test.name}():\n"
        for kind, record in test.of:
            yield from (f"    # {_comment(line)}\n" for line in _told(kind, record))
        yield from (f"{line}\n" for line in test.body.lines)
    if left_out:
        yield "\n\n# No test was written of:\n"
        yield from (f"# - {_comment(sentence)}\n" for sentence in left_out)


def _told(kind: _Kind, record: Mapping[str, Any]) -> Iterator[str]:
    yield from [*_differences(record)] or [kind.signature]
    yield f"{kind.candidate}: {counted(kind.calls, 'call')}, first {moment(kind.first_at)}"


def _differences(record: Mapping[str, Any]) -> Iterator[str]:
    differences = record.get("differences") or []
    for one in differences[:_MAX_DIFFERENCES]:
        path = str(one["path"])
        # A comparator of the user's own may call a place as it likes.
        place = path if path.startswith("$") else f"at {path}"
        control, candidate = _side(one, "control"), _side(one, "candidate")
        line = f"{place}: {control} -> {candidate}"
        is_short = len(line) <= _MAX_LINE
        yield from [line] if is_short else [place, f"  {control}", f"  -> {candidate}"]
    if len(differences) > _MAX_DIFFERENCES:
        yield f"and {len(differences) - _MAX_DIFFERENCES:,} more"


def _side(difference: Mapping[str, Any], side: str) -> str:
    kind = difference[f"{side}_type"]
    if kind is None:
        return "nothing"
    if side not in difference:
        return str(kind)
    value = shown(difference[side], _MAX_SIDE)
    return value if value.startswith(str(kind)) else f"{value} ({kind})"


def _sentence(kind: _Kind, why: str) -> str:
    what = f"{kind.launch}, {kind.candidate}: {kind.signature}"
    return f"{one_line(what, 200)} ({counted(kind.calls, 'call')}): {one_line(why, 300)}"


def _comment(text: str) -> str:
    # What follows a # is an order to linters and formatters, in the middle of a comment too.
    return one_line(text, _MAX_COMMENT).replace("#", "\\x23")
