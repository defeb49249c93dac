"""An address -> what its server answered, after as many tries as its `Patience` has.

urllib3 does the work: redirects, waiting as `Retry-After` asks, backing off with jitter. Only GET is used, as servers
refuse HEAD or answer it otherwise, and no more of a body is read than it takes to tell one page from another.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout, parse_url

PROJECT = "llm-production-interviews"
PERMANENT = frozenset({301, 308})
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another try may do."""
PIECE = 65_536


@dataclass(frozen=True)
class Patience:
    """How long to try, and how gently. Times are seconds."""

    timeout_s: float = 30.0
    """For a connection, for each wait for bytes, and for a body as a whole."""
    tries: int = 3
    redirects: int = 10
    backoff_s: float = 2.0
    """The second try comes at once, the third after twice this, each later one after double the wait before."""
    jitter_s: float = 1.0
    longest_wait_s: int = 60
    """The most that a server's `Retry-After` is followed."""
    pause_s: float = 1.0
    """Between two addresses of one host, which are asked one after another."""
    most_bytes: int = 2_000_000


class Answer(NamedTuple):
    """What came. `status` is None where no server answered; `error` then says why, in words of ours."""

    status: int | None
    address: str
    """Where the way through redirects ended."""
    lasting: bool = False
    """Whether every redirect on that way was a permanent one, and there was one."""
    media_type: str = ""
    text: str = ""
    """The body's head, if it is a text."""
    cut: bool = False
    """Whether there was more of it."""
    error: str = ""


class Fetcher:
    """Fetches addresses, those of one host one after another; may be called from several threads.

    `contact` is where whoever runs a server finds out who asks. `sleep` waits between two addresses of a host.
    """

    def __init__(
        self,
        patience: Patience,
        contact: str = "",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        agent = f"{PROJECT} link check" + (f" (+{contact})" if contact else "")
        self._pool = urllib3.PoolManager(
            num_pools=50,
            headers={"User-Agent": agent, "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"},
            timeout=Timeout(connect=patience.timeout_s, read=patience.timeout_s),
        )
        self._guard = threading.Lock()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._asked: set[str] = set()

    def get(self, address: str) -> Answer:
        """Fetch an address; a fragment is not sent. Never raises for what a server or the network does."""
        with self._turn(host_of(address)):
            try:
                return self._get(address.partition("#")[0])
            except MaxRetryError as error:
                return Answer(None, address, error=_said(error.reason or error))
            except (HTTPError, ValueError) as error:  # ValueError: an address or a header that is none
                return Answer(None, address, error=_said(error))

    def _get(self, address: str) -> Answer:
        response = self._pool.request("GET", address, retries=self._retries(), preload_content=False)
        try:
            hops = [
                hop for hop in (response.retries.history if response.retries else ()) if hop.redirect_location
            ]
            end = address
            for hop in hops:
                target = hop.redirect_location or ""
                if not target.isascii():
                    # It was read as Latin-1 and sent as UTF-8: whatever came is not what a browser would get.
                    return Answer(None, address, error="it redirects to what is no address")
                end = urljoin(end, target)
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            body, cut = (
                self._head_of(response)
                if media_type.startswith("text/") or "json" in media_type
                else (b"", False)
            )
            return Answer(
                status=response.status,
                # With whatever is no character of an address escaped, as it was sent.
                address=parse_url(end).url if hops else end,
                lasting=bool(hops) and all(hop.status in PERMANENT for hop in hops),
                media_type=media_type,
                text=body.decode("utf-8", errors="replace"),
                cut=cut,
            )
        finally:
            # Closed, not given back: what was not read of a body would be waited for.
            response.close()

    def _retries(self) -> Retry:
        again = self._patience.tries - 1
        return Retry(
            total=None,
            connect=again,
            read=again,
            status=again,
            other=again,
            redirect=self._patience.redirects,
            status_forcelist=AGAIN,
            backoff_factor=self._patience.backoff_s,
            backoff_jitter=self._patience.jitter_s,
            retry_after_max=self._patience.longest_wait_s,
            # The last answer says more than that there were too many.
            raise_on_status=False,
        )

    def _head_of(self, response: urllib3.BaseHTTPResponse) -> tuple[bytes, bool]:
        """The body up to the most that is read, and whether it goes on. Raises HTTPError, also for one that trickles."""
        until = self._clock() + self._patience.timeout_s
        body = bytearray()
        for piece in response.stream(PIECE, decode_content=True):
            body += piece
            if len(body) >= self._patience.most_bytes:
                return bytes(body[: self._patience.most_bytes]), True
            if self._clock() > until:
                raise urllib3.exceptions.TimeoutError("the body took too long")
        return bytes(body), False

    @contextmanager
    def _turn(self, host: str) -> Iterator[None]:
        """This thread's turn at a host: after the others, and after a pause."""
        with self._guard:
            turn = self._turns[host]
        with turn:
            if host in self._asked:
                self._sleep(self._patience.pause_s)
            self._asked.add(host)
            yield


def host_of(address: str) -> str:
    """The host and port of an address; empty for what is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _said(error: Exception) -> str:
    """An error in few words, which never quote what a server sent."""
    # The narrow before the wide: a connection that is refused is a timeout to urllib3, and a name without address is one, too.
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (SSLError, "its certificate or TLS does not hold"),
        (urllib3.exceptions.NameResolutionError, "its host has no address"),
        (urllib3.exceptions.NewConnectionError, "no connection"),
        (urllib3.exceptions.TimeoutError, "no answer in time"),
        (urllib3.exceptions.ResponseError, "too many redirects"),
        (urllib3.exceptions.DecodeError, "a body that cannot be decoded"),
        (urllib3.exceptions.ProtocolError, "the connection broke off"),
    )
    return next((words for kind, words in kinds if isinstance(error, kind)), f"{type(error).__name__}")
