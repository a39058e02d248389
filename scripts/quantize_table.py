"""The table of candidates, for the terminal."""

from __future__ import annotations

from quantize_choice import Candidate, front
from quantize_trial import Trial
from rich.console import Console
from rich.table import Table

_WORST = 5


def print_trial(console: Console, role: str, trial: Trial) -> None:
    """What was tried with one graph, and what was taken."""
    table = Table(title=f"{role}: {trial.inputs.file.name}, judged on {trial.inputs.data}", title_justify="left")
    for heading in ("candidate", "MB", "time / float", "dB", "agree", ""):
        plain = heading in {"candidate", ""}
        table.add_column(heading, justify="left" if plain else "right", no_wrap=heading == "candidate")
    best = {candidate.name for candidate in front(trial.candidates)}
    for candidate in trial.candidates:
        table.add_row(*cells(candidate, candidate.name in best, candidate.name == trial.chosen))
    console.print(table)
    for candidate in trial.candidates:
        if said := remark(candidate):
            console.print(f"{candidate.name}: {said}", soft_wrap=True)
    for method, rows in trial.sensitivity.items():
        worst = ", ".join(f"{row.group.name} {row.sqnr_db} dB" for row in rows[:_WORST])
        console.print(f"{method} suffers most in: {worst}", soft_wrap=True)


def cells(candidate: Candidate, best: bool, chosen: bool) -> list[str]:
    """One row: name, size, time with its middle half, fidelity, agreement, whether on the front."""
    ratio = candidate.ratio
    if not candidate.size_mb:
        return [candidate.name, "", "", "", "", "not made"]
    return [
        candidate.name,
        f"{candidate.size_mb:.2f}",
        f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})" if ratio else "not timed",
        f"{candidate.sqnr_db:.1f}",
        "" if candidate.agreement is None else f"{candidate.agreement:.3f}",
        "taken" if chosen else ("front" if best else ""),
    ]


def remark(candidate: Candidate) -> str:
    """What does not fit into the row: why it was not made, which groups stay float, scores on data."""
    parts = [candidate.note] if candidate.note else []
    if candidate.excluded:
        parts.append("stays float in " + ", ".join(candidate.excluded))
    parts += [f"{metric} {value:g}" for metric, value in candidate.scores.items()]
    parts += [f"refused: {candidate.refused}"] if candidate.refused else []
    return "; ".join(parts)
