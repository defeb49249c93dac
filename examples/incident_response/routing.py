"""What amtool does not check in alertmanager.yml: who is paged by default, what is inhibited, what is secret.

Matching follows Alertmanager's documentation: the root matches all, the first child that matches takes the alert
unless it says `continue`, and of two missing labels each equals the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.incident_response.plan import Severity
from examples.incident_response.sources import Fault, PlanError, Source, read

Labels = dict[str, str]
_MATCHER = re.compile(r'^\s*(\w+)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$')


def matches(matchers: list[str], labels: Labels) -> bool:
    """Whether all matchers hold. A missing label counts as empty; a regular expression matches the whole value."""
    for text in matchers:
        found = _MATCHER.match(text)
        if not found:
            raise ValueError(f"no matcher: {text!r}")
        name, sign, wanted = found.groups()
        value = labels.get(name, "")
        held = re.fullmatch(wanted, value) is not None if "~" in sign else value == wanted
        if held == sign.startswith("!"):
            return False
    return True


def receivers_of(route: dict[str, Any], labels: Labels) -> list[str]:
    """The receivers that an alert with these labels reaches."""
    found: list[str] = []
    for child in route.get("routes") or []:
        if matches(child.get("matchers") or [], labels):
            found += receivers_of({"receiver": route["receiver"], **child}, labels)
            if not child.get("continue"):
                break
    return found or [route["receiver"]]


# --8<-- [start:inhibited]
def inhibited(rules: list[dict[str, Any]], target: Labels, firing: list[Labels]) -> bool:
    """Whether one of the firing alerts mutes `target`.

    An alert that matches both sides of a rule is not muted by one that does so too, itself included.
    """

    def both(rule: dict[str, Any], labels: Labels) -> bool:
        return matches(rule["source_matchers"], labels) and matches(rule["target_matchers"], labels)

    return any(
        matches(rule["target_matchers"], target)
        and matches(rule["source_matchers"], source)
        and not (both(rule, source) and both(rule, target))
        and all(source.get(name, "") == target.get(name, "") for name in rule.get("equal", []))
        for rule in rules
        for source in firing
    )


# --8<-- [end:inhibited]


def check(file: Path, severities: dict[str, Severity], alerts: dict[str, Labels]) -> list[Fault]:
    """Every fault of the routing tree against the matrix and the alerts; `amtool check-config` comes first.

    Raises PlanError if it is no YAML or has no routing tree.
    """
    source = read(file)
    route = source.data.get("route") if isinstance(source.data, dict) else None
    if not isinstance(route, dict) or "receiver" not in route:
        raise PlanError([source.fault((), "no route with a default receiver", "run amtool check-config")])
    return [*_receivers(source), *_severities(source, severities), *_alerts(source, alerts)]


def _loud(source: Source) -> dict[str, bool]:
    """Receiver -> whether it tells anybody."""
    return {
        receiver["name"]: any(key.endswith("_configs") and value for key, value in receiver.items())
        for receiver in source.data.get("receivers") or []
    }


def _receivers(source: Source) -> Iterator[Fault]:
    loud, root = _loud(source), source.data["route"]
    if not loud.get(root["receiver"]):
        yield source.fault(
            ("route", "receiver"),
            f"the default receiver `{root['receiver']}` tells nobody",
            "an alert that no route knows must reach a person",
        )
    if not any(
        matches(child.get("matchers") or [], {"alertname": "Watchdog"}) for child in root.get("routes") or []
    ):
        yield source.fault(("route", "routes"), "the Watchdog has no route", "send it to a dead man's switch")
    for i, receiver in enumerate(source.data.get("receivers") or []):
        text = str(receiver)
        for secret in re.findall(r"'(\w*(?:key|token|password|secret|credentials))': '", text):
            yield source.fault(
                ("receivers", i), f"`{receiver['name']}` has a secret in `{secret}`", f"use {secret}_file"
            )
        for user in re.findall(r"https?://[^/@\s]+@", text):
            yield source.fault(("receivers", i), f"a password stands in {user}", "move it to a file")


def _severities(source: Source, severities: dict[str, Severity]) -> Iterator[Fault]:
    loud, root = _loud(source), source.data["route"]
    for name, row in severities.items():
        reached = receivers_of(root, {"severity": name, "class": "availability", "alertname": "Any"})
        if reached == [root["receiver"]]:
            yield source.fault(("route", "routes"), f"no route knows {name}", "add one")
        for receiver in reached:
            if row.pages and not (receiver.startswith("page-") and loud.get(receiver)):
                yield source.fault(
                    ("route", "routes"), f"{name} pages nobody at `{receiver}`", "use a page- receiver"
                )
            if not row.pages and receiver.startswith("page-"):
                yield source.fault(
                    ("route", "routes"), f"{name} wakes somebody at `{receiver}`", "use a ticket"
                )
    known = {*severities, "none"}
    for key, text in _matchers(source.data["route"], ("route",)):
        found = _MATCHER.match(text)
        if found and found[1] == "severity":
            for value in found[3].split("|"):
                if value not in known:
                    yield source.fault(
                        key, f"a route waits for severity `{value}`", "no alert can have it: remove it"
                    )


def _matchers(
    route: dict[str, Any], key: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for i, text in enumerate(route.get("matchers") or []):
        yield (*key, "matchers", i), text
    for i, child in enumerate(route.get("routes") or []):
        yield from _matchers(child, (*key, "routes", i))


def _alerts(source: Source, alerts: dict[str, Labels]) -> Iterator[Fault]:
    """Nothing about data, safety or quality may be muted by an outage: they often come together."""
    rules = source.data.get("inhibit_rules") or []
    outage = {"alertname": "RegionSilent", "severity": "sev1", "class": "availability", "region": "us"}
    for name, labels in alerts.items():
        target = {"alertname": name, "region": "us", **labels}
        if labels.get("class") in ("data", "safety", "quality") and inhibited(rules, target, [outage]):
            yield source.fault(
                ("inhibit_rules",), f"an outage would mute {name}", "narrow target_matchers by class"
            )
