"""The page's tables and figures: the data files are validated, and each number equals a second way of getting it."""

import datetime
import random

import pytest
import yaml

from examples.data_privacy_compliance import backups, figures, inventory, law, service
from macros.charts import figure


class TestInventory:
    def write(self, tmp_path, change):
        data = yaml.safe_load(inventory.FILE.read_text(encoding="utf-8"))
        change(data)
        file = tmp_path / "inventory.yml"
        file.write_text(yaml.safe_dump(data), encoding="utf-8")
        return file

    def test_every_copy_of_the_setting_is_in_it(self):
        setting = {
            *("conversation", "vector", "kv_cache", "answer_cache", "trace", "backup", "training_set"),
            *("evaluation_set", "provider"),
        }
        assert setting <= set(inventory.load())

    def test_all_but_the_named_exceptions_end_by_key_or_within_the_contract(self):
        late = {n for n, c in inventory.load().items() if c.ends is not inventory.Ends.KEY and c.days > 14}
        assert late == {"adapter", "ledger"}

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda d: d["vector"].pop("purpose"), r"'vector'.*purpose"),
            (lambda d: d["vector"].update(purpose="  "), "purpose"),
            (lambda d: d["vector"].update(ends="someday"), "ends"),
            (lambda d: d["vector"].update(days=-1), "days"),
            (lambda d: d["vector"].update(days=float("nan")), "days"),
            (lambda d: d["vector"].update(forever=True), "forever"),
            (lambda d: d["answer_cache"].update(days=7), r"'answer_cache'.*0 days"),
            (lambda d: d["vector"].update(days=0), "0 days"),
            (lambda d: d["kv_cache"].update(in_store=True), "in_store"),
            (lambda d: d["kv_cache"].update(days=30), "exception"),
            (lambda d: d["vector"].update(exception="because"), "exception"),
            (lambda d: d["adapter"].pop("exception"), "exception"),
            (lambda d: d.clear(), "mapping of copies"),
        ],
    )
    def test_a_row_that_promises_nothing_is_refused(self, tmp_path, change, says):
        with pytest.raises(inventory.InventoryError, match=says) as caught:
            inventory.load(self.write(tmp_path, change))
        assert "inventory.yml" in str(caught.value)

    @pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [", "just words"])
    def test_a_file_that_is_none(self, tmp_path, text):
        file = tmp_path / "broken.yml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(inventory.InventoryError, match=r"broken\.yml"):
            inventory.load(file)

    def test_the_table_has_every_copy_and_no_stray_cell(self):
        rows = figures.inventory_table().splitlines()
        assert len(rows) == 2 + len(inventory.load())
        assert sum(", 30 min |" in row for row in rows) == 1  # 0.021 of a day
        assert {row.count("|") for row in rows} == {6}
        assert [row.split(" (")[0] for row in rows if "; exception: " in row] == [
            "| Adapter weights",
            "| Deletion ledger",
        ]


class TestLaw:
    def test_the_tables_are_whole(self):
        for text, cells in ((figures.law_table(), 4), (figures.flux_table(), 4)):
            assert {row.count("|") for row in text.splitlines()} == {cells}

    def test_both_sides_of_the_drafts_two_claims_are_there(self):
        text = figures.law_table()
        for provision in (
            "Art. 17(1)",
            "Art. 12(3)",
            "164.316(b)(2)(i)",
            "164.530(j)",
            "164.526",
            "Art. 33(2)",
        ):
            assert provision in text

    def test_what_moves_was_seen_and_is_dated(self):
        assert figures.law_checked() == "25 November 2026"
        told = [row.split(") |")[0].rsplit(", ", 1)[1] for row in figures.flux_table().splitlines()[2:]]
        assert told == ["primary" if row.primary else "secondary" for row in law.load().flux]
        for row in law.load().flux:
            assert datetime.date(2025, 1, 1) <= row.seen <= law.CHECKED

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (
                lambda d: d["compare"][0].update(gdpr="somewhere in the law"),
                "compare.0.gdpr.*names no article",
            ),
            (lambda d: d["flux"][0].update(seen="2027-01-01"), "flux.0.seen"),
            (lambda d: d["flux"][0].pop("primary"), "primary"),
            (lambda d: d.update(compare=[]), "compare"),
        ],
    )
    def test_a_claim_without_a_provision_or_a_day_is_refused(self, tmp_path, change, says):
        data = yaml.safe_load(law.FILE.read_text(encoding="utf-8"))
        change(data)
        file = tmp_path / "law.yml"
        file.write_text(yaml.safe_dump(data), encoding="utf-8")
        with pytest.raises(law.LawError, match=says):
            law.load(file)

    def test_a_file_that_is_not_yaml(self, tmp_path):
        file = tmp_path / "law.yml"
        file.write_text("a: [", encoding="utf-8")
        with pytest.raises(law.LawError, match="not YAML"):
            law.load(file)


class TestFigures:
    def test_the_design_is_the_codes(self):
        assert backups.DAYS["keys"] == figures.KEY_BACKUP_DAYS
        assert backups.DAYS["copies"] == figures.BACKUP_DAYS == inventory.load()["backup"].days
        assert service.COOLING_DAYS == figures.COOLING_DAYS
        assert inventory.load()["conversation"].days == figures.TEXT_DAYS
        assert inventory.load()["ledger"].days == service.LEDGER_DAYS
        assert inventory.load()["vector"].days == figures.VECTOR_DAYS

    def test_the_redactor(self):
        # By cases: one minus the chance that all five are found, and by drawing.
        assert figures.leak_share() == pytest.approx(1 - 0.98 * 0.98 * 0.98 * 0.98 * 0.98)
        assert figures.leaks_a_day() == "9,608"
        assert figures.leaks_standing() == "864,713"
        assert figures.leaks_per_clinic() == f"{round(864_713 / 200):,}"
        # 500 conversations of a clinic a day.
        assert figures.log_conversations() == f"{500 * 90:,}"
        rng = random.Random(5)
        drawn = sum(any(rng.random() > 0.98 for _ in range(5)) for _ in range(100_000)) / 100_000
        assert figures.leak_share() == pytest.approx(drawn, abs=0.005)
        needed = float(figures.recall_needed(10)) / 100
        assert 100_000 * (1 - needed**5) == pytest.approx(10, rel=0.05)

    def test_the_draft(self):
        assert figures.turns_to_erase() == f"{120 * 9 * 6:,}" == "6,480"
        assert figures.turns_to_erase(7) == "124"
        assert figures.draft_turns() == f"{4 * 9 * 6 * 6 / 1000:.2f}"
        assert figures.draft_terabytes() == "11.4"
        assert figures.backup_end(14) == 49
        assert (figures.late_if(14), figures.late_if(0)) == (35, 21)

    def test_the_keys(self):
        assert figures.cooling_day() == 3
        assert figures.final_day() == 3 + 7 < 14
        assert figures.tail(figures.TEXT_DAYS) == 7 + 35
        assert figures.kms_keys_usd() == "$4,000,000"
        assert figures.clinic_keys_usd() == "$200"
        assert figures.key_table_mb() == 240
        assert figures.kms_final_day() == 10 < 14 < figures.kms_final_day(default=True) == 33
        assert figures.vectors_a_patient() == "13"
        assert figures.vector_kilobytes() == round(54 * 90 / 365 * 4.096) == 55
        assert figures.replayed() == 138

    def test_weights_and_samples(self):
        assert figures.june_unpermitted() == "170,000"
        # Binomial instead of Poisson: each of 0.75 conversations in June is missed with 1 - 200,000 / 3,000,000.
        assert figures.in_june_set() == pytest.approx(1 - (1 - 1 / 15) ** 0.75, abs=0.002)
        assert figures.orders_in_weights() == "5.9"

    def test_the_provider(self):
        assert figures.provider_turns() == "1.8"
        rng = random.Random(6)
        drawn = sum(any(rng.random() < 0.1 for _ in range(6)) for _ in range(50_000)) / 50_000
        assert figures.touched_share() == pytest.approx(drawn, abs=0.01)
        assert figures.percent("touched_share") == "46.9"
        assert figures.percent("leak_share") == "9.6"

    def test_the_chart_can_be_drawn_and_says_what_its_data_say(self):
        chart = figures.deletion_chart()
        rows = chart["data"]["values"]
        late = [row["copy"] for row in rows if row["plan"] == "Draft" and row["days"] > 14]
        assert len(late) == 7
        assert f"{len(late)} of {len(rows) // 2} copies" in chart["title"]
        assert max(row["days"] for row in rows if row["plan"] == "Keys") == figures.final_day()
        assert "<svg" in figure("deletion_chart", chart)
