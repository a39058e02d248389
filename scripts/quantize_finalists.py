"""The last word on what is taken: the model's own answers, held to the limits of the gate.

With data, quality is measured; without, how often the answers are those of float, on items that the gate does not use.
Each finalist is judged together with the graphs that are decided already, the others in float: so the whole that comes
out has been judged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gate_limits import LIMITS, Comparison, disagreement
from quality import Task, alike, measure
from quality_data import synthetic_pictures, synthetic_sentences, synthetic_sounds
from quality_subjects import Subject, load
from quantize_choice import FLOAT, Candidate, choose, front
from quantize_folder import assemble
from quantize_inputs import SEED
from quantize_trial import Trial, Wishes

MOST = 3
_PICTURES = {"recognition": 48, "detection": 12}
_SOUNDS = 4


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a folder.

    Attributes:
        scores: name of a measurement to its value.
        refused: why it would not pass; empty where it would.
        doubtful: whether it passes, but other items might say otherwise.
    """

    scores: dict[str, float] = field(default_factory=dict)
    refused: str = ""
    doubtful: bool = False


Judge = Callable[[Path], Verdict]


def by_quality(source: Path, data: Path, limit: int) -> Judge:
    """Quality on data, and its loss from float's.

    Args:
        source: the float folder.
        data: in one of the forms of quality_data.py.
        limit: most items.

    Raises:
        ExportError: the data does not fit the model.
        EdgeError: the model cannot be run.
    """
    reference = measure(source, data, limit)

    def judge(folder: Path) -> Verdict:
        scores = measure(folder, data, limit)
        pairs = [pair for pair in zip(scores, reference, strict=True) if pair[0].metric in LIMITS]
        reasons = [Comparison(one, other, LIMITS[one.metric]).reason for one, other in pairs]
        named = {f"{score.metric} on {score.data}": round(score.value, 3) for score in scores}
        return Verdict(named, "; ".join(reason for reason in reasons if reason))

    return judge


def by_agreement(source: Path) -> Judge:
    """How often the answers to synthetic items are float's.

    Raises:
        EdgeError: the model cannot be run.
    """
    subject = load(source)
    task = items_for(subject)
    said = task.answers(subject)

    def judge(folder: Path) -> Verdict:
        found = alike(task, subject, said, task.answers(load(folder)))
        allowed = LIMITS["agreement"]
        scores = {f"agreement on {found.data}": round(found.share, 3)}
        return Verdict(scores, disagreement(found, allowed), doubtful=found.share < 1 - allowed / 2)

    return judge


def items_for(subject: Subject) -> Task:
    """As many items as the gate has, and other ones (but for sentences, of which there is one list)."""
    items: Sequence[Any] = synthetic_sentences()
    kind = "sentences"
    if subject.kind == "speech":
        items, kind = [(sound, subject.languages[0]) for sound in synthetic_sounds(_SOUNDS, SEED)], "sounds"
    elif subject.kind in _PICTURES:
        items, kind = synthetic_pictures(_PICTURES[subject.kind], SEED), "pictures"
    return Task(f"{len(items)} synthetic {kind}", items)


def judge_finalists(
    source: Path,
    trials: Mapping[str, Trial],
    wishes: Wishes,
    judge: Judge,
    *,
    most: int = MOST,
    first: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write scores and refusals into the candidates of `trials`, and choose among those that are not refused.

    Args:
        source: the float folder.
        trials: role to what was found out about its graph.
        wishes: what is enough.
        judge: of a whole folder.
        most: finalists of a graph.
        first: whether to stop at the first one that is neither refused nor doubtful.
        say: told what is being done.

    Raises:
        EdgeError: a model cannot be run.
    """
    whole = {role: replace(trial, chosen=FLOAT) for role, trial in trials.items()}
    for role, trial in trials.items():
        able: dict[bool, list[str]] = {False: [], True: []}
        for finalist in finalists(trial, wishes, most):
            say(f"answers of {role}: {finalist.name}")
            verdict = _judged(source, {**whole, role: replace(trial, chosen=finalist.name)}, judge)
            judged = replace(finalist, scores=verdict.scores, refused=verdict.refused)
            trial.candidates = [judged if one.name == judged.name else one for one in trial.candidates]
            if not judged.refused:
                able[verdict.doubtful].append(judged.name)
            if first and able[False]:
                break
        left = [one for one in trial.candidates if one.name in (FLOAT, *(able[False] or able[True]))]
        trial.chosen = choose(left, wishes.least_db, wishes.agreement(trial.inputs)).name
        whole[role] = trial


def finalists(trial: Trial, wishes: Wishes, most: int = MOST) -> list[Candidate]:
    """The best few of those on the front that are faithful enough, the one that would be taken first."""
    best_of = front(trial.candidates)
    left = [
        one for one in trial.candidates if one.name == FLOAT or (one in best_of and wishes.enough(one, trial.inputs))
    ]
    found: list[Candidate] = []
    while len(found) < most and len(left) > 1:
        best = choose(left, wishes.least_db, wishes.agreement(trial.inputs))
        if best.name == FLOAT:
            break
        found.append(best)
        left.remove(best)
    return found


def _judged(source: Path, trials: Mapping[str, Trial], judge: Judge) -> Verdict:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / source.name
        folder.mkdir()
        assemble(source, folder, trials)
        return judge(folder)
