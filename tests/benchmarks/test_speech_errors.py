"""Word errors of the whole path, with ears that are made up."""

import json

import pytest

MANIFEST = "file\tseconds\ttranscript\tnotes\n"


@pytest.fixture
def speech(script):
    return script("speech_errors")


@pytest.fixture
def data(tmp_path):
    for code, rows in {"en": ("one two three four", "five six"), "pt": ("um dois",)}.items():
        (tmp_path / f"speech-{code}").mkdir()
        lines = "".join(f"{code}{number}.flac\t2.0\t{text}\t\n" for number, text in enumerate(rows))
        (tmp_path / f"speech-{code}" / "manifest.tsv").write_text(MANIFEST + lines, encoding="utf-8")
    (tmp_path / "noise").mkdir()
    for name in ("fan.flac", "rain.flac"):
        (tmp_path / "noise" / name).touch()
    return tmp_path


@pytest.fixture
def played(speech, monkeypatch):
    """Function: ours and the other hear these texts, by the names of files."""

    def play(our_texts, peer_texts):
        for name, texts in (("ours", our_texts), ("peer", peer_texts)):
            monkeypatch.setattr(speech, name, lambda *_, known=texts: lambda file, _code: known.get(file.stem, ""))

    return play


TRUE = {"en0": "One, two, three four.", "en1": "five six", "pt0": "um dois"}


def run(speech, data, *more):
    path = data / "result.json"
    status = speech.main(["--data", str(data), "--json", str(path), *more])
    return status, json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def test_errors_are_those_of_each_language(speech, data, played, capsys):
    played({**TRUE, "en1": "five"}, {**TRUE, "en0": "one two three", "pt0": "um"})
    status, report = run(speech, data)
    assert status == 0
    assert report["errors"] == {
        "en": {"words": 6, "peer": 16.67, "ours": 16.67, "empty": 0},
        "pt": {"words": 2, "peer": 50.0, "ours": 0.0, "empty": 0},
    }
    assert (report["noises"], report["heard_in_noise"]) == (2, {})
    assert "ok     nothing is heard in noise" in capsys.readouterr().out


def test_the_limit_is_for_all_languages_together(speech, data, played, capsys):
    played({**TRUE, "en1": "five", "pt0": "um dois"}, TRUE)
    status, report = run(speech, data)
    assert status == 1
    assert speech.points_above(report["errors"]) == pytest.approx(100 / 8, abs=0.01)
    assert "FAILED +12.50 points" in capsys.readouterr().out
    rows = {"en": {"words": 990, "peer": 10.0, "ours": 9.9}, "pt": {"words": 10, "peer": 10.0, "ours": 60.0}}
    assert speech.points_above(rows) == pytest.approx(0.401)


def test_what_is_heard_in_noise_is_a_failure(speech, data, played):
    played({**TRUE, "rain": "thank you"}, TRUE)
    status, report = run(speech, data)
    assert status == 1
    assert report["heard_in_noise"] == {"rain.flac": "thank you"}


def test_silence_is_counted(speech, data, played):
    played({"pt0": "um dois"}, TRUE)
    _, report = run(speech, data, "--languages", "pt,en")
    assert list(report["errors"]) == ["pt", "en"]
    assert (report["errors"]["en"]["empty"], report["errors"]["en"]["ours"]) == (2, 100.0)


def test_without_data_or_the_other_it_says_that_it_is_skipped(speech, data, tmp_path, monkeypatch, capsys):
    assert speech.main(["--data", str(tmp_path / "none"), "--json", str(tmp_path / "r.json")]) == 0
    assert "skipped: no speech-{en,pt}/manifest.tsv" in capsys.readouterr().out

    def missing(*_):
        raise ImportError("No module named 'faster_whisper'")

    monkeypatch.setattr(speech, "peer", missing)
    assert run(speech, data) == (0, None)
    assert "skipped: No module named 'faster_whisper'" in capsys.readouterr().out
