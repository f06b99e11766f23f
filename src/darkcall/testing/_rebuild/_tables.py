"""What nodes of NumPy stand for; pandas and polars show too little of what they make."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from ._errors import RefusedError


if TYPE_CHECKING:
    from ._nodes import Nodes

_SCALAR: Final = r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128)"
_SCALAR_TYPE: Final = re.compile(rf"numpy\.({_SCALAR})")
#: An item of text takes as much room as the dtype says, however short it is.
_DTYPE: Final = re.compile(rf"{_SCALAR}|<U[0-9]{{1,3}}")
#: More of one array is not shown.
_MAX_ITEMS: Final = 200
_MAX_DIMENSIONS: Final = 32


def table_value(name: str, node: dict[str, Any], nodes: Nodes) -> Any:
    """Make a scalar or an array of numbers, truth values or text.

    Args:
        name: The name of the type.
        node: Its node.
        nodes: What makes the parts.

    Returns:
        The value.

    Raises:
        RefusedError: It is none of these, or NumPy is not in use.
    """
    numpy = sys.modules.get("numpy")
    scalar = _SCALAR_TYPE.fullmatch(name)
    if numpy is None or (scalar is None and name != "numpy.ndarray"):
        raise RefusedError(f"{name}: no record shows all of it, or its library is not in use")
    if scalar is not None:
        return getattr(numpy, scalar[1])(nodes.value(node.get("value")))
    dtype, shape = node.get("dtype"), node.get("shape")
    if type(dtype) is not str or _DTYPE.fullmatch(dtype) is None:
        raise RefusedError("numpy.ndarray: its dtype is not one of numbers, truth values or text")
    if type(shape) is not list or len(shape) > _MAX_DIMENSIONS:
        raise RefusedError("numpy.ndarray: it has no shape")
    items = nodes.items(node.get("items"))
    if len(items) > _MAX_ITEMS:
        raise RefusedError("numpy.ndarray: it has more items than descriptions show")
    return numpy.array(items, dtype=dtype).reshape(shape)
