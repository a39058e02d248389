"""The demo film through the sign sense: every readable sign is told once, and nothing that was told changes."""

import csv

import cv2
import pytest

from edge.events import SignsMoved, SignTranslated
from edge.hub.store import ModelStore
from edge.media import NS_PER_S, VideoFrame
from edge.perception.text_likeness import contained, same_text
from edge.settings import Settings
from edge.sign_sense import SignSense

FROM_S, TO_S = 5.0, 14.0


@pytest.fixture(scope="module")
def told(shared_data, model_folder):
    """Events of a part of the film, with the media time at which they came."""
    for model_id in ("ppocr-det-small", "ppocr-rec-small", "mt-en-pt"):
        model_folder(model_id)
    film = cv2.VideoCapture(str(shared_data / "video" / "demo_public.mp4"))  # decoding only: no camera
    fps = film.get(cv2.CAP_PROP_FPS)
    clock = [0.0]

    def frames():
        index = 0
        while (frame := film.read())[0] and index / fps < TO_S:
            clock[0] = index / fps
            if clock[0] >= FROM_S:
                yield VideoFrame(frame[1], int(clock[0] * NS_PER_S), index)
            index += 1

    sense = SignSense.load(ModelStore(), Settings(), "auto", "pt")
    return [(clock[0], event) for event in sense.events(frames())]


@pytest.fixture(scope="module")
def shown(shared_data):
    """(start, end, text) of the signs in that part of the film."""
    with (shared_data / "video" / "demo_public.timeline.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        (float(row["start"]), float(row["end"]), row["text"].replace(" | ", " "))
        for row in rows
        if row["kind"] == "image" and row["text"] and FROM_S <= float(row["start"]) < TO_S - 1
    ]


@pytest.mark.models
@pytest.mark.shared
@pytest.mark.slow
def test_every_sign_is_told_once_and_soon(told, shown):
    signs = [(at_s, event) for at_s, event in told if isinstance(event, SignTranslated)]
    assert len(shown) == 2
    for start, end, text in shown:
        parts = [(at_s, event) for at_s, event in signs if start <= at_s < end and contained(event.text, text) > 0.8]
        said = " ".join(event.text for _, event in parts)
        assert same_text(said, text), (said, text)
        assert all(at_s - event.captured_ns / NS_PER_S < 0.5 for at_s, event in parts), "in media time"
    assert len(signs) <= 5, [event.text for _, event in signs]
    texts = [event.text for _, event in signs]
    assert len(set(texts)) == len(texts)


@pytest.mark.models
@pytest.mark.shared
@pytest.mark.slow
def test_only_signs_that_were_told_move(told):
    known = set()
    for _, event in told:
        if isinstance(event, SignTranslated):
            assert event.region not in known, "told once"
            known.add(event.region)
        elif isinstance(event, SignsMoved):
            assert {number for number, _ in event.boxes} <= known
