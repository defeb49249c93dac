"""What the experiment files call: Chaos Toolkit's Python provider imports these functions by name."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from typing import Any

from examples.chaos_engineering.faults import group_of
from examples.chaos_engineering.gateway import MAX_TOKENS
from examples.chaos_engineering.replica import known_answer

_serial = itertools.count()


def operate(gateway: str, **request: Any) -> dict[str, Any]:
    """Send one operator's request. Raises RuntimeError if it is refused, OSError if nobody answers."""
    host, port = gateway.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline())
    if "refused" in answer:
        raise RuntimeError(answer["refused"])
    return answer


# --8<-- [start:actions]
def arm(gateway: str, fault: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """Action: start a fault, in the run that the guard has begun.

    A refusal raises, for a silent one would make the hypothesis pass.
    """
    return operate(gateway, op="arm", fault=fault, run=configuration.get("run"))


def disarm(gateway: str, name: str) -> dict[str, Any]:
    """Rollback: safe to repeat, and without an earlier `arm`."""
    return operate(gateway, op="disarm", name=name)


def traffic(gateway: str, group: str, requests: int, deadline_s: float, renew: str = "") -> float:
    """Share of so many concurrent requests of a group that are answered in full and correctly in time.

    In production the same probe is a query over the gateway's counters, by group.
    """
    if renew:
        operate(gateway, op="renew", name=renew)
    ids = itertools.islice((i for i in _ids() if group_of(i) == group), requests)
    return asyncio.run(_drive(gateway, list(ids), deadline_s))


def attempts_per_request(gateway: str) -> float:
    """Probe: calls to replicas for each request that came in."""
    stats = operate(gateway, op="stats")
    return float(stats["attempts"] / max(1, stats["requests"]))


# --8<-- [end:actions]


def provider_calls(gateway: str) -> int:
    return int(operate(gateway, op="stats")["provider_calls"])


def unauthorized(gateway: str) -> int:
    """Answers by which the provider refused our key; one pages."""
    return int(operate(gateway, op="stats")["unauthorized"])


def probe_rounds(gateway: str, rounds: int) -> int:
    """Known-answer probes to every replica in rotation; wrong answers in the last round."""
    wrong = 0
    for _ in range(rounds):
        wrong = int(operate(gateway, op="probe", round=f"probe-{next(_serial)}")["wrong"])
    return wrong


def _ids() -> Any:
    return (f"request-{next(_serial)}" for _ in itertools.count())


async def _drive(gateway: str, ids: list[str], deadline_s: float) -> float:
    answers = await asyncio.gather(*(ask(gateway, i, deadline_s) for i in ids))
    return sum(answers) / len(answers)


async def ask(gateway: str, request_id: str, deadline_s: float, tenant: str = "someone") -> bool:
    """One request, as a client: was the answer right, complete and in time?"""
    host, port = gateway.split(":")
    request = {"id": request_id, "tenant": tenant, "prompt": request_id}
    got: list[str] = []
    try:
        async with asyncio.timeout(deadline_s):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                while line := await reader.readline():
                    message = json.loads(line)
                    if "token" not in message:
                        return "finish" in message and got == known_answer(request_id, MAX_TOKENS)
                    got.append(message["token"])
            finally:
                writer.close()
    except (OSError, TimeoutError):
        pass
    return False
