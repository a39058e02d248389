"""How errors of speech recognition are counted and compared."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def precision(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import whisper_precision

    yield whisper_precision
    del sys.modules["whisper_precision"]


@pytest.mark.parametrize(
    ("transcript", "text", "language", "expected"),
    [
        ("The cat sat.", "the cat sat", "en", (3, 0)),
        ("The cat sat.", "the mat sat down", "en", (3, 2)),
        ("The cat sat.", "", "en", (3, 3)),
        ("The cat sat.", "...", "en", (3, 3)),
        ("L\u2019arbre est l\u00e0", "larbre est la", "fr", (3, 1)),
        ("\u4f60\u597d\uff0c\u4e16\u754c", "\u4f60\u597d\u4e16 \u754c", "zh", (4, 0)),
        ("\u4f60\u597d\uff0c\u4e16\u754c", "\u4f60\u4eec\u597d", "zh", (4, 3)),
    ],
)
def test_words_or_characters_are_counted(precision, transcript, text, language, expected):
    assert precision.count(transcript, text, language) == expected


def test_errors_are_summed_over_clips_and_characters_are_kept_apart(precision):
    found = precision.rates({
        "en": {"words": [10, 90], "fp32": [5, 0], "int8": [5, 1]},
        "pt": {"words": [100], "fp32": [10], "int8": [8]},
        "zh": {"words": [10], "fp32": [0], "int8": [10]},
    })  # fmt: skip
    assert found["en"]["fp32"] == {"words": 100, "percent": 5.0}
    assert found["en"]["int8"]["difference"] == 1.0
    assert found["pt"]["int8"]["difference"] == -2.0
    assert found["words of all"]["int8"] | {"interval": None} == {
        "words": 200, "percent": 7.0, "difference": -0.5, "interval": None,
    }  # fmt: skip
    assert found["zh"]["int8"]["difference"] == 100.0


def test_interval_is_of_paired_clips(precision):
    words = np.full(50, 10)
    assert precision.interval(np.ones(50, int), words) == [10.0, 10.0]
    low, high = precision.interval(np.tile([1, -1], 25), words)
    assert -4 < low < 0 < high < 4


def test_likelihood_is_compared_clip_by_clip(precision):
    found = precision.changes({
        "int8": {"pt": [-3.0], "en": [-1.0, -2.0]},
        "fp32": {"en": [-1.5, -2.5], "pt": [-3.5]},
    })  # fmt: skip
    assert found == {"int8": {"clips": 3, "mean": 0.5, "error": 0.0}}


def test_what_is_written_is_read_again(precision):
    counts = {"en": {"words": [3], "fp32": [1], "int8": [2]}}
    report = {"counts": counts, "rates": precision.rates(counts), "likelihood": {"fp32": {"en": [-1.0]}}}
    assert json.loads(precision.written(report)) == {"model": "whisper-base", **report}
    assert "+33.33" in precision.table(report["rates"])


def test_without_data_it_says_so(precision, tmp_path, capsys):
    assert precision.main(["--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: ")
