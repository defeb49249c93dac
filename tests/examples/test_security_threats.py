"""The threat model's faults, the ranking, the arithmetic, and that the page's figures are those."""

import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from examples.security_threats import corpus, figures, numbers, threats

MODEL = threats.load()


def written(tmp_path, change):
    data = yaml.safe_load(threats.FILE.read_text())
    change(data)
    file = tmp_path / "model.yml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return file


# The model


def test_the_model_is_as_large_as_the_page_says_and_covers_every_boundary():
    assert 14 <= len(MODEL.threats) <= 20
    covered = {threat.at for threat in MODEL.threats}
    assert all(covered & {c.id for c in boundary.components} for boundary in MODEL.boundaries)


def test_every_entry_of_the_owasp_list_but_misinformation_is_used():
    used = {id for threat in MODEL.threats for id in threat.owasp}
    assert set(threats.OWASP) - used == {"LLM07"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["threats"][0].update(residual=""), r":\d+: threats\.0\.residual.*say what is left"),
        (
            lambda d: d["threats"][0].pop("residual"),
            r"threats\.0\.residual: Field required; say what is left",
        ),
        (lambda d: d["threats"][0].pop("accepted_by"), r"accepted_by.*the role"),
        (lambda d: d["threats"][0]["per_year"].pop("reason"), r"per_year\.reason.*cannot be argued with"),
        (lambda d: d["threats"][0]["per_year"].update(value=0), r"per_year\.value.*above 0"),
        (lambda d: d["threats"][0]["controls"].update(gate=1.5), r"controls\.gate.*0 to 1"),
        (lambda d: d["threats"][0].update(controls={}), r"controls.*the part of the loss"),
        (lambda d: d["threats"][0]["controls"].update(prayer=0.5), r"no control 'prayer'; add it"),
        (lambda d: d["threats"][0].update(at="cloud"), r"no component 'cloud'; name one"),
        (
            lambda d: d["threats"][0].update(owasp=["LLM11"]),
            r"LLM11 is not in that list; use an id of the edition",
        ),
        (lambda d: d["threats"][0].update(atlas=["AML.T9999"]), r"AML\.T9999 is not in that list"),
        (lambda d: d["threats"][1].update(id="T1"), r"T1 stands twice; give each"),
        (lambda d: d["threats"][1].update(id="1"), r"threats\.1\.id.*T and a number"),
        (
            lambda d: d["threats"][0].update(impcat="high"),
            r"threats\.0\.impcat.*leave it out or mend its name",
        ),
        (lambda d: d["flows"][0].update({"from": "moon"}), r"flows\.0\.from: there is no component 'moon'"),
        (lambda d: d["flows"][0].pop("to"), r"flows\.0\.to.*a component's id"),
        (
            lambda d: d["controls"].append({"id": "hope", "title": "Hope", "weeks": 1}),
            r"'hope' helps no threat; map it",
        ),
        (lambda d: d["controls"][0].update(weeks=-1), r"controls\.0\.weeks.*above 0"),
        (
            lambda d: d["boundaries"].append(
                {"id": "xx", "title": "XX", "components": [{"id": "yy", "title": "YY"}]}
            ),
            r"no threat at 'xx'; find one",
        ),
        (lambda d: d.pop("engineer_weeks"), r"engineer_weeks.*above 0"),
        (lambda d: d["threats"][0].pop("area"), r"threats\.0\.area.*one of the areas"),
        (
            lambda d: [t.update(area="model") for t in d["threats"] if t["area"] == "tenant isolation"],
            r"no threat in the area 'tenant isolation'; find one",
        ),
    ],
)
def test_a_fault_is_named_with_its_mend(tmp_path, change, says):
    with pytest.raises(threats.ModelError, match=says):
        threats.load(written(tmp_path, change))


def test_a_fault_is_named_with_its_line(tmp_path):
    file = written(tmp_path, lambda d: d["threats"][2].update(at="cloud"))
    line = next(
        number for number, text in enumerate(file.read_text().splitlines(), 1) if text.endswith("at: cloud")
    )
    with pytest.raises(threats.ModelError, match=rf"model\.yml:{line}: "):
        threats.load(file)


def test_all_faults_come_at_once(tmp_path):
    def two(data):
        data["threats"][0]["at"] = "cloud"
        data["threats"][1]["owasp"] = ["A01"]

    with pytest.raises(threats.ModelError) as error:
        threats.load(written(tmp_path, two))
    assert len(str(error.value).splitlines()) == 2


def test_what_is_not_yaml_is_named_with_its_line(tmp_path):
    (tmp_path / "model.yml").write_text("threats:\n  - [x\n")
    with pytest.raises(threats.ModelError, match=r"model\.yml:\d+: not YAML"):
        threats.load(tmp_path / "model.yml")


# The ranking


def test_the_plan_keeps_to_its_weeks_and_leaves_out_what_is_refused():
    plan = threats.plan(MODEL)
    assert sum(control.weeks for control, _ in plan) <= MODEL.engineer_weeks
    assert not any(control.refused for control, _ in plan)
    assert len({control.id for control, _ in plan}) == len(plan)


@pytest.mark.parametrize("weeks", [0.5, 1, 4, 7, 13, 22])
def test_a_smaller_budget_is_kept_too(weeks):
    plan = threats.plan(MODEL.model_copy(update={"engineer_weeks": weeks}))
    assert sum(control.weeks for control, _ in plan) <= weeks


def test_what_the_plan_takes_off_adds_up():
    plan = threats.plan(MODEL)
    before, after = threats.total(MODEL), threats.total(MODEL, [control.id for control, _ in plan])
    assert math.isclose(before - sum(off for _, off in plan), after)
    assert all(off > 0 for _, off in plan)


def test_each_step_is_the_best_per_week_of_those_that_fit():
    built, weeks = [], MODEL.engineer_weeks
    for control, off in threats.plan(MODEL):
        rates = {
            other.id: (threats.total(MODEL, built) - threats.total(MODEL, [*built, other.id])) / other.weeks
            for other in MODEL.controls
            if other.id not in built and other.weeks <= weeks and not other.refused
        }
        assert math.isclose(off / control.weeks, max(rates.values()))
        built.append(control.id)
        weeks -= control.weeks


def test_no_choice_of_controls_is_much_better_than_the_plan():
    """Greedy is not always best; here it is within a twentieth of the best of all choices."""
    controls = [c for c in MODEL.controls if not c.refused and c.weeks <= MODEL.engineer_weeks]
    left_by = [[threat.controls.get(control.id, 1) for threat in MODEL.threats] for control in controls]

    def least(number, weeks, risks):
        if number == len(controls):
            return sum(risks)
        without = least(number + 1, weeks, risks)
        if controls[number].weeks > weeks:
            return without
        reduced = [risk * left for risk, left in zip(risks, left_by[number], strict=True)]
        return min(without, least(number + 1, weeks - controls[number].weeks, reduced))

    best = least(0, MODEL.engineer_weeks, [threats.risk(threat) for threat in MODEL.threats])
    before = threats.total(MODEL)
    planned = threats.total(MODEL, [control.id for control, _ in threats.plan(MODEL)])
    assert before - planned >= 0.95 * (before - best)


def test_stability_is_repeatable_and_a_part():
    once = threats.stability(MODEL, draws=20)
    assert once == threats.stability(MODEL, draws=20)
    assert all(0 <= part <= 1 for part in once.values())
    assert once["blocking"] == 0
    planned = {control.id for control, _ in threats.plan(MODEL)}
    exact = threats.stability(MODEL, draws=3, factor=1)
    assert {id for id, part in exact.items() if part == 1} == planned


# The arithmetic, computed again by hand


def test_one_free_key_against_the_fleet():
    assert numbers.fleet_prefill() == 192_000
    assert numbers.peak_prefill() == 120_000
    assert numbers.key_prefill() == 128_000
    assert numbers.peak_prefill() + numbers.key_prefill() > numbers.fleet_prefill()
    assert figures.free_key_share() == "67%"
    assert figures.free_key_usd_a_day() == "5,530"
    assert figures.longest_prompt_s() == "10.7"
    assert figures.longest_prompt_gb() == "42"
    assert numbers.kv_bytes_per_token() == 327_680
    assert figures.all_free_keys(20_000) == "69"
    assert figures.free_key_limited(20_000) == "0.17"


def test_the_copy_of_the_house_model():
    assert numbers.copy_usd() == 500_000 * (200 * 0.5 + 800 * 2) / 1e6 == 850
    assert figures.copy_ratio() == "471"
    assert figures.copy_days(60) == "5.8"
    assert figures.copy_hours(600) == "13.9"
    assert figures.copy_hours(60, keys=100) == "1.4"
    assert figures.copy_days_by_tokens(20_000) == "17.4"
    assert (
        figures.copy_share() == "0.3"
    )  # 0.5 billion of 30 days of 2.592 million requests of 2,350 tokens, 182.7 billion


def test_the_classifier_by_its_own_numbers():
    assert figures.agent_requests() == 648_000
    assert figures.hostile() == 648
    assert figures.missed() == "32.4"
    assert figures.missed(0.01) == "324"
    assert figures.honest_stopped() == 6_474
    assert figures.friction_budget() == 3_237
    assert figures.precision() == "8.7"
    assert figures.two_filters_stop() == "1.99"
    assert (figures.tries(0.5), figures.tries(0.9)) == (14, 45)


@given(st.floats(0.00001, 0.5), st.floats(0.5, 1), st.floats(0.0001, 0.5))
def test_precision_is_bayes(share, recall, false_positives):
    day = numbers.Detector(1_000_000, share, recall, false_positives)
    bayes = share * recall / (share * recall + (1 - share) * false_positives)
    assert math.isclose(day.precision, bayes)
    assert math.isclose(day.missed + day.caught, 1_000_000 * share)


def test_what_a_clean_sample_shows():
    n = numbers.clean_needed()
    assert n == 598
    assert (1 - 0.005) ** n <= 0.05 < (1 - 0.005) ** (n - 1)
    assert math.isclose((1 - numbers.below(100)) ** 100, 0.05)
    assert figures.claim_interval(100) == "88.8 to 97.8"


def test_wilson_against_its_equation():
    """The bounds are where the normal test just accepts: (p - q)**2 = z**2 q (1 - q) / n."""
    for hits, n in [(1, 10), (9, 30), (95, 100)]:
        for q in numbers.wilson(hits, n):
            assert math.isclose((hits / n - q) ** 2, 1.96**2 * q * (1 - q) / n, rel_tol=1e-9)
    with pytest.raises(ValueError, match="no rate"):
        numbers.wilson(2, 1)


def test_the_cache():
    assert figures.probe_ms() == "650"
    assert figures.probe_ms(16) == "1.3"
    assert figures.salted_all_gb(2_000, 1_200) == "786"
    assert figures.logged_prompts_millions() == "77.8"


# The page's tables and drawings


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_table_of_threats_is_ranked_and_complete():
    rows = cells(figures.threat_table())
    assert len(rows) == len(MODEL.threats)
    before, after = ([int(row[2].split(" → ")[at].replace(",", "")) for row in rows] for at in (0, 1))
    assert before == sorted(before, reverse=True)
    assert sum(before) == round(threats.total(MODEL) / 1_000)
    assert sum(after) == pytest.approx(1_000 * float(figures.risk_after()), abs=60)
    assert all(left <= risk for left, risk in zip(after, before, strict=True))


def test_the_register_has_every_record_in_full():
    rows = cells(figures.register())
    assert len(rows) == len(MODEL.threats)
    for threat in MODEL.threats:
        row = next(row for row in rows if row[0].startswith(f"{threat.id}, {threat.area}. "))
        assert threat.title in row[0]
        assert row[1].startswith(threat.asset)
        assert threat.entry[1:] in row[1]
        assert threat.per_year.reason[1:] in row[2]
        assert f"${threat.loss_usd.value:,.0f} each" in row[2]
        assert threat.loss_usd.reason[1:] in row[2]
        assert all(MODEL.control(id).title in row[3] for id in threat.controls)
        assert threat.residual in row[4]
        assert threat.accepted_by in row[4]
    assert rows[0][2].startswith("12 a year: 648 hostile")
    order = [row[0].split(", ")[1].split(". ")[0] for row in rows]
    assert list(dict.fromkeys(order)) == list(threats.get_args(threats.Area))


def test_a_pipe_in_a_record_does_not_break_the_table():
    assert figures._table(("a",), [("x|y",)]).splitlines()[-1] == "| x\\|y |"


def test_the_table_of_work_adds_up():
    rows = cells(figures.work_table())
    assert sum(float(row[1]) for row in rows) <= MODEL.engineer_weeks
    saved = sum(int(row[2].replace(",", "")) for row in rows)
    assert abs(saved - 1_000 * (float(figures.risk_before()) - float(figures.risk_after()))) < 110


def test_residuals_have_somebody_who_accepts_them():
    rows = cells(figures.residual_table(20))
    assert {row[0]: row[1:3] for row in rows} == {
        threat.id: [threat.residual, threat.accepted_by] for threat in MODEL.threats
    }
    left = [int(row[3].replace(",", "")) for row in rows]
    assert left == sorted(left, reverse=True)
    assert sum(left) == pytest.approx(1_000 * float(figures.risk_after()), abs=60)


def test_the_diagram_shows_every_component_threat_and_flow():
    drawn = figures.data_flow_diagram()
    assert drawn.startswith("```mermaid\nflowchart TD\n")
    assert drawn.endswith("\n```")
    assert "accTitle:" in drawn
    assert "accDescr:" in drawn
    for threat in MODEL.threats:
        assert re.search(rf"\b{threat.id}\b", drawn)
    for component in MODEL.components():
        assert f'{component}["' in drawn
    assert drawn.count("-->") == len(MODEL.flows)
    assert drawn.count("    subgraph ") == drawn.count("    end") == len(MODEL.boundaries)


def test_the_chart_ends_where_the_table_does():
    chart = figures.risk_chart()
    last = chart["data"]["values"][-1]
    assert f"{last['left']:.1f}" == figures.risk_after()
    assert last["weeks"] == sum(control.weeks for control, _ in threats.plan(MODEL))
    assert set(chart["usermeta"]["columns"]) <= set(last)

    none, *_, seventh = chart["data"]["values"][:8]
    assert chart["title"] == (
        f"The first {seventh['weeks']:g} engineer-weeks take off "
        f"{100 * (1 - seventh['left'] / none['left']):.0f}% of the estimated risk"
    )
    assert (
        f"from {none['left']:.1f} at zero weeks to {last['left']:.1f} at {last['weeks']:g}"
        in chart["description"]
    )


def test_the_reports_count_every_case_once():
    for table, names in [
        (figures.attack_table(), ("attacks", "attacks_held_out")),
        (figures.honest_table(), ("honest", "honest_held_out")),
    ]:
        rows = [[int(cell) for cell in row[1:]] for row in cells(table) if not row[0].startswith("All ")]
        assert sum(row[0] for row in rows) == sum(len(corpus.load(name)) for name in names)
        assert all(row[0] == sum(row[1:]) for row in rows)


def test_the_corpus_is_counted_in_its_two_parts():
    for count, name in ((figures.attacks, "attacks"), (figures.honest_cases, "honest")):
        parts = [len(corpus.load(name)), len(corpus.load(f"{name}_held_out"))]
        assert [count(held_out=False), count(held_out=True), count()] == [*parts, sum(parts)]


def test_every_attack_that_passes_is_admitted():
    passing = [
        case
        for name in ("attacks", "attacks_held_out")
        for case, got in corpus.results(name)
        if got == "allowed"
    ]
    assert len(passing) == figures.passed()
    for case in passing:
        assert case.miss in figures.miss_list()
    assert figures.first_passed() == figures.passed(held_out=True) + 5


def test_every_figure_that_takes_nothing_can_be_printed():
    for name in ("not_built", "first_interval", "capacity_table", "honest_table"):
        assert str(getattr(figures, name)()).strip()
