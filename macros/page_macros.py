"""What a page may call: its macros, and what stands in their place where a page is made into plain text.

Each is a function whose name and docstring authors meet; what it prints is rendered elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template

from macros import calculators, charts, evidence, kits, plan_link, printable, render
from macros.catalog import Catalog
from macros.figures import Figures
from macros.places import ROOT
from macros.plan import Chains, Plan
from macros.question import Category, Difficulty
from macros.site import Site
from macros.tally import Tally

Macros = dict[str, Callable[..., Any]]

OF_ALL = (
    *("site_figures", "kit_list", "kit_markdown_links", "file_size"),
    *("{{ now(", "{{ git.", "{{ environment."),
)
"""Macros that tell of what other pages say, beyond their front matter; and those of the plugin that tell of the moment and the machine."""


class Sources(NamedTuple):
    """What macros draw on: all that has been read from the sources, checked and counted."""

    catalog: Catalog
    plans: Mapping[str, Plan]
    """By the path of their pages below docs/."""
    chains: Chains
    kits_of: Mapping[str, kits.Kit]
    """By the path of their pages below docs/."""
    packages: Mapping[str, str]
    """Package below examples/ whose figures a page prints, by the page's path below docs/."""
    figures: Figures
    counted: Tally

    @property
    def shared(self) -> tuple[object, ...]:
        """What macros draw on for every page, and no edit of a page's text alone changes."""
        return self.catalog, self.plans, self.chains, self.packages

    def of(self, source: str, text: str) -> tuple[object, ...] | None:
        """What they draw on for that page alone; None where the text of other pages may change what they print."""
        if any(name in text for name in OF_ALL):
            return None
        package = self.packages.get(source)
        return self.kits_of.get(source), package and self.figures.key(package)


def page_macros(source: Callable[[], str], root: Callable[[], str], sources: Sources) -> Macros:
    """The macros for the page that `source()` names by its path below docs/; `root()` is the way from it to the site's root."""
    catalog, plans, chains, kits_of, packages, figures, counted = sources

    def of_figures(call: str, name: str, /, **arguments: Any) -> Any:
        """What the function `name` of the figures module of this page's example returns."""
        if source() not in packages:
            raise ValueError(
                f"{call}({name!r}): {source()} is no question page and has no `example` in its front matter"
            )
        try:
            return figures.call(packages[source()], name, arguments)
        except LookupError as error:
            raise ValueError(f"{call}({name!r}): {error}") from error

    def computed(name: str, /, **arguments: Any) -> Any:
        """Call `name` of the figures module of this page's example and print what it returns."""
        return of_figures("computed", name, **arguments)

    def chart(name: str, /, **arguments: Any) -> str:
        """Draw the chart whose specification `name` of the figures module of this page's example returns."""
        return charts.figure(name, of_figures("chart", name, **arguments))

    def calculator(name: str, /) -> str:
        """The form, and the worked example, that `name` of the figures module of this page's example specifies."""
        return calculators.html(calculators.load(of_figures("calculator", name)))

    def evidence_files() -> str:
        """This drill's files: links to them, how each came about, and what it holds."""
        page = catalog.at(source())
        files = evidence.load(ROOT / "examples" / page.package) if page else ()
        if page is None or not files:
            raise ValueError(
                f"evidence_files(): {source()} is no question page whose example has an evidence.yml"
            )
        return render.evidence_table(page, files)

    def guess(stage: int) -> str:
        """A field for the reader's own expectation, before a stage's evidence is revealed."""
        return render.guess(stage)

    def own_kit(call: str) -> kits.Kit:
        if source() not in kits_of:
            raise ValueError(f"{call}(): {source()} is no interviewer's kit")
        return kits_of[source()]

    def kit_hints() -> str:
        """The hints of this kit's question, open."""
        return _drawn(kits.hints_markdown(own_kit("kit_hints").hints), computed)

    def kit_score_sheet() -> str:
        """The signals and levels of this kit's question, to tick."""
        kit = own_kit("kit_score_sheet")
        return _drawn(kits.score_sheet_markdown(kit.signals, kit.levels), computed)

    def kit_list() -> str:
        """All kits, with what each question asks for."""
        return render.kit_list(kits_of.values(), source())

    def question(number: int) -> str:
        """A link to a question, by its number."""
        return render.question_link(catalog.get(number), source())

    def question_table(category: str | None = None, difficulty: str | None = None) -> str:
        """All questions, or those of a category or a difficulty, one row each."""
        questions = catalog.select(
            Category(category) if category else None, Difficulty(difficulty) if difficulty else None
        )
        return render.question_table(questions, root())

    def question_filters() -> str:
        """Filters for the table of all questions, where scripts run."""
        return render.question_filters()

    def distribution() -> str:
        """Questions by category and difficulty, with totals."""
        return render.distribution(catalog, root())

    def question_count() -> int:
        """How many questions there are."""
        return len(catalog)

    def question_board() -> str:
        """Every question at a glance, by category."""
        return render.board(catalog, root())

    def site_figures() -> str:
        """What the question pages hold, counted while building."""
        return render.figures(catalog, counted)

    def plan_days() -> str:
        """The plan in this page's front matter, day by day."""
        return render.plan_days(plans[source()], catalog, source())

    def plan_length(page: str | None = None) -> str:
        """Days and minutes of this page's plan, or of another page's by its path below docs/."""
        plan = plans[page or source()]
        return f"{len(plan.days)} days, {render.plan_minutes(plan, catalog)} minutes"

    def plan_opener() -> str:
        """A link that opens this page's plan in the plan builder."""
        return render.plan_opener(plan_link.encode(plan_link.linked(plans[source()])), root())

    def plan_chains() -> str:
        """What builds on what, as the plan builder's script reads it."""
        return ";".join(" ".join(map(str, chain)) for chain in chains)

    def plan_order() -> str:
        """What builds on what, as a list of links."""
        return render.plan_order(chains, catalog, source())

    of_examples = (computed, chart, calculator, evidence_files, guess)
    tables = (question_table, question_filters, question_board, distribution)
    of_questions = (question, *tables, question_count, site_figures)
    of_plans = (plan_days, plan_length, plan_opener, plan_chains, plan_order)
    of_kits = (kit_hints, kit_score_sheet, kit_list)
    return _named(*of_examples, *of_questions, *of_plans, *of_kits)


def file_macros(sources: Sources, published: Mapping[str, str | bytes], site: Site, pdf: bool) -> Macros:
    """The macros of pages that offer files. `published` has the generated ones, by path below docs/; `pdf` is whether one is made."""

    def file_size(name: str) -> str:
        """Size of a generated file, by its path below docs/."""
        data = published[name]
        return render.size(len(data.encode() if isinstance(data, str) else data))

    def markdown_links() -> str:
        """Every question's page as plain Markdown, as a list of links."""
        return render.markdown_links([(q.number, q.title, q.address) for q in sources.catalog], site.url)

    def kit_markdown_links() -> str:
        """The same of every interviewer's kit."""
        pages = [
            (kit.question.number, f"Kit: {kit.question.title}", kit.address)
            for kit in sources.kits_of.values()
        ]
        return render.markdown_links(pages, site.url)

    def finished(address: str, label: str) -> str:
        """A link to what is put into the site after it is built, by its address below the site's root."""
        return render.finished_link(address, label, site.url)

    def is_in_parts() -> bool:
        """Whether there are too many questions to print them at once."""
        return len(sources.catalog) >= printable.PARTS_FROM

    def printable_link() -> str:
        """A link to all questions, to be printed."""
        label = "All questions, a page for each category" if is_in_parts() else "All questions on one page"
        return render.finished_link(printable.ADDRESS, label, site.url)

    def has_pdf() -> bool:
        """Whether this build is one that a PDF is made of: of so many questions that they are not printed at once, none is."""
        return pdf and not is_in_parts()

    return _named(file_size, markdown_links, kit_markdown_links, finished, printable_link, has_pdf)


def plain_macros(source: str, sources: Sources, site: Site) -> Macros:
    """The same for a text without pictures and controls: a chart is its data, and what only a page can do is linked to."""
    macros = page_macros(lambda: source, lambda: site.url, sources)

    def calculator(name: str, /) -> str:
        return f"(Interactive, on the page only: <{site.url}{render.address_of(source)}>)"

    def chart(name: str, /, **arguments: Any) -> str:
        return charts.table(name, sources.figures.call(sources.packages[source], name, arguments))

    def guess(stage: int) -> str:
        return ""

    def kit_score_sheet() -> str:
        kit = sources.kits_of[source]
        return _drawn(kits.score_sheet_text(kit.signals, kit.levels), macros["computed"])

    return macros | _named(calculator, chart, guess, kit_score_sheet)


def _named(*macros: Callable[..., Any]) -> Macros:
    """The functions by the names by which pages call them."""
    return {macro.__name__: macro for macro in macros}


def _drawn(markdown: str, computed: Callable[..., Any]) -> str:
    """What a kit draws from its question's page, with the figures in it."""
    return str(Template(markdown, undefined=StrictUndefined).render(computed=computed))
