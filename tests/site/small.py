"""A site of three pages on the project's own machinery: the same mkdocs.yml, macros and templates, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from macros import icons
from tests.conftest import ROOT

# Everything of mkdocs.yml is inherited; lists are replaced as a whole.
CONFIG = """\
INHERIT: base.yml
nav:
  - index.md
  - topics.md
  - questions/technical/shed-load.md
"""

INDEX = """\
---
title: Home
description: The landing page of a small site.
---

## Start

See [the question](questions/technical/shed-load.md#hints) and {{ question_count() }} of its kind.

```mermaid
flowchart LR
  accTitle: A request and its answer
  accDescr: One arrow leads from the request to the answer.
  request --> answer
```
"""

TOPICS = """\
---
title: Questions by topic
description: Every topic with the questions that touch it.
---

<!-- material/tags -->
"""

QUESTION = """\
---
title: Shed load
description: Decide which requests an overloaded gateway refuses.
number: 1
difficulty: senior
minutes: 20
topics: [latency, reliability]
keywords: [overload, backpressure, "503"]
answer: pending
---

## Question

> Shed load.

```python title="examples/listing.py"
--8<-- "examples/listing.py:body"
```

## What it tests

- Signals.

## Clarifying questions

| Ask | Assume |
| --- | --- |
| Who may be refused? | Free users. |

## Hints

/// details | Hint 1
    type: hint

Look.

///
"""

LISTING = """\
# --8<-- [start:body]
def shed() -> None: ...
# --8<-- [end:body]
"""

QUESTION_FILE = "questions/technical/shed-load.md"

ENVIRONMENT = {"NO_MKDOCS_2_WARNING": "1", "MACROS_STOP": "true"}


def make(folder: Path) -> None:
    """Put the machinery into the folder, with three pages instead of the content."""
    for part in ("macros", "overrides"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "generated"))
    shutil.copy(ROOT / "mkdocs.yml", folder / "base.yml")
    (folder / "references").mkdir()
    shutil.copy(ROOT / "references/links.json", folder / "references")
    (folder / "docs" / icons.SOURCE).parent.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / icons.SOURCE, folder / "docs" / icons.SOURCE)
    files = {
        "mkdocs.yml": CONFIG,
        "examples/__init__.py": "",
        "examples/listing.py": LISTING,
        "docs/index.md": INDEX,
        "docs/topics.md": TOPICS,
        "search/shed-load.yml": "terms: [drop traffic]\n",
        f"docs/{QUESTION_FILE}": QUESTION,
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def complete(folder: Path) -> None:
    """Add what a site needs to be finished: the scripts and sheets that its pages load, and what joins them."""
    shutil.copytree(
        ROOT / "docs" / "assets", folder / "docs" / "assets", dirs_exist_ok=True, ignore=_generated
    )
    (folder / "vendor").symlink_to(ROOT / "vendor")


def _generated(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "cards" or name.endswith((".json", ".png"))]


def build(project: Path, site_dir: str = "site") -> subprocess.CompletedProcess[str]:
    """Have the generator alone build it, strictly."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--dirty", "--site-dir", site_dir],
        cwd=project,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
