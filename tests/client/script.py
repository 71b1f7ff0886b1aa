"""A server that says what a test wants to hear."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Line = tuple[int, dict[str, str], bytes]
"""An answer: status, header fields, body."""


class Script(ThreadingHTTPServer):
    """A server that gives the answers it was told, one after the other."""

    def __init__(self, *answers: Line) -> None:
        super().__init__(("127.0.0.1", 0), Player)
        self.answers = list(answers)
        self.asked: list[tuple[str, str | None]] = []
        self.address = f"http://127.0.0.1:{self.server_port}"


class Player(BaseHTTPRequestHandler):
    server: Script

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("x-api-key")))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
