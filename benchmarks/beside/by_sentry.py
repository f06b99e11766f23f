"""sentry-sdk, as ``init`` sets it up: its worker sends messages to a server on loopback.

The server does the work (``loopback.py``).  What no server can do to its client is done in
a transport of one's own, on the same worker.
"""

from __future__ import annotations

import os

import sentry_sdk
from sentry_sdk.transport import HttpTransport

from .pieces import Piece, do, note_done, told


class Library:
    def __init__(self, host):
        class OwnTransport(HttpTransport):
            def _send_request(self, *_, envelope=None, **__):
                event = envelope and envelope.get_event()
                if event:
                    do(Piece(event["message"], event["extra"]["argument"]))
                    note_done(host.folder)

        self._folder = host.folder
        sentry_sdk.init(
            dsn=f"http://public@127.0.0.1:{host.port}/1",
            transport=OwnTransport if host.fault in "eik" else None,
        )

    def hand_over(self, piece):
        sentry_sdk.capture_message(
            piece.kind, extras={"argument": piece.argument}, tags={"pid": str(os.getpid())}
        )

    def flush(self, seconds):
        sentry_sdk.flush(seconds)

    def lost_and_told(self):
        # What the server was told, and what the next report would tell it: not public.
        waiting = sentry_sdk.get_client().transport._discarded_events  # noqa: SLF001
        return told(self._folder) + sum(
            count for (category, _), count in list(waiting.items()) if category == "error"
        )
