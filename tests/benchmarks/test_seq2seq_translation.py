"""The benchmark of made translation models runs, and what it writes down is what was asked for."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from seq2seq_files import write_model

FILE = Path(__file__).parents[2] / "benchmarks" / "seq2seq_translation.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("seq2seq_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_folder_once_and_the_last_with_its_beam(benchmark, tmp_path, capsys):
    folders = [write_model(tmp_path / name, layers=layers) for name, layers in (("one", 1), ("two", 2))]
    out = tmp_path / "report.json"
    asked = [*map(str, folders), "--beam", "3", "--tokens", "5", "--rounds", "2", "--json", str(out)]
    assert benchmark.main(asked) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    assert list(report) == ["one", "two", "two beam 3"]
    assert report["one"]["ratio"] == 1
    for name, row in report.items():
        files = (tmp_path / name.split()[0]).glob("*.onnx")
        assert row["disk_mb"] == round(sum(file.stat().st_size for file in files) / 1e6, 1)
        assert row["median_ms"] > 0
        assert row["memory_mb"] > 0
        assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in printed[2:]] == list(report)


@pytest.mark.parametrize("rows", [1, 4])
def test_a_sentence_is_read_once_and_every_token_is_a_step(benchmark, tmp_path, monkeypatch, rows):
    folder = write_model(tmp_path / "made")
    asked = []

    class Spy(benchmark.Seq2SeqModel):
        def begin(self, ids):
            logits, past, step = super().begin(ids)
            asked.append(len(ids))

            def count(tokens, past):
                asked.append((tokens.tolist(), past[0].shape[0], past[0].shape[2]))
                return step(tokens, past)

            return logits, past, count

    monkeypatch.setattr(benchmark, "Seq2SeqModel", Spy)
    translate = benchmark._merged(folder, rows)
    asked.clear()
    translate([2, 3, 4], [5, 6, 7])
    assert asked == [3, ([[6]] * rows, rows, 1), ([[7]] * rows, rows, 2)]


def test_ratios_are_those_of_each_round(benchmark):
    """One slow round of the machine slows both, and changes no ratio."""
    times = {"one": [10.0, 10.0, 100.0, 10.0], "two": [5.0, 5.0, 50.0, 5.0]}
    found = benchmark._summary(times, "one")
    assert found["two"] == {"median_ms": 5.0, "ratio": 0.5, "ratio_low": 0.5, "ratio_high": 0.5}
    assert np.isclose(found["one"]["ratio"], 1)
