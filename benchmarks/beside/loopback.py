"""A server that takes what sentry-sdk sends, and does the work before it answers."""

from __future__ import annotations

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .pieces import Piece, do, note_done, note_told


def items(envelope):
    """Yield the type and the payload of each item."""
    _, _, rest = envelope.partition(b"\n")
    while rest.strip():
        header, _, rest = rest.partition(b"\n")
        head = json.loads(header)
        length = head.get("length", rest.find(b"\n"))
        yield head["type"], json.loads(rest[:length])
        rest = rest[length + 1 :]


def take(folder, envelope):
    for kind, payload in items(envelope):
        if kind == "event":
            do(Piece(payload["message"]))
            note_done(folder, int(payload["tags"]["pid"]))
        elif kind == "client_report":
            lost = payload["discarded_events"]
            note_told(folder, sum(one["quantity"] for one in lost if one["category"] == "error"))


def decoded(body, encoding):
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "br":
        # sentry-sdk prefers it if it is installed.
        import brotli  # noqa: PLC0415

        return brotli.decompress(body)
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        take(self.server.folder, decoded(body, self.headers["Content-Encoding"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Take it that clients end early, and that forks write into each other's requests."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.folder = Path(sys.argv[1])
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
