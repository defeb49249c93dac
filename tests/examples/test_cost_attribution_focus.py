"""The export against FinOps' own validator, which knows FOCUS 1.0, and against a model of what came later."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from examples.cost_attribution import focus
from examples.cost_attribution.focus import Line

ROOT = Path(__file__).parents[2]
MISSING = "focus-validator was not found: run make test, or name it in FOCUS_VALIDATOR"
MISNAMED = {
    "ProviderName": "Provider", "PublisherName": "Publisher", "InvoiceIssuerName": "InvoiceIssuer", "ResourceId": "ResourceID",
}  # fmt: skip
"""What the specification's columns are called in the rules that focus-validator 1.0.0 has for FOCUS 1.0.

One rule also reads ChargeType, which FOCUS 1.0 calls ChargeCategory.
"""

OCTOBER = date(2026, 10, 1)
USAGE = Line(
    month=OCTOBER, pool="provider", team="ants", project="p1", model="m", meter="cached", unit_nano=300,
    tokens=1_500, usage_day=date(2026, 10, 5), nano_usd=450_000,
)  # fmt: skip
LINES = [
    USAGE,
    USAGE.model_copy(update={"meter": "output", "unit_nano": 15_000, "tokens": 600, "nano_usd": 9_000_000}),
    USAGE.model_copy(update={"usage_day": date(2026, 9, 30), "tokens": -10, "nano_usd": -3_000}),
    Line(month=OCTOBER, pool="provider", team="ants", nano_usd=-447_000),
    *(
        Line(month=OCTOBER, pool="standby", team=team, nano_usd=56_000 * 10**9)
        for team in ("ants", "bees", "cats")
    ),
    Line(month=OCTOBER, pool="work", team="ants", nano_usd=120_000 * 10**9),
    # September's work, of a project that was the bees': no part of October's invoice.
    Line(month=OCTOBER, pool="work", team="ants", usage_day=date(2026, 9, 30), nano_usd=-7_000),
    Line(month=OCTOBER, pool="work", team="bees", usage_day=date(2026, 9, 30), nano_usd=7_000),
    Line(month=OCTOBER, pool="shared", team="bees", nano_usd=43_500 * 10**9),
]


def validator() -> Path:
    """The executable. Skips the running test where there is none; fails it where CI is set."""
    named = os.environ.get("FOCUS_VALIDATOR")
    for candidate in (named, ROOT / ".cache/tools/focus/bin/focus-validator"):
        if candidate and (found := shutil.which(candidate)):
            return Path(found)
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


BOTH = """
import sys
from focus_validator.main import main
for file in sys.argv[1:]:
    sys.argv = ["focus-validator", "--data-file", file, "--validate-version", "1.0"]
    try:
        main()
    except SystemExit:
        pass
    print("next file", flush=True)
"""
"""The tool takes one file, and most of its time is its start."""


def copied(text: str, file: Path) -> Path:
    """Write the copy that the validator's rules can read."""
    with file.open("w", encoding="utf-8", newline="") as copy:
        for row in csv.DictReader(io.StringIO(text)):
            own = {MISNAMED.get(name, name): value for name, value in row.items()}
            own["ChargeType"] = row["ChargeCategory"]
            writer = csv.DictWriter(copy, list(own))
            if not copy.tell():
                writer.writeheader()
            writer.writerow(own)
    return file


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the validator says of the export, and of one with three faults."""
    tool, folder = validator().resolve(), tmp_path_factory.mktemp("focus")
    good = focus.to_csv(focus.export(LINES))
    bad = good
    for right, wrong in (("USD", "DOLLARS"), ("AI and Machine Learning", "Models"), ("m/cached/300", "NULL")):
        bad = bad.replace(right, wrong)
    files = [copied(good, folder / "good.csv"), copied(bad, folder / "bad.csv")]
    # It reads its list of currencies relative to where it is installed.
    home = next(iter(sorted(tool.parents[1].glob("lib/python*/site-packages"))), None)
    command = [tool.parent / "python", "-c", BOTH, *files]
    run = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.split("next file")


def test_the_validator_passes_the_export(verdicts: list[str]) -> None:
    assert "Validation succeeded" in verdicts[0], verdicts[0]
    assert "failed" not in verdicts[0].lower()


def test_the_validator_names_what_is_wrong(verdicts: list[str]) -> None:
    assert "Validation failed" in verdicts[1], verdicts[1]
    for rule in ("BillingCurrency_IsCurrencyCode", "ServiceCategory_Enum", "SkuPriceId_Nullable"):
        assert rule in verdicts[1]


def test_the_file() -> None:
    rows = list(csv.DictReader(io.StringIO(focus.to_csv(focus.export(LINES)))))
    names = list(rows[0])
    assert names.index("x_Team") == len(names) - 1  # own columns come last
    assert set(MISNAMED) <= set(names)
    first = rows[0]
    assert first["BilledCost"] == "0.000450000"
    assert (first["PricingQuantity"], first["PricingUnit"]) == ("0.0015", "1000000 Tokens")
    assert Decimal(first["ListUnitPrice"]) == Decimal("0.3")
    assert first["SkuMeter"] == "cached tokens"
    assert first["ChargePeriodStart"] == "2026-10-05T00:00:00Z"
    assert first["ChargePeriodEnd"] == "2026-10-06T00:00:00Z"
    assert (first["BillingPeriodStart"], first["BillingPeriodEnd"]) == (
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    )
    assert [row["ChargeClass"] for row in rows].count("Correction") == 3
    assert rows[2]["ChargePeriodEnd"] == "2026-10-01T00:00:00Z"
    assert rows[2]["ChargeClass"] == "Correction"
    total = Decimal("0.00945") - Decimal("0.00045") + 3 * 56_000 + 120_000 + 43_500
    assert sum(Decimal(row["BilledCost"]) for row in rows) == total


def test_the_ratios_of_an_invoice_add_up_to_one() -> None:
    charges = focus.export(LINES)
    ratios: dict[str, Decimal] = {}
    for charge in charges:
        if charge.AllocatedMethodDetails:
            [element] = json.loads(charge.AllocatedMethodDetails, parse_float=Decimal)["Elements"]
            assert charge.AllocatedMethodId
            ratios[charge.AllocatedMethodId] = ratios.get(charge.AllocatedMethodId, Decimal(0)) + Decimal(
                element["AllocatedRatio"]
            )
    assert ratios == {method: Decimal(1) for method, _ in focus.METHODS.values()}
    standby = [charge for charge in charges if charge.AllocatedMethodId == "standby-by-peak-share"]
    assert [charge.AllocatedResourceId for charge in standby] == ["ants", "bees", "cats"]
    assert {charge.CapacityReservationStatus for charge in standby} == {"Unused"}


@pytest.mark.parametrize(
    ("line", "changes", "message"),
    [
        (0, {"ChargeClass": "Correction"}, "correction"),
        (2, {"ChargeClass": None}, "correction"),
        (0, {"PricingQuantity": None}, "quantity"),
        (0, {"BilledCost": Decimal("0.00046")}, "unit price"),
        (4, {"AllocatedMethodDetails": None}, "which rule"),
        (0, {"InvoiceId": None}, "string"),
        (0, {"ChargeCategory": "Tokens"}, "Usage"),
        (4, {"CapacityReservationStatus": "Idle"}, "Unused"),
    ],
)
def test_the_model_of_later_versions_refuses(line: int, changes: dict[str, object], message: str) -> None:
    good = focus.export(LINES)[line].model_dump()
    assert focus.Charge.model_validate(good)
    with pytest.raises(ValidationError, match=message):
        focus.Charge.model_validate(good | changes)


def test_times_are_in_utc() -> None:
    good = focus.export(LINES)[0].model_dump()
    with pytest.raises(ValidationError, match="UTC"):
        focus.Charge.model_validate(good | {"BillingPeriodStart": "2026-10-01T00:00:00+02:00"})


def test_december_ends_in_january() -> None:
    line = Line(month=date(2026, 12, 1), pool="shared", team="ants", nano_usd=10**9)
    assert focus.export([line])[0].ChargePeriodEnd.isoformat() == "2027-01-01T00:00:00+00:00"
