"""The script: exit statuses, its table and its JSON."""

import json
from pathlib import Path

import pytest
import sample_report

from edge.bench.report import read_report


@pytest.fixture
def files(tmp_path):
    """Function that writes a report and gives its path; every stage `factor` times as slow, rounds nearly alike."""

    def write(name, factor=1.0, **changes):
        report = sample_report.report(full=False, sessions=False, changes=changes)
        stages = []
        for one in report.stages:
            if one.timing is None:
                stages.append(one)
                continue
            ms = factor * one.timing.p50_ms
            steady = {"p50_ms": ms, "rounds_ms": (ms, 1.01 * ms, 0.99 * ms), "samples_ms": (ms,) * 9}
            stages.append(one.model_copy(update={"timing": one.timing.model_copy(update=steady)}))
        path = tmp_path / name
        report.model_copy(update={"stages": tuple(stages)}).write(path)
        return str(path)

    return write


def test_the_same_report_twice(script, files, capsys):
    path = files("a.json")
    assert script("compare").main([path, path]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "9 same"
    assert "1.00 to 1.00 times" in out


@pytest.mark.parametrize(("factor", "status", "word"), [(1.3, 1, "slower"), (0.7, 0, "faster")])
def test_exit_status(script, files, capsys, tmp_path, factor, status, word):
    told = tmp_path / "told.json"
    assert script("compare").main([files("a.json"), files("b.json", factor), "--json", str(told)]) == status
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"9 {word}"
    assert max(map(len, out.splitlines())) <= 120
    stages = json.loads(told.read_text())["stages"]
    assert {one["verdict"] for one in stages} == {word}
    assert stages[0]["ratio"] == pytest.approx(factor, abs=1e-3)


def test_other_kinds_need_across(script, files, capsys):
    pair = [files("a.json"), files("b.json", kind="full")]
    compare = script("compare")
    assert compare.main(pair) == 2
    error = capsys.readouterr().err
    assert error.startswith("edge: ")
    assert "--across" in error
    assert error.count("\n") == 1
    assert compare.main([*pair, "--across"]) == 0
    assert "kind of report: quick / full" in capsys.readouterr().out


@pytest.mark.parametrize("text", [None, "", "{}", "[1", '{"schema_version": 2}', "\xff"])
def test_bad_files_are_one_line(script, files, capsys, tmp_path, text):
    bad = tmp_path / "bad.json"
    if text is not None:
        bad.write_text(text, encoding="latin-1")
    for pair in ([files("a.json"), str(bad)], [str(bad), files("a.json")]):
        assert script("compare").main(pair) == 2
        said = capsys.readouterr()
        assert said.err.startswith("edge: ")
        assert said.err.count("\n") == 1
        assert "bad.json" in said.err
        assert "edge bench" in said.err
        assert said.out == ""


def test_json_that_cannot_be_written(script, files, capsys, tmp_path):
    path = files("a.json")
    assert script("compare").main([path, path, "--json", str(tmp_path / "no" / "c.json")]) == 2
    assert "choose another --json" in capsys.readouterr().err


def test_quality_and_broken_stages_are_told(script, files, capsys):
    compare, path = script("compare"), files("a.json")
    report = read_report(Path(path))
    worse = tuple(
        one.model_copy(
            update={
                "quality": tuple(quality.model_copy(update={"value": 30.0, "items": 300}) for quality in one.quality),
                **({"status": "failed", "timing": None, "reason": "it broke"} if one.stage == "scene.look" else {}),
            }
        )
        for one in report.stages
    )
    after = report.model_copy(update={"stages": worse})
    found = compare.compare(report, after)
    lines = list(compare.table(found))
    assert any("WER on demo-speech: 4.2 -> 30 (worse)" in line for line in lines)
    assert any(line.startswith("broken: scene.look int8") for line in lines)
    assert lines[-1] == "8 same, 1 worse, 1 broken"
    assert found.is_worse
