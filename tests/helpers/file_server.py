"""An HTTP server of one file in a thread, with the faults that servers have."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        content: of the file.
        knows_ranges: whether it continues where it is asked to.
        break_after: bytes of each of the first answers after which it hangs up.
        statuses: of the first answers, in the place of an answer.
        sleep: seconds before each of the first answers.
        content_type: of the file.
        has_length: whether it says how long the answer is.
        content_ranges: of the first continued answers, in the place of the true one; '' for none.
        requests: the Range header of each request so far; '' for none.
    """

    content: bytes
    knows_ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    sleep: list[float] = field(default_factory=list)
    content_type: str = "application/octet-stream"
    has_length: bool = True
    content_ranges: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def file_server(behaviour: Behaviour) -> Iterator[str]:
    """Serve; the value is the address of the folder, ending with /."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, behaviour)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    asked = handler.headers.get("Range", "")
    behaviour.requests.append(asked)
    if behaviour.sleep:
        time.sleep(behaviour.sleep.pop(0))
    if behaviour.statuses:
        handler.send_error(behaviour.statuses.pop(0))
        return
    total = len(behaviour.content)
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and behaviour.knows_ranges else 0
    if start >= total > 0:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{total}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    body = behaviour.content[start:]
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Type", behaviour.content_type)
    truth = f"bytes {start}-{total - 1}/{total}"
    said = (behaviour.content_ranges.pop(0) if behaviour.content_ranges else truth) if start else ""
    if said:
        handler.send_header("Content-Range", said)
    if behaviour.has_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with suppress(ConnectionError):  # whoever asked may have gone
        handler.wfile.write(body[: behaviour.break_after.pop(0)] if behaviour.break_after else body)
