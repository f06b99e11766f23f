"""Messages between this process and those that run candidates for it.

Each carries a number, which its answer repeats: a candidate may write on any descriptor, and a
child that it forks may come back from there and answer, too.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Final


_HEAD: Final = struct.Struct(">4sQQ")
_MAGIC: Final = b"dark"
#: Larger pieces of memory would come from the system, and go back to it, each time.
_PIECE_BYTES: Final = 65_536
#: A channel that is closed at the other end would otherwise raise a signal, which ends the
#: processes that have it do so.
_NO_SIGNAL: Final = getattr(socket, "MSG_NOSIGNAL", 0)


def send(channel: Any, number: int, message: bytes) -> None:
    """Send a message.

    Args:
        channel: A socket.
        number: Its number.
        message: The message.

    Raises:
        OSError: The other end is closed.
    """
    data = memoryview(_HEAD.pack(_MAGIC, number, len(message)) + message)
    while data:
        data = data[channel.send(data, _NO_SIGNAL) :]


def receive(channel: Any) -> tuple[int, bytes] | None:
    """Wait for a message.

    The two ends speak in turn, so nothing of the next one is ever there.

    Args:
        channel: A socket.

    Returns:
        Its number, and the message; None if the other end is closed.

    Raises:
        OSError: The other end is closed and has not read what was sent to it, or what
            arrived is no message.
    """
    data, number, size = bytearray(), 0, _HEAD.size
    while len(data) < size:
        piece = channel.recv(_PIECE_BYTES)
        if not piece:
            return None
        data += piece
        if size == _HEAD.size <= len(data):
            magic, number, length = _HEAD.unpack_from(data)
            if magic != _MAGIC:
                raise OSError("what arrived is no message")
            size += length
    return number, bytes(memoryview(data)[_HEAD.size : size])
