"""A second party that remembers one checkpoint and signs only what extends it.

It sees no record. It makes a rollback and a second version of history show, as long as it does not conspire with the
signer. The protocol is that of transparency logs (C2SP tlog-witness), without HTTP.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from examples.audit_logging import merkle
from examples.audit_logging.chain import framed
from examples.audit_logging.journal import write_file
from examples.audit_logging.seals import Checkpoint, Signer, signed_by


class Refused(Exception):
    """The checkpoint does not extend what the witness has signed, or is not the log's."""


class Witness:
    """Keeps its state in one file, and writes it before it answers."""

    def __init__(
        self,
        file: Path,
        signer: Signer,
        origin: str,
        key: bytes,
        clock_us: Callable[[], int],
        sync: Callable[[int], None] = os.fsync,
    ) -> None:
        self._sync = sync
        self._file, self._signer, self._origin, self._key = file, signer, origin, key
        self._clock_us, self._lock = clock_us, Lock()

    @property
    def latest(self) -> Checkpoint | None:
        """The checkpoint that was signed last."""
        return Checkpoint.model_validate_json(self._file.read_bytes()) if self._file.exists() else None

    def trust(self, key: bytes) -> None:
        """Follow a change of the log's key, which a person has checked."""
        self._key = key

    # --8<-- [start:cosign]
    def cosign(self, checkpoint: Checkpoint, proof: Sequence[bytes] = ()) -> dict[str, str | int]:
        """Sign the checkpoint with the time, if it extends the last one. Raises Refused.

        Comparing and remembering are one step: two requests at once must not both extend the same checkpoint.
        """
        if checkpoint.origin != self._origin:
            raise Refused("another log")
        if not signed_by(self._key, checkpoint.message, checkpoint.signature):
            raise Refused("not signed by the log's key")
        with self._lock:
            last = self.latest
            if last and not merkle.extends(
                last.size, checkpoint.size, bytes.fromhex(last.root), bytes.fromhex(checkpoint.root), proof
            ):
                raise Refused(f"{checkpoint.size} seals do not extend the {last.size} that were signed")
            write_file(self._file, checkpoint.model_dump_json().encode(), self._sync)
            at_us = self._clock_us()
            signature = self._signer.sign(cosigned(checkpoint, at_us)).hex()
        return {"at_us": at_us, "signature": signature}

    # --8<-- [end:cosign]


def cosigned(checkpoint: Checkpoint, at_us: int) -> bytes:
    """Return what a witness signs: its own domain, so that a cosignature is never a log's signature."""
    return b"llm-audit/cosignature/1\n" + framed(json.dumps(at_us).encode(), checkpoint.message)
