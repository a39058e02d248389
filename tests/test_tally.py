from edge.events import (
    AudioLost,
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SessionEnded,
    SignTranslated,
    SpeechStarted,
    Subtitle,
)
from edge.tally import Tally

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_tally_counts_what_was_shown():
    tally = Tally()
    for event in [SpeechStarted(0, 1), Subtitle(0, 1, "a", "b", "en", "pt", latency_ms=100.0), AudioLost(0, 1.5),
                  SpeechStarted(0, 2), Subtitle(0, 2, "a", "b", "en", "pt", latency_ms=300.0)]:  # fmt: skip
        tally.count(event)
    assert tally.ended(9, 50.0) == SessionEnded(9, 2, 2, 100.0, 300.0, 1.5, 50.0)
    assert tally.totals() == (
        "captions: 2 of 2 utterances; last spoken sample to caption: p50 100 ms, p90 300 ms; 1.5 s of sound lost"
    )
    assert tally.totals(timed=False) == "captions: 2 of 2 utterances; 1.5 s of sound lost"
    assert Tally().totals() == "captions: 0 of 0 utterances"
    assert Tally().ended(0, None) == SessionEnded(0, 0, 0, None, None, 0.0, None)


def test_tally_counts_what_was_seen():
    tally = Tally()
    for event in [
        SignTranslated(0, 1, BOX, "EXIT", "SAÍDA", "en", "pt"),
        SceneRecognized(0, "mug", "caneca", 0.9, "pt"),
        SceneRecognized(0, "unknown", "desconhecido", 0.2, "pt"),
        SignTranslated(0, 2, BOX, "PUSH", "EMPURRE", "en", "pt"),
    ]:
        tally.count(event)
    assert tally.totals(senses=("signs", "scene")) == "signs: 2; scenes: 1"
    assert tally.totals(senses=("speech", "signs")) == "captions: 0 of 0 utterances; signs: 2"
    ended = tally.ended(5, None)
    assert (ended.signs, ended.scenes) == (2, 1)


def test_tally_counts_every_thing_once():
    tally = Tally()
    for numbers in ((1,), (1, 2), (), (2, 4)):
        things = tuple(SeenObject(number, "cup", "xícara", 0.9, (0, 0, 9, 9)) for number in numbers)
        tally.count(ObjectsDetected(0, things, "pt"))
    assert tally.totals(senses=("objects",)) == "objects: 4"
    assert tally.ended(5, None).objects == 4
