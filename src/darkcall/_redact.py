"""What is never written: usual secrets, and what the user's rules name."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from . import _guard
from ._errors import ConfigurationError
from ._paths import OtherKey, PatternSet, parse, render
from ._signatures import is_async
from ._text import escaped, lazy_pattern


if TYPE_CHECKING:
    from ._paths import Pattern, State, Step

#: A name, a path, or a callable that takes a path and a value and returns what to show.
Rule: TypeAlias = str | Callable[[str, Any], Any]

#: Stands in text where a secret stood.
REDACTED: Final = "[redacted]"

#: So many characters of a text are shown where nothing else is said.
MAX_CHARACTERS: Final = 2000

# Secrets are looked for so far beyond the cut, so that none is cut in half before it
# is recognised.
MARGIN: Final = 4096
_MAX_NAME: Final = 256
_MAX_KNOWN_NAMES: Final = 4096

_WORD_BORDER: Final = lazy_pattern(
    r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])",
)
# Matched against "_user_password_": lower case, words between underscores.
_USUAL_SECRET: Final = lazy_pattern(
    r"""
      pass_?word | passwd | pass_?phrase | pass_?code | credential | csrf | xsrf
    | (?:api|access|private|priv|secret|signing|encryption|master|account|shared|auth|ssh)_?key
    | (?:client|app|consumer|shared|webhook|user)_?secret
    | (?<![a-z]) (?:
          secrets? | pwd | jwt | bearer | t?otp | cvv2? | cvc2? | ssn | oauth
        | authori[sz]ation | cookies?
        | token (?!_(?:count|counts|limit|type|usage|length|budget)_)
      ) (?![a-z])
    | (?:access|api|auth|bearer|csrf|device|id|login|refresh|reset|session|user)_?tokens? (?![a-z])
    | (?<![a-z]) auth (?:_(?:header|data|info|value|string|code))? _$
    | setcookie | social_?security
    | (?<![a-z]) (?:php|j|asp_?net_?)? sess(?:ion)?_?id (?![a-z])
    | _session_ (?:data|cookie|key|hash) _
    | (?<![a-z]) (?:credit|debit)_?card
    | (?<![a-z]) (?:cc|card)_?(?:number|num|no|code|pin) (?![a-z])
    | (?:security|recovery|backup|verification|one_?time|mfa)_?(?:code|answer|pass)s? (?![a-z])
    | (?:connection_?string|conn_?str) (?![a-z])
    | ^(?:_b)? _ (?:
          session | tokens | pass | pin | pin_code | pin_number
        | (?:db|user|admin|root|login|mysql|redis|smtp|mail|email|ftp|proxy)_?pass
      ) _$
    """,
    re.VERBOSE,
)

_SUSPICIOUS: Final = lazy_pattern(
    r"[:=]|--\w|eyJ|A[KS]IA|gh[pousr]_|github_pat_|xox|k_live_|k_test_|sk-|glpat-|AIza"
    r"|[Bb]earer|BEARER|[Bb]asic|BASIC"
)
_KEY: Final = lazy_pattern(
    r"""
      (?<![\w-]) --(?P<flag>\w[\w-]*+) [ \t]++ (?![-:=])
    | (?<![\w-]) -*+ (?P<name>\w[\w-]*+) (?P<quote>\\*+["'])? \]? [ \t]*+
      (?P<separator>:=|=>|={1,3}+>?|:) [ \t]*+
    """,
    re.VERBOSE,
)
_QUOTED: Final = lazy_pattern(
    r"""
    [bBrRuUfF]{0,2}(?:
        (?P<triple>\"{3}|'{3}) .*? (?:(?P=triple)|\Z)
      | " (?:[^"\\]|\\.|"(?=\w))*+ (?:"|\\?\Z)
      | ' (?:[^'\\]|\\.|'(?=\w))*+ (?:'|\\?\Z)
      | (?P<escape>\\++)(?P<mark>["'])
        (?:(?!(?<!\\)(?P=escape)(?P=mark)).)*+ (?:(?P=escape)(?P=mark)|\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING: Final = lazy_pattern(r"[\w.]*+[\[({<]")
_BRACKET: Final = lazy_pattern(r"""[\[\](){}<>]|\\*+["']|\\++""")
_CLOSING: Final = {"[": "]", "(": ")", "{": "}", "<": ">"}
_REST: Final = {
    "word": lazy_pattern(r"[^\s&;]*+"),
    "item": lazy_pattern(r"[^\n,}\])]*+"),
    "line": lazy_pattern(r"[^\r\n]*+"),
}
_RECOGNISED: Final = lazy_pattern(
    r"""
      -----BEGIN\ (?:[A-Z0-9]{1,20}\ ){0,4}PRIVATE\ KEY .*? (?:-----END[A-Z0-9 ]{0,60}-----|\Z)
    | (?<=://) [^\s/]* (?=@)
    | \beyJ [\w-]{6,}+ (?:\.[\w-]*+){0,4}
    | (?i:\bbearer)\s++ (?!(?:auth\w*|tokens?|scheme|realm|error|is|was)\b) [^\s"',;]++
    | (?i:\bbasic)\s++ (?=[a-z]*+[A-Z0-9+/=]) [\w+/=-]{6,}+
    | \bA[KS]IA[A-Z0-9]{12,}+ | \bgh[pousr]_\w{16,}+ | \bgithub_pat_\w{16,}+
    | \bxox[abeprs]-[\w-]{8,}+ | \b[prs]k_(?:live|test)_\w{8,}+ | \bsk-[\w-]{16,}+
    | \bglpat-[\w-]{16,}+ | \bAIza[\w-]{30,}+
    """,
    re.VERBOSE | re.DOTALL,
)
# The part before "@" of an address may be so long that its "@" lies beyond the margin.
_UNFINISHED_ADDRESS: Final = lazy_pattern(r"(?<=://)[^\s/]*\Z")


class RuleFailedError(Exception):
    """A user's rule failed, so that nothing of the value may be shown."""


class Redactor:
    """The deny-list of usual secret names, and the user's rules.

    Args:
        rules: Bare names (``card``: any depth, any case, ``-`` and ``_`` alike), paths
            (``$.email``), and callables that take a path and a value and return the
            value to show, or the value itself.

    Raises:
        ConfigurationError: If a rule is none of these.

    Example:
        >>> redactor = Redactor(["card", "$.email"])
        >>> redactor.hides(("user", "Card")), redactor.hides(("email",)), redactor.hides(("id",))
        (True, True, False)
        >>> redactor.text("login failed for password=hunter2")
        'login failed for password=[redacted]'
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        paths: list[Pattern] = []
        callables: list[Callable[[str, Any], Any]] = []
        names: set[str] = set()
        for rule in _checked(rules):
            if callable(rule):
                callables.append(rule)
                continue
            path = parse(rule)
            if path.parts:
                names.update(_names_in(path))
            paths.append(path)
        self._names = frozenset(names)
        self._bare = frozenset(_normal(path.text) for path in paths if path.text[0] != "$")
        self._callables = tuple(callables)
        self._paths = PatternSet(paths)
        self._known: dict[str, bool] = {}

    @property
    def start(self) -> State:
        """Where a walk from the root stands in the paths."""
        return self._paths.start

    @property
    def nowhere(self) -> State:
        """Where a walk stands that no path can match."""
        return self._paths.nowhere

    @property
    def asks(self) -> bool:
        """Whether callables have to be asked about every value."""
        return bool(self._callables)

    def hides(self, steps: Iterable[Step]) -> bool:
        """Whether a place, or one that it lies in, must not be shown.

        Args:
            steps: The place, as :func:`darkcall._paths.steps_of` gives it.
        """
        steps = tuple(steps)
        return any(map(self.hides_step, steps)) or self._paths.covers(steps)

    def hides_step(self, step: Step) -> bool:
        """Whether a name alone says that what it names must not be shown."""
        if isinstance(step, int):
            return False
        name = step.text if isinstance(step, OtherKey) else step
        if len(name) > _MAX_NAME:
            name = f"{name[: _MAX_NAME // 2]}_{name[-_MAX_NAME // 2 :]}"
        known = self._known.get(name)
        if known is None:
            normal = _normal(name)
            known = normal in self._bare or _USUAL_SECRET.search(normal) is not None
            if len(self._known) >= _MAX_KNOWN_NAMES:
                self._known.clear()
            self._known[name] = known
        return known

    def shown(self, steps: Iterable[Step], value: Any) -> Any:
        """Return what the callables show instead of a value; the value itself if it may stay.

        Raises:
            RuleFailedError: If one of them raised.
        """
        path = render(steps)
        for rule in self._callables:
            try:
                value = rule(path, value)
            except BaseException as error:
                if is_for_this_thread(error):
                    raise
                _guard.fault("redacting", error)
                raise RuleFailedError from None
        return value

    def scrub(self, text: str, limit: int = MAX_CHARACTERS) -> str:
        """Return the text's beginning, its secrets replaced by ``[redacted]``.

        Args:
            text: Any text; no more of it is looked at than is needed.
            limit: So many of its characters are kept, before the replacing.
        """
        window = text[: limit + MARGIN]
        if not _SUSPICIOUS.search(window):
            return text[:limit]
        pieces = []
        at = 0
        for begin, end in self._secrets_in(window, is_cut=len(window) < len(text)):
            if begin >= limit:
                break
            pieces += [window[at:begin], REDACTED]
            at = end
        pieces.append(window[at:limit])
        return "".join(pieces)

    def text(self, text: str, limit: int = MAX_CHARACTERS) -> str:
        """Return free text as one line without secrets, cut and escaped.

        Args:
            text: An exception's message, a reason, a ``repr``.
            limit: So many characters of it are kept.

        Example:
            >>> Redactor().text('{"token": "abc", "id": 7}')
            '{"token": [redacted], "id": 7}'
        """
        shown = escaped(self.scrub(text, limit))
        return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"

    def _secrets_in(self, text: str, *, is_cut: bool) -> list[tuple[int, int]]:
        spans = [match.span() for match in _RECOGNISED.finditer(text) if match[0]]
        spans.extend(self._named_secrets_in(text))
        if is_cut and (match := _UNFINISHED_ADDRESS.search(text)):
            spans.append(match.span())
        return _merged(spans)

    def _named_secrets_in(self, text: str) -> list[tuple[int, int]]:
        spans = []
        ends = dict.fromkeys(_REST, 0)
        at = 0
        while match := _KEY.search(text, at):
            at = match.end()
            name = match["flag"] or match["name"]
            if not (self.hides_step(name) or _normal(name[:_MAX_NAME]) in self._names):
                continue
            end = _end_of_quoted_or_bracketed(text, at)
            if end is None:
                # What looks like a value may hold the next name, so the search goes on
                # inside it; each kind of rest is measured once, however many names are in it.
                kind = _kind_of_rest(match)
                if ends[kind] <= at:
                    rest = _REST[kind].match(text, at)
                    ends[kind] = rest.end() if rest else at
                end = ends[kind]
            else:
                # The mark that seems to close it may be the one after the next name.
                at = max(at, end - _MAX_NAME)
            if end > match.end():
                spans.append((match.end(), end))
        return spans


def is_for_this_thread(error: BaseException) -> bool:
    """Whether the user pressed Ctrl-C, rather than a value's code raising at will."""
    main = threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is main


def _checked(rules: Iterable[Rule]) -> list[Rule]:
    remedy = 'give names and paths as text and rules as callables: redact=("card", "$.email")'
    if isinstance(rules, str) or not isinstance(rules, Iterable):
        message = f"redact is a sequence of rules, not {rules!r:.200}; {remedy}"
        raise ConfigurationError(message)
    checked = list(rules)
    for rule in checked:
        if not (isinstance(rule, str) or (callable(rule) and not is_async(rule))):
            message = f"{rule!r:.200} is no rule of redact; {remedy}"
            raise ConfigurationError(message)
    return checked


def _names_in(path: Pattern) -> list[str]:
    names = [part.step for part in path.parts if isinstance(part.step, str)]
    return [_normal(name) for name in names[-1:]]


def _normal(name: str) -> str:
    return f"_{_WORD_BORDER.sub('_', name).strip('_').lower()}_"


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _kind_of_rest(key: re.Match[str]) -> str:
    if key["flag"] or key["separator"] != ":":
        return "word"
    return "item" if key["quote"] else "line"


def _end_of_quoted_or_bracketed(text: str, at: int) -> int | None:
    if quoted := _QUOTED.match(text, at):
        return quoted.end()
    if opening := _OPENING.match(text, at):
        return _end_of_bracketed(text, opening.end() - 1)
    return None


def _end_of_bracketed(text: str, at: int) -> int:
    expected: list[str] = []
    while match := _BRACKET.search(text, at):
        at = match.end()
        mark = match[0]
        if mark in _CLOSING:
            expected.append(_CLOSING[mark])
        elif mark == expected[-1]:
            expected.pop()
            if not expected:
                return at
        elif quoted := _QUOTED.match(text, match.start()):
            at = quoted.end()
    return len(text)
