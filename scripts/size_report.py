"""What the device installs: size on disk of every runtime dependency, and lines of code per layer.

    scripts/size_report.py [--json]

Sizes are of the files that pip recorded for each distribution that `edge-glasses` needs without extras, in MB
(10^6 bytes). Torch, transformers and optimum must not be among them; the script fails if they are.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib import metadata
from pathlib import Path

FORBIDDEN = {"torch", "transformers", "optimum", "tensorflow"}


def runtime_closure(name: str) -> set[str]:
    """Names of the installed distributions that `name` needs without extras, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if current in found:
            continue
        try:
            requires = metadata.distribution(current).requires or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        found.add(current)
        waiting += [re.split(r"[ ;<>=!~\[(]", line, maxsplit=1)[0] for line in requires if "extra ==" not in line]
    return found


def installed_mb(name: str) -> float:
    """Megabytes of the files that a distribution installed."""
    files = metadata.distribution(name).files or []
    return sum(path.stat().st_size for path in (Path(str(f.locate())) for f in files) if path.is_file()) / 1e6


def code_lines(package: Path) -> dict[str, int]:
    """Lines of Python per layer of the package."""
    lines: dict[str, int] = {}
    for path in package.rglob("*.py"):
        layer = path.relative_to(package).parts[0]
        lines[layer] = lines.get(layer, 0) + len(path.read_text(encoding="utf-8").splitlines())
    return lines


def main() -> int:
    """Print the report; exit status 1 when something forbidden is installed for the device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    names = runtime_closure("edge-glasses")
    sizes = dict(sorted(((n, round(installed_mb(n), 1)) for n in names), key=lambda item: -item[1]))
    lines = code_lines(Path(__file__).parent.parent / "edge")
    if as_json:
        print(json.dumps({"installed_mb": sizes, "total_mb": round(sum(sizes.values()), 1), "lines": lines}))
    else:
        print("runtime, MB on disk: " + ", ".join(f"{n} {mb:.0f}" for n, mb in sizes.items() if mb >= 1))
        print(f"runtime, total: {sum(sizes.values()):.0f} MB in {len(sizes)} distributions")
        print("lines of Python: " + ", ".join(f"{n} {c}" for n, c in sorted(lines.items(), key=lambda i: -i[1])))
    found = sorted(FORBIDDEN & names)
    if found:
        print(f"size_report: the device must not install {', '.join(found)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
