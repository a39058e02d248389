"""Stages of looking: what a whole picture shows, from pixels to names with their shares.

Timed on five pictures whose names are known, drawn and photographed. Quality is that of those very looks, or, where the
user has them, of photos that training never saw; five pictures only show that the model works at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.bench.answers import Answers
from edge.bench.inputs_scene import MODELS, Look, drawn_looks, labelled_photos
from edge.bench.inputs_speech import evenly
from edge.bench.precisions import INSTALLED, model_folder
from edge.bench.report import Quality
from edge.bench.stage import Bench, Prepared, Stage
from edge.media import Image
from edge.perception.image_recognition import ImageRecognizer
from edge.sources.picture import read_picture

QUICK_PHOTOS = 30
FULL_PHOTOS = 300


def look(bench: Bench) -> Prepared:
    """One look at a whole picture."""
    scene = bench.settings.scene
    recognizer = ImageRecognizer.load(model_folder(bench, scene.model), bench.sessions, scene)
    looks = drawn_looks(bench.store)

    def name(image: Image) -> str:
        return recognizer.labels[int(recognizer.look(image).scores.argmax())]

    def name_look(one: Look) -> str:
        return name(one.image)

    answers = Answers(name_look, looks)

    def quality() -> Sequence[Quality]:
        photos = () if bench.data is None else labelled_photos(bench.data)
        if photos:
            chosen = evenly(photos, QUICK_PHOTOS if bench.quick else FULL_PHOTOS)
            said = [name(read_picture(file)) for file, _ in chosen]
            return [right(said, [label for _, label in chosen], "photos that training never saw")]
        return [right(answers.all(), [one.label for one in looks], "drawn things and a cup")]

    return Prepared(answers.samples, quality, unit="picture")


def right(said: Sequence[str], labels: Sequence[str], data: str) -> Quality:
    """Share of pictures whose best name is theirs, in percent."""
    share = 100 * sum(one == other for one, other in zip(said, labels, strict=True)) / len(labels)
    return Quality(metric="top-1", value=round(share, 2), data=data, items=len(labels), better="higher")


STAGES: tuple[Stage, ...] = (
    Stage("scene.look", "picture of 960 x 540", look, ("recognizer-vit-s14", *MODELS), (INSTALLED,)),
)
"""In the order of the table."""
