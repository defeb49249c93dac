"""Two tenants of our own that keep asking, drop some of their requests, and know every document they may ever see."""

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
) -> list[tuple[str, str]]:
    """Send the asks side by side; return (organization, what) for each document that an asker does not own, and for
    each answer that was awaited and names no document: a refused session or an error is the same fault's other face."""
    strange: list[tuple[str, str]] = []

    async def one(ask: Ask) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(json.dumps(asdict(ask)).encode() + b"\n")
        if (wait := drop_after()) is None:
            seen = {word for word in (await reader.read()).decode().split() if word[:2] == "d_"}
            wrong = sorted(seen - own[ask.organization]) if seen else ["nothing"]
            strange.extend((ask.organization, word) for word in wrong)
        else:
            await asyncio.sleep(wait)
        writer.close()

    await asyncio.gather(*(one(ask) for ask in asks))
    return strange


# --8<-- [end:canary]
