"""Lighthouse on built sites: who asks says which pages, as which device and in which categories, and gets typed results.

The sites are served at the very addresses that they were built for, over HTTP/2 and TLS and compressed as GitHub Pages
does, by a server that answers for every host: lighthouse/pages.mjs. So nothing that is found has the test's own address for a
reason, and nothing leaves the machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field

from tests.conftest import ROOT
from tests.site.browser import find_browser
from tests.site.conftest import BROWSER_ARGUMENTS

RUNNER = ROOT / "lighthouse" / "run.mjs"

Form = Literal["phone", "desktop"]
Category = Literal["performance", "accessibility", "best-practices", "seo"]


class LighthouseError(Exception):
    """Lighthouse could not be run; the message says what it said last."""


@dataclass(frozen=True)
class Job:
    """One run: a page by its whole address, as a first visit."""

    address: str
    form: Form
    categories: tuple[Category, ...]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(_Told):
    """An audit that takes from a category's score, and one line for each element that it complains about."""

    category: Category
    audit: str
    title: str
    items: list[str]


class Times(_Told):
    """As simulated on a phone with a slow connection: milliseconds, but for the layout shift, which has no unit."""

    fcp: float
    lcp: float
    tbt: float
    cls: float
    si: float


class Request(_Told):
    url: str
    kind: str
    """What the browser calls it: "Document", "Stylesheet", "Script", "Font", "Image", "Fetch", ..."""
    status: int
    wire: int
    """Bytes that came over the connection, headers included."""
    bytes: int
    """Bytes of the body, unpacked."""


class Part(_Told):
    """A script that ran or a sheet that applied; what stands in the page itself has the page's address."""

    url: str
    bytes: int
    unused: int
    """Bytes that had not run, or whose rule matched nothing, when the page had loaded."""


class Result(_Told):
    address: str
    form: Form
    error: str
    """Why nothing was found out, or nothing."""
    machine: float
    """Lighthouse's measure of how fast this machine was just then: some 1,000 and more where nothing else runs."""
    scores: dict[Category, int | None]
    faults: list[Fault]
    # Only with the category "performance":
    times: Times | None = None
    requests: list[Request] = Field(default_factory=list)
    scripts: list[Part] = Field(default_factory=list)
    sheets: list[Part] = Field(default_factory=list)


def run(sites: Mapping[str, Path], jobs: Sequence[Job]) -> Iterator[Result]:
    """Results in the order of the jobs, each as soon as it is there.

    `sites` maps the addresses that sites were built for to their folders. Raises NoBrowserError and LighthouseError.
    """
    asked = {
        "chrome": str(find_browser()),
        "arguments": BROWSER_ARGUMENTS,
        "certificate": _certificate(),
        "sites": {address: str(folder.absolute()) for address, folder in sites.items()},
        "jobs": [vars(job) for job in jobs],
    }
    with subprocess.Popen(
        [_node(), str(RUNNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        done = 0
        for line in process.stdout:
            done += 1
            yield Result.model_validate_json(line)
        if process.wait() or done < len(jobs):
            missing = jobs[done].address if done < len(jobs) else "the end"
            raise LighthouseError(
                f"{RUNNER.relative_to(ROOT)} ended with {process.returncode} before {missing}; its message stands above"
            )


def _node() -> str:
    """The one that make has set up where the system's is too old, else the system's. Raises LighthouseError."""
    own = Path(sys.executable).with_name("node")
    found = shutil.which(own) or shutil.which("node")
    if not found or not RUNNER.with_name("node_modules").is_dir():
        raise LighthouseError("Lighthouse is not installed: run `make lighthouse`, which does that")
    return found


def _certificate() -> dict[str, str]:
    """A key and a certificate for a day, both PEM. The browser is told not to check whom it is for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "site under test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return {
        "key": key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "cert": certificate.public_bytes(pem).decode(),
    }
