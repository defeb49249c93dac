"""A closed month as a FOCUS cost and usage file: the columns of version 1.3, of which those of 1.0 are a part.

FOCUS 1.3 (December 2025) is the last version with ProviderName and PublisherName, which 1.0 demands and 1.4 (4 June 2026)
has dropped; it is the first with columns for a split of shared cost.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from examples.cost_attribution.money import in_whole_cents


def _utc(value: datetime) -> datetime:
    if value.utcoffset() != timedelta(0):
        raise ValueError("FOCUS times are in UTC")
    return value


Moment = Annotated[datetime, AfterValidator(_utc)]


class Charge(BaseModel):
    """What FOCUS asks of a row beyond 1.0, as far as we use it; the validator at hand knows 1.0 only."""

    model_config = ConfigDict(frozen=True, extra="allow")

    BilledCost: Decimal
    BillingPeriodStart: Moment
    ChargePeriodEnd: Moment
    ChargeCategory: Literal["Usage", "Adjustment"]
    ChargeClass: Literal["Correction"] | None
    ListUnitPrice: Decimal | None
    PricingQuantity: Decimal | None
    InvoiceId: str  # since 1.2: the month's run, whose rows add up to what was invoiced
    SkuMeter: str | None  # since 1.1: the kind of token has no column of its own
    CapacityReservationStatus: Literal["Used", "Unused"] | None  # since 1.1: idle GPUs
    ServiceProviderName: str  # since 1.3, instead of ProviderName
    AllocatedMethodId: str | None  # since 1.3: which documented rule divided an invoice
    AllocatedMethodDetails: str | None
    AllocatedResourceId: str | None  # since 1.3: whom it was divided among

    @model_validator(mode="after")
    def _consistent(self) -> Charge:
        if (self.ChargeClass == "Correction") != (self.ChargePeriodEnd <= self.BillingPeriodStart):
            raise ValueError("a correction, and nothing else, belongs to a period billed before")
        if (self.ChargeCategory == "Usage") != (self.PricingQuantity is not None):
            raise ValueError("usage has a quantity")
        if (self.ListUnitPrice or 0) * (self.PricingQuantity or 0) != (
            self.BilledCost if self.SkuMeter else 0
        ):
            raise ValueError("a unit price times its quantity is the cost")
        allocated = {self.AllocatedMethodId, self.AllocatedMethodDetails, self.AllocatedResourceId}
        if None in allocated and allocated != {None}:
            raise ValueError("an allocated charge says by which rule, in which ratio, to whom")
        return self


class Line(BaseModel):
    """A line of the view `bill_line`, of one closed month."""

    model_config = ConfigDict(frozen=True)

    month: date
    pool: Literal["provider", "work", "standby", "shared"]
    team: str
    project: str | None = None
    model: str | None = None
    meter: str | None = None
    unit_nano: int | None = None
    tokens: int | None = None
    usage_day: date | None = None
    nano_usd: int


_SERVICE = {
    "provider": ("AI and Machine Learning", "Model API"),
    "work": ("AI and Machine Learning", "In-house inference"),
    "standby": ("AI and Machine Learning", "In-house inference"),
    "shared": ("Management and Governance", "LLM platform"),
}
METHODS = {
    "provider": ("unmetered-by-cost", "Dollars"),
    "work": ("work-by-gpu-time", "GPU-Seconds"),
    "standby": ("standby-by-peak-share", "Requests"),
    "shared": ("shared-by-requests", "Requests"),
}
"""Pool -> the rule that divides its invoice, and the unit in which the rule measures."""
MILLION = 1_000_000


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


# --8<-- [start:export]
def charge(line: Line, ratio: Decimal | None = None) -> Charge:
    """One line of a bill as a row. Without tokens it is a part of an invoice, and ``ratio`` the team's share of it."""
    cost = Decimal(line.nano_usd).scaleb(-9)
    start = line.usage_day or line.month
    end = start + timedelta(days=1) if line.usage_day else _next_month(line.month)
    row = _EMPTY | {
        "BilledCost": cost, "EffectiveCost": cost, "ContractedCost": cost, "ListCost": cost,
        "BillingPeriodStart": _midnight(line.month), "BillingPeriodEnd": _midnight(_next_month(line.month)),
        "ChargePeriodStart": _midnight(start), "ChargePeriodEnd": _midnight(end),
        "InvoiceId": f"chargeback-{line.month:%Y-%m}", "ChargeClass": "Correction" if start < line.month else None,
        "ServiceCategory": _SERVICE[line.pool][0], "ServiceName": _SERVICE[line.pool][1], "x_Team": line.team,
    }  # fmt: skip
    if line.tokens is None or line.unit_nano is None:
        method, unit = METHODS[line.pool]
        details = json.dumps({"Elements": [{"AllocatedRatio": float(ratio or 0), "UsageUnit": unit}]})
        status = {"work": "Used", "standby": "Unused"}.get(line.pool)
        row |= {
            "ChargeCategory": "Adjustment", "ChargeFrequency": "Recurring",
            "CapacityReservationId": "h100-fleet" if status else None, "CapacityReservationStatus": status,
        }  # fmt: skip
        divided = {
            "AllocatedResourceId": line.team, "AllocatedMethodId": method, "AllocatedMethodDetails": details,
        }  # fmt: skip
        return Charge.model_validate(row if line.usage_day else row | divided)
    quantity, price = Decimal(line.tokens) / MILLION, Decimal(line.unit_nano).scaleb(-3)
    return Charge.model_validate(row | {
        "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based",
        "SubAccountId": line.project, "SubAccountName": line.project, "PricingCategory": "Standard",
        "ConsumedQuantity": Decimal(line.tokens), "ConsumedUnit": "Tokens",
        "PricingQuantity": quantity, "PricingUnit": f"{MILLION} Tokens",
        "ListUnitPrice": price, "ContractedUnitPrice": price, "SkuMeter": f"{line.meter} tokens",
        "SkuId": f"{line.model}/{line.meter}", "SkuPriceId": f"{line.model}/{line.meter}/{line.unit_nano}",
    })  # fmt: skip


# --8<-- [end:export]
_ISSUER = "LLM platform"
_EMPTY: dict[str, object] = dict.fromkeys(
    (
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AvailabilityZone",
        "CapacityReservationId", "CapacityReservationStatus", "ChargeClass", "ChargeDescription",
        "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus",
        "CommitmentDiscountType", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice",
        "PricingCategory", "PricingQuantity", "PricingUnit", "RegionId", "RegionName", "ResourceId", "ResourceName",
        "ResourceType", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
    )
) | dict.fromkeys(
    ("HostProviderName", "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName"), _ISSUER
) | {"BillingAccountId": "llm-platform", "BillingAccountName": _ISSUER, "BillingAccountType": "Internal",
     "BillingCurrency": "USD"}  # fmt: skip


def export(lines: Sequence[Line]) -> list[Charge]:
    """All rows of one month. The ratios of a pool add up to 1, in billionths, as the specification asks."""
    ratios: dict[tuple[str, str], Decimal] = {}
    for pool in METHODS:
        parts = {
            line.team: abs(line.nano_usd) for line in lines if line.pool == pool and line.usage_day is None
        }
        if parts:
            shares = in_whole_cents(10**9, parts)
            ratios |= {(pool, team): Decimal(share).scaleb(-9) for team, share in shares.items()}
    return [charge(line, ratios.get((line.pool, line.team))) for line in lines]


def to_csv(charges: Iterable[Charge]) -> str:
    """The file, the specification's columns first and our own after them."""
    rows = [charge.model_dump() for charge in charges]
    names = sorted({name for row in rows for name in row}, key=lambda name: (name.startswith("x_"), name))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _text(row[name]) for name in names})
    return text.getvalue()


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return format(value, "f") if isinstance(value, Decimal) else str(value)
