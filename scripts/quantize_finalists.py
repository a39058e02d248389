"""Quality of the last few candidates on real data: what loses more than the gate allows is not taken.

Each finalist is measured with all other graphs of the model in float, so that its loss is its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gate_limits import LIMITS, Comparison
from quality import Score, measure
from quantize_choice import FLOAT, Candidate, choose, front
from quantize_folder import assemble
from quantize_trial import Trial, Wishes

MOST = 3


def judge_finalists(
    source: Path,
    trials: Mapping[str, Trial],
    wishes: Wishes,
    data: Path,
    limit: int,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write scores and refusals into the candidates of `trials`, and choose again where that changes the choice.

    Args:
        source: the float folder.
        trials: role to what was found out about its graph.
        wishes: what is enough.
        data: in one of the forms of quality_data.py.
        limit: most items.
        say: told what is being done.

    Raises:
        ExportError: the data does not fit the model.
        EdgeError: a model cannot be run.
    """
    as_float = {role: replace(trial, chosen=FLOAT) for role, trial in trials.items()}
    say("quality of float")
    reference = _measure(source, as_float, data, limit)
    for role, trial in trials.items():
        names = [candidate.name for candidate in finalists(trial, wishes)]
        for name in names:
            say(f"quality of {role}: {name}")
            scores = _measure(source, {**as_float, role: replace(trial, chosen=name)}, data, limit)
            trial.candidates = [
                _judged(one, scores, reference) if one.name == name else one for one in trial.candidates
            ]
        trial.candidates = [_scored(one, reference) if one.name == FLOAT else one for one in trial.candidates]
        able = [one for one in trial.candidates if one.name == FLOAT or (one.name in names and not one.refused)]
        trial.chosen = choose(able, wishes.least_db, wishes.least_agreement).name


def finalists(trial: Trial, wishes: Wishes, most: int = MOST) -> list[Candidate]:
    """The best few of those on the front that are faithful enough, the one that would be taken first."""
    left = [
        one
        for one in trial.candidates
        if one.name == FLOAT or (one in front(trial.candidates) and one.sqnr_db >= wishes.least_db)
    ]
    found: list[Candidate] = []
    while len(found) < most and len(left) > 1:
        best = choose(left, wishes.least_db, wishes.least_agreement)
        if best.name == FLOAT:
            break
        found.append(best)
        left.remove(best)
    return found


def _measure(source: Path, trials: Mapping[str, Trial], data: Path, limit: int) -> list[Score]:
    with tempfile.TemporaryDirectory() as folder:
        assemble(source, Path(folder), trials)
        return measure(Path(folder), data, limit)


def _judged(candidate: Candidate, scores: Sequence[Score], reference: Sequence[Score]) -> Candidate:
    pairs = zip(scores, reference, strict=True)
    reasons = [Comparison(one, other, LIMITS[one.metric]).reason for one, other in pairs if one.metric in LIMITS]
    refused = "; ".join(reason for reason in reasons if reason)
    return replace(_scored(candidate, scores), refused=refused)


def _scored(candidate: Candidate, scores: Sequence[Score]) -> Candidate:
    return replace(candidate, scores={f"{score.metric} on {score.data}": round(score.value, 3) for score in scores})
