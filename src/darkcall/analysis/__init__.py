"""What was recorded, read again: in another process, on another machine, weeks later.

Nothing here is imported by ``import darkcall``, and nothing here runs a candidate.
"""

from __future__ import annotations

from ._read import Reading, read
from ._summarise import summarise
from ._summary import Summary


__all__ = ["Reading", "Summary", "read", "summarise"]
