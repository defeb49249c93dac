"""mkdocs.yml -> what it says, read without a generator: for what has to be done before one begins."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from macros.faults import Fault


class _Loader(yaml.SafeLoader):
    """Knows the two tags that generators add to YAML."""


def _from_environment(loader: _Loader, node: yaml.Node) -> Any:
    """`!ENV [NAME, …, default]`: the first variable that is set, read as YAML, or else what stands last."""
    if isinstance(node, yaml.SequenceNode):
        *names, default = loader.construct_sequence(node)
    else:
        names, default = [node.value], None
    found = next((os.environ[name] for name in names if name in os.environ), None)
    return default if found is None else yaml.safe_load(found)


_Loader.add_constructor("!ENV", _from_environment)
# A Python object, which nobody here asks for: its name.
_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, suffix, node: suffix)


def read(file: Path) -> dict[str, Any]:
    """The settings by their names, with the site's folder, and its address ending in a slash, as the generators see to it."""
    settings = _inherited(file)
    site_url = settings.get("site_url")
    return {"site_dir": "site", **settings, "site_url": site_url and f"{site_url.rstrip('/')}/"}


def _inherited(file: Path) -> dict[str, Any]:
    """What the file says, on top of what the one says that it names under INHERIT: mappings are merged, lists are replaced."""
    settings: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    parent = settings.pop("INHERIT", None)
    return _merged(_inherited(file.parent / parent), settings) if parent else settings


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


def faults_of_nav(file: Path, docs_dir: Path, nav: Iterable[str]) -> list[Fault]:
    """Pages of the navigation that are not there, and pages that it lacks. MkDocs tells of both, Zensical of neither.

    `nav` has the pages' paths below `docs_dir`. A page whose name begins with an underscore is none (`exclude_docs`).
    """
    listed = {docs_dir / page for page in nav}
    found = {page for page in docs_dir.rglob("*.md") if not page.name.startswith("_")}
    return [
        *(
            Fault(
                file,
                None,
                f"lists {page.relative_to(docs_dir)}, which is not there",
                "write it, or unlist it",
            )
            for page in listed - found
        ),
        *(
            Fault(page, None, "is not in the navigation", f"list it in {file.name}")
            for page in found - listed
        ),
    ]
