"""Every number on the page. The setting's numbers are assumptions; the classifier's come from ``report.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from math import ceil, log
from typing import Any

from examples.content_moderation import cells, drift, latency, sampling
from examples.content_moderation import policy as policies
from examples.content_moderation.evaluate import FILE
from examples.content_moderation.quality import Point
from examples.content_moderation.sampling import Stratum
from examples.content_moderation.setting import (
    ANSWER_TOKENS,
    APPEAL_RATE,
    CASES_A_DAY,
    FALSE_BLOCK_TARGET,
    GUARD,
    GUARD_MEDIAN_MS,
    GUARD_P95_MS,
    GUARD_TEXTS_PER_S,
    H100_DOLLARS_PER_H,
    H100S,
    LABELS_A_DAY,
    MEAN_RPS,
    OTHER_LANGUAGES,
    OUTAGE_S,
    PEAK_RPS,
    PREVALENCE,
    RECALL_TARGET,
    REQUESTS_A_DAY,
    REVIEWERS,
    SEVERE_A_DAY,
    SHOWN_S,
    SMALL,
    SMALL_MS,
    TOKENS_PER_S,
    TTFT_MEDIAN_MS,
    TTFT_P95_MS,
    Rates,
)

RULES: dict[str, Rates] = {
    "small at 0.5, today": SMALL[0.5],
    "small at 0.2": SMALL[0.2],
    "guard on every prompt": GUARD,
    "small at 0.5, then guard": cells.cascade(0.5),
    "small at 0.2, then guard": cells.cascade(0.2),
}
ASKED = {
    "small at 0.5, today": 0.0,
    "small at 0.2": 0.0,
    "guard on every prompt": 1.0,
    "small at 0.5, then guard": cells.asked(0.5),
    "small at 0.2, then guard": cells.asked(0.2),
}
TODAY, CHOSEN = "small at 0.5, today", "small at 0.5, then guard"
LIMITS = policies.load(policies.FILE.read_text(encoding="utf-8")).stream
CHECKS = ANSWER_TOKENS // LIMITS.check_every
PROMPT_TEXTS = 2
"""Read of a conversation: its newest turn, and its last turns as one text. Undone disguises come on top."""


@cache
def _report() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: int = 1) -> str:
    """Return a Markdown table whose columns from ``right`` on are aligned right."""
    marks = ["---" if i < right else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}%"


# Prompts: base rates


def blocked(what: str, rule: str = TODAY) -> str:
    """Return the right or wrong blocks a day of a rule, its precision, or the appeals that follow."""
    made = cells.blocks(RULES[rule])
    if what == "precision":
        return _percent(made.precision, 0)
    value = {
        "right": made.right,
        "wrong": made.wrong,
        "appeals": (made.right + made.wrong) * APPEAL_RATE,
    }[what]
    return f"{value:,.0f}"


def rule_table() -> str:
    """Return what each rule does to prompts in a day, and the target it misses."""
    rows = []
    for name, rates in RULES.items():
        made, calls = cells.blocks(rates), ASKED[name] * PEAK_RPS
        missed = [
            target
            for target, bad in (
                ("recall", rates.recall < RECALL_TARGET),
                ("wrong blocks", rates.false_positives > FALSE_BLOCK_TARGET),
                ("GPUs", calls > H100S * GUARD_TEXTS_PER_S),
            )
            if bad
        ]
        rows.append(
            [
                name.capitalize(),
                _percent(rates.recall),
                f"{made.right:,.0f}",
                f"{made.wrong:,.0f} ({_percent(rates.false_positives, 2)})",
                _percent(made.precision, 0),
                f"{(made.right + made.wrong) * APPEAL_RATE:,.0f}",
                f"{calls:,.1f}" if calls else "0",
                ", ".join(missed) or "none",
            ]
        )
    head = [
        "Prompts only", "Recall", "Right blocks/day", "Wrong blocks/day", "Precision", "Appeals/day",
        "Guard calls/s, peak", "Misses",
    ]  # fmt: skip
    return _table(head, rows)


def rule_chart() -> dict[str, Any]:
    """Return recall against wrong blocks, with the targets and what multiplying would have promised."""
    rows = [
        {
            "rule": name,
            "wrong": rates.false_positives * 100,
            "recall": rates.recall * 100,
            "kind": "as measured",
        }
        for name, rates in RULES.items()
    ]
    for threshold in (0.5, 0.2):
        rates = cells.multiplied(threshold)
        rows.append(
            {
                "rule": f"small at {threshold}, then guard",
                "wrong": rates.false_positives * 100,
                "recall": rates.recall * 100,
                "kind": "rates multiplied",
            }
        )
    tags = {
        "small at 0.5, today": "small 0.5",
        "small at 0.2": "small 0.2",
        "guard on every prompt": "guard",
        "small at 0.5, then guard": "0.5, guard",
        "small at 0.2, then guard": "0.2, guard",
    }
    for row in rows:
        row["tag"] = tags[str(row["rule"])]
    x = {
        "field": "wrong",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [0.001, 20]},
        "axis": {"values": [0.001, 0.01, 0.1, 1, 10], "title": "benign requests blocked, % (logarithmic)"},
    }
    y = {
        "field": "recall",
        "type": "quantitative",
        "scale": {"domain": [91, 100], "zero": False},
        "title": "harmful requests caught, %",
    }
    mark = {"type": "point", "filled": True, "size": 90}
    return {
        "title": "Only the cascade at 0.5 is in the corner that the targets allow; multiplied rates put both cascades"
        " elsewhere",
        "description": "A scatter of recall against the share of benign prompts blocked, on a logarithmic axis, with"
        " lines at the targets of 93% and 0.1%. As measured, only the small classifier at 0.5 followed by the guard"
        " lies above 93% and left of 0.1%, by a tenth of a point. The cascade at 0.2 lies right of 0.1%. Multiplied"
        " rates put both cascades far to the left, and the one at 0.5 below the line.",
        "height": 240,
        "data": {"values": rows},
        "usermeta": {
            "columns": {"rule": "Rule", "kind": "Rates", "recall": "Caught, %", "wrong": "Benign blocked, %"}
        },
        "layer": [
            {"mark": {"type": "rule", "strokeDash": [4, 3]}, "encoding": {"x": {"datum": FALSE_BLOCK_TARGET * 100}}},
            {"mark": {"type": "rule", "strokeDash": [4, 3]}, "encoding": {"y": {"datum": RECALL_TARGET * 100}}},
            {
                "mark": mark,
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": {"field": "kind", "type": "nominal", "title": None},
                    "shape": {"field": "kind", "type": "nominal", "title": None},
                },
            },
            *(
                {
                    "transform": [{"filter": f"datum.kind === '{kind}'"}],
                    "mark": {"type": "text", "align": align, "dx": dx, "dy": dy},
                    "encoding": {"x": x, "y": y, "text": {"field": "tag"}},
                }
                for kind, align, dx, dy in (("as measured", "left", 7, -7), ("rates multiplied", "center", 12, 16))
            ),
        ],
    }  # fmt: skip


def multiplied_wrong(threshold: float = 0.2) -> str:
    """Return the wrong blocks a day that multiplying the two rates promises."""
    return f"{cells.blocks(cells.multiplied(threshold)).wrong:,.0f}"


def times_worse(threshold: float = 0.2) -> str:
    """Return how many times more wrong blocks there are than multiplying promises."""
    return f"{cells.cascade(threshold).false_positives / cells.multiplied(threshold).false_positives:.1f}"


def cell_table() -> str:
    """Return the six cells, and what blocking each costs."""
    rows = [
        [
            cell.band,
            "yes" if cell.guard else "no",
            f"{cell.harmful:,.0f}",
            f"{cell.benign:,.0f}",
            f"{cell.benign / cell.harmful:,.2f}"
            if cell.benign < cell.harmful
            else f"{cell.benign / cell.harmful:,.0f}",
        ]
        for cell in cells.cells()
    ]
    return _table(["Small score", "Guard flags", "Harmful/day", "Benign/day", "Wrong blocks per right one"], rows, 2)  # fmt: skip


def worth(band: str, guard: bool = True) -> str:
    """Return the wrong blocks for each right one in a cell, which is what a miss must be worth to block it."""
    cell = next(c for c in cells.cells() if (c.band, c.guard) == (band, guard))
    ratio = cell.benign / cell.harmful
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


# People


def reviews_left() -> int:
    """Return the cases a day that reviewers have for appeals: after the severe tier and the labels."""
    return REVIEWERS * CASES_A_DAY - SEVERE_A_DAY - LABELS_A_DAY


def backlog(rule: str = TODAY) -> str:
    """Return by how many cases the queue of appeals grows a day."""
    made = cells.blocks(RULES[rule])
    return f"{(made.right + made.wrong) * APPEAL_RATE - reviews_left():,.0f}"


def appeals_of_design() -> str:
    """Return the most appeals a day: prompts, plus answers stopped wrongly within budget, plus every missed one."""
    prompts = cells.blocks(RULES[CHOSEN])
    missed = REQUESTS_A_DAY * PREVALENCE - prompts.right
    answers = REQUESTS_A_DAY * (1 - PREVALENCE) * answer_budget() + missed
    return f"{(prompts.right + prompts.wrong + answers) * APPEAL_RATE:,.0f}"


# Answers


def answer_budget() -> float:
    """Return the share of benign answers that may be stopped: the target less what the prompts take."""
    return FALSE_BLOCK_TARGET - RULES[CHOSEN].false_positives


def budget(what: str) -> str:
    """Return a figure of the budget for answers, as text."""
    one = RULES[CHOSEN].false_positives
    benign = REQUESTS_A_DAY * (1 - PREVALENCE)
    return {
        "left": _percent(answer_budget(), 2),
        "left a day": f"{answer_budget() * benign:,.0f}",
        "checks": str(CHECKS),
        "one check in all": _percent(2 * one, 2),
        "all checks": _percent(CHECKS * one, 2),
        "all checks a day": f"{CHECKS * one * benign:,.0f}",
        "in all": _percent(one + CHECKS * one, 2),
        "each": f"{answer_budget() / CHECKS * 100:.5f}%",
        "guard may confirm": _percent(answer_budget() / CHECKS / SMALL[0.5].false_positives, 2),
    }[what]


def shown_tokens() -> int:
    """Return the tokens of a second."""
    return int(SHOWN_S * TOKENS_PER_S)


def guard_tokens() -> str:
    """Return the tokens that arrive while the small classifier and the guard work, at the 95th percentile."""
    return f"{(SMALL_MS + GUARD_P95_MS) / 1000 * TOKENS_PER_S:.1f}"


def hold_ms(tokens: int = 10) -> int:
    """Return what holding back the first tokens adds to the time to first token."""
    return tokens * 1000 // TOKENS_PER_S


def window_table() -> str:
    """Return windows, each with what it asks of the checks and of the machines at peak."""
    wait = (SMALL_MS + GUARD_P95_MS) / 1000 * TOKENS_PER_S
    rows = []
    for every in (10, 20, 25, 30, 40):
        window = int(every + wait) + 1
        checks = -(-ANSWER_TOKENS // every)
        rows.append(
            [
                f"{every}",
                f"{window}",
                f"{max(0, shown_tokens() - window)}",
                f"{checks}",
                f"{answer_calls(PEAK_RPS, checks):.0f}",
                f"{cores(checks):.0f}",
            ]
        )
    return _table(
        [
            "Check every (tokens)", "Least window", "Left to recognize harm", "Checks an answer",
            "Guard calls/s, peak", "CPU cores, peak",
        ],
        rows,
        0,
    )  # fmt: skip


def answer_calls(rps: float, checks: int = CHECKS) -> float:
    """Return the guard calls a second for answers, each check flagging as often as a whole text."""
    return rps * checks * cells.asked(0.5)


def cores(checks: int = CHECKS) -> float:
    """Return the CPU cores that the small classifier needs at peak for answers, one text of 12 ms a check."""
    return PEAK_RPS * checks * SMALL_MS / 1000


def prompts_of_all(what: str = "share") -> str:
    """Return the benign prompts blocked if the guard alone reads other languages, at its English rate.

    ``share`` of all benign prompts, or what is ``left`` of the target for answers.
    """
    english = (1 - OTHER_LANGUAGES) * RULES[CHOSEN].false_positives
    share = english + OTHER_LANGUAGES * GUARD.false_positives
    return _percent(share if what == "share" else FALSE_BLOCK_TARGET - share, 3)


def prompt_cores() -> str:
    """Return the same for prompts, two texts each: the newest turn, and the last turns as one."""
    return f"{_prompt_cores():.1f}"


def _prompt_cores() -> float:
    return PEAK_RPS * PROMPT_TEXTS * SMALL_MS / 1000


def answer_cores() -> str:
    """Return the cores for answers, as text."""
    return f"{cores():.0f}"


def all_cores() -> str:
    """Return the sum of both."""
    return f"{_prompt_cores() + cores():.0f}"


# Machines


def _calls(rps: float) -> dict[str, float]:
    return {
        "English prompts that the small one flags at 0.5": rps * (1 - OTHER_LANGUAGES) * cells.asked(0.5),
        "Every prompt in another language": rps * OTHER_LANGUAGES,
        f"Answers, {CHECKS} checks each, flagged at 0.5": answer_calls(rps),
        "One read of every answer in another language": rps * OTHER_LANGUAGES,
    }


def capacity_table() -> str:
    """Return the guard calls a second by where they come from, and the sums against the H100s."""
    mean, peak = _calls(MEAN_RPS), _calls(PEAK_RPS)
    rows = [[name, f"{mean[name]:.1f}", f"{peak[name]:.1f}"] for name in peak]
    rows.append(["**Sum**", f"{sum(mean.values()):.1f}", f"{sum(peak.values()):.1f}"])
    for gpus in (4, 5, 6):
        rows.append(
            [f"Share of {gpus} H100s", *(_percent(used(gpus, rps), 0) for rps in (MEAN_RPS, PEAK_RPS))]
        )
    return _table(["Guard calls/s", "Average", "Peak"], rows)


def used(gpus: int, rps: float) -> float:
    """Return the share of so many H100s that all calls take."""
    return sum(_calls(rps).values()) / (gpus * GUARD_TEXTS_PER_S)


def calls_per_percent() -> str:
    """Return the guard calls a second at peak that one percent more of flagged texts costs."""
    return f"{PEAK_RPS * (1 + CHECKS) * 0.01:.0f}"


def spare_for_prompts(gpus: int = 6) -> str:
    """Return the share of all prompts that so many H100s could still read at peak."""
    spare = gpus * GUARD_TEXTS_PER_S - sum(_calls(PEAK_RPS).values())
    return _percent(spare / PEAK_RPS, 0)


def used_with_a_percent_more(gpus: int = 6) -> str:
    """Return the share of so many H100s at peak if one percent more of the texts are flagged."""
    return _percent(used(gpus, PEAK_RPS) + float(calls_per_percent()) / (gpus * GUARD_TEXTS_PER_S), 0)


def benign_for(share: float = FALSE_BLOCK_TARGET, sure: float = 0.95) -> str:
    """Return the independent benign texts without a single flag that put a rate below ``share`` (rule of three)."""
    return f"{ceil(log(1 - sure) / log(1 - share)):,}"


def gpus_for(texts_per_s: float) -> int:
    """Return the H100s for so many texts a second, fully used."""
    return -int(-texts_per_s // GUARD_TEXTS_PER_S)


def gpu_dollars(gpus: int = 2, days: int = 30) -> str:
    """Return what more H100s cost."""
    return f"{gpus * H100_DOLLARS_PER_H * 24 * days:,.0f}"


@cache
def _ttft(place: str, share: float) -> float:
    engine = latency.Lognormal(TTFT_MEDIAN_MS, TTFT_P95_MS)
    guard = latency.Lognormal(GUARD_MEDIAN_MS, GUARD_P95_MS)
    return getattr(latency, place)(engine, SMALL_MS, guard, share) - TTFT_P95_MS  # type: ignore[no-any-return]


def ttft_table() -> str:
    """Return what each placing of the checks adds to the 95th percentile of TTFT."""
    shares = {
        "Guard on every prompt": 1.0,
        "Cascade at 0.2": cells.asked(0.2),
        "Cascade at 0.5, other languages to the guard": guarded_share(),
    }
    rows = [
        [name, _percent(share), f"{_ttft('before', share):.0f} ms", f"{abs(_ttft('beside', share)):.0f} ms"]
        for name, share in shares.items()
    ]
    return _table(["Prompts", "Wait for the guard", "Before prefill", "Beside prefill"], rows)


def guarded_share() -> float:
    """Return the share of prompts that the guard reads in the design."""
    return OTHER_LANGUAGES + (1 - OTHER_LANGUAGES) * cells.asked(0.5)


# Knowing


def other_recall_needed() -> str:
    """Return the recall that traffic in other languages needs, for the whole to meet the target."""
    return _percent((RECALL_TARGET - (1 - OTHER_LANGUAGES) * RULES[CHOSEN].recall) / OTHER_LANGUAGES)


def recall_if(other: float) -> str:
    """Return overall recall, if it is ``other`` in other languages."""
    return _percent((1 - OTHER_LANGUAGES) * RULES[CHOSEN].recall + OTHER_LANGUAGES * other)


def harmful_labels(half_width: float = 0.02) -> int:
    """Return the labeled harmful texts that give the target recall within ``half_width``."""
    return sampling.labels_for(RECALL_TARGET, half_width)


def one_flags() -> str:
    """Return the share of the missed texts where one of the two detectors flags, the small one from 0.5 up."""
    missed = [c for c in cells.cells() if not (c.band == "0.5 up" and c.guard)]
    seen = [c for c in missed if c.guard or c.band == "0.5 up"]
    return _percent(sum(c.harmful for c in seen) / sum(c.harmful for c in missed), 0)


def prevalence_interval() -> str:
    """Return the interval of the prevalence itself, after 30 days of random labels with 30 harmful ones."""
    low, high = sampling.wilson(30, 30 * LABELS_A_DAY)
    return f"{_percent(low, 2)} to {_percent(high, 2)}"


def random_harmful() -> str:
    """Return the harmful texts in a day's random labels."""
    return f"{LABELS_A_DAY * PREVALENCE:.0f}"


def month_interval() -> str:
    """Return the interval after 30 days of random labels, 28 of 30 harmful ones caught."""
    low, high = sampling.wilson(28, 30)
    return f"{_percent(low, 0)} to {_percent(high, 0)}"


def random_labels(half_width: float = 0.02) -> int:
    """Return how many labels of random traffic give recall within ``half_width``."""
    return round(harmful_labels(half_width) / PREVALENCE)


@cache
def design(what: str, half_width: float = 0.02) -> int:
    """Return the labels that recall within ``half_width`` takes: ``random``, by ``score``, or by ``both``."""
    if what == "random":
        return random_labels(half_width)
    strata = {
        cell: Stratum(cell.harmful + cell.benign, cell.band == "0.5 up" and cell.guard, cell.share_harmful)
        for cell in cells.cells()
    }
    if what == "both":
        return round(sum(sampling.labels_needed(list(strata.values()), half_width)))
    high, refused, *rest = strata.values()
    merged = [_merged(rest[0], rest[1]), _merged(rest[2], rest[3])]
    return round(sum(sampling.labels_needed([high, refused, *merged], half_width)))


def _merged(a: Stratum, b: Stratum) -> Stratum:
    texts = a.texts + b.texts
    return Stratum(texts, False, (a.texts * a.harmful_share + b.texts * b.harmful_share) / texts)


def label_table() -> str:
    """Return the designs, with labels and days at today's number of labels."""
    names = {
        "random": "Random traffic",
        "score": "By band of the small score",
        "both": "By band and a shadow verdict of the guard",
    }
    rows = [
        [name, *(f"{n:,} ({n / LABELS_A_DAY:,.0f} days)" for n in (design(key), design(key, 0.04)))]
        for key, name in names.items()
    ]
    return _table(["Sampled", "Labels for ± 2 points", "± 4 points"], rows)


def margin_labels() -> str:
    """Return the labeled harmful texts that tell 93.1% from 93%."""
    return f"{sampling.labels_for(RULES[CHOSEN].recall, RULES[CHOSEN].recall - RECALL_TARGET):,}"


def precision_interval() -> str:
    """Return the interval of the false-positive rate from 500 labeled blocks of a day."""
    made = cells.blocks(RULES[CHOSEN])
    low, high = sampling.wilson(round(LABELS_A_DAY * made.precision), LABELS_A_DAY)
    benign, all_blocks = REQUESTS_A_DAY * (1 - PREVALENCE), made.right + made.wrong
    return f"{(1 - high) * all_blocks / benign * 100:.3f}% to {(1 - low) * all_blocks / benign * 100:.3f}%"


def drift_of_doubling() -> str:
    """Return the PSI of scores in three bands when harmful requests double."""

    def shares(prevalence: float) -> list[float]:
        wide, high = cells.asked(0.2, prevalence), cells.asked(0.5, prevalence)
        return [1 - wide, wide - high, high]

    before, after = shares(PREVALENCE), shares(2 * PREVALENCE)
    return f"{sum((b - a) * log(b / a) for a, b in zip(before, after, strict=True)):.4f}"


def drift_alarm(n: int = 100_000, m: int = 10_000, false_alarms: float = 0.001) -> str:
    """Return the alarm's limit for samples of these sizes."""
    return f"{drift.alarm_at(n, m, 10, false_alarms):.4f}"


# Outages, accounts


def outage(what: str) -> str:
    """Return a figure of fifteen minutes at peak on the small classifier alone."""
    wrong = PEAK_RPS * OUTAGE_S * (1 - PREVALENCE) * SMALL[0.5].false_positives
    month = REQUESTS_A_DAY * 30 * (1 - PREVALENCE) * FALSE_BLOCK_TARGET
    return {
        "wrong": f"{wrong:,.0f}",
        "usual": f"{PEAK_RPS * OUTAGE_S * (1 - PREVALENCE) * RULES[CHOSEN].false_positives:,.0f}",
        "month": _percent(wrong / month),
        "stopped answers": _percent(CHECKS * SMALL[0.5].false_positives, 0),
        "unavailable": _percent(guarded_share(), 0),
    }[what]


def passes_once(tries: int = 10) -> str:
    """Return the chance that one of so many rewordings passes, if each is judged anew and independently."""
    return _percent(1 - RULES[CHOSEN].recall ** tries, 0)


def blocked_once(requests: int = 300) -> str:
    """Return the share of benign users who meet a wrong block within so many requests, at the target's rate."""
    return _percent(1 - (1 - FALSE_BLOCK_TARGET) ** requests, 0)


def severe_wrong(rule: str = "guard on every prompt") -> str:
    """Return the flags of a day at this rule's rates: on severe requests, and on benign ones."""
    rates = RULES[rule]
    wrong = REQUESTS_A_DAY * (1 - PREVALENCE) * rates.false_positives
    return f"{SEVERE_A_DAY * rates.recall:,.0f} right and {wrong:,.0f} wrong"


def severe_room() -> str:
    """Return the false-positive rate at which a detector of the severe tier uses up what reviewers have left."""
    room = reviews_left() - float(appeals_of_design().replace(",", ""))
    return f"{room / (REQUESTS_A_DAY * (1 - PREVALENCE)) * 100:.4f}%"


# The shipped classifier


def of_report(what: str) -> str:
    """Return a figure of the report, as text."""
    r = _report()
    _, recall, wrong = r["at"]
    low, high, low_wrong, high_wrong = r["at_interval"]
    spans, kinds, seen = r["spans"], r["wrong_by_kind"], r["seen_templates"]
    share = spans["flagged"] / spans["checks"]
    return {
        "harmful": f"{r['n']['harmful']:,}",
        "benign": f"{r['n']['benign']:,}",
        "templates": f"{r['templates']['harmful']} and {r['templates']['benign']}",
        "recall": f"{_percent(recall)} ({_percent(low, 0)} to {_percent(high, 0)})",
        "wrong": f"{_percent(wrong)} ({_percent(low_wrong, 0)} to {_percent(high_wrong, 0)})",
        "precision here": _percent(_precision(Point(*r["at"]), _sample_share()), 0),
        "precision there": _percent(_precision(Point(*r["at"]), PREVALENCE)),
        "everyday": f"{_percent(kinds['everyday'][0] / kinds['everyday'][1])} of {kinds['everyday'][1]:,}",
        "hard": f"{_percent(kinds['hard'][0] / kinds['hard'][1])} of {kinds['hard'][1]:,}",
        "seen recall": _percent(seen["right"][0] / seen["right"][1]),
        "seen wrong": _percent(seen["wrong"][0] / seen["wrong"][1]),
        "per check": _percent(share),
        "per answer": _percent(spans["answers_flagged"] / spans["answers"], 0),
        "if independent": _percent(1 - (1 - share) ** (spans["checks"] / spans["answers"]), 0),
        "answers": f"{spans['answers']:,}",
    }[what]


def _precision(point: Point, prevalence: float) -> float:
    return point.precision(prevalence)


def _sample_share() -> float:
    n = _report()["n"]
    return float(n["harmful"] / (n["harmful"] + n["benign"]))


def curve_chart() -> dict[str, Any]:
    """Return precision against recall of the shipped classifier, at the set's share of harmful texts and traffic's."""
    places = {
        f"labeled set, {_percent(_sample_share(), 0)} harmful": _sample_share(),
        "traffic, 0.2% harmful": PREVALENCE,
    }
    rows = [
        {
            "place": name,
            "threshold": threshold,
            "recall": recall * 100,
            "precision": Point(threshold, recall, wrong).precision(share) * 100,
        }
        for name, share in places.items()
        for threshold, recall, wrong in _report()["curve"]
    ]
    return {
        "title": "The same classifier on the same texts: a usable curve in the labeled set, next to nothing at the"
        " base rate of traffic",
        "description": "Precision against recall for thresholds from 0.01 to 0.98. In the labeled set precision falls"
        " from 86% to 35% as recall rises to 100%. Weighed to 0.2% harmful traffic it is 3.2% at best and 0.3% at full recall.",
        "height": 220,
        "data": {"values": rows},
        "usermeta": {
            "columns": {"place": "Harmful share", "threshold": "Threshold", "recall": "Recall, %", "precision": "Precision, %"}
        },
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "recall", "type": "quantitative", "title": "recall, %", "scale": {"domain": [20, 100]}},
            "y": {"field": "precision", "type": "quantitative", "title": "precision, %"},
            "color": {"field": "place", "type": "nominal", "title": None},
            "strokeDash": {"field": "place", "type": "nominal", "title": None},
            "order": {"field": "threshold"},
        },
    }  # fmt: skip


def calibration_table() -> str:
    """Return each category's expected calibration error, and beside it the bin where it decides: 0.9 and more."""
    rows = []
    for name, made in _report()["calibration"].items():
        n, said, was = made["bins"][-1]
        rows.append(
            [
                f"`{name}`",
                f"{made['before']:.3f}",
                f"{made['after']:.3f}",
                f"{made['bins'][0][0]:,} of {made['n']:,}",
                f"{n:,}",
                _percent(said, 0),
                _percent(was, 0),
            ]
        )
    head = [
        "Category", "ECE as trained", "ECE after Platt", "Texts scored below 0.1", "From 0.9 up", "Said there", "Was",
    ]  # fmt: skip
    return _table(head, rows)


def reliability_chart() -> dict[str, Any]:
    """Return what was said against what was, by tenth of the score, on the calibration and on the test split."""
    names = {"calibration": "seen by Platt's fit", "test": "new templates"}
    rows: list[dict[str, Any]] = [
        {"split": names[split], "said": said * 100, "was": was * 100, "n": n}
        for split, bins in _report()["reliability"].items()
        for n, said, was in bins
    ]
    rows += [{"split": "calibrated", "said": end, "was": end} for end in (0, 100)]
    x = {
        "field": "said",
        "type": "quantitative",
        "title": "mean score of the bin, %",
        "scale": {"domain": [0, 100]},
    }
    y = {
        "field": "was",
        "type": "quantitative",
        "title": "harmful in the bin, %",
        "scale": {"domain": [0, 100]},
    }
    (top, said, was), (low, _, _) = _report()["reliability"]["test"][-1], _report()["reliability"]["test"][0]
    return {
        "title": f"On new templates a score of {_percent(said, 0)} is right {_percent(was, 0)} of the time: the top"
        " bin, where blocking happens, is overconfident (labels: texts in the bin)",
        "description": "Reliability by tenth of the score, highest score of any category. On the templates that"
        " Platt's fit saw, the line runs around the diagonal. On new templates it runs below it in most bins, and in"
        f" the top bin {top:,} texts with a mean score of {_percent(said, 0)} were harmful in {_percent(was, 0)} of"
        f" cases. The lowest bin holds {low:,} texts and lies on the diagonal.",
        "height": 260,
        "data": {"values": rows},
        "usermeta": {"columns": {"split": "Split", "said": "Mean score, %", "was": "Harmful, %", "n": "Texts"}},
        "layer": [
            {
                "mark": {"type": "line", "point": True},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": {"field": "split", "type": "nominal", "title": None},
                    "strokeDash": {"field": "split", "type": "nominal", "title": None},
                },
            },
            *(
                {
                    "transform": [{"filter": f"datum.split === 'new templates' && datum.said {side} 10"}],
                    "mark": {"type": "text", "dx": dx, "dy": dy},
                    "encoding": {"x": x, "y": y, "text": {"field": "n"}},
                }
                for side, dx, dy in (("<", 4, -14), (">", 8, 14))
            ),
        ],
    }  # fmt: skip


def cost_table() -> str:
    """Return, by what a miss is worth, the threshold chosen on one split and what it does there and on another."""
    rows = []
    for made in _report()["costs"]:
        _, recall, wrong = made["chosen"]
        _, found, hit = made["test"]
        low, high, low_wrong, high_wrong = made["interval"]
        there, here = made["costs"]
        rows.append(
            [
                f"{made['ratio']:,}",
                f"{made['formula']:.2f}",
                f"{made['chosen'][0]:.2f}",
                f"{_percent(recall, 0)}, {_percent(found, 0)} ({_percent(low, 0)} to {_percent(high, 0)})",
                f"{_percent(wrong)}, {_percent(hit)} ({_percent(low_wrong)} to {_percent(high_wrong)})",
                f"{there:.2f}, {here:.2f}",
            ]
        )
    head = [
        "A miss is worth", "By formula", "Cheapest", "Recall: chosen on, new", "Benign flagged: chosen on, new",
        "Cost, no filter = 1: chosen on, new",
    ]  # fmt: skip
    return _table(head, rows)


def chosen_wrong(which: str) -> str:
    """Return the benign texts flagged at the threshold for a ratio of 10, on the ``chosen`` or the ``test`` split."""
    return _percent(_report()["costs"][0][which][2])


def top_bin(what: str) -> str:
    """Return what scores from 0.9 up ``said`` and what ``was``, on the test split."""
    _, said, was = _report()["reliability"]["test"][-1]
    return _percent(said if what == "said" else was, 0)


def attack_table() -> str:
    """Return how many attacked texts are caught as they come, once read, or read by the guard anyway."""
    rows = [
        [
            name.capitalize(),
            f"{made['as it comes'] / made['n'] * 100:.0f}%",
            f"{made['read'] / made['n'] * 100:.0f}%",
            f"{made['to the guard'] / made['n'] * 100:.0f}%",
        ]
        for name, made in _report()["attacks"].items()
    ]
    return _table(["Disguise", "Flagged as it comes", "Flagged once read", "Else sent to the guard"], rows)


def attacked() -> int:
    """Return how many texts were disguised."""
    return int(_report()["attacks"]["nothing"]["n"])
