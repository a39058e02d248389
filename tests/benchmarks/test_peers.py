"""The command: what it runs, keeps, writes and says. Systems are small processes of their own that answer at once."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sample_report

from edge.bench.report import Quality
from edge.errors import BenchmarkError, ModelNotFoundError

WORKER = """
import time
from peer_protocol import serve
def load(order):
    def prepare(item):
        def call():
            if order["breaks"] == item["value"]:
                raise SystemExit("out of luck")
            time.sleep(order["ms"] / 1000)
            return item["value"]
        return call
    return prepare
serve(load, ("numpy",))
"""
PLANS = ("speech", "translation en-pt", "translation pt-en", "signs", "scene")


@pytest.fixture
def peers(script, monkeypatch, tmp_path):
    module, process = script("peers"), script("peers_process")
    import edge.hardware

    (tmp_path / "played.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(process, "_PATHS", (*process._PATHS, process.WORKERS))
    monkeypatch.setattr(process, "WORKERS", tmp_path)
    monkeypatch.setattr(edge.hardware, "machine", sample_report.machine)
    return module


@pytest.fixture
def play(peers, script, monkeypatch):
    """Function: these systems for every comparison."""
    comparing, measuring, process, report = map(
        script, ("peers_comparing", "peers_measuring", "peers_process", "peers_report")
    )
    items = [measuring.Item(name, "all", {"value": name}, timed) for name, timed in (("a", True), ("b", False))]

    def system(name, ms=1.0, breaks=None, **known):
        order = {"ms": ms, "breaks": breaks}
        return process.System(name, known.pop("worker", "played"), order, "fp32", 1, "same", **known)

    def judge(answers):
        return (Quality(metric="right", value=len(answers), data="d", items=len(answers), better="higher"),)

    def limits(results):
        return comparing.most(results, "other", 1.5, what="time")

    def choose(*systems, failing=(), limits=limits):
        plan = comparing.Plan("", "made up", systems, items, judge, limits)

        def make(name, _place):
            if name in failing:
                raise ModelNotFoundError(name)
            return replace(plan, task=name)

        def plans(tasks):
            return {name: lambda place, n=name: make(n, place) for name in PLANS if name.split()[0] in tasks}

        monkeypatch.setattr(peers, "plans", plans)

    choose.system, choose.limit = system, report.Limit
    choose(system("mine", ours=True), system("other", ms=20.0))
    return choose


def run(peers, path, *more):
    return peers.main(["--here", "--no-data", "--rounds", "2", "--json", str(path), *more])


def test_all_comparisons_are_measured_written_and_printed(peers, play, tmp_path, capsys):
    path = tmp_path / "deep" / "peers.json"
    assert run(peers, path) == 0
    report = json.loads(path.read_text())
    assert (report["complete"], report["lacking"], report["quick"]) == (True, [], False)
    assert [one["task"] for one in report["comparisons"]] == list(PLANS)
    mine, other = report["comparisons"][0]["systems"]
    assert mine["groups"][0]["ratio"] is None
    assert other["groups"][0]["ratio"] < 1
    assert other["groups"][0]["verdict"] == "we lead"
    assert (other["groups"][0]["calls"], other["quality"][0]["items"]) == (2, 2)
    assert other["peak_rss_mb"] > 1
    told, also = capsys.readouterr()
    assert f"{path}: 5 comparisons, measured in " in also
    assert "translation pt-en: made up" in told
    assert "we lead" in told
    assert "ok     time" in told


def test_tasks_one_by_one_make_one_report(peers, play, tmp_path):
    path = tmp_path / "peers.json"
    for tasks in ("scene", "speech", "translation,signs"):
        assert run(peers, path, "--tasks", tasks) == 0
    report = json.loads(path.read_text())
    assert [one["task"] for one in report["comparisons"]] == list(PLANS)
    assert report["complete"]


def test_what_was_measured_before_is_measured_again_unless_told_otherwise(peers, play, tmp_path):
    path = tmp_path / "peers.json"
    run(peers, path, "--tasks", "speech,scene")
    play(play.system("another", ours=True))
    run(peers, path, "--tasks", "speech,signs", "--resume")
    names = {
        one["task"]: [row["system"] for row in one["systems"]] for one in json.loads(path.read_text())["comparisons"]
    }
    assert names == {"speech": ["mine", "other"], "signs": ["another"], "scene": ["mine", "other"]}
    run(peers, path, "--tasks", "speech")
    assert [row["system"] for row in json.loads(path.read_text())["comparisons"][0]["systems"]] == ["another"]


def test_a_killed_run_leaves_what_it_finished_and_goes_on(peers, play, tmp_path, monkeypatch):
    path = tmp_path / "peers.json"
    before = signal.getsignal(signal.SIGTERM)

    def stop(text):
        if text == "signs":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(peers, "tell", stop)
    assert run(peers, path, "--tasks", "scene,signs,speech") == peers.STOPPED
    assert signal.getsignal(signal.SIGTERM) is before
    report = json.loads(path.read_text())
    assert (report["complete"], report["lacking"]) == (False, ["signs", "scene"])
    assert [one["task"] for one in report["comparisons"]] == ["speech"]
    began = report["comparisons"][0]["began"]
    monkeypatch.setattr(peers, "tell", lambda _line: None)
    play(play.system("another", ours=True))
    assert run(peers, path, "--tasks", "scene", "--resume") == 0
    assert json.loads(path.read_text())["lacking"] == ["signs"]
    assert run(peers, path, "--tasks", "signs,speech", "--resume") == 0
    report = json.loads(path.read_text())
    assert (report["complete"], report["lacking"]) == (True, [])
    assert report["comparisons"][0]["began"] == began


def test_a_file_of_another_machine_or_none_of_ours_is_replaced(peers, play, tmp_path, monkeypatch):
    import edge.hardware

    path = tmp_path / "peers.json"
    path.write_text("[]")
    run(peers, path, "--tasks", "speech")
    monkeypatch.setattr(edge.hardware, "machine", lambda: sample_report.machine(cpu="Imaginary B2"))
    run(peers, path, "--tasks", "signs")
    report = json.loads(path.read_text())
    assert [one["task"] for one in report["comparisons"]] == ["signs"]
    assert report["machine"]["cpu"] == "Imaginary B2"
    run(peers, path, "--tasks", "scene", "--quick")
    assert [one["task"] for one in json.loads(path.read_text())["comparisons"]] == ["scene"]


def test_a_missed_limit_is_exit_1_and_a_missed_goal_is_none(peers, play, tmp_path, capsys):
    path = tmp_path / "peers.json"
    systems = play.system("mine", ours=True), play.system("other")

    def missed(goal):
        return lambda _results: (play.limit(what="letters", value=23.2, limit=15, held=False, goal=goal),)

    play(*systems, limits=missed(goal=False))
    assert run(peers, path, "--tasks", "signs") == 1
    assert "MISSED letters: 23.2 (limit 15)" in capsys.readouterr().out
    assert run(peers, path, "--tasks", "signs", "--quick") == 0
    assert "MISSED" not in capsys.readouterr().out
    play(*systems, limits=missed(goal=True))
    assert run(peers, path, "--tasks", "signs") == 0
    assert "missed letters: 23.2 (goal 15)" in capsys.readouterr().out


def test_what_dies_or_is_not_here_is_a_row_with_a_reason(peers, play, tmp_path, capsys):
    play(
        play.system("mine", ours=True),
        play.system("dying", breaks="b"),
        play.system("gone", missing="no wheel here; run: nothing helps"),
        play.system("slow", rounds=1, note="it is slow"),
        play.system("nowhere", python=Path("/no/python")),
    )
    path = tmp_path / "peers.json"
    assert run(peers, path, "--tasks", "scene") == 0
    rows = {row["system"]: row for row in json.loads(path.read_text())["comparisons"][0]["systems"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "mine": "measured",
        "dying": "failed",
        "gone": "skipped",
        "slow": "measured",
        "nowhere": "failed",
    }
    assert "out of luck" in rows["dying"]["reason"]
    assert rows["dying"]["groups"] == rows["dying"]["quality"] == []
    assert rows["slow"]["note"] == "it is slow; 1 of 2 rounds"
    assert rows["slow"]["groups"][0]["calls"] == 1
    told = capsys.readouterr().out
    assert "gone: skipped: no wheel here; run: nothing helps" in told
    assert "slow: it is slow; 1 of 2 rounds" in told


def test_a_comparison_that_cannot_be_made_is_told_and_the_others_go_on(peers, play, tmp_path, capsys):
    play(play.system("mine", ours=True), failing={"speech"})
    path = tmp_path / "peers.json"
    assert run(peers, path, "--tasks", "speech,signs") == 0
    speech, signs = json.loads(path.read_text())["comparisons"]
    assert (speech["status"], signs["status"]) == ("skipped", "measured")
    assert "edge models pull speech" in speech["reason"]
    assert "skipped: model speech" in capsys.readouterr().out
    play(play.system("mine", ours=True))
    run(peers, path, "--tasks", "speech,signs", "--resume")
    assert json.loads(path.read_text())["comparisons"][0]["status"] == "measured"


def test_a_report_that_cannot_be_written_is_one_line(peers, play, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(peers, tmp_path / "file" / "peers.json") == 2
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert "Traceback" not in told


def test_unknown_tasks_are_told_with_those_there_are(peers, capsys):
    with pytest.raises(SystemExit) as ended:
        peers.main(["--tasks", "speech,smell"])
    assert ended.value.code == 2
    assert "'smell' is none of speech, translation, signs, scene" in capsys.readouterr().err


def test_every_comparison_has_a_plan(script):
    peers = script("peers")
    assert tuple(peers.plans(peers.TASKS)) == PLANS
    assert tuple(peers.plans(["translation"])) == PLANS[1:3]


def test_data_is_beside_the_checkout_or_named_or_the_programs_own(peers, play, script, tmp_path, monkeypatch):
    seen = []

    def make(place):
        seen.append(place)
        raise ModelNotFoundError("nothing")

    monkeypatch.setattr(peers, "plans", lambda _tasks: {"signs": make})
    monkeypatch.setattr(peers, "DATA", tmp_path)
    path = str(tmp_path / "peers.json")
    for more in ([], ["--no-data"], ["--data", "/named"]):
        peers.main(["--here", "--json", path, *more])
    monkeypatch.setattr(peers, "DATA", tmp_path / "none")
    peers.main(["--here", "--json", path])
    assert [place.data for place in seen] == [tmp_path, None, Path("/named"), None]


def test_torch_is_where_models_are_made(peers, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_VENV_EXPORT", str(tmp_path))
    assert peers.torch_interpreter() is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert peers.torch_interpreter() == tmp_path / "bin" / "python"


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose scripts/setup makes an environment that says what it was asked to run."""
    home = Path(__file__).resolve().parents[2]
    for folder in ("benchmarks", "scripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "benchmarks" / "peers.py").write_bytes((home / "benchmarks" / "peers.py").read_bytes())

    def setup(body):
        file = tmp_path / "scripts" / "setup"
        file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        known = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
        command = [sys.executable, str(tmp_path / "benchmarks" / "peers.py"), "--tasks", "signs"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=known)

    return setup


def test_a_plain_start_makes_the_environment_and_goes_on_in_it(checkout, tmp_path):
    python = tmp_path / ".venv-bench" / "bin" / "python"
    done = checkout(
        f"echo making $1; mkdir -p {python.parent}\n"
        f"printf '#!/bin/sh\\necho inside=$EDGE_PEERS_INSIDE quiet=$ORT_DISABLE_TELEMETRY \"$@\"; exit 7\\n' "
        f">{python}\n"
        f"chmod +x {python}"
    )
    assert done.returncode == 7
    making, inside = done.stdout.splitlines()
    assert making == "making bench"
    assert inside == f"inside=1 quiet=1 {tmp_path / 'benchmarks' / 'peers.py'} --tasks signs"


def test_an_environment_that_cannot_be_made_is_one_line(checkout, tmp_path):
    done = checkout("exit 2")
    assert done.returncode == 2
    assert done.stderr == f"peers: {tmp_path / '.venv-bench'} cannot be made (above); without it: --here\n"


class TestReport:
    @pytest.fixture
    def shape(self, script):
        return script("peers_report")

    def test_it_is_read_as_it_was_written(self, shape, tmp_path):
        path = tmp_path / "new" / "peers.json"
        made = shape.PeersReport(quick=True, machine=sample_report.machine(), lacking=("speech",))
        made.write(path)
        assert shape.read_peers(path) == made
        assert [file.name for file in path.parent.iterdir()] == ["peers.json"]

    @pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 2}', '{"quick": 3, "machine": {}, "more": 1}'])
    def test_what_is_no_report_says_what_to_run(self, shape, tmp_path, content):
        path = tmp_path / "peers.json"
        path.write_text(content)
        with pytest.raises(BenchmarkError, match=r"no report .* run: python benchmarks/peers.py"):
            shape.read_peers(path)

    def test_no_file_says_what_to_run(self, shape, tmp_path):
        with pytest.raises(BenchmarkError, match=r"cannot be read .* run: python benchmarks/peers.py"):
            shape.read_peers(tmp_path / "none.json")
