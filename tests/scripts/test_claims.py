"""Rows made from the results of this checkout: every file has rows, every row has its cells, nothing is half there."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
ELSEWHERE = {"whisper_context", "peers"}
"""Told by scripts/whisper_docs.py in its ADR, and by scripts/peers_docs.py."""


@pytest.fixture
def claims(scripts_on_path):
    import claims

    return claims


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_result_is_told_somewhere(claims, path):
    assert path.stem in claims.CLAIMS or path.stem in ELSEWHERE


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_rows_have_numbers_and_no_holes(claims, path):
    if path.stem in ELSEWHERE:
        return
    rows = list(claims.CLAIMS[path.stem](json.loads(path.read_text())))
    assert rows
    for row in rows:
        assert row.what
        assert any(letter.isdigit() for letter in row.ours)
        assert not {"None", "nan", "inf"} & set(" ".join(row[:4]).replace(";", " ").split())
        assert "|" not in "".join(row[:4])


def test_a_result_that_is_not_there_has_no_rows(claims, monkeypatch, tmp_path):
    monkeypatch.setattr(claims, "RESULTS", tmp_path)
    assert claims.results_rows() == []


def test_the_readme_has_a_part_of_the_rows_in_the_same_order(claims):
    everything, few = claims.results_rows(), claims.results_rows(headlines=True)
    assert 0 < len(few) < len(everything)
    assert few == [row for row in everything if row in few]


def test_what_is_told_elsewhere_is_left_out(claims):
    names = tuple(claims.CLAIMS)
    assert claims.results_rows(without=names) == []
    left = claims.results_rows(without=names[:-1])
    assert left == [tuple(row[:4]) for row in claims.CLAIMS[names[-1]](_read(claims, names[-1]))]


def _read(claims, name):
    return json.loads((claims.RESULTS / f"{name}.json").read_text())


COST = {"after_s": 0.0014, "before_s": 0.0023, "ratio": 0.6, "ratio_low": 0.59, "ratio_high": 0.66, "rounds": 9}


@pytest.mark.parametrize(
    ("same", "said"), [(True, ", same answers)"), (False, ", other answers)"), (None, "9 rounds)")]
)
def test_a_change_says_what_it_was_and_is_and_whether_the_answers_are_the_same(claims, same, said):
    report = {"costs": {"motion": {**COST, "same": same}, "a thing nobody named": {**COST, "same": same}}}
    known, new = claims.CLAIMS["performance"](report)
    assert known[:3] == ("motion of the camera between two frames", "1.4 ms", "2.3 ms")
    assert known.ratio.startswith("0.60 (0.59 to 0.66, ")
    assert known.ratio.endswith(said)
    assert new.what == "a thing nobody named"


def test_how_long_one_waits_stands_beside_the_work(claims):
    waits = {"before_wall_s": 0.112, "after_wall_s": 0.094, "wall_ratio": 0.839}
    report = {"costs": {"speech-utterance": {**COST, **waits, "same": True}}}
    (row,) = claims.CLAIMS["performance"](report)
    assert row[1:3] == ("1.4 ms; 94 ms to wait", "2.3 ms; 112 ms to wait")
    assert row.ratio.endswith("same answers); of the waiting 0.84")


def test_seconds_of_a_whole_run_are_told_in_seconds(claims):
    report = {"costs": {"film-scene": {**COST, "before_s": 4.3, "after_s": 3.7, "same": None}}}
    assert next(claims.CLAIMS["performance"](report))[1:3] == ("3.70 s", "4.30 s")


def test_changes_have_a_table_of_their_own(claims):
    names = {row[0] for row in claims.changes_rows()}
    assert names
    assert names.isdisjoint(row[0] for row in claims.results_rows(without=[claims.CHANGES]))
    assert len(claims.CHANGES_HEAD) == len(claims.HEAD)


def test_word_errors_of_the_whole_path_and_what_was_heard_in_noise(claims):
    report = {
        "errors": {
            "en": {"words": 1470, "peer": 10.46, "ours": 10.34, "empty": 0},
            "pt": {"words": 221, "peer": 20.0, "ours": 20.8, "empty": 0},
        },
        "noises": 12,
        "heard_in_noise": {"fan.flac": "Thank you."},
    }
    english, portuguese, noise = claims.CLAIMS["speech_errors"](report)
    assert english[:4] == (
        "word error rate, en, 1470 words", "10.3 %", "faster-whisper float32 10.5 %", "-0.1 points",
    )  # fmt: skip
    assert (english.headline, portuguese.headline) == (True, False)
    assert portuguese.ratio == "+0.8 points"
    assert noise[:2] == ("of 12 noises without speech, words were heard in", "1")
