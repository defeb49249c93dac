"""The project grown to many questions, to see what a large catalog costs: a copy of all of it, and made questions beside the real ones.

A made question is a real one's page with other words: as many sections, blocks, tables, listings cut from tested files,
diagrams, figures and references, so that what it costs to build is what a written one costs. Half of its plain words are drawn from
all pages; its figures are the real ones, looked up instead of computed, as what an author computes is no cost of this site's.
Its diagrams are its model's. Kits and the words of search/ stay those of the real questions.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import yaml

from macros import front_matter
from macros.catalog import load_catalog
from macros.figures import CACHE_DIR, Figures
from macros.question import TOPICS, Question
from tests.conftest import ROOT, SOURCES

_CACHES = ("diagrams", "cards")

_FENCED = re.compile(r"(^(`{3,})[^\n]*\n.*?^\2[ ]*$)", re.MULTILINE | re.DOTALL)
# What is no prose: code, macros, targets of links, markup, headings, what opens or closes a block, and its options.
_KEPT = re.compile(
    r"(`[^`\n]*`|\{\{.*?\}\}|\{[:#][^}\n]*\}|\]\([^)\n]*\)|<[^>\n]*>|https?://\S+|^(?:#|/{3,}|    [a-z]+:)[^\n]*$)",
    re.MULTILINE | re.DOTALL,
)
_WORD = re.compile(r"(?<![-\w'])[a-z]{4,}(?![-\w'])")
_FIGURES = '''\
"""What the model's figures were."""

import json
from pathlib import Path
from typing import Any

_KNOWN = json.loads(Path(__file__).with_name("figures.json").read_text(encoding="utf-8"))


def __getattr__(name: str) -> Any:
    if name not in _KNOWN:
        raise AttributeError(name)
    return lambda **arguments: _KNOWN[name][repr(sorted(arguments.items()))]
'''


def other_words(text: str, pool: list[str], draw: random.Random) -> str:
    """The text with about half of its longer plain words drawn anew; a twentieth of these are words that no other page has."""

    def drawn(word: re.Match[str]) -> str:
        if draw.random() < 0.5:
            return word[0]
        return draw.choice(pool) + (f"{draw.randrange(100_000)}" if draw.random() < 0.05 else "")

    return _WORD.sub(drawn, text)


def grow(folder: Path, count: int, caches: Path = ROOT / ".cache") -> None:
    """Copy the project into `folder`, a new one, with so many questions: the first of the real ones, or all and made ones.

    `caches` is a folder of drawn diagrams and cards; the copy draws none that is there.
    """
    folder.mkdir(parents=True)
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "generated", "q", "cards", "*.apkg")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    # What joins scripts and sheets comes with the libraries it needs.
    (folder / "vendor").symlink_to(ROOT / "vendor")
    for name in _CACHES:
        if (caches / name).is_dir():
            shutil.copytree(caches / name, folder / ".cache" / name)
    real = tuple(load_catalog(ROOT / "docs"))
    texts = {
        question.source: (ROOT / "docs" / question.source).read_text(encoding="utf-8") for question in real
    }
    pool = sorted({word for text in texts.values() for word in _WORD.findall(_FENCED.sub("", text))})
    draw, figures, made = random.Random(20), Figures(CACHE_DIR), list[str]()
    for number in range(len(real) + 1, count + 1):
        model = real[(number - 1) % len(real)]
        made.append(_add(folder, model, texts[model.source], number, pool, draw, figures))
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    (folder / "mkdocs.yml").write_text(_listed(config, made), encoding="utf-8")
    for arguments in (("init", "--quiet"), ("add", "docs"), ("commit", "--quiet", "--message", "Grow")):
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


def _add(
    folder: Path,
    model: Question,
    text: str,
    number: int,
    pool: list[str],
    draw: random.Random,
    figures: Figures,
) -> str:
    """Write a question made after `model`, and the package of its figures. Its path below docs/."""
    slug = f"{model.slug}-{number}"
    page = front_matter.split(text, Path(model.source))
    title, description = (other_words(words, pool, draw) for words in (model.title, model.description))
    meta: dict[str, Any] = {
        **page.meta,
        "title": f"{title[:60].strip()} {number}",
        "description": description[:159],
        "number": number,
        "topics": draw.sample(sorted(TOPICS), draw.randint(2, 5)),
        "keywords": draw.sample(pool, 10),
    }
    # Its evidence is the model's, and so are its references, whose form is checked.
    body, heading, references = page.body.replace("{{ evidence_files() }}", "").partition("\n## References")
    parts = _FENCED.split(body)
    body = "".join(_reworded(part, pool, draw) if at % 3 == 0 else part for at, part in _parts(parts))
    source = f"questions/{model.category}/{slug}.md"
    (folder / "docs" / source).write_text(
        f"---\n{yaml.safe_dump(meta, sort_keys=False, width=1000)}---\n{body}{heading}{references}",
        encoding="utf-8",
    )
    package = folder / "examples" / slug.replace("-", "_")
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "figures.py").write_text(_FIGURES, encoding="utf-8")
    known = json.dumps(_known(model, page.body, figures))
    (package / "figures.json").write_text(known, encoding="utf-8")
    return source


def _parts(parts: list[str]) -> Iterator[tuple[int, str]]:
    """What `_FENCED.split` gives, without the fences by themselves: prose at multiples of three, listings after it."""
    return ((at, part) for at, part in enumerate(parts) if at % 3 != 2)


def _reworded(prose: str, pool: list[str], draw: random.Random) -> str:
    return "".join(
        part if at % 2 else other_words(part, pool, draw) for at, part in enumerate(_KEPT.split(prose))
    )


def _known(model: Question, body: str, figures: Figures) -> dict[str, dict[str, Any]]:
    """What each function of the model's figures returns for the arguments with which its page calls it."""
    known: dict[str, dict[str, Any]] = {}

    def call(name: str, /, **arguments: Any) -> Any:
        result = figures.call(model.package, name, arguments)
        known.setdefault(name, {})[repr(sorted(arguments.items()))] = result
        return result

    def nothing(*given: Any) -> str:
        return ""

    others = dict.fromkeys(("evidence_files", "guess", "question"), nothing)
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(body)
    template.render(computed=call, chart=call, calculator=call, **others)
    return known


def _listed(config: str, sources: Iterable[str]) -> str:
    """The text of mkdocs.yml with the pages under `nav`, each after those of its category."""
    by_folder: dict[str, list[str]] = {}
    for source in sources:
        by_folder.setdefault(source.rpartition("/")[0], []).append(source)
    for folder, pages in by_folder.items():
        last = [line for line in config.splitlines() if line.strip().startswith(f"- {folder}/")][-1]
        indent = last[: last.index("-")]
        config = config.replace(
            f"{last}\n", "\n".join([last, *(f"{indent}- {page}" for page in pages)]) + "\n"
        )
    return config
