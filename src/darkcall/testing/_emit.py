"""A file of tests from recorded mismatches: one for each kind, with its smallest input."""

from __future__ import annotations

import collections
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from darkcall._errors import ConfigurationError
from darkcall._paths import steps_of
from darkcall._text import one_line
from darkcall.analysis._described import shown
from darkcall.analysis._words import counted, moment

from ._choice import Choice, Chooser
from ._found import Found, NotFoundError, by_name
from ._imports import Imports
from ._kinds import kinds_in
from ._source import NotWrittenError


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ._kinds import Kind

#: What the file begins with, so that it may be overwritten.
MARK: Final = '# Written by "darkcall emit"'
_HEAD: Final = f"""\
{MARK} from recorded mismatches, which writes it anew each time:
# copy a test to another file before you change it.

"""
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


@attrs.frozen(eq=False)
class _Test:
    """A test, and what it is of; several kinds may come up on the same call."""

    name: str
    choice: Choice
    of: list[tuple[Kind, Mapping[str, Any]]]

    @property
    def passes(self) -> bool:
        """Whether it passes today."""
        return self.choice.differs is False


@attrs.frozen
class Emitted:
    """What became of recorded mismatches.

    Attributes:
        code: The file; empty if no test was written.
        tests: The names of the tests.
        passing: Those of them that pass today.
        left_out: A sentence for each kind that there is no test of.
    """

    code: str
    tests: tuple[str, ...]
    passing: tuple[str, ...]
    left_out: tuple[str, ...]


def emit(
    records: Iterable[dict[str, Any]],
    functions: Sequence[Found] = (),
    *,
    launch: str | None = None,
    limit: int | None = None,
) -> Emitted:
    """Write tests that fail where candidates still do what was recorded.

    Both sides run on recorded inputs, to find one of each kind on which they differ today.

    Args:
        records: What :func:`darkcall.analysis.read` gives.
        functions: The functions of launches that have names of their own.
        launch: Only this launch.
        limit: At most so many tests: those of the most frequent kinds.

    Returns:
        The file, and what is not in it.

    Raises:
        ConfigurationError: Two of the functions have launches of one name, or no record is of the
            launch.
    """
    writer = _Writer(functions)
    kinds = kinds_in(records, launch)
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
    return Emitted(
        code,
        tests=tuple(test.name for test in tests),
        passing=tuple(test.name for test in tests if test.passes),
        left_out=tuple(writer.left_out),
    )


class _Writer:
    """Writes a test for one kind after the other.

    Args:
        functions: The functions that are known.
    """

    def __init__(self, functions: Sequence[Found]) -> None:
        self.imports = Imports()
        self.tests: list[_Test] = []
        self.left_out: list[str] = []
        self._known: dict[str, Found | NotFoundError] = _by_launch(functions)
        self._choosers: dict[str, Chooser] = {}
        self._names: collections.Counter[str] = collections.Counter()

    def add(self, kind: Kind) -> None:
        try:
            found = self._found(kind.launch)
            if kind.launch not in self._choosers:
                self._choosers[kind.launch] = Chooser(found)
            choice = self._choosers[kind.launch].chosen(kind, self.imports)
        except (NotFoundError, NotWrittenError) as error:
            self.left_out.append(_sentence(kind, str(error)))
            return
        for test in self.tests:
            if test.choice.body.lines == choice.body.lines:
                test.of.append((kind, choice.record))
                return
        self.imports = choice.body.imports
        name = self._named(found, choice.record)
        self.tests.append(_Test(name, choice, [(kind, choice.record)]))

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

    def _named(self, found: Found, record: Mapping[str, Any]) -> str:
        stem = _slug(f"test_{found.name.path}_when_{_difference_in_words(record)}")[:_MAX_NAME]
        name = stem = stem.rstrip("_")
        while self._names[name]:
            self._names[stem] += 1
            name = f"{stem}_{self._names[stem]}"
        self._names[name] += 1
        return name


def _by_launch(functions: Sequence[Found]) -> dict[str, Found | NotFoundError]:
    known: dict[str, Found | NotFoundError] = {}
    for one in functions:
        for name in one.names:
            before = known.setdefault(name, one)
            if isinstance(before, NotFoundError) or before.launch is one.launch:
                continue
            both = f"{before.name.module}:{before.name.path} and {one.name.module}:{one.name.path}"
            if name == one.launch.name:
                raise ConfigurationError(
                    f"--function: the launches of {both} are both named {one_line(name)}: records "
                    "do not tell them apart; give one of the two"
                )
            known[name] = NotFoundError(f"it may be {both}: --function for one of the two alone")
    return known


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
        if test.passes:
            yield f"    # {_passing(test.choice)}\n"
        yield from (f"{line}\n" for line in test.choice.body.lines)
    if left_out:
        yield "\n\n# No test was written of:\n"
        yield from (f"# - {_comment(sentence)}\n" for sentence in left_out)


def _told(kind: Kind, record: Mapping[str, Any]) -> Iterator[str]:
    yield from [*_differences(record)] or [kind.signature]
    yield f"{kind.candidate}: {counted(kind.calls, 'call')}, first {moment(kind.first_at)}"


def _passing(choice: Choice) -> str:
    if choice.tried == 1:
        return "passes today, on the one input that was tried"
    some = "each" if choice.agreeing == choice.tried else f"{choice.agreeing}"
    rest = "" if some == "each" else "; no test could be written of the others"
    return f"passes today, on {some} of {choice.tried} inputs that were tried{rest}"


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


def _sentence(kind: Kind, why: str) -> str:
    what = f"{kind.launch}, {kind.candidate}: {kind.signature}"
    return f"{one_line(what, 200)} ({counted(kind.calls, 'call')}): {one_line(why, 300)}"


def _comment(text: str) -> str:
    # What follows a # is an order to linters and formatters, in the middle of a comment too.
    return one_line(text, _MAX_COMMENT).replace("#", "\\x23")
