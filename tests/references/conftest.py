"""A server on this machine that answers as the web does: well, badly, elsewhere, or not at all."""

import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Web:
    """`answers` has, by path, what to send: (status, headers, body), a list of them in turn, or None to stay silent."""

    def __init__(self):
        web = self
        self.answers = {}
        self.asked = Counter()
        self.headers = {}
        self.at_once, self.most_at_once = 0, 0
        self.over = threading.Event()
        self._guard = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                self.send_error(405)

            def do_GET(self):
                with web._guard:
                    web.at_once += 1
                    web.most_at_once = max(web.most_at_once, web.at_once)
                    web.asked[self.path] += 1
                    web.headers[self.path] = dict(self.headers)
                    answer = web.answers.get(self.path, (404, {}, ""))
                    if isinstance(answer, list):
                        answer = answer[min(web.asked[self.path], len(answer)) - 1]
                try:
                    if answer is None:
                        web.over.wait()
                        self.close_connection = True
                        return
                    self._send(*answer)
                finally:
                    with web._guard:
                        web.at_once -= 1

            def _send(self, status, headers, body):
                data = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Clients that leave, or speak TLS, are what the tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def page(self, path, title="A page", body="<h2 id='part'>Part</h2>"):
        self.answers[path] = (200, {}, f"<!doctype html><title>{title}</title>{body}")

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web():
    web = Web()
    yield web
    web.close()


@pytest.fixture
def waits(monkeypatch):
    """The seconds that retries would have waited; they do not."""
    waited = defaultdict(list)

    class Time:
        @staticmethod
        def sleep(seconds):
            waited["retries"].append(seconds)

    monkeypatch.setattr("urllib3.util.retry.time", Time)
    return waited["retries"]
