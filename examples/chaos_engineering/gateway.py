"""The gateway under test: two deadlines, a breaker for each replica, a retry budget, resumption, a provider's quota.

Clients and replicas talk to it over TCP, one JSON object a line. Operators too, by `{"op": ...}`.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from examples.chaos_engineering.faults import PROBE, Fault, Injector, Refused
from examples.chaos_engineering.replica import Replica, known_answer

MAX_TOKENS = 6
COOL_DOWN_S = 30.0
PROBE_S = 10.0
"""Deadline of a known-answer probe, for the first token and for each gap."""
HOLD_S = 1.0
"""How often a request that a fault holds up looks whether the fault has ended."""


class ClientGone(Exception):
    """The client hung up, which is nobody's failure."""


class Upstream(Exception):
    """A replica or the provider failed this attempt."""


class Status(Upstream):
    """It answered with an error status."""

    def __init__(self, status: int, retry_after_s: float) -> None:
        super().__init__(status)
        self.status, self.retry_after_s = status, retry_after_s


# --8<-- [start:policy]
@dataclass(frozen=True)
class Policy:
    """What the gateway does about a failing upstream. `None` and `False` are what the draft's gateway had."""

    first_token_s: float | None = None
    gap_s: float | None = None
    """Longest silence between two tokens. Without it, a stream that stalls is nobody's failure."""
    resume: bool = False
    """Continue a broken stream on another replica of the same model, after the tokens already sent."""
    open_after: int = 3
    retry_ratio: float = 0.10
    retry_burst: float = 10.0
    """Retries per request in the long run, and saved up at most."""
    max_retries: int = 2
    honor_retry_after: bool = False
    check_answers: bool = False
    """Take a replica out of rotation when its known-answer probes come back wrong."""


MENDED = Policy(first_token_s=5.0, gap_s=2.0, resume=True, honor_retry_after=True, check_answers=True)
# --8<-- [end:policy]


@dataclass
class Breaker:
    """What one pool knows of one replica."""

    failures: int = 0
    open_until: float = 0.0


# --8<-- [start:pool]
@dataclass
class Pool:
    """What requests share through the gateway. The experiment group has a pool of its own.

    With one pool for all, a fault that meets the experiment group opens the breaker for everybody, and its retries spend
    everybody's budget: the fault is bounded by request, its consequences are not.
    """

    breakers: dict[str, Breaker]
    retries: float
    provider_after: float = 0.0
    """The provider said not to call before."""
    turn: int = 0


# --8<-- [end:pool]


@dataclass
class Stats:
    """Since the start. `attempts` counts calls to replicas, `provider_calls` those to the provider."""

    requests: int = 0
    good: int = 0
    attempts: int = 0
    resumed: int = 0
    provider_calls: int = 0
    unauthorized: int = 0


# --8<-- [start:deadlines]
async def within(
    stream: AsyncIterator[str], first_token_s: float | None, gap_s: float | None
) -> AsyncGenerator[str]:
    """The tokens of `stream`, each within its deadline. Raises Upstream when one does not come.

    A deadline for the whole answer would not do: at 30 ms a token, a long answer and a stalled one take equally long.
    """
    limit = first_token_s
    while True:
        try:
            async with asyncio.timeout(limit):
                token = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as silence:
            raise Upstream(f"nothing for {limit} s") from silence
        yield token
        limit = gap_s


# --8<-- [end:deadlines]


def to_client(send: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """`send`, whose errors are the client's: a reset on its side must open no replica's breaker."""

    async def tell(message: dict[str, Any]) -> None:
        try:
            await send(message)
        except OSError as hung_up:
            raise ClientGone from hung_up

    return tell


class Gateway:
    """Relays answers. Not thread-safe: it belongs to one event loop."""

    def __init__(
        self,
        replicas: list[Replica],
        provider: Replica,
        policy: Policy,
        *,
        excluded: frozenset[str] = frozenset(),
        readiness: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self.stats = Stats()
        self.injector = Injector(excluded, clock, self._objection)
        self.readiness = readiness or {}
        """What the guard asks: budget left, load, incident, veto. The last two also end the faults."""
        self.port = 0
        self._replicas = replicas
        self._provider = provider
        self._pools = {
            of_experiment: Pool({replica.name: Breaker() for replica in replicas}, policy.retry_burst)
            for of_experiment in (True, False)
        }
        self._wrong = {replica.name: 0 for replica in replicas}
        self._drained: set[str] = set()
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()

    # --8<-- [start:answer]
    async def answer(self, request: dict[str, Any], send: Callable[[dict[str, Any]], Any]) -> bool:
        """Relay one answer, whatever happens to the replica that gives it. True if it was given in full."""
        pool = self._pools[self.injector.group(request) == "experiment"]
        pool.retries = min(self.policy.retry_burst, pool.retries + self.policy.retry_ratio)
        tell = to_client(send)  # It raises ClientGone, which is caught nowhere in here.
        sent, tried = 0, set[str]()
        for attempt in range(1 + self.policy.max_retries):
            replica = self._pick(pool, tried)
            if replica is None or (sent and not self.policy.resume):
                break
            if attempt:
                if pool.retries < 1:
                    break
                pool.retries -= 1
            tried.add(replica.name)
            self.stats.attempts += 1
            self.stats.resumed += bool(sent)
            try:
                stream = self._tokens(replica, request, sent)
                async with aclosing(within(stream, self.policy.first_token_s, self.policy.gap_s)) as tokens:
                    async for token in tokens:
                        await tell({"token": token})
                        sent += 1
                pool.breakers[replica.name].failures = 0
                await tell({"finish": "stop"})
                return True
            except (Upstream, OSError):
                self._failed(pool.breakers[replica.name])
        if not sent:
            sent, whole = await self._fall_back(pool, request, tell)
            if whole:
                return True
        await tell({"error": "cut" if sent else "overloaded", "retry_after_s": 30})
        return False

    # --8<-- [end:answer]

    def _failed(self, breaker: Breaker) -> None:
        breaker.failures += 1
        if breaker.failures >= self.policy.open_after:
            breaker.open_until = self._clock() + COOL_DOWN_S

    async def _fall_back(
        self, pool: Pool, request: dict[str, Any], tell: Callable[[dict[str, Any]], Any]
    ) -> tuple[int, bool]:
        """Ask the provider: how many tokens the client got of it, and whether these are the whole answer.

        Never in the middle of an answer, since another model would finish the sentence; nor again after one of its own
        is cut, since it would begin anew.
        """
        sent = 0
        for _ in range(1 + (0 if self.policy.honor_retry_after else self.policy.max_retries)):
            if sent or (self.policy.honor_retry_after and self._clock() < pool.provider_after):
                break
            self.stats.provider_calls += 1
            try:
                stream = self._tokens(self._provider, request, 0)
                async with aclosing(within(stream, self.policy.first_token_s, self.policy.gap_s)) as tokens:
                    async for token in tokens:
                        await tell({"token": token})
                        sent += 1
                await tell({"finish": "stop"})
                return sent, True
            except Status as answer:
                # A refused key stays refused: wait as long as for a quota, and page.
                self.stats.unauthorized += answer.status == 401
                pool.provider_after = self._clock() + (answer.retry_after_s or COOL_DOWN_S)
            except (Upstream, OSError):
                pool.provider_after = self._clock() + COOL_DOWN_S
        return sent, False

    async def _tokens(self, target: Replica, request: dict[str, Any], start: int) -> AsyncIterator[str]:
        """The tokens of one attempt, spoiled by the fault that this request meets."""
        fault = self.injector.choose(request, target.name)
        if fault and fault.kind == "status":
            raise Status(fault.status, fault.retry_after_s)
        if fault and fault.kind == "slow":
            await self._hold(fault, fault.delay_s)
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        try:
            ask = {"prompt": request["prompt"], "max_tokens": MAX_TOKENS, "start": start}
            writer.write(json.dumps(ask).encode() + b"\n")
            position = start
            while line := await reader.readline():
                message = json.loads(line)
                if fault and position >= start + fault.after_tokens:
                    if fault.kind == "stall":
                        await self._hold(fault)
                    if fault.kind == "cut":
                        raise Upstream("cut")
                if "finish" in message:
                    return
                yield "?" if fault and fault.kind == "wrong" else message["token"]
                position += 1
            raise Upstream("the stream ended without a finish reason")
        finally:
            writer.close()

    async def _hold(self, fault: Fault, seconds: float = math.inf) -> None:
        """Keep a request waiting for so long, or until the fault has ended: nobody is left hanging by an experiment."""
        while seconds > 0 and self.injector.holds(fault):
            await asyncio.sleep(min(HOLD_S, seconds))
            seconds -= HOLD_S

    def _pick(self, pool: Pool, tried: set[str]) -> Replica | None:
        """The next replica in this pool's rotation that has not been tried: all requests turn it, so it may come round to one."""
        for _ in self._replicas:
            pool.turn = (pool.turn + 1) % len(self._replicas)
            replica = self._replicas[pool.turn]
            if replica.name in self._drained or replica.name in tried:
                continue
            if self._clock() >= pool.breakers[replica.name].open_until:
                return replica
        return None

    # --8<-- [start:probe]
    async def probe(self, round_id: str) -> int:
        """Ask every replica in rotation for a known answer; return how many were wrong."""
        wrong = 0
        for replica in self._replicas:
            if replica.name in self._drained:
                continue
            request = {"id": f"{round_id}-{replica.name}", "tenant": PROBE, "prompt": round_id}
            try:
                got = [token async for token in within(self._tokens(replica, request, 0), PROBE_S, PROBE_S)]
            except (Upstream, OSError):
                continue  # No answer is the breaker's business.
            right = got == known_answer(round_id, MAX_TOKENS)
            wrong += not right
            self._wrong[replica.name] = 0 if right else self._wrong[replica.name] + 1
            # A wrong checker must not empty the fleet: a machine drains one, a person the next.
            if self.policy.check_answers and self._wrong[replica.name] >= 3 and not self._drained:
                self._drained.add(replica.name)
        return wrong

    # --8<-- [end:probe]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(message: dict[str, Any]) -> None:
            writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()

        try:
            request: dict[str, Any] = json.loads(await reader.readline())
            if "op" in request:
                await send(await self._operate(request))
                return
            self.stats.requests += 1
            good = False
            # A client that hangs up must not leave its attempt running on a replica.
            answering = asyncio.ensure_future(self.answer(request, send))
            gone = asyncio.ensure_future(reader.read())
            try:
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                good = answering.done() and answering.exception() is None and answering.result()
            finally:
                answering.cancel()
                gone.cancel()
                self.stats.good += good
                self.injector.answered(request, good)
        except (ConnectionError, json.JSONDecodeError):
            pass
        finally:
            writer.close()

    def _objection(self) -> str | None:
        """What is not known to be false speaks against a fault."""
        return next((flag for flag in ("incident", "veto") if self.readiness.get(flag) is not False), None)

    async def _operate(self, request: dict[str, Any]) -> dict[str, Any]:
        """One operator's request. What is refused comes back as `refused`, with the reason."""
        try:
            match request["op"]:
                case "begin":
                    return {"run": self.injector.begin()}
                case "extend":
                    self.injector.extend(request["run"])
                case "finish":
                    self.injector.finish(request["run"])
                case "arm":
                    self.injector.arm(Fault.model_validate(request["fault"]), request["run"])
                case "renew":
                    self.injector.renew(request["name"])
                case "disarm":
                    self.injector.disarm(request["name"])
                case "probe":
                    return {"wrong": await self.probe(request["round"])}
                case "stats":
                    return self._report()
                case unknown:
                    raise Refused(f"no such operation: {unknown}")
        except (Refused, ValidationError) as refusal:
            return {"refused": str(refusal)}
        return {"ok": True}

    def _report(self) -> dict[str, Any]:
        now = self._clock()
        return {
            **vars(self.stats),
            "drained": sorted(self._drained),
            "open": {
                "experiment" if of_experiment else "rest": sorted(
                    name for name, breaker in pool.breakers.items() if now < breaker.open_until
                )
                for of_experiment, pool in self._pools.items()
            },
            "armed": self.injector.armed(),
            "ended": self.injector.ended,
            "hits": self.injector.hits,
            "readiness": self.readiness,
        }
