"""What pytest loads of darkcall: next to nothing, until a test or an option asks for it."""

from __future__ import annotations
