"""Whether a vulnerability is known of anything that is locked: `python -m lint.audit`.

Asks https://osv.dev, which has the advisories of PyPI and npm, in one request that names packages and versions. Where it cannot
be reached, that is told, and is no failure unless AUDIT_REQUIRED is "true". Ends with 1 for a finding that nobody has judged.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from datetime import date
from http.client import HTTPException
from typing import Any

from lint.locked import Package, locked

SERVICE = "https://api.osv.dev/v1/querybatch"
# The service takes no more in one request.
MOST = 1000
SECONDS = 30

# What is raised where there is no answer to be had, or one that cannot be read.
NO_ANSWER = (OSError, HTTPException, ValueError)

# Findings that do not concern this project: id -> the day on which that is looked at again, and why it does not.
JUDGED: dict[str, tuple[date, str]] = {}


def found(packages: Sequence[Package], service: str = SERVICE) -> list[tuple[Package, str]]:
    """Each known vulnerability with its package. Raises one of NO_ANSWER."""
    findings: list[tuple[Package, str]] = []
    # A package with very many vulnerabilities is answered in parts; the rest is asked for by the token of its first.
    waiting: list[tuple[Package, str]] = [(package, "") for package in packages]
    while waiting:
        asked, waiting = waiting[:MOST], waiting[MOST:]
        answers = _answers([_query(package, token) for package, token in asked], service)
        for (package, _), answer in zip(asked, answers, strict=True):
            findings += [(package, finding["id"]) for finding in answer.get("vulns", [])]
            if token := answer.get("next_page_token"):
                waiting.append((package, token))
    return findings


def _query(package: Package, token: str) -> dict[str, Any]:
    query = {"package": {"ecosystem": package.ecosystem, "name": package.name}, "version": package.version}
    return query | ({"page_token": token} if token else {})


def _answers(queries: list[dict[str, Any]], service: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        service, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        answer = json.load(response)
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise ValueError("the answer has no list of results")
    return results


def main(service: str = SERVICE, today: date | None = None) -> int:
    """Tell of every finding that nobody has judged. The exit status: 1 if there is one, or if an answer was required."""
    packages = locked()
    try:
        findings = found(packages, service)
    except NO_ANSWER as error:
        print(f"AUDIT: NOT DONE. {service} gives no answer: {error!r}", file=sys.stderr)
        print(
            f"AUDIT: whether vulnerabilities of {len(packages)} packages are known is not known.",
            file=sys.stderr,
        )
        return int(os.environ.get("AUDIT_REQUIRED") == "true")
    today = today or date.today()
    open_ones = [(p, id) for p, id in findings if id not in JUDGED or JUDGED[id][0] <= today]
    for package, id in open_ones:
        print(
            f"{package.lock}: {package.name} {package.version} has {id}: https://osv.dev/vulnerability/{id}\n"
            "    mend: lock a version without it, or, if it cannot be reached from here, say so in lint/audit.py",
            file=sys.stderr,
        )
    print(
        f"audit: {len(packages)} packages, {len(findings)} known vulnerabilities, {len(open_ones)} to be mended"
    )
    return int(bool(open_ones))


if __name__ == "__main__":
    sys.exit(main())
