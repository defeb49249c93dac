"""The quality gate: that it stops a bad lever, passes a good one, and takes no weak sample for proof."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.cost_optimization.gate import (
    Grade,
    Latency,
    Policy,
    Verdict,
    chance_to_pass,
    gate,
    judge,
    lower_bound,
    prompts_needed,
    score,
    standard_error,
    tally,
    unpaired_needed,
)

BASELINE = "bf16-2026-11"
POLICY = Policy(BASELINE)
FAST = Latency(0.6, 0.040)
SHARES = {"chat": 0.25, "extraction": 0.45, "offline": 0.30}


def grades(
    n: int, lost: dict[str, float], gained: dict[str, float], rng: random.Random, rate: float = 0.86
) -> list[Grade]:
    """A sample like the traffic; a slice loses and gains that share of all its prompts."""
    found = []
    for name, share in SHARES.items():
        for i in range(round(n * share)):
            before = rng.random() < rate
            chance = lost.get(name, 0) / rate if before else gained.get(name, 0) / (1 - rate)
            found.append(Grade(f"{name}-{i}", name, before, before != (rng.random() < chance)))
    return found


def evenly(value: float) -> dict[str, float]:
    return dict.fromkeys(SHARES, value)


# --- The statistic ----------------------------------------------------------------------------------------------------


def likelihood_score(n: int, lost: int, gained: int, margin: float) -> float:
    """The same statistic, with the restricted estimate found by searching instead of by the formula."""
    same = n - lost - gained

    def log_likelihood(gain: float) -> float:
        parts = [(gained, gain), (lost, gain + margin), (same, 1 - 2 * gain - margin)]
        return sum(count * math.log(max(chance, 1e-300)) for count, chance in parts if count)

    low, high = 0.0, (1 - margin) / 2
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (a, high) if log_likelihood(a) < log_likelihood(b) else (low, b)
    variance = n * (2 * low + margin - margin**2)
    return (gained - lost + n * margin) / math.sqrt(variance)


@given(
    n=st.integers(50, 5000),
    share=st.floats(0, 0.3),
    split=st.floats(0, 1),
    margin=st.sampled_from([0.01, 0.03, 0.1]),
)
def test_the_formula_is_the_likeliest_variance(n, share, split, margin):
    differ = int(n * share)
    lost = int(differ * split)
    found = score(n, lost, differ - lost, margin)
    assert found == pytest.approx(likelihood_score(n, lost, differ - lost, margin), rel=1e-3, abs=1e-3)


@given(n=st.integers(100, 20_000), lost=st.integers(0, 40), gained=st.integers(0, 40))
def test_more_losses_never_help_and_more_gains_never_hurt(n, lost, gained):
    z = score(n, lost, gained, 0.01)
    assert score(n, lost + 1, gained, 0.01) < z < score(n, lost, gained + 1, 0.01)
    assert score(n, lost, gained, 0.02) > z


@given(n=st.integers(100, 20_000), lost=st.integers(0, 40), gained=st.integers(0, 40))
def test_the_lower_bound_is_the_margin_at_which_the_verdict_turns(n, lost, gained):
    bound = lower_bound(n, lost, gained)
    assert bound >= (lost - gained) / n
    assert judge(n, lost, gained, bound * 1.001, 0.05) is Verdict.PASS
    if bound > 1e-8:
        assert judge(n, lost, gained, bound * 0.999, 0.05) is not Verdict.PASS
    else:
        assert gained > lost, "only a candidate shown to be better has no loss to rule out"


@pytest.mark.parametrize(
    ("n", "verdict"), [(10, Verdict.INCONCLUSIVE), (267, Verdict.INCONCLUSIVE), (268, Verdict.PASS)]
)
def test_prompts_that_all_agree_prove_nothing_while_they_are_few(n, verdict):
    assert judge(n, 0, 0, 0.01, 0.05) is verdict


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [(54, 46, Verdict.INCONCLUSIVE), (60, 35, Verdict.INCONCLUSIVE), (80, 20, Verdict.FAIL)],
)
def test_a_loss_near_the_margin_asks_for_more_prompts_on_either_side_of_it(lost, gained, verdict):
    """0.4, 1.25 and 3 points lost of 2,000: only the last is shown to be beyond the margin."""
    assert judge(2_000, lost, gained, 0.01, 0.05) is verdict


@pytest.mark.parametrize("counts", [(0, 0, 0), (10, 6, 5), (10, -1, 0), (10, 0, -1)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="counts within n"):
        score(*counts, 0.01)


@pytest.mark.parametrize("margin", [0, 1, -0.01, math.nan])
def test_impossible_margins_are_refused(margin):
    with pytest.raises(ValueError, match="margin within"):
        score(100, 1, 1, margin)


# --- Stopping and passing ---------------------------------------------------------------------------------------------


def passes(loss: float, discordant: float, n: int, runs: int, seed: int) -> float:
    """The share of simulated samples that pass, at a true loss."""
    rng = random.Random(seed)
    worse, better = (discordant + loss) / 2, (discordant - loss) / 2
    passed = 0
    for _ in range(runs):
        lost = gained = 0
        for _ in range(n):
            x = rng.random()
            lost += x < worse
            gained += worse <= x < worse + better
        passed += judge(n, lost, gained, 0.01, 0.05) is Verdict.PASS
    return passed / runs


@pytest.mark.parametrize("loss", [0.0, 0.004, 0.01, 0.02])
def test_the_chance_to_pass_is_what_simulations_show(loss):
    n, runs = 4000, 300
    expected = chance_to_pass(n, 0.05, loss, 0.01)
    error = 4 * math.sqrt(max(expected * (1 - expected), 0.01) / runs)
    assert passes(loss, 0.05, n, runs, seed=3) == pytest.approx(expected, abs=error)


def test_a_bad_lever_is_stopped_and_a_harmless_one_passes():
    n = prompts_needed(0.05, 0.004, 0.01)
    assert passes(0.02, 0.05, n, 100, seed=1) == 0
    assert passes(0.01, 0.05, n, 200, seed=2) < 0.11
    assert passes(0.0, 0.05, n, 100, seed=4) > 0.95


def test_the_gate_passes_stops_and_says_why():
    rng = random.Random(7)
    n = 12_000
    good = grades(n, evenly(0.02), evenly(0.02), rng)
    assert gate(good, FAST, BASELINE, POLICY).verdict is Verdict.PASS
    bad = gate(grades(n, evenly(0.05), evenly(0.02), rng), FAST, BASELINE, POLICY)
    assert bad.verdict is Verdict.FAIL
    assert "total: fail" in bad.reasons
    few = gate(grades(2_000, evenly(0.027), evenly(0.023), random.Random(1)), FAST, BASELINE, POLICY)
    assert few.verdict is Verdict.INCONCLUSIVE


def test_a_slice_cannot_hide_in_the_total():
    """Chat loses seven points and the rest gains what hides it in the total."""
    found = grades(
        12_000, {"chat": 0.08}, {"chat": 0.01, "extraction": 0.03, "offline": 0.03}, random.Random(5)
    )
    decision = gate(found, FAST, BASELINE, POLICY)
    n, lost, gained = (sum(row[i] for row in tally(found).values()) for i in range(3))
    assert judge(n, lost, gained, 0.01, 0.05) is Verdict.PASS
    assert decision.verdict is Verdict.FAIL
    assert decision.reasons == ("chat: fail",)


@pytest.mark.parametrize(
    ("latency", "reason"),
    [
        (Latency(1.0, 0.040), "ttft_p95: fail"),
        (Latency(0.6, 0.051), "tpot_p95: fail"),
    ],
)
def test_equal_quality_does_not_excuse_latency(latency, reason):
    found = grades(12_000, evenly(0.01), evenly(0.01), random.Random(2))
    assert gate(found, latency, BASELINE, POLICY).reasons == (reason,)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_latency_that_was_not_measured_is_refused(bad):
    found = grades(2_000, {}, {}, random.Random(2))
    with pytest.raises(ValueError, match="ttft_p95"):
        gate(found, Latency(bad, 0.04), BASELINE, POLICY)


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0},
        {"alpha": 0.6},
        {"alpha": math.nan},
        {"drift": 1.0},
        {"drift": -0.1},
        {"traffic": {}},
        {"traffic": {"chat": 0.5, "extraction": 0.4}},
        {"traffic": {"chat": 1.2, "extraction": -0.2}},
        {"traffic": {"chat": math.nan, "extraction": 0.5}},
    ],
    ids=str,
)
def test_a_policy_that_could_not_stop_anything_is_refused(changes):
    with pytest.raises(ValueError, match=r"alpha is|drift is|traffic is"):
        replace(POLICY, **changes)


@pytest.mark.parametrize(("dropped", "refused"), [(60, False), (120, True)])
def test_a_slice_may_be_off_by_three_points_and_no_more(dropped, refused):
    """Offline is 30% of the traffic: 540 of 1,940 prompts are 2.2 points off, 480 of 1,880 are 4.5."""
    found = grades(2_000, evenly(0.01), evenly(0.01), random.Random(9))[: 2_000 - dropped]
    if refused:
        with pytest.raises(ValueError, match="offline is 480 of 1880"):
            gate(found, FAST, BASELINE, POLICY)
    else:
        assert gate(found, FAST, BASELINE, POLICY).verdict is Verdict.PASS


def test_a_lopsided_sample_is_refused_even_if_it_grew_to_settle_a_slice():
    """More prompts of the slice that is inconclusive alone would shift the total: draw all slices in proportion."""
    found = grades(2_000, evenly(0.01), evenly(0.01), random.Random(9))
    more = [replace(g, prompt=f"{g.prompt}-again") for g in found if g.slice == "extraction"]
    with pytest.raises(ValueError, match="sample like traffic"):
        gate([*found, *more], FAST, BASELINE, POLICY)


def test_steps_share_one_margin():
    """Five steps that lose 0.4 each would each pass against the one before; the whole loses two points."""
    n = 20_000
    assert judge(n, 280, 200, 0.01, 0.05) is Verdict.PASS
    assert judge(n, 5 * 280, 5 * 200, 0.01, 0.05) is Verdict.FAIL
    with pytest.raises(ValueError, match="not the last step"):
        gate([], FAST, "step-4", POLICY)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: [], "n=0"),
        (lambda found: [*found, found[0]], "graded twice"),
        (lambda found: [replace(found[0], after=None), *found[1:]], "lacks a grade"),
        (lambda found: [replace(found[0], before=1), *found[1:]], "lacks a grade"),
        (lambda found: [g for g in found if g.slice != "offline"], "sample like traffic"),
        (
            lambda found: [g for i, g in enumerate(found) if g.slice != "offline" or i % 2],
            "sample like traffic",
        ),
        (lambda found: [replace(found[0], slice="chta"), *found[1:]], "chta is 1 of 2000"),
    ],
    ids=["empty", "twice", "missing", "no boolean", "no slice", "oversampled", "unknown slice"],
)
def test_a_sample_that_proves_nothing_is_refused(change, told):
    found = grades(2_000, evenly(0.01), evenly(0.01), random.Random(9))
    with pytest.raises(ValueError, match=told):
        gate(change(found), FAST, BASELINE, POLICY)


# --- Sizes ------------------------------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_textbook_formula():
    z = (1.6448536 + 0.8416212) ** 2
    assert prompts_needed(0.05, 0.004, 0.01) == math.ceil(z * (0.05 - 0.004**2) / 0.006**2) == 8585
    assert unpaired_needed(0.86, 0.004, 0.01) == math.ceil(z * (0.86 * 0.14 + 0.856 * 0.144) / 0.006**2)
    assert standard_error(0.86, 2000) == pytest.approx(0.00776, abs=1e-5)


@given(discordant=st.floats(0.01, 0.2), loss=st.floats(0, 0.009))
def test_pairing_helps_as_long_as_few_prompts_change(discordant, loss):
    assert prompts_needed(discordant, loss, 0.01) < unpaired_needed(0.86, loss, 0.01)


@given(discordant=st.floats(0.02, 0.2), loss=st.floats(0, 0.008))
def test_the_size_reaches_the_power_it_was_planned_for(discordant, loss):
    n = prompts_needed(discordant, loss, 0.01)
    assert chance_to_pass(n, discordant, loss, 0.01) == pytest.approx(0.8, abs=0.01)
    assert chance_to_pass(n // 4, discordant, loss, 0.01) < 0.5


@pytest.mark.parametrize(
    ("discordant", "loss"), [(0.05, 0.01), (0.05, 0.02), (0.05, -0.001), (0.001, 0.005), (1.1, 0.0)]
)
def test_what_no_sample_can_show_is_refused(discordant, loss):
    with pytest.raises(ValueError, match=r"no sample|cannot hold"):
        prompts_needed(discordant, loss, 0.01)
