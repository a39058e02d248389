"""Tables of the decision on Whisper's context, from made-up results."""

import json

import pytest

COUNTS = {"percent": 10.04, "words": 558, "ratio": 0.304}
CONTEXT = {
    "choice": {"whole": {**COUNTS, "ratio": 1.0}, "short": COUNTS},
    "report": {"whole": {**COUNTS, "words": 578}, "short": {**COUNTS, "percent": 15.9}},
    "noise": {"short": {"time": 0.5, "heard": 1, "pieces": 21}},
    "cache": {
        "step behind 4 tokens": {"ratio": 1.0, "median_ms": 3.02},
        "step behind 60 tokens": {"ratio": 1.04, "median_ms": 3.1},
    },
}
INT8 = {"percent": 10.5, "words": 100, "difference": 0.5, "interval": [-0.25, 1.0]}
PRECISION = {
    "rates": {code: {"fp32": {"percent": 10.0, "words": 100}, "int8": INT8} for code in ("en", "zh", "words of all")},
    "likelihood change": {"int8": {"clips": 81, "mean": -0.0053, "error": 0.0031}},
}


@pytest.fixture
def docs(scripts_on_path, tmp_path, monkeypatch):
    import whisper_docs

    monkeypatch.setattr(whisper_docs, "RESULTS", tmp_path)
    for name, report in (("whisper_context", CONTEXT), ("whisper_precision", PRECISION)):
        (tmp_path / f"{name}.json").write_text(json.dumps(report))
    return whisper_docs


def test_every_choice_has_a_row(docs):
    lines = docs.context_table().splitlines()
    assert "errors % of 558 words" in lines[0]
    assert "errors % of 578 words" in lines[0]
    assert lines[2] == "| whole | 1.00 | 10.0 | 0.30 | 10.0 |  |  |"
    assert lines[3] == "| short | 0.30 | 10.0 | 0.30 | 15.9 | 0.50 | 1 of 21 |"
    assert {line.count("|") for line in lines[:4]} == {8}
    assert lines[-1] == "A step behind 4 tokens of the decoder takes 3.0 ms, behind 60 tokens 1.04 of it."


def test_every_language_has_a_row(docs):
    lines = docs.precision_table().splitlines()
    assert lines[0] == "| language | fp32, % | int8, % |"
    assert lines[2] == "| en, 100 words | 10.00 | 10.50 (+0.50; -0.25 to +1.00) |"
    assert lines[3].startswith("| zh, 100 characters |")
    assert lines[4].startswith("| all, 100 words |")
    assert lines[5].endswith("81 clips |  | -0.0053 \u00b1 0.0031 |")
    assert {line.count("|") for line in lines} == {4}
