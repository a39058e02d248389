import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "text_reading.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("text_reading_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def photo(benchmark, name, required, optional=""):
    letters = benchmark.letters
    return benchmark.Photo(Path(name), benchmark.group_of({"file": name}), letters(required), letters(optional))


def test_letters_ignore_case_signs_spaces_and_width(benchmark):
    assert benchmark.letters("Exit | \uff25\uff38\uff29\uff34!") == {"e": 2, "x": 2, "i": 2, "t": 2}
    assert benchmark.letters(" - ?") == {}


@pytest.mark.parametrize(
    ("name", "group"),
    [("ic15_01.jpg", "glasses"), ("groc_a.jpg", "groceries"), ("syn_pt_01.jpg", "synthetic"), ("pp_x.jpg", "other")],
)
def test_photos_are_grouped_by_their_names(benchmark, name, group):
    assert benchmark.group_of({"file": name}) == group


def test_missed_and_invented_are_counted_and_times_compared(benchmark):
    photos = [photo(benchmark, "ic15_a.jpg", "EXIT", "AB"), photo(benchmark, "ic15_b.jpg", "stop")]
    systems = {
        "edge": lambda path: (0.1, ["EXT", "A", "9"]) if path.name == "ic15_a.jpg" else (0.2, ["stop"]),
        "rapidocr": lambda path: (0.2, []),
    }
    report = benchmark.measure(photos, systems, rounds=2)
    ours = report["edge"]["groups"]["glasses"]
    assert ours["characters"] == 8
    assert ours["missed_percent"] == pytest.approx(100 / 8)
    assert ours["invented_percent"] == pytest.approx(100 / 8)
    assert report["rapidocr"]["groups"]["glasses"]["missed_percent"] == 100
    assert report["edge"]["total_ratio"] == pytest.approx(0.75)
    assert report["edge"]["median_ratio"] == pytest.approx(0.75)


def test_the_report_is_printed_and_limits_are_told(benchmark, capsys):
    systems = {"edge": lambda path: (0.1, []), "rapidocr": lambda path: (0.1, ["stop"])}
    report = benchmark.measure([photo(benchmark, "ic15_b.jpg", "stop")], systems, rounds=1)
    benchmark.print_report(report)
    assert benchmark.missed_limits(report)
    told = capsys.readouterr().out
    assert "glasses 100.00 > 15.0" in told
    assert "time 1.00 > 0.8" in told


def test_without_a_manifest_it_says_that_it_is_skipped(benchmark, tmp_path, capsys):
    assert benchmark.main(["--data", str(tmp_path)]) == 0
    assert "skipped: no signs/manifest.tsv" in capsys.readouterr().out


def test_a_manifest_is_read(benchmark, tmp_path):
    file = tmp_path / "manifest.tsv"
    file.write_text('file\tlanguage\ttext\toptional_text\nic15_a.jpg\ten\tA | "B\tC\n', encoding="utf-8")
    (only,) = benchmark.read_manifest(file)
    assert (only.group, only.required, only.optional) == ("glasses", {"a": 1, "b": 1}, {"c": 1})
