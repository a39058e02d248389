"""What the whole chain costs for models of real size: each is made from noise and goes through `scripts/make`.

    .venv-export/bin/python benchmarks/making.py [NAME ...] [--json benchmarks/results/making.json]

The weights are random (see full_size_models.py), so quality on data cannot be told: the gate compares with float on
synthetic inputs. Seconds, sizes, memory and time ratios are what a user of such a model gets.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from full_size_models import MODELS, make

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
_REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every model named (all, if none is); 2 when the chain of one breaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--json", type=Path, help="write all numbers here; models measured before are kept")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - MODELS.keys())
    if unknown:
        parser.error(f"no model named {', '.join(unknown)}")
    report: dict[str, Any] = {}
    if options.json and options.json.is_file():
        report = json.loads(options.json.read_text(encoding="utf-8"))
    for name in options.names or MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            found = measure(name, Path(scratch))
        if found is None:
            return 2
        report[name] = found
        print(json.dumps({name: found}), flush=True)
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(name: str, scratch: Path) -> dict[str, Any] | None:
    """Make one model and read what its provenance says; None when the chain broke (it has said why)."""
    upstream = scratch / name
    make(name, upstream)
    command = [sys.executable, str(SCRIPTS / "make.py"), str(upstream), "--id", name, "--licence", "MIT", "--no-add"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "EDGE_MODELS": str(scratch / "store")}
    started = time.monotonic()
    status = subprocess.run([*command, "--out", str(scratch / "made")], env=environment, check=False).returncode
    seconds = time.monotonic() - started
    if status not in (0, _REFUSED):
        return None
    folder = scratch / "made" / name / "quantised"
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    verdict = provenance["verdict"]
    return {
        "architecture": provenance["architecture"],
        "parameters": provenance["parameters"],
        "upstream_mb": _megabytes(upstream, "*.safetensors"),
        "float_mb": _megabytes(scratch / "made" / name / "float", "*.onnx"),
        "made_mb": _megabytes(folder, "*.onnx"),
        "methods": {role: graph["chosen"] for role, graph in provenance["quantization"]["graphs"].items()},
        "ram_mb": verdict.get("ram_mb"),
        "time_ratio": verdict.get("speed", {}).get("ratio"),
        "candidate_ms": verdict.get("speed", {}).get("candidate_ms"),
        "agreement": [found["share"] for found in verdict.get("agreement", ())],
        "parity": max(found["max_difference"] / max(found["largest"], 1e-9) for found in provenance["parity"]),
        "passed": verdict["passed"],
        "reasons": verdict["reasons"],
        "seconds": {**provenance["seconds"], "together": round(seconds, 1)},
        "cpu_class": verdict["machine"]["class"],
    }


def _megabytes(folder: Path, pattern: str) -> float:
    return round(sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
