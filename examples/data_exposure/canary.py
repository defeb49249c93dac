"""Users of our own in two tenants who keep asking, drop some requests, and know every document they may ever see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from examples.data_exposure.gateway import Ask


# --8<-- [start:canary]
async def probe(
    address: tuple[str, int],
    asks: Sequence[Ask],
    own: dict[str, frozenset[str]],
    drop_after: Callable[[], float | None],
    patience_s: float = 30.0,
) -> list[tuple[str, str]]:
    """Send the asks side by side; return (user, what) for each document that is not the asker's own, and for each
    ask that got no document at all: refused, failed or unanswered, it is the same fault's other face. Ask what no
    colleague's upload answers: retrieval may rightly bring that, and it is not in `own`."""

    async def strange(ask: Ask) -> list[str]:
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(json.dumps(asdict(ask)).encode() + b"\n")
            if (wait := drop_after()) is not None:
                await asyncio.sleep(wait)
                return []
            seen = {word for word in (await reader.read()).decode().split() if word[:2] == "d_"}
            return sorted(seen - own[ask.user]) if seen else ["nothing"]
        finally:
            writer.close()

    async def one(ask: Ask) -> list[tuple[str, str]]:
        try:
            async with asyncio.timeout(patience_s):
                return [(ask.user, word) for word in await strange(ask)]
        except OSError:  # a timeout is one, too
            return [(ask.user, "nothing")]

    return [found for part in await asyncio.gather(*map(one, asks)) for found in part]


# --8<-- [end:canary]
