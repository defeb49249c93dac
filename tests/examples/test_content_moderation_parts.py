"""The parts by themselves: policy, disguises, the classifier and its report, and the arithmetic."""

# ruff: noqa: RUF001 (texts in other languages)

from __future__ import annotations

import base64
import codecs
import json
import math
import random
import re
import statistics
import time
import unicodedata

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.content_moderation import (
    cells,
    dataset,
    drift,
    evaluate,
    latency,
    policy,
    quality,
    sampling,
    small,
)  # fmt: skip
from examples.content_moderation.policy import Action, PolicyError
from examples.content_moderation.quality import Scored
from examples.content_moderation.reading import MOST_CHARACTERS, read
from examples.content_moderation.sampling import Stratum

TEXT = policy.FILE.read_text(encoding="utf-8")


LANGUAGES = {
    # Of Llama Guard 3's eight
    "French": "Bonjour, je voudrais préparer un repas pour mes amis ce soir. Avez-vous une recette facile ?",
    "German": "Hallo, ich möchte heute Abend für meine Freunde kochen. Haben Sie ein einfaches Rezept?",
    "Hindi": "नमस्ते, मैं आज शाम को अपने दोस्तों के लिए खाना बनाना चाहता हूँ। क्या आप कोई आसान नुस्ख़ा बता सकते हैं?",
    "Italian": "Ciao, stasera vorrei cucinare per i miei amici. Perché non mi dai una ricetta facile?",
    "Portuguese": "Olá, hoje à noite quero cozinhar para os meus amigos. Você tem uma receita fácil?",
    "Spanish": "Hola, esta noche quiero cocinar para mis amigos. ¿Tienes una receta fácil?",
    "Thai": "สวัสดีครับ วันนี้ผมอยากทำอาหารให้เพื่อน ช่วยแนะนำสูตรง่าย ๆ หน่อยได้ไหม",
    # With marks, joiners or zero-width spaces of their own, or of two scripts
    "Arabic with vowels": "مَرْحَبًا، أُرِيدُ أَنْ أَطْبُخَ لِأَصْدِقَائِي",
    "Bengali": "নমস্কার, আমি আজ সন্ধ্যায় বন্ধুদের জন্য রান্না করতে চাই।",
    "Greek, polytonic": "ἐν ἀρχῇ ἦν ὁ λόγος",
    "Hebrew with vowels": "שָׁלוֹם, אֲנִי רוֹצֶה לְבַשֵּׁל",
    "Japanese": "今夜は友達のために料理を作りたいです。簡単なレシピはありますか。",
    "Khmer": "ខ្ញុំ\u200bចង់\u200bចម្អិន\u200bអាហារ",
    "Persian": "سلام، می\u200cخواهم امشب برای دوستانم غذا بپزم. می\u200cتوانید کمک کنید؟",
    "Russian with stress": "как откры\u0301ть за\u0301мок",
    "Sinhala": "ශ්\u200dරී ලංකාවේ ආහාර පිසීමට කැමතියි",
    "Turkish": "İstanbul'da bu akşam arkadaşlarım için yemek yapmak istiyorum",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Xin chào, tôi muốn nấu ăn cho bạn bè tối nay."),
    "Yoruba": "Báwo ni, mo fẹ́ ṣe oúnjẹ fún àwọn ọ̀rẹ́ mi lálẹ́ yìí.",
}  # fmt: skip


class TestPolicy:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("action: block", "action: refuse", "must block, fail closed"),
            ("without_guard: closed", "without_guard: open\n    alone_at: 0.5", "must block, fail closed"),
            ("review: always", "review: sample", "must block, fail closed"),
            ("  severe:", "  grave:", "severe is missing"),
            ("window: 35", "window: 36", "51 tokens"),
            ("recognized_within: 15", "recognized_within: 16", "51 tokens"),
            ("window: 35", "window: 25", "pause at each check"),
            ("span: 100", "span: 39", "between two checks"),
            ("ask_at: 0.3", "ask_at: 0.6", "alone_at is below ask_at"),
            ("ask_at: 0.3", "ask_at: 1.0", "less than 1"),
            ("ask_at: 0.3", "ask_at: 0.0", "greater than 0"),
            ("check_every: 25", "check_every: 0", "greater than or equal to 1"),
            ("small_timeout_ms: 100", "small_timeout_ms: 2001", "less than or equal to 2000"),
            ("guard_timeout_ms: 400", "guard_timeout_ms: 2001", "less than or equal to 2000"),
            ("guard_timeout_ms: 400", "guard_timeout_ms: 0", "greater than or equal to 1"),
            ("outage_s: 900", "outage_s: 90000", "less than or equal to 3600"),
            ("outage_s: 900", "outage_s: 900\nsurprise: 1", "surprise"),
            ("    alone_at: 0.5\n    review: appeal", "    review: appeal", "alone_at belongs"),
            ("  schools:", "  schools:\n    severe: {ask_at: 0.9}", "no tenant may change the severe tier"),
            ("    general: {ask_at: 0.2", "    genral: {ask_at: 0.2", "no such category: genral"),
            ("alone_at: 0.3}", "alone_at: 0.1}", "alone_at is below ask_at"),
        ],
    )
    def test_what_must_not_go_live_is_refused(self, old, new, message):
        assert old in TEXT
        with pytest.raises(PolicyError, match=re.escape(message)):
            policy.load(TEXT.replace(old, new, 1))

    def test_what_is_at_its_limit_may_go_live_and_is_not_changed_there(self):
        loaded = policy.load(TEXT.replace("span: 100", "span: 40").replace("outage_s: 900", "outage_s: 3600"))
        assert (loaded.stream.span, loaded.outage_s) == (40, 3600)
        with pytest.raises(ValidationError, match="frozen"):
            loaded.outage_s = 0

    @pytest.mark.parametrize("text", ["", "- a", "a: [", "version: x", "categories: 3", TEXT + "  odd: 3\n"])
    def test_what_is_no_policy_at_all_is_refused_the_same_way(self, text):
        with pytest.raises(PolicyError):
            policy.load(text)

    def test_a_tenant_changes_its_thresholds_and_nothing_else(self):
        ours, schools = policy.load(TEXT), policy.load(TEXT, "schools")
        assert schools.categories["general"].ask_at == 0.2
        assert schools.categories["general"].act_at == ours.categories["general"].act_at
        assert schools.categories["severe"] == ours.categories["severe"]
        assert schools.version == ours.version + "+schools"

    def test_an_unknown_tenant_gets_no_policy_by_accident(self):
        with pytest.raises(PolicyError, match="acme"):
            policy.load(TEXT, "acme")

    def test_the_shipped_policy_is_the_pages(self):
        stream = yaml.safe_load(TEXT)["stream"]
        assert (stream["check_every"], stream["window"], stream["recognized_within"]) == (25, 35, 15)
        assert policy.load(TEXT).categories["self_harm"].action is Action.RESOURCES


class TestReading:
    PLAIN = "how do i break into the sugar vault"

    @pytest.mark.parametrize("name", list(evaluate.ATTACKS))
    def test_a_disguise_is_undone_or_sent_to_the_guard(self, name):
        turns = evaluate.ATTACKS[name](self.PLAIN)
        readings = [read(turns[-1]), read("".join(turns))]
        undone = any(self.PLAIN in text for reading in readings for text in reading.texts)
        assert undone or readings[0].signals

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("\uff48\uff4f\uff57 do i", "how do i"),
            ("HOW\u00ad DO I", "how do i"),
            ("h\u0430w\u0131", "haw\u0131"),
            ("tag\U000e0041\U000e0042s", "tags"),
            ("right\u202eleft", "rightleft"),
            ("za\u0335l\u0335go", "zalgo"),
            ("h\ufe00ow", "how"),
            ("my \u2764\ufe0f", "my \u2764"),
            ("\u0939\u093e\u0901 \u2764\ufe0f", "\u0939\u093e\u0901 \u2764"),
            ("\u0b95\u0bcd\u0bb7", "\u0b95\u0bcd\u0bb7"),  # the mark is a part of the Tamil word
            ("\u0645\u06cc\u200c\u0634\u0648\u062f", "\u0645\u06cc\u0634\u0648\u062f"),
            ("va\x07ult\n\tdoor", "vault\n\tdoor"),
        ],
    )
    def test_the_plain_text(self, text, plain):
        assert read(text).texts[0] == plain

    def test_what_is_undone(self):
        encoded = base64.b64encode(b"How do I open it?").decode()
        for text, found in (
            ("p1ck 4711 locks in 2026", "pick 4711 locks in 2026"),  # numbers stay numbers
            ("h-o-w do you o.p.e.n it", "how do you open it"),
            (codecs.encode(self.PLAIN, "rot13"), self.PLAIN),
            (f"answer this: {encoded}", "how do i open it?"),
        ):
            assert found in read(text).texts

    def test_what_is_beyond_the_most_is_not_read(self):
        whole = read("you " * (MOST_CHARACTERS // 4))
        assert "long" not in whole.signals
        assert read("you " * (MOST_CHARACTERS // 4) + "vault").texts == whole.texts

    @pytest.mark.parametrize(
        ("text", "signals"),
        [
            ("wo liegt nimbus", set()),  # too short to tell
            ("wo liegt das schloss", {"not English"}),
            ("please " + "nimbus " * 7, set()),  # one common word in eight
            ("please " + "nimbus " * 8, {"not English"}),
        ],
    )
    def test_one_word_in_eight_makes_a_text_of_four_english(self, text, signals):
        assert read(text).signals == signals

    @pytest.mark.parametrize(
        "text",
        [
            "see parts a b c of it",
            "do you like my family 👨\u200d👩\u200d👧 and ❤\ufe0f",
            "what is the b2b price of a 4k screen in 2026",
            "the naïve café and the résumé of my friend",
            "e.g. this, i.e. that and the u.s. market",
            "commit 3f786850e387550fdab836ed7e6dc881de23001b is in the log",
            "",
            "ok",
        ],
    )
    def test_ordinary_text_does_not_go_to_the_guard(self, text):
        assert read(text).signals == frozenset()

    @pytest.mark.parametrize(
        ("text", "signal"),
        [
            ("¿cómo abro la puerta del castillo de nimbus por la noche?", "not English"),
            ("как открыть дверь", "not English"),
            ("b" * (MOST_CHARACTERS + 1), "long"),
            ("h o w  d o  i  o p e n  i t", "spelled"),
            ("open the v\u03b1ult", "mixed script"),
            ("open the v\u0430ult", "mixed script"),
        ],
    )
    def test_what_only_the_guard_can_tell(self, text, signal):
        assert signal in read(text).signals

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_an_ordinary_text_in_another_language_is_no_disguise(self, language):
        assert read(LANGUAGES[language]).signals == {"not English"}

    @pytest.mark.parametrize(
        "text",
        [
            "ce n'est pas grave du tout",
            "non va bene così",
            "wir fahren ab morgen",
            "hoje vamos ao bar na rua",
            "vamos de um bar para outro bar",
        ],
    )
    def test_a_short_word_that_rot13_makes_english_is_no_disguise(self, text):
        assert read(text).signals == {"not English"}

    def test_two_longer_words_that_rot13_makes_english_are_one(self):
        assert "encoded" in read(codecs.encode("open the vault and leave", "rot13")).signals

    @pytest.mark.parametrize(
        "text", ["what is \u0130stanbul like in the summer", "the cafe\u0301 of my friend"]
    )
    def test_a_mark_on_a_letter_that_can_be_read_is_no_disguise(self, text):
        assert read(text).signals == frozenset()

    @pytest.mark.parametrize(
        "hidden", ["\u200b", "\u200c", "\u200d", "\u00ad", "\ufe00", "\U000e0041", "\x07"]
    )
    @pytest.mark.parametrize(
        "text",
        [
            "please pi{}ck this",
            "\u043e\u0442\u043a{}\u0440\u043e\u0439 \u0434\u0432\u0435\u0440\u044c",
            "\u0905\u092c please pi{}ck this",
        ],
    )
    def test_what_is_hidden_in_a_word_of_letters_that_can_be_read_is_one(self, hidden, text):
        assert "invisible" in read(text.format(hidden)).signals

    def test_decoding_is_bounded(self):
        blob = base64.b64encode(b"how do i open it ").decode().rstrip("=")
        assert len(read(" ".join(f"{blob}{i:04d}" for i in range(200))).texts) <= 4 + 3
        twice = base64.b64encode(base64.b64encode(self.PLAIN.encode())).decode()
        assert self.PLAIN not in " ".join(read(twice).texts)
        assert "encoded" in read(twice).signals

    @pytest.mark.parametrize(
        "hidden",
        [
            " ".join(f"{word * 4}" for word in ("abcdefgh", "ijklmnop", "qrstuvwx", "yzabcdef")) + " {blob}",
            "{blob}" * 120,
            *("Q{blob}", "QQ{blob}", "QQQ{blob}", "{blob}Q"),
        ],
    )
    def test_a_blob_is_found_behind_others_in_any_length_and_off_its_grid(self, hidden):
        plain = "how do i break into the sugar vault at night "
        blob = base64.b64encode(plain.encode()).decode()
        assert not blob.endswith("=")
        reading = read("please have a look at this for me and " + hidden.format(blob=blob))
        assert "encoded" in reading.signals
        assert any(plain in text for text in reading.texts)

    @pytest.mark.parametrize("text", ["getElementByIdentifier", "questions/technical/moderation", "f" * 16])
    def test_long_names_are_not_taken_for_a_blob(self, text):
        assert read(f"what does {text} do in the code that you have").signals == frozenset()

    @pytest.mark.parametrize(
        "unit", ["b", "a ", "a_", "1a", "@", "a.", "\u200b", "YWJj", "= ", "a\u0301", "YWJj===="]
    )
    def test_hostile_texts_take_no_longer_than_others(self, unit):
        """A pattern that looks ahead from every character once took half a minute for one of these."""
        started = time.process_time()
        read(unit * (MOST_CHARACTERS // len(unit)))
        assert time.process_time() - started < 3

    @given(st.text(max_size=300))
    @settings(max_examples=200, deadline=None)
    def test_any_text_can_be_read_and_comes_out_visible(self, text):
        reading = read(text)
        assert reading.texts
        assert not [c for c in reading.texts[0] if unicodedata.category(c) == "Cf"]
        assert not re.search("[a-z\u0430-\u044f\u03b1-\u03c9][\u0300-\u036f\ufe00-\ufe0f]", reading.texts[0])
        assert len("".join(reading.texts)) < 200 * (len(text) + 1)

    @given(st.sampled_from(["zero-width spaces", "Cyrillic letters"]), st.data())
    def test_characters_inserted_anywhere_change_nothing(self, name, data):
        where = data.draw(st.lists(st.integers(0, len(self.PLAIN)), max_size=10))
        text = self.PLAIN
        for i in sorted(where, reverse=True):
            text = text[:i] + "\u200b" + text[i:]
        assert read(text).texts[0] == self.PLAIN
        assert read(evaluate.ATTACKS[name](self.PLAIN)[0]).texts[0] == self.PLAIN


class TestClassifier:
    def test_the_shipped_weights_are_what_training_gives(self):
        from examples.content_moderation import train

        made, kept = train.train(), json.loads(small.FILE.read_text(encoding="utf-8"))
        for name in dataset.CATEGORIES:
            assert made["calibration"][name] == pytest.approx(kept["calibration"][name], abs=0.02)
            assert made["weights"][name] == pytest.approx(kept["weights"][name], abs=5)

    def test_the_report_is_what_the_shipped_classifier_does(self):
        made, kept = evaluate.evaluate(small.load()), json.loads(evaluate.FILE.read_text(encoding="utf-8"))
        assert _close(made, kept)

    def test_no_template_of_the_test_was_trained_on(self):
        seen = [
            set(group) for part in (dataset._ASKS, dataset._MOODS, dataset._HARD, dataset._EVERYDAY) for group in part
        ]  # fmt: skip
        for i in range(0, len(seen), 3):
            train, calibration, test = seen[i : i + 3]
            assert not train & calibration
            assert not train & test
            assert not calibration & test

    def test_splits_are_the_same_every_time_and_share_no_text(self):
        splits = {name: dataset.texts(name) for name in dataset.SPLITS}
        assert splits["test"] == dataset.texts("test")
        texts = [{row.text for row in rows} for rows in splits.values()]
        assert not texts[0] & texts[1]
        assert not texts[0] & texts[2]
        assert not texts[1] & texts[2]

    def test_a_score_by_hand(self):
        row = [0.5] + [0.0] * small.BUCKETS
        found = small.features("ab")
        for bucket in found:
            row[bucket + 1] = 2.0
        model = small.Small({"x": row}, {"x": (1.0, 0.0)}, "small-x")
        expected = 0.5 + 2.0 * len(found) / math.sqrt(len(found))
        assert model.score(["zz", "ab"])["x"] == pytest.approx(1 / (1 + math.exp(-expected)))

    def test_moving_a_probability_to_the_traffics_base_rate(self):
        assert small.moved(0.5, 0.5, 0.002) == pytest.approx(0.002)
        assert small.moved(0.9, 0.27, 0.27) == pytest.approx(0.9)


def _close(made, kept):
    if isinstance(kept, dict):
        return made.keys() == kept.keys() and all(_close(made[k], kept[k]) for k in kept)
    if isinstance(kept, list | tuple):
        return len(made) == len(kept) and all(_close(a, b) for a, b in zip(made, kept, strict=True))
    return made == pytest.approx(kept, abs=1e-4)


class TestQuality:
    ROWS = (Scored(0.9, True), Scored(0.8, False), Scored(0.7, True), Scored(0.2, False), Scored(0.1, False))

    def test_rates_at_a_threshold(self):
        assert quality.at(self.ROWS, 0.7) == (0.7, 1.0, pytest.approx(1 / 3))
        assert quality.at(self.ROWS, 0.7).precision(0.5) == pytest.approx(0.75)
        assert quality.at(self.ROWS, 0.95).precision(0.5) == 1.0

    @given(
        st.lists(
            st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.booleans()), min_size=4, max_size=40
        ),
        st.sampled_from([1, 10, 500]),
    )
    def test_no_threshold_is_cheaper_than_the_cheapest(self, pairs, ratio):
        rows = [Scored(*pair) for pair in pairs] + [Scored(0.5, True), Scored(0.5, False)]

        def cost(point):
            return 0.002 * ratio * (1 - point.recall) + 0.998 * point.false_positives

        best = quality.cheapest(rows, 0.002, ratio)
        assert cost(best) <= min(cost(quality.at(rows, t)) for t in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)) + 1e-12

    def test_calibration_error_by_hand(self):
        rows = [Scored(0.15, False)] * 3 + [Scored(0.15, True), Scored(0.85, True), Scored(1.0, True)]
        assert quality.calibration_error(rows) == pytest.approx((4 * 0.10 + 1 * 0.15 + 0) / 6)

    def test_the_bootstrap_covers(self):
        draw, covered = random.Random(3), 0
        for seed in range(60):
            rows = [Scored(float(draw.random() < 0.8), True) for _ in range(100)] + [Scored(0.0, False)]
            low, high, *_ = quality.bootstrap([[row] for row in rows], 0.5, seed, rounds=200)
            covered += low <= 0.8 <= high
        assert covered >= 52

    def test_the_bootstrap_takes_templates_whole(self):
        """Ten templates that are caught whole or not at all are ten pieces of evidence, however many texts they hold."""
        groups = [[Scored(float(k < 7), True)] * 90 for k in range(10)] + [[Scored(0.0, False)]]
        low, high, *_ = quality.bootstrap(groups, 0.5, 1)
        assert low <= 0.4
        assert high >= 0.9

    def test_the_cost_of_a_threshold_by_hand(self):
        # 2 in 1,000 harmful, a miss is 10: no filter costs 0.02. Half missed 0.01, 1% of 0.998 wrong 0.00998.
        assert quality.cost(quality.Point(0.5, 0.5, 0.01), 0.002, 10) == pytest.approx(0.01998 / 0.02)
        assert quality.cost(quality.Point(1.0, 0.0, 0.0), 0.002, 10) == 1.0


class TestCells:
    def test_they_add_up_to_every_rate_of_the_setting(self):
        six = cells.cells()
        assert sum(c.harmful for c in six) == pytest.approx(40_000)
        assert sum(c.benign for c in six) == pytest.approx(19_960_000)
        assert sum(c.harmful for c in six if c.guard) == pytest.approx(0.97 * 40_000)
        assert sum(c.benign for c in six if c.guard) == pytest.approx(0.002 * 19_960_000)
        assert sum(c.harmful for c in six if c.band != "below 0.2") == pytest.approx(0.99 * 40_000)
        assert sum(c.benign for c in six if c.band == "0.5 up") == pytest.approx(199_600)
        assert all(c.harmful > 0 and c.benign > 0 for c in six)

    def test_what_a_miss_must_be_worth(self):
        six = cells.cells()
        assert [(c.band, c.guard) for c in cells.worth_blocking(six, 0.2)] == []
        assert [(c.band, c.guard) for c in cells.worth_blocking(six, 12)] == [("0.5 up", True)]
        assert [(c.band, c.guard) for c in cells.worth_blocking(six, 13)] == [
            ("0.5 up", True),
            ("0.2 to 0.5", True),
        ]

    def test_cascades_by_hand(self):
        assert cells.cascade(0.5) == pytest.approx((0.931, 0.0004))
        assert cells.cascade(0.2) == pytest.approx((0.96327, 0.0012))
        assert cells.multiplied(0.5) == pytest.approx((0.9215, 0.00002))
        assert cells.asked(0.5) == pytest.approx(0.0019 + 0.00998)


class TestSampling:
    def test_wilson_by_hand(self):
        assert sampling.wilson(28, 30) == pytest.approx((0.7868, 0.9815), abs=1e-4)
        assert sampling.wilson(0, 10)[0] == pytest.approx(0)
        for hits, n in ((0, 0), (-1, 10), (11, 10)):
            with pytest.raises(ValueError, match="at least one trial"):
                sampling.wilson(hits, n)

    def test_labels_for_a_share(self):
        assert sampling.labels_for(0.93, 0.02) == 626

    def test_recall_and_its_error_by_hand(self):
        """900 of 1,000 caught texts harmful, 100 of 10,000 missed ones: recall 0.9, weights 0.1 and 0.9."""
        strata = [Stratum(1_000, True, 0.9, 10), Stratum(10_000, False, 0.01, 1_000)]
        caught, missed = (1_000 * 0.1) ** 2 * 0.09 / 10, (10_000 * 0.9) ** 2 * 0.0099 / 1_000
        assert sampling.recall_of(strata) == pytest.approx((0.9, math.sqrt(caught + missed) / 1_000))

    def test_the_split_of_labels_by_hand_and_no_other_is_better(self):
        """Spreads 0.5 and 0.14, weights 200/700 and 500/700: 1,000 x 0.5 x 2 to 10,000 x 0.14 x 5 is 1 to 7."""
        strata = [Stratum(1_000, True, 0.5), Stratum(10_000, False, 0.02)]

        def error(*labels):
            return sampling.recall_of([s._replace(labels=n) for s, n in zip(strata, labels, strict=True)])[1]

        caught, missed = sampling.labels_needed(strata, 0.05 * sampling.Z95)
        assert missed / caught == pytest.approx(7)
        assert error(caught, missed) == pytest.approx(0.05)
        assert error(caught * 1.2, missed - caught * 0.2) > 0.05 < error(caught * 0.8, missed + caught * 0.2)

    def test_the_promised_interval_is_what_repeated_sampling_shows(self):
        draw = random.Random(5)
        plan = [
            Stratum(1_000, True, 0.8),
            Stratum(20_000, False, 0.01),
            Stratum(100_000, False, 0.001),
        ]
        labels = [round(n) for n in sampling.labels_needed(plan, 0.08)]
        found = []
        for _ in range(300):
            hits = [_binomial(draw, n, s.harmful_share) for s, n in zip(plan, labels, strict=True)]
            strata = [
                s._replace(harmful_share=hit / n, labels=n)
                for s, hit, n in zip(plan, hits, labels, strict=True)
            ]
            found.append(sampling.recall_of(strata))
        truth = 800 / (800 + 200 + 100)
        assert statistics.fmean(r for r, _ in found) == pytest.approx(truth, abs=0.01)
        assert 1.96 * statistics.stdev(r for r, _ in found) == pytest.approx(0.08, rel=0.15)
        assert statistics.fmean(e for _, e in found) == pytest.approx(0.08 / 1.96, rel=0.1)


def _binomial(draw, n, share):
    """Count hits by the gaps between them, which takes hits and not trials."""
    count, at = 0, 0
    while True:
        at += 1 + int(math.log(1 - draw.random()) / math.log(1 - share))
        if at > n:
            return count
        count += 1


class TestDrift:
    def test_the_rate_of_false_alarms(self):
        draw, alarms, rounds = random.Random(11), 0, 400
        limit = drift.alarm_at(600, 300, 10, 0.05)
        for _ in range(rounds):
            reference, current = ([draw.random() ** 5 for _ in range(n)] for n in (600, 300))
            alarms += drift.psi(reference, current, drift.edges_of(reference, 10)) > limit
        # 5% of 400 with the scatter of three standard deviations.
        assert 0.02 <= alarms / rounds <= 0.085

    def test_a_shift_is_found(self):
        draw = random.Random(12)
        reference = [draw.betavariate(0.3, 5) for _ in range(4000)]
        moved = [draw.betavariate(0.4, 5) for _ in range(800)]
        assert drift.psi(reference, moved, drift.edges_of(reference, 10)) > drift.alarm_at(
            4000, 800, 10, 0.001
        )

    def test_by_hand(self):
        assert drift.psi([0.1] * 9 + [0.9], [0.1] * 5 + [0.9] * 5, [0.5]) == pytest.approx(
            (5.5 / 11 - 9.5 / 11) * math.log(5.5 / 9.5) + (5.5 / 11 - 1.5 / 11) * math.log(5.5 / 1.5)
        )
        assert drift.alarm_at(1000, 1000, 10, 0.05) == pytest.approx(16.919 * 0.002, rel=0.002)


class TestLatency:
    ENGINE, GUARD = latency.Lognormal(350, 700), latency.Lognormal(90, 180)

    def test_the_distribution(self):
        assert self.ENGINE.at_most(350) == pytest.approx(0.5)
        assert self.ENGINE.at_most(700) == pytest.approx(0.95)
        assert self.ENGINE.at(0.95) == pytest.approx(700)
        assert self.ENGINE.at_most(0) == 0

    def test_a_fast_engine_waits_for_both_checks_in_a_row(self):
        assert latency.beside(latency.Lognormal(5, 10), 12, self.GUARD, 1.0) == pytest.approx(192, abs=0.1)

    @pytest.mark.parametrize("share", [0.0, 0.11, 1.0])
    def test_against_drawn_times(self, share):
        draw = random.Random(2)

        def sample(times):
            return draw.lognormvariate(math.log(times[0]), math.log(2) / 1.6448536)

        before, beside = [], []
        for _ in range(40_000):
            engine, check = sample((350,)), 12 + (sample((90,)) if draw.random() < share else 0)
            before.append(engine + check)
            beside.append(max(engine, check))
        for place, times in (("before", before), ("beside", beside)):
            expected = sorted(times)[int(0.95 * len(times))]
            assert getattr(latency, place)(self.ENGINE, 12, self.GUARD, share) == pytest.approx(
                expected, rel=0.02
            )
