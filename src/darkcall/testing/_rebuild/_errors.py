"""What passes up from a node that no value can be made of."""

from __future__ import annotations


class RefusedError(Exception):
    """No value can be made of a node.

    Attributes:
        why: The reason.
        steps: Where the node stands, from the inside out.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.steps: list[str] = []

    @property
    def place(self) -> str:
        """Where it stands, from the outside in, as one text."""
        return "".join(reversed(self.steps))
