"""How good a model is on data, and how alike two models are where there is no data with the right answers.

    python scripts/quality.py FOLDER --data FOLDER [--limit N]

Everything goes through the classes that the product runs, in this process, on this processor.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import quality_data
from quality_metrics import (
    UNSPACED,
    Detection,
    Score,
    error_rate,
    mean_average_precision,
    same_boxes,
    same_first,
    same_texts,
    text_scores,
    top_scores,
)
from quality_subjects import Subject, load

from edge.errors import EdgeError, ExportError

__all__ = ["Agreement", "Score", "Task", "agreement", "measure", "tasks"]

_SYNTHETIC = {"translation": "sentences", "speech": "sounds", "recognition": "pictures", "detection": "pictures"}
_COUNTS = {"translation": 12, "speech": 4, "recognition": 48, "detection": 12}


@dataclass(frozen=True)
class Task:
    """Items of one kind with a name, and what makes scores of the answers to them.

    Attributes:
        data: name of the data, never a path.
        items: what the model is asked; functions are called first, so that pictures need not all be in memory.
        judge: answers, in the order of the items, to scores; None: nobody knows the right answers.
    """

    data: str
    items: Sequence[Any]
    judge: Callable[[Sequence[Any]], list[Score]] | None = None

    def answers(self, subject: Subject) -> list[Any]:
        """What the model says to each item."""
        answer = subject.probe if self.judge is None and subject.probe else subject.answer
        return [answer(item() if callable(item) else item) for item in self.items]


@dataclass(frozen=True)
class Agreement:
    """How alike two models answer. This is not quality: two models can agree on what is wrong.

    Attributes:
        share: 0..1; words of texts (next tokens in synthetic sounds), best labels of pictures, boxes of detections.
        data: what they were asked; synthetic items are called so.
        items: how many.
    """

    share: float
    data: str
    items: int


def measure(folder: Path, data: Path | None, limit: int | None = None) -> list[Score]:
    """Scores of the model in `folder` on the data in `data`; none without data.

    Args:
        folder: a model as export.py, quantize.py or `edge models pull` leaves it.
        data: a folder in one of the forms of quality_data.py.
        limit: most items of a kind (sentences, clips of a language, pictures).

    Raises:
        ExportError: the data is not of a form that fits the model.
        EdgeError: the model cannot be loaded or run.
    """
    if data is None:
        return []
    subject = load(folder, labels_of(data))
    return [score for task in tasks(subject, data, limit) if task.judge for score in task.judge(task.answers(subject))]


def agreement(reference: Path, candidate: Path, data: Path | None = None, limit: int | None = None) -> list[Agreement]:
    """How often two models give the same answer, on the items of `data` or on synthetic ones.

    Args:
        reference: folder of the float model.
        candidate: folder of the same model, quantised.
        data: as for `measure`; pictures need no labels here.
        limit: most items of a kind.

    Raises:
        ExportError: the two models do different things.
        EdgeError: a model cannot be loaded or run.
    """
    labels = labels_of(data) if data else ()
    one, other = load(reference, labels), load(candidate, labels)
    return [alike(task, one, task.answers(one), task.answers(other)) for task in tasks(one, data, limit)]


def alike(task: Task, subject: Subject, one: Sequence[Any], other: Sequence[Any]) -> Agreement:
    """How alike two lists of answers to the same items are."""
    compare: dict[str, Callable[[Sequence[Any], Sequence[Any]], float]] = {
        "translation": same_texts,
        "speech": same_texts,
        "recognition": same_first,
        "detection": same_boxes,
    }
    return Agreement(compare[subject.kind](one, other), task.data, len(one))


def labels_of(data: Path) -> list[str]:
    """Names of the subfolders: the labels of pictures for recognition."""
    return [_spoken(sub.name) for sub in quality_data.label_folders(data)] if data.is_dir() else []


def tasks(subject: Subject, data: Path | None, limit: int | None = None) -> list[Task]:
    """What the model is asked: the data's items, or synthetic ones without data.

    Raises:
        ExportError: the folder is not there, or not of a form that fits the model.
    """
    if data is None:
        return [_synthetic(subject)]
    if not data.is_dir():
        raise ExportError(f"no folder {data}; give a folder with evaluation data to --data")
    made: dict[str, Callable[[], list[Task]]] = {
        "translation": lambda: _translation(subject, data, limit),
        "speech": lambda: _speech(subject, data, limit),
        "recognition": lambda: _recognition(data, limit),
        "detection": lambda: _detection(data, limit),
    }
    return made[subject.kind]()


def _translation(subject: Subject, data: Path, limit: int | None) -> list[Task]:
    source, target = subject.languages
    return [
        Task(found.name, found.lines, partial(_judge_texts, found.references, found.name, target))
        for found in quality_data.parallel(data, source, target, limit)
    ]


def _judge_texts(references: Sequence[str], name: str, language: str, said: Sequence[str]) -> list[Score]:
    return text_scores(said, references, name, language)


def _speech(subject: Subject, data: Path, limit: int | None) -> list[Task]:
    """One task for all languages whose words are counted, one for those whose characters are."""
    found = quality_data.speech(data, subject.languages, limit)
    made = []
    for unspaced in (False, True):
        groups = {key: clips for key, clips in found.items() if (key[1] in UNSPACED) == unspaced}
        clips = [clip for group in groups.values() for clip in group]
        if clips:
            name = ", ".join(name for name, _ in groups)
            made.append(Task(name, [partial(_sound, clip) for clip in clips], partial(_judge_errors, clips, name)))
    return made


def _sound(clip: quality_data.Clip) -> tuple[Any, str]:
    return clip.samples(), clip.language


def _judge_errors(clips: Sequence[quality_data.Clip], name: str, said: Sequence[str]) -> list[Score]:
    """Errors of all clips; where there are several languages, also of each, under a name without a limit."""
    languages = sorted({clip.language for clip in clips})
    references = [clip.transcript for clip in clips]
    scores = [error_rate(said, references, name, languages[0])]
    for language in languages if len(languages) > 1 else ():
        pairs = [(text, clip) for text, clip in zip(said, clips, strict=True) if clip.language == language]
        texts, own = [text for text, _ in pairs], [clip.transcript for _, clip in pairs]
        score = error_rate(texts, own, pairs[0][1].path.parent.name, language)
        scores.append(dataclasses.replace(score, metric=f"{score.metric} {language}"))
    return scores


def _recognition(data: Path, limit: int | None) -> list[Task]:
    found = quality_data.labelled(data, limit)
    items = [partial(quality_data.picture, file) for file, _ in found]
    return [Task(data.name, items, partial(_judge_labels, [_spoken(label) for _, label in found], data.name))]


def _judge_labels(wanted: Sequence[str], name: str, rankings: Sequence[Sequence[str]]) -> list[Score]:
    """A label may be one of several names with commas between them, as ImageNet has them."""
    known = {part: label for ranking in rankings[:1] for label in ranking for part in _names(label)}
    missing = sorted({want for want in wanted if want not in known})
    if missing:
        raise ExportError(f"the model has no label for the folders {', '.join(missing[:5])} of {name}")
    return top_scores(rankings, [known[want] for want in wanted], name)


def _names(label: str) -> list[str]:
    return [_spoken(label), *(_spoken(part) for part in label.split(","))]


def _spoken(label: str) -> str:
    return label.strip().replace("_", " ").casefold()


def _detection(data: Path, limit: int | None) -> list[Task]:
    found = quality_data.boxed(data, limit)
    items = [partial(quality_data.picture, file) for file, _ in found]
    return [Task(data.name, items, partial(_judge_boxes, [boxes for _, boxes in found], data.name))]


def _judge_boxes(wanted: Sequence[Sequence[Detection]], name: str, found: Sequence[Sequence[Detection]]) -> list[Score]:
    return [mean_average_precision(found, wanted, name)]


def _synthetic(subject: Subject) -> Task:
    count = _COUNTS[subject.kind]
    items: Sequence[Any]
    if subject.kind == "translation":
        items = quality_data.synthetic_sentences()
    elif subject.kind == "speech":
        items = [(sound, subject.languages[0]) for sound in quality_data.synthetic_sounds(count)]
    else:
        items = quality_data.synthetic_pictures(count)
    return Task(f"{len(items)} synthetic {_SYNTHETIC[subject.kind]}", items)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scores; 2 when they cannot be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="a model folder")
    parser.add_argument("--data", type=Path, required=True, help="evaluation data; forms: scripts/quality_data.py")
    parser.add_argument("--limit", type=int, help="most sentences, clips of a language, or pictures")
    options = parser.parse_args(arguments)
    try:
        scores = measure(options.folder, options.data, options.limit)
    except EdgeError as error:
        print(f"quality: {error}", file=sys.stderr)
        return 2
    for score in scores:
        print(f"{score.metric:8} {score.value:7.2f}  {score.data}, {score.items} items")
    return 0


if __name__ == "__main__":
    sys.exit(main())
