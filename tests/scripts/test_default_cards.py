"""Cards of the default models: current, complete, and made of what was measured."""

import pytest

from edge.hub.catalogue import load_catalogue

pytestmark = pytest.mark.usefixtures("scripts_on_path")

GROUP = {"group": "utterances of 5 s", "p50_ms": 289.2, "ratio": None, "interval": None}
RESULTS = {
    "default_models": {
        "mt-en-pt-2021": {
            "date": "2026-01-02",
            "machine": {"cpu": "Abacus 3000", "class": "avx2", "cores": 4, "system": "Linux x86_64"},
            "quality": [
                {"metric": "BLEU", "data": "f", "items": 7, "candidate": 46.11, "reference": 46.22, "limit": 0.3}
            ],
            "agreement": [{"share": 0.987, "data": "f", "items": 7}],
            "size": {"candidate": 21_000_000, "replaced": 70_000_000, "ratio": 0.3},
            "replaces": "its own float graphs",
            "ram_mb": 77.7,
            "speed": {
                "ratio": 0.47,
                "low": 0.43,
                "high": 0.59,
                "candidate_ms": 11.16,
                "replaced_ms": 19.69,
                "rounds": 15,
                "threads": 2,
                "items": 8,
                "data": "f",
            },
        }
    },
    "translation_gate": {
        "en-pt": {
            "lines": 997,
            **{f"{name}_{kind}": 40.5 for name in ("engine", "fp32", "product") for kind in ("bleu", "chrf")},
            "int8_bleu": 40.25,
            "int8_chrf": 60.75,
            **{f"{name}_equal": 0.5 for name in ("engine", "fp32", "int8", "product")},
        }
    },
    "peers": {
        "comparisons": [
            {
                "task": "speech",
                "systems": [
                    {"system": "edge int8", "threads": 2, "quality": [], "groups": [GROUP]},
                    {
                        "system": "another",
                        "threads": 1,
                        "quality": [],
                        "groups": [{**GROUP, "p50_ms": 1296.4, "ratio": 0.224, "interval": [0.2, 0.251]}],
                    },
                    {"system": "not there", "threads": 1, "quality": [], "groups": []},
                ],
            },
            {
                "task": "signs",
                "systems": [
                    {
                        "system": "edge",
                        "threads": 2,
                        "quality": [{"metric": "letters missed, all", "value": 2.58, "items": 1964, "data": "photos"}],
                        "groups": [{**GROUP, "group": "one picture"}],
                    }
                ],
            },
        ]
    },
    "speech_errors": {
        "errors": {"en": {"words": 1470, "peer": 10.48, "ours": 10.34, "empty": 0}},
        "heard_in_noise": {"rain.flac": "thank you"},
    },
    "whisper_precision": {
        "rates": {
            "en": {
                "fp32": {"words": 1470, "percent": 10.31},
                "int8": {"words": 1470, "percent": 10.42, "difference": 0.11, "interval": [-0.2, 0.4]},
            }
        }
    },
}


def read(name):
    return RESULTS.get(name, {})


@pytest.fixture
def card():
    from default_cards import card as write

    return lambda id_, results=read: write(load_catalogue().get(id_), results)


def test_every_card_is_current():
    from default_cards import cards

    stale = [path.name for path, text in cards().items() if not path.is_file() or path.read_text("utf-8") != text]
    assert stale == [], "run scripts/default_cards.py"


def test_every_default_model_with_weights_has_a_card():
    from default_cards import CARDS, cards

    there = {path.stem for path in [*cards(), *CARDS.glob("recognizer-*.md")]}
    weights = {model.id for model in load_catalogue().defaults() if model.task not in ("font", "sample", "weights")}
    assert weights <= there
    assert {"mt-en-pt-2021", "mt-pt-en-2021"} <= there  # what stands in for defaults


def test_what_was_measured_stands_in_the_card(card):
    text = card("mt-en-pt-2021")
    for said in (
        "78 MB of memory, measured",
        "| BLEU | 46.11 | 46.22 | 0.3 | f | 7 |",
        "| f | 7 | 0.987 |",
        "Abacus 3000, class avx2, 4 cores",
        "| 11.16 | 19.69 | 0.47 | 0.43 | 0.59 |",
        "Graphs: 21.00 MB, 0.30 of the other's.",
        "| our int8 graph | 40.25 | 60.75 | 50.0% |",
        "| BLEU | FLORES | 46.2 | upstream |",
    ):
        assert said in text, said


def test_errors_of_whisper_by_language_and_build(card):
    assert "| en | int8 | 1470 | 10.42 | +0.11 | -0.20 to +0.40 |" in card("whisper-base")


def test_what_stands_beside_other_programs(card):
    text = card("whisper-base")
    assert "| edge int8 | 2 | utterances of 5 s | 289 |  |" in text
    assert "| another | 1 | utterances of 5 s | 1296 | 0.22 (0.20-0.25) |" in text
    assert "not there" not in text
    assert "| en | 1470 | 10.34 | 10.48 | -0.14 |" in text
    assert "'thank you'" in card("silero-vad")
    for id_ in ("ppocr-det-small", "ppocr-rec-small"):
        assert "| edge | letters missed, all | 2.6 | 1964 | photos |" in card(id_)
        assert "| edge | 2 | one picture | 289 |  |" in card(id_)
        assert "utterances" not in card(id_)


def test_nothing_measured_is_said(card):
    text = card("mt-en-pt-2021", lambda _name: {})
    assert f"about {load_catalogue().get('mt-en-pt-2021').ram_mb} MB of memory" in text
    assert "Nothing was measured here beyond what was published." in text
    assert "Not measured alone." in text


def test_the_numbers_of_another_model_are_not_borrowed(card):
    assert "40.25" not in card("mt-en-pt")  # the gate measured the model of 2021


@pytest.mark.parametrize("id_", ["silero-vad", "whisper-base", "ppocr-rec-small", "mt-pt-en-2021"])
def test_origin_and_hashes(card, id_):
    model, text = load_catalogue().get(id_), card(id_)
    assert f"- Licence: {model.licence}, {model.licence_url}" in text
    assert model.upstream.repository in text
    assert all(file.sha256 in text for file in model.files)
    assert model.built
    assert all(sha256 in text for sha256 in model.built.values())
    assert f"edge models pull {id_}\n" in text


def test_check_and_unknown_ids(capsys, monkeypatch, tmp_path):
    import default_cards

    assert default_cards.main(["font-heebo"]) == 2
    assert "no card of font-heebo" in capsys.readouterr().err
    monkeypatch.setattr(default_cards, "CARDS", tmp_path)
    assert default_cards.main(["silero-vad", "--check"]) == 1
    assert "out of date: silero-vad.md" in capsys.readouterr().err
    assert default_cards.main(["silero-vad"]) == 0
    assert default_cards.main(["silero-vad", "--check"]) == 0
