"""What a pull looks like."""

from pathlib import Path

import pytest

from edge.hub.console import ConsoleReport, size
from edge.hub.plan import make_plan
from edge.hub.report import Pulled, Silent


@pytest.fixture
def plan(make_store, model_entry, file_entry):
    files = [file_entry(name, b"x" * 2_600_000, f"http://127.0.0.1/{name}") for name in ("a", "b")]
    store = make_store(model_entry("first", files[0], ram_mb=40, disk_mb=12), model_entry("second", files[1]))
    return make_plan(store, store.catalogue, store.catalogue.models)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0.0 MB"), (450_000, "0.5 MB"), (9_900_000, "9.9 MB"), (66_273_783, "66 MB")]
)
def test_sizes(count, text):
    assert size(count) == text


def test_preview(plan, capsys):
    ConsoleReport().preview(plan)
    out, err = capsys.readouterr()
    assert out == ""
    *rows, memory = err.splitlines()
    assert memory.startswith("memory when running: about 41 MB")
    assert [line.split() for line in rows] == [
        ["model", "download", "disk", "memory", "licence"],
        ["first", "2.6", "MB", "12", "MB", "40", "MB", "MIT"],
        ["second", "2.6", "MB", "0.1", "MB", "1", "MB", "MIT"],
        ["together", "5.2", "MB", "12", "MB", "41", "MB"],
    ]


def test_without_a_terminal_a_download_is_one_plain_line(capsys):
    with ConsoleReport().downloading("file[1].bin from x", 66_000_000) as on_bytes:
        on_bytes(1)
        on_bytes(66_000_000)
    assert capsys.readouterr().err == "downloading file[1].bin from x (66 MB)\n"


def test_with_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with ConsoleReport().downloading("file[1].bin", 2_000_000) as on_bytes:
        on_bytes(1_000_000)
    err = capsys.readouterr().err
    assert "file[1].bin" in err
    assert "1.0/2.0 MB" in err.replace("\x1b[32m", "").replace("\x1b[0m", "")


def test_quiet_says_only_what_should_be_known(plan, capsys):
    report = ConsoleReport(quiet=True)
    report.preview(plan)
    with report.downloading("a", 1) as on_bytes:
        on_bytes(1)
    report.building("a")
    report.done(Pulled("a", "installed", "a", Path("/a")))
    assert capsys.readouterr().err == ""
    report.note("a: using b instead")
    report.failed("c", "no network")
    assert capsys.readouterr().err == "a: using b instead\nc: no network\n"


def test_long_lines_are_not_broken(capsys):
    ConsoleReport().note("word " * 100)
    assert capsys.readouterr().err.count("\n") == 1


def test_the_silent_report_is_silent(plan, capsys):
    report = Silent()
    report.preview(plan)
    report.note("a")
    report.building("a")
    report.done(Pulled("a", "installed", "a", Path("/a")))
    report.failed("a", "b")
    with report.downloading("a", 1) as on_bytes:
        on_bytes(1)
    assert capsys.readouterr() == ("", "")
