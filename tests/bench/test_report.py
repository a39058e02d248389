"""The file of a report: whole at any moment, and the earlier one survives whatever happens to the next."""

import errno
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import sample_report

from edge.bench.report import Report, read_report
from edge.errors import BenchmarkError


@contextmanager
def full_disk(at_bytes):
    """No file of this process may become larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does at its start
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def report():
    return sample_report.report(full=False)


def test_what_is_written_is_read(tmp_path, report):
    path = tmp_path / "a.json"
    report.write(path)
    assert read_report(path) == report
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("at_bytes", [0, 1, 4096])
def test_a_full_disk_costs_neither_the_earlier_report_nor_room(tmp_path, report, at_bytes):
    path = tmp_path / "a.json"
    report.write(path)
    later = report.model_copy(update={"seconds": 99.0})
    with full_disk(at_bytes), pytest.raises(BenchmarkError, match="cannot be written") as refused:
        later.write(path)
    assert "choose another --json" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert read_report(path) == report
    assert list(tmp_path.iterdir()) == [path]
    later.write(path)
    assert read_report(path) == later


def test_one_that_is_killed_while_it_writes_leaves_the_earlier_report(tmp_path, report, monkeypatch):
    path = tmp_path / "a.json"
    report.write(path)

    def interrupt(_self, _target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        report.model_copy(update={"seconds": 99.0}).write(path)
    assert read_report(path) == report


@pytest.mark.parametrize(
    "name", ["no/a.json", ".", "", "/", "/proc/a.json", "folder", "a" * 300 + ".json", "file/a.json"]
)
def test_where_nothing_can_be_written(tmp_path, monkeypatch, report, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(BenchmarkError, match="cannot be written") as refused:
        report.write(Path(name))
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert not Path("/.part").exists()


def test_a_folder_that_may_not_be_written(tmp_path, report, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(BenchmarkError, match=r"a\.json cannot be written \(Permission denied\); choose another --json"):
        report.write(tmp_path / "a.json")


def test_a_report_of_another_version_is_refused(tmp_path, report):
    path = tmp_path / "a.json"
    path.write_text(report.model_dump_json().replace('"schema_version":1', '"schema_version":2'), encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"version 1 \(schema_version: Input should be 1\)"):
        read_report(path)


def test_numbers_that_are_none_come_back_as_unknown(report):
    odd = report.model_copy(update={"machine": sample_report.machine(max_mhz=float("nan"))})
    assert Report.model_validate_json(odd.model_dump_json()).machine.max_mhz is None
