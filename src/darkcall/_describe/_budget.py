"""How much of a value may be described."""

from __future__ import annotations


class Budget:
    """How much may still be written; share one among all that goes into one record.

    Args:
        depth: Containers inside containers.
        items: Items of one container.
        characters: Characters of one text, bytes of one byte string.
        nodes: Values, over all.
        size: Bytes of JSON, over all, roughly; without the record's own fields.
    """

    __slots__ = ("characters", "depth", "items", "nodes", "size")

    def __init__(
        self,
        *,
        depth: int = 32,
        items: int = 200,
        characters: int = 4000,
        nodes: int = 5000,
        size: int = 24_000,
    ) -> None:
        self.depth = depth
        self.items = items
        self.characters = characters
        self.nodes = nodes
        self.size = size

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be written."""
        return self.nodes <= 0 or self.size <= 0
