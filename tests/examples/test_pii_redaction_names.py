"""The tagger and its training, a spaCy pipeline behind the same interface, and the measurement."""

import json
import re
from pathlib import Path

import pytest

from examples.pii_redaction import corpus, evaluate, names, train
from examples.pii_redaction.cards import luhn
from examples.pii_redaction.names import LocalTagger, SpacyNames, trained
from examples.pii_redaction.patterns import Emails, kind_of
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind, Span


def runs(template, length=4):
    words = re.findall(r"\{?\w+\}?", template.lower())
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


class TestNames:
    def test_the_committed_weights_are_what_training_gives(self):
        committed = Path(names.__file__).with_name("names.json").read_text(encoding="utf-8")
        assert json.loads(committed) == json.loads(train.text(train.train()))

    def test_training_and_measurement_share_no_template(self):
        assert not set(corpus.TEMPLATES) & set(corpus.HELD_OUT)
        held_out = corpus.held_out(3, 300)
        assert {message.template for message in held_out} <= set(corpus.HELD_OUT)
        assert not set().union(*map(runs, corpus.TEMPLATES)) & set().union(*map(runs, corpus.HELD_OUT))

    def test_no_list_that_training_draws_from_holds_a_new_name_place_or_company_of_the_held_out_set(self):
        new = corpus.held_out(3, 2 * len(corpus.HELD_OUT))[len(corpus.HELD_OUT) :]
        drawn = {
            word
            for m in new
            for s in m.spans
            if s.kind is Kind.NAME
            for word in re.findall(r"\w{2,}", m.text[s.start : s.end])
        }
        assert not {word.lower() for word in drawn} & {name.lower() for name in (*corpus.FIRST, *corpus.LAST)}
        fixed = " ".join(corpus.HELD_OUT)
        assert [name for name in corpus.NOT_NAMES if re.search(rf"\b{name}\b", fixed)] == []

    def test_the_margin_trades_precision_for_recall_on_templates_that_a_fold_never_saw(self):
        without, with_it = (train.across_templates(margin, folds=2, messages=300) for margin in (0.0, 2.0))
        assert (
            without.labeled
            == with_it.labeled
            == len(
                [
                    s
                    for m in corpus.development(1, len(corpus.TEMPLATES))
                    for s in m.spans
                    if s.kind is Kind.NAME
                ]
            )
            * 6
        )
        assert with_it.recall > without.recall
        assert with_it.precision < without.precision

    def test_labels_are_where_they_say(self):
        for message in [*corpus.development(2, 400), *corpus.held_out(2, 300), *corpus.spanish(2, 80)]:
            for span in message.spans:
                value = message.text[span.start : span.end]
                assert value == value.strip()
                assert "{" not in value
                digits = re.sub(r"\D", "", value)
                if span.kind in (Kind.SSN, Kind.ITIN):
                    assert kind_of(digits[:3], digits[3:5], digits[5:]) is span.kind
                if span.kind is Kind.CARD:
                    assert luhn(digits)

    def test_the_corpus_is_reproducible(self):
        assert corpus.held_out(9, 50) == corpus.held_out(9, 50)
        assert corpus.held_out(9, 50) != corpus.held_out(10, 50)

    def test_a_tagger_knows_nothing_without_weights(self):
        assert LocalTagger({}, {}).names("Jane Doe") == []

    def test_names_do_not_reach_into_an_address(self):
        text = "My name is Maria Garcia maria@example.com"
        spans = Scanner([Emails()], trained()).scan(text)
        assert [(text[s.start : s.end], s.kind) for s in spans] == [
            ("Maria Garcia", Kind.NAME),
            ("maria@example.com", Kind.EMAIL),
        ]


TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 64,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}
PARSER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 32,
    "maxout_pieces": 2,
    "use_upper": True,
    "nO": None,
    "tok2vec": TOK2VEC,
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A small pipeline of our own, trained on generated messages and saved: nothing is downloaded."""
    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed

    fix_random_seed(1)
    nlp = spacy.blank("en")
    nlp.add_pipe("ner", config={"model": PARSER}).add_label("PERSON")
    examples = []
    for message in corpus.development(5, 240):
        doc = nlp.make_doc(message.text)
        people = [doc.char_span(s.start, s.end, "PERSON") for s in message.spans if s.kind is Kind.NAME]
        if any(people):
            entities = [(span.start_char, span.end_char, "PERSON") for span in people if span]
            examples.append(Example.from_dict(doc, {"entities": entities}))
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(6):
        for at in range(0, len(examples), 8):
            nlp.update(examples[at : at + 8], sgd=optimizer, drop=0.1)
    path = tmp_path_factory.mktemp("pipeline") / "names"
    nlp.to_disk(path)
    return path


class TestSpacy:
    def test_a_saved_pipeline_is_loaded_and_fits_the_scanner(self, pipeline):
        model = SpacyNames.load(pipeline)
        messages = [m for m in corpus.development(6, 80) if any(s.kind is Kind.NAME for s in m.spans)]
        scores = evaluate.score(messages, lambda m: Scanner([Emails()], model).scan(m.text))
        assert scores[Kind.NAME].recall > 0.5
        assert scores[Kind.EMAIL].recall == 1.0

    def test_its_offsets_are_put_back_over_characters_that_fold(self, pipeline):
        scanner = Scanner([], SpacyNames.load(pipeline))
        plain = "My name is James Smith and I need help with a refund."
        typed = plain.replace("James", "J\u0301a\u200bmes").replace("with", "\uff57ith")
        spans, marked = scanner.scan(plain), scanner.scan(typed)
        assert [plain[s.start : s.end] for s in spans] == ["James Smith"]
        assert [typed[s.start : s.end] for s in marked] == ["J\u0301a\u200bmes Smith"]

    def test_a_pipeline_that_finds_no_names_is_refused(self, tmp_path):
        import spacy

        spacy.blank("en").to_disk(tmp_path / "blank")
        with pytest.raises(ValueError, match="no entity recognizer"):
            SpacyNames.load(tmp_path / "blank")

    def test_a_missing_pipeline_is_an_error_and_not_an_empty_detector(self, tmp_path):
        with pytest.raises(OSError, match="find model"):
            SpacyNames.load(str(tmp_path / "nowhere"))

    def test_nothing_heavy_is_imported_until_a_pipeline_is_loaded(self):
        import subprocess
        import sys

        code = "import sys, examples.pii_redaction.figures as f; print({'spacy', 'redis', 'cryptography', 'numpy'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"


class TestEvaluation:
    def test_wilson_against_a_published_example(self):
        """Newcombe (1998): 81 of 263 gives 0.2553 to 0.3662, and 0 of 20 gives 0 to 0.1611."""
        low, high = evaluate.wilson(81, 263)
        assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
        low, high = evaluate.wilson(0, 20)
        assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)
        assert evaluate.wilson(0, 0) == (0.0, 1.0)

    def test_exact_spans_count_and_leaks_are_told_from_borders(self):
        message = corpus.Message("Jane Doe x", (Span(0, 8, Kind.NAME),), frozenset(), "")
        short = evaluate.score([message], lambda m: [Span(0, 4, Kind.NAME)])[Kind.NAME]
        long = evaluate.score([message], lambda m: [Span(0, 10, Kind.NAME)])[Kind.NAME]
        exact = evaluate.score([message], lambda m: [Span(0, 8, Kind.NAME)])[Kind.NAME]
        assert (short.recall, short.leaked, short.precision) == (0, 1, 0)
        assert (long.recall, long.leaked, long.precision) == (0, 0, 0)
        assert (exact.recall, exact.leaked, exact.precision) == (1, 0, 1)
