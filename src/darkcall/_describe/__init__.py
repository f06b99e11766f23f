"""A value as bounded, redacted, plain data.

Nothing of the value's own is trusted: state is read through the slots of builtin types,
so that no ``__getattribute__``, ``__iter__`` or ``__len__`` of a user's class runs.
The form is described in ``docs/reference/described-values.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from darkcall import _guard
from darkcall._paths import steps_of
from darkcall._redact import REDACTED, Redactor, RuleFailedError, is_for_this_thread

from ._budget import Budget
from ._forms import is_exact, type_name
from ._walk import LABELS, NODE_BYTES, UNDESCRIBABLE, Walk, redacted


if TYPE_CHECKING:
    from collections.abc import Iterable

    from darkcall._model import Difference
    from darkcall._paths import Step

__all__ = [
    "LABELS",
    "Budget",
    "describe",
    "describe_difference",
    "describe_exception",
    "describe_mapping",
    "is_exact",
    "type_name",
]

_MAX_LINKS: Final = 5
_MAX_PATH: Final = 20_000
_MAX_PATH_SHOWN: Final = 1200
#: Kinds that hold no secret; a comparator of the user's own may give any others.
_OWN_KINDS: Final = frozenset({"value", "type", "missing", "extra"})


def describe(
    value: Any, redactor: Redactor, *, root: Iterable[Step] = (), budget: Budget | None = None
) -> Any:
    """Describe a value as data that :mod:`json` can write, whatever the value is.

    Args:
        value: Anything.
        redactor: What hides secrets.
        root: Where the value stands, if it is a part of another one.
        budget: What may still be written; a full one by default.

    Returns:
        Text, numbers, booleans, None, lists and dicts with text keys.

    Example:
        >>> describe({"id": (1, 2), "password": "x"}, Redactor())
        {'id': {'$': 'tuple', 'items': [1, 2]}, 'password': {'$': 'str', 'redacted': True}}
    """
    return _described(value, redactor, tuple(root), budget or Budget(), is_visible=False)


def _described(
    value: Any, redactor: Redactor, root: tuple[Step, ...], budget: Budget, *, is_visible: bool
) -> Any:
    try:
        walk = Walk(redactor, budget, root)
        return walk.shown(value) if is_visible else walk.described(value)
    except RuleFailedError:
        return redacted(value)
    except BaseException as error:  # noqa: BLE001 -- the value's own code may raise anything
        return _undescribable(value, error)


def describe_mapping(
    mapping: Mapping[Any, Any], redactor: Redactor, *, budget: Budget | None = None
) -> dict[str, Any]:
    """Describe arguments by parameter, or a context: each value is described, not the whole.

    Args:
        mapping: Names and values.
        redactor: What hides secrets.
        budget: What may still be written; a full one by default.

    Returns:
        The descriptions by name.  A name that starts with ``$`` gets another ``$``.
        What is no mapping, or cannot be read, is described under the name ``$``.

    Example:
        >>> describe_mapping({"user": "ann", "token": "x"}, Redactor())
        {'user': 'ann', 'token': {'$': 'str', 'redacted': True}}
    """
    try:
        walk = Walk(redactor, budget or Budget(), ())
        if isinstance(mapping, Mapping):
            return walk.named(mapping)
        return {"$": walk.described(mapping)}
    except RuleFailedError:
        return {"$": redacted(mapping)}
    except BaseException as error:  # noqa: BLE001 -- the value's own code may raise anything
        return {"$": _undescribable(mapping, error)}


def describe_exception(
    error: BaseException, redactor: Redactor, *, budget: Budget | None = None
) -> dict[str, Any]:
    """Describe what was raised, without its traceback.

    Rules see an exception as a mapping: ``message`` is ``$.message``.

    Args:
        error: What was raised.
        redactor: What hides secrets.
        budget: What may still be written; a full one by default.

    Returns:
        ``type`` and ``message`` as text; and where there are any, ``notes`` (text),
        ``cause`` (the same shape) and ``exceptions`` (a group's, the same shape).

    Example:
        >>> describe_exception(ValueError("no such card: password=x"), Redactor())
        {'type': 'ValueError', 'message': 'no such card: password=[redacted]'}
    """
    try:
        return Walk(redactor, budget or Budget(), ()).exception(error, _MAX_LINKS)
    except RuleFailedError:
        return {"type": type_name(error), "message": REDACTED}
    except BaseException as failure:  # noqa: BLE001 -- as above
        _undescribable(error, failure)
        return {"type": type_name(error), "message": UNDESCRIBABLE}


def describe_difference(
    difference: Difference,
    redactor: Redactor,
    *,
    keep_values: bool = True,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """Describe one place where two results differ.

    Both sides are hidden if any name on the path is a secret's, if a rule means the
    place or one that it lies in, or if the path does not say which place it means.

    Args:
        difference: Where, and both sides.
        redactor: What hides secrets.
        keep_values: Whether to describe both sides, or their types alone.
        budget: What may still be written; a full one by default.

    Returns:
        ``path``, ``kind``, ``control_type`` and ``candidate_type``, each text, the types
        None for a side that has nothing there; and ``control`` and ``candidate``.

    Example:
        >>> from darkcall._model import Difference
        >>> describe_difference(Difference("$.total", "value", 1, 2), Redactor())["candidate"]
        2
    """
    budget = budget or Budget()
    path, kind = difference.path, difference.kind
    described: dict[str, Any] = {
        "path": _line(path, redactor),
        "kind": _line(kind, redactor),
        "control_type": None if kind == "extra" else type_name(difference.control),
        "candidate_type": None if kind == "missing" else type_name(difference.candidate),
    }
    budget.size -= sum(len(text or "") for text in described.values()) + 4 * NODE_BYTES
    if not keep_values:
        return described
    steps = steps_of(path) if type(path) is str and len(path) <= _MAX_PATH else None
    is_hidden = steps is None or redactor.hides(steps)
    for side in ("control", "candidate"):
        value = getattr(difference, side)
        described[side] = (
            redacted(value)
            if is_hidden
            else _described(value, redactor, steps or (), budget, is_visible=True)
        )
    return described


def _line(text: Any, redactor: Redactor) -> str:
    if type(text) is str and text in _OWN_KINDS:
        return text
    return redactor.text(text, _MAX_PATH_SHOWN) if type(text) is str else f"[{type_name(text)}]"


def _undescribable(value: Any, error: BaseException) -> dict[str, Any]:
    if is_for_this_thread(error):
        raise error
    _guard.fault("describing", error)
    return {"$": type_name(value), "undescribable": True}
