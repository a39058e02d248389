"""The gate: a made model enters only if it is as good as float, and faster or smaller than what it replaces.

    python scripts/gate.py out/made/ID/quantised --against out/made/ID/float --data FOLDER

Exit status 0: it passed; the verdict is in provenance.json, and card.md and entry.toml are written beside it (next:
`edge models add FOLDER`). 1: it is refused, with the reasons, and there is no entry. 2: it could not be judged.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from catalogue_entry import CARD_FILE, ENTRY_FILE, made_entry
from gate_checks import precision, problems
from gate_compare import Pair, compare, name_of
from gate_limits import limits
from gate_measure import ROUNDS, machine
from model_card import made_card
from provenance import Provenance, versions

from edge.errors import EdgeError, ExportError
from edge.hub.catalogue import load_catalogue
from edge.hub.entry_text import render
from edge.hub.store import ModelStore
from edge.inference.sessions import one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge what the command line names."""
    options = _parser().parse_args(arguments)
    try:
        provenance = judge(options)
    except (EdgeError, OSError) as error:
        print(f"gate: {one_line(error)}", file=sys.stderr)
        return 2
    verdict = provenance.verdict or {}
    print(summary(verdict))
    for reason in verdict["reasons"]:
        print(f"refused: {reason}")
    print(advice(options, verdict))
    return 0 if verdict["passed"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="made by scripts/quantize.py (or scripts/export.py)")
    parser.add_argument("--against", required=True, help="the float model: a folder, or the id of an installed model")
    parser.add_argument("--replaces", help="what it must be faster or smaller than (default: the float model)")
    parser.add_argument("--data", type=Path, help="evaluation data; forms: scripts/quality_data.py")
    parser.add_argument("--limit", type=int, help="most sentences, clips of a language, or pictures")
    parser.add_argument("--max-loss", action="append", default=[], metavar="METRIC=POINTS", help="another limit")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timing")
    parser.add_argument("--threads", type=int, default=2, help="most threads of a session")
    parser.add_argument("--date", default=f"{datetime.now(timezone.utc):%Y-%m-%d}", help="of the verdict")
    parser.add_argument("--accept-licence", action="store_true", help="also a licence that does not allow every use")
    return parser


def judge(options: argparse.Namespace) -> Provenance:
    """Check, measure and write the verdict; card and entry appear only when it is a pass.

    Raises:
        EdgeError: it cannot be judged; nothing is written, and there is no card and no entry.
    """
    folder: Path = options.folder
    started = time.monotonic()
    provenance = Provenance.read(folder)
    for name in (ENTRY_FILE, CARD_FILE):
        (folder / name).unlink(missing_ok=True)
    bounds = limits(options.max_loss)
    reference = find(options.against)
    reasons = list(problems(folder, provenance, reference, accept_licence=options.accept_licence))
    verdict: dict[str, Any] = {
        "passed": False,
        "reasons": reasons,
        "date": options.date,
        "machine": machine(),
        "versions": versions(),
        "precision": precision(folder),
        "against": f"{name_of(reference)}, {precision(reference)}",
        "limits": bounds,
    }
    if not reasons:
        replaced = find(options.replaces) if options.replaces else reference
        pair = Pair(folder, reference, replaced, options.data, options.limit, options.rounds, options.threads)
        reasons += compare(pair, bounds, verdict)
    verdict["passed"] = not reasons
    provenance.verdict = verdict
    provenance.seconds["gate"] = round(time.monotonic() - started, 1)
    provenance.write(folder)
    if verdict["passed"]:
        _write(folder, provenance)
    return provenance


def find(name: str) -> Path:
    """A model folder, or the folder of an installed model.

    Raises:
        ExportError: neither.
        ModelCorruptError: the installed model does not have its bytes.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        return ModelStore().open(name)
    except LookupError as error:
        raise ExportError(f"{name} is neither a folder nor the id of an installed model") from error


def _write(folder: Path, provenance: Provenance) -> None:
    model = made_entry(folder, provenance, load_catalogue(), precision(folder))
    entry = render(model)
    (folder / CARD_FILE).write_text(made_card(model, provenance, entry), encoding="utf-8")
    (folder / ENTRY_FILE).write_text(entry, encoding="utf-8")


def advice(options: argparse.Namespace, verdict: Mapping[str, Any]) -> str:
    """What to run next."""
    if verdict["passed"]:
        return f"passed; next: edge models add {options.folder}"
    reasons = " ".join(verdict["reasons"])
    again = f"scripts/quantize.py {options.against} --out {options.folder} --force"
    if "agreement with float" in reasons:
        return f"next: {again} --methods weights8, or --data FOLDER so that quality decides instead of agreement"
    if " falls by " in reasons or " rises by " in reasons:
        return f"next: {again} --methods weights8, which stays closest to float"
    if "neither faster nor smaller" in reasons:
        return f"next: use the float model itself: scripts/gate.py {options.against} --against {options.against}"
    return "next: put right what is said above, then run scripts/gate.py again"


def summary(verdict: Mapping[str, Any]) -> str:
    """What was measured, a line each."""
    lines = [
        f"{row['metric']:8} {row['candidate']:7.2f}  float {row['reference']:7.2f}  {row['data']}, {row['items']} items"
        for row in verdict.get("quality", ())
    ]
    lines += [
        f"agreement with float {row['share']:.3f}  {row['data']}, {row['items']} items"
        for row in verdict.get("agreement", ())
    ]
    if "size" in verdict:
        size = verdict["size"]
        lines.append(f"graphs   {size['candidate'] / 1e6:.1f} MB, {size['ratio']:.2f} of {verdict['replaces']}")
    if "speed" in verdict:
        speed = verdict["speed"]
        spread = f"quartiles {speed['low']:.2f} to {speed['high']:.2f}"
        lines.append(f"time     {speed['candidate_ms']:.2f} ms, {speed['ratio']:.2f} of it ({spread})")
    if "ram_mb" in verdict:
        lines.append(f"memory   {verdict['ram_mb']:.0f} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
