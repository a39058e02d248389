"""`edge bench` as a user calls it, with a played benchmark: options, refusals, what is told and what is left behind."""

import json
import os
import signal
import sys
from types import SimpleNamespace

import pytest
import sample_report

from edge import cli
from edge.bench.report import read_report
from edge.bench.stages import STAGES
from edge.errors import BenchmarkError
from edge.hardware import energy

BOARDS = ("benchmarks", "boards")


class Played:
    """Stands for `Run` and for the world: remembers what was asked for, and gives the report that a test wants."""

    def __init__(self):
        self.choice = self.world = self.path = None
        self.machine = sample_report.machine()
        self.changes, self.ends_with, self.during = {}, None, lambda: None

    def __call__(self, choice, world, path):
        self.choice, self.world, self.path = choice, world, path
        self.unwritten = self.ends_with
        return self

    def this_world(self, choice, sessions, sessions_s, tell):
        world = SimpleNamespace(
            machine=self.machine, stages=STAGES, own_threads=2, sessions=sessions, sessions_s=sessions_s, tell=tell
        )
        world.with_meter = lambda _meter, quick: world
        return world

    def report(self):
        changes = {"kind": self.choice.kind, "slowdown": dict(self.choice.slowdown), "machine": self.machine}
        return sample_report.report(full=False, changes=changes | self.changes)

    def run(self):
        report = self.report()
        try:
            self.during()
        except KeyboardInterrupt:
            report = report.model_copy(update={"complete": False, "stopped": "interrupted"})
        if self.unwritten is None:
            report.write(self.path)
        return report


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """No models, no settings, no meter, and an empty folder to work in."""
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    monkeypatch.setattr(energy, "open_meter", lambda: None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def played(monkeypatch):
    """No stage and no session runs in these tests."""
    found = Played()
    monkeypatch.setattr("edge.bench.run.Run", found)
    monkeypatch.setattr("edge.bench.world.this_world", found.this_world)
    return found


@pytest.fixture
def bench(monkeypatch, capsys, played):
    """Runs `edge bench` with arguments, through the entry point of the console script."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["edge", "bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    return run


@pytest.fixture
def refused(bench, played, here):
    """Runs a command line that must end before anything runs, with one line and exit code 2; gives the line."""

    def run(*arguments):
        before = sorted(here.rglob("*"))
        ended = bench(*arguments)
        assert (ended.code, ended.out) == (2, ""), ended
        assert ended.err.startswith("edge: ")
        assert ended.err.count("\n") == 1, ended.err
        assert played.choice is None, "it began to measure"
        assert sorted(here.rglob("*")) == before, "it left something behind"
        return ended.err

    return run


@pytest.fixture
def checkout(here):
    here.joinpath(*BOARDS).mkdir(parents=True)
    (here / "pyproject.toml").touch()
    return here.joinpath(*BOARDS)


class TestOptions:
    def test_without_any_everything_is_measured(self, bench, played, here):
        ended = bench()
        assert ended.code == 0, ended
        assert played.choice.kind == "full"
        assert played.world.sessions is not None
        assert list(here.iterdir()) == [here / played.path]
        assert played.path.name.startswith("bench-board-of-tests-")
        assert str(played.path) in ended.err
        assert "speech.encoder" in ended.out

    def test_quick(self, bench, played):
        bench("--quick", "--json", "a.json")
        assert (played.choice.kind, played.path.name) == ("quick", "a.json")

    def test_lists_are_split_and_named_once(self, bench, played, here):
        played.machine = sample_report.machine(providers=("CPUExecutionProvider", "CUDAExecutionProvider"))
        (here / "clips" / "speech-en").mkdir(parents=True)
        bench(
            "--stages", "speech.encoder, hud,,speech.encoder", "--precisions", "fp32,int8", "--threads", "2,1",
            "--on", "CPU,CUDAExecutionProvider", "--data", "clips",
        )  # fmt: skip
        choice = played.choice
        assert choice.kind == "chosen"
        assert choice.stages == ("speech.encoder", "hud")
        assert (choice.precisions, choice.threads) == (("fp32", "int8"), (1, 2))
        assert choice.providers == ("CPUExecutionProvider", "CUDAExecutionProvider")
        assert str(choice.data) == "clips"

    def test_chosen_stages_come_without_sessions_unless_they_are_named(self, bench, played):
        bench("--stages", "hud")
        assert played.world.sessions is None
        bench("--stages", "hud", "--sessions", "silence")
        assert played.world.sessions is not None

    @pytest.mark.parametrize(
        ("arguments", "stages"), [(("--stages", "none"), ("none",)), (("--soak", "8h"), ("none",))]
    )
    def test_sessions_alone(self, bench, played, arguments, stages):
        bench(*arguments, "--sessions", "speech")
        assert played.choice.stages == stages
        assert played.world.sessions_s > 0

    def test_a_soak_is_as_long_as_it_is_said(self, bench, played):
        bench("--soak", "1h30m")
        assert 5400 <= played.world.sessions_s < 5700

    def test_no_sessions(self, bench, played):
        bench("--sessions", "none")
        assert (played.world.sessions, played.world.sessions_s) == (None, 0.0)

    @pytest.mark.parametrize("without", [("--sessions", "none"), ("--stages", "hud")])
    def test_minutes_alone(self, bench, played, without):
        bench("--minutes", "2", *without)
        assert 120 <= played.world.sessions_s < 180  # and not the short sessions besides

    def test_planted_slowdowns_are_told_to_the_run(self, bench, played):
        bench("--plant", "speech.encoder=1.3", "--plant", "hud.captions=2")
        assert played.choice.slowdown == (("speech.encoder", 1.3), ("hud.captions", 2.0))


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--stages", "speach.encoder"), "no stage 'speach.encoder'; did you mean speech.encoder? run: edge bench"),
            (("--stages", "qqqq"), "no stage 'qqqq'; run: edge bench --list"),
            (("--precisions", "int9"), "did you mean int8? run: edge bench --list"),
            (("--sessions", "speach"), "did you mean speech?"),
            (("--sessions", "speech,none"), "none"),
            (("--soak", "tomorrow"), "'tomorrow' is no time; write for example: edge bench --soak 8h"),
            (("--plant", "speech.encode=1.3"), "did you mean speech.encoder?"),
            (("--on", "CUDA"), "no execution provider 'CUDA' here, only CPU; run: edge doctor"),
            (("--data", "nowhere"), "no evaluation data in nowhere: it has no folder of flores, recognition, signs, "),
            (("--data", "."), "no evaluation data in .: "),
            (("--report", "no.json"), "no.json cannot be read (No such file or directory); run: edge bench --json"),
        ],
    )
    def test_is_refused_on_one_line_with_what_to_do(self, refused, arguments, said):
        assert said in refused(*arguments)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--threads", "0"), "1 to 64"),
            (("--threads", "two"), "1 to 64"),
            (("--threads", "65"), "1 to 64"),
            (("--threads", "²"), "1 to 64"),
            (("--plant", "speech.encoder"), "speech.encoder=1.3"),
            (("--plant", "speech.encoder=0.5"), "speech.encoder=1.3"),
            (("--plant", "speech.encoder=nan"), "speech.encoder=1.3"),
            (("--plant", "speech.encoder=11"), "speech.encoder=1.3"),
            (("--minutes", "0"), "--minutes"),
            (("--minutes", "soon"), "--minutes"),
            (("--stage", "speech.encoder"), "--stages"),
            (("speech.encoder",), "unexpected"),
        ],
    )
    def test_options_that_are_none_show_the_usage(self, bench, played, here, arguments, said):
        ended = bench(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
        assert "Traceback" not in ended.err
        assert played.choice is None
        assert list(here.iterdir()) == []


class TestEnds:
    """How a benchmark can end, and what the user is told then."""

    def test_a_stage_that_failed_is_told_by_the_exit_code_and_the_report_is_whole(self, bench, played):
        good = sample_report.report(full=False).stages[0]
        bad = good.model_copy(
            update={"stage": "hud.captions", "status": "failed", "reason": "it broke", "timing": None}
        )
        played.changes = {"stages": (good, bad)}
        ended = bench("--json", "a.json")
        assert ended.code == 1
        assert "it broke" in ended.out
        assert len(read_report(played.path).stages) == 2

    def test_a_session_that_failed_too(self, bench, played):
        session = sample_report.report(full=False).sessions[0]
        played.changes = {"sessions": (session.model_copy(update={"status": "failed", "reason": "it broke"}),)}
        assert bench().code == 1

    def test_skipped_and_unfinished_ones_are_no_failure(self, bench, played):
        good = sample_report.report(full=False).stages[0]
        skipped = good.model_copy(update={"status": "skipped", "reason": "no model", "timing": None})
        unfinished = good.model_copy(update={"status": "unfinished", "reason": "1 of 2"})
        played.changes = {"stages": (good, skipped, unfinished)}
        assert bench().code == 0

    def test_where_nothing_could_be_measured_it_says_what_to_run(self, bench, played):
        skipped = sample_report.report(full=False).stages[-1]
        assert skipped.status == "skipped"
        played.changes = {"stages": (skipped,)}
        ended = bench()
        assert ended.code == 1
        assert "edge: no stage could be measured; run: edge models pull" in ended.err

    def test_sessions_alone_are_enough(self, bench, played):
        played.changes = {"stages": ()}
        assert bench("--stages", "none").code == 0

    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    def test_one_that_is_interrupted_keeps_and_marks_what_there_is(self, bench, played, sent):
        before = signal.getsignal(signal.SIGTERM)
        played.during = lambda: os.kill(os.getpid(), sent)
        ended = bench("--json", "a.json")
        assert ended.code == 130
        assert "interrupted" in ended.err
        assert "Traceback" not in ended.err
        assert "speech.encoder" in ended.out
        assert (read_report(played.path).complete, read_report(played.path).stopped) == (False, "interrupted")
        assert signal.getsignal(signal.SIGTERM) is before

    def test_what_is_interrupted_is_not_submitted(self, bench, played, checkout):
        played.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
        assert bench("--submit").code == 130
        assert list(checkout.iterdir()) == []

    def test_a_report_that_cannot_be_written_still_shows_the_table(self, bench, played):
        played.ends_with = BenchmarkError("a.json cannot be written (No space left on device); choose another --json")
        ended = bench("--json", "a.json")
        assert ended.code == 2
        assert "speech.encoder" in ended.out
        assert ended.err.splitlines()[-1].startswith("edge: a.json cannot be written (No space left on device)")
        assert "report: a.json" not in ended.err


class TestList:
    def test_names_every_stage_precision_and_session(self, bench, played):
        ended = bench("--list")
        lines = {line.split()[0]: line for line in ended.out.splitlines()}
        assert list(lines) == [*(stage.name for stage in STAGES), "sessions"]
        for stage in STAGES:
            assert ",".join(stage.precisions) in lines[stage.name]
        assert "silence" in lines["sessions"]
        assert (ended.code, ended.err, played.choice) == (0, "", None)


class TestReport:
    """`--report FILE`: nothing is measured."""

    @pytest.fixture
    def file(self, here):
        path = here / "old.json"
        sample_report.report(full=False).write(path)
        return path

    def test_is_shown(self, bench, played, file):
        ended = bench("--report", file)
        assert (ended.code, ended.err, played.choice) == (0, "", None)
        assert "speech.encoder" in ended.out
        assert "Board of Tests" in ended.out

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"{}", b'{"schema_version": 2}', b"\x00" * 4096, b"[" * 100_000],
    )
    def test_one_that_is_none_is_refused(self, refused, file, content):
        file.write_bytes(content)
        said = refused("--report", file)
        assert "old.json is no report of edge bench, version 1" in said
        assert "run: edge bench --json" in said
        assert len(said) < 500

    @pytest.mark.parametrize(
        "change",
        [
            lambda told: told.update(schema_version=2),
            lambda told: told.update(kind="long"),
            lambda told: told.update(extra=1),
            lambda told: told.pop("machine"),
            lambda told: told["stages"][0].update(status="guessed"),
            lambda told: told["stages"][0]["timing"].update(p50_ms="fast"),
            lambda told: told["stages"].append(None),
        ],
    )
    def test_one_with_a_wrong_field_is_refused(self, refused, file, change):
        told = json.loads(file.read_text(encoding="utf-8"))
        change(told)
        file.write_text(json.dumps(told), encoding="utf-8")
        assert "is no report of edge bench" in refused("--report", file)

    def test_half_of_one_is_refused(self, refused, file):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert "is no report of edge bench" in refused("--report", file)

    def test_a_folder_is_refused(self, refused, here):
        assert "cannot be read (Is a directory)" in refused("--report", here)

    def test_one_from_a_stranger_gives_the_terminal_no_orders(self, bench, here):
        odd = "\x1b[2J\x1b]0;owned\x07\x9b31m[red]Board[/red]\u202e"
        report = sample_report.report(full=False, board=odd)
        skipped = report.stages[-1].model_copy(update={"reason": f"{odd}; run: nothing"})
        report.model_copy(update={"stages": (*report.stages[:-1], skipped)}).write(here / "odd.json")
        ended = bench("--report", "odd.json")
        assert ended.code == 0
        assert "[red]Board[/red]" in ended.out
        assert ended.out.replace("\n", "").isprintable()

    def test_a_partial_one_is_shown_as_such(self, bench, here):
        path = here / "part.json"
        sample_report.report(full=False, changes={"complete": False}).write(path)
        ended = bench("--report", path)
        assert ended.code == 0
        assert "NOT COMPLETE: killed, or still running" in ended.out


class TestSubmit:
    @pytest.mark.parametrize(
        ("arguments", "machine", "said"),
        [
            ((), {"emulated": True}, "emulated"),
            (("--plant", "speech.mel=2"), {}, "--plant"),
            (("--stages", "speech.mel"), {}, "all stages are wanted for it; run: edge bench --submit"),
            (("--threads", "1"), {}, "all stages are wanted"),
            (("--precisions", "int8"), {}, "all stages are wanted"),
            (("--on", "CUDA"), {"providers": ("CUDAExecutionProvider",)}, "all stages are wanted"),
        ],
    )
    def test_what_can_not_be_published_is_told_before_it_is_measured(self, refused, played, arguments, machine, said):
        played.machine = sample_report.machine(**machine)
        told = refused("--submit", *arguments)
        assert told.startswith("edge: not submitted: ")
        assert said in told

    @pytest.mark.parametrize("arguments", [(), ("--quick",)])
    def test_what_was_measured_is_written_for_a_pull_request(self, bench, checkout, arguments):
        ended = bench("--submit", *arguments)
        assert ended.code == 0
        assert [path.name for path in checkout.iterdir()] == ["board-of-tests.json"]
        assert "open a pull request" in ended.err

    def test_under_another_name(self, bench, checkout):
        bench("--submit", "--name", "../My Board!")
        assert [path.name for path in checkout.iterdir()] == ["my-board.json"]

    def test_of_an_earlier_report(self, bench, checkout, here, played):
        sample_report.report(full=False).write(here / "old.json")
        ended = bench("--report", "old.json", "--submit")
        assert (ended.code, ended.out, played.choice) == (0, "", None)
        assert [path.name for path in checkout.iterdir()] == ["board-of-tests.json"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"complete": False}, "not complete (it was killed or still runs); run: edge bench --submit"),
            ({"complete": False, "stopped": "interrupted"}, "not complete (interrupted)"),
            ({"machine": sample_report.machine(emulated=True)}, "emulated"),
            ({"slowdown": {"speech.mel": 1.3}}, "--plant"),
            ({"kind": "chosen"}, "chosen"),
            ({"stages": ()}, "nothing was measured; run: edge models pull"),
        ],
    )
    def test_an_earlier_report_that_may_not_be_published(self, refused, checkout, here, changes, said):
        sample_report.report(full=False, changes=changes).write(here / "old.json")
        assert said in refused("--report", "old.json", "--submit")
        assert list(checkout.iterdir()) == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_is_not_ours(self, refused, checkout, here):
        sample_report.report(full=False).write(here / "old.json")
        checkout.chmod(0o500)
        try:
            assert "cannot be written (Permission denied)" in refused("--report", "old.json", "--submit")
        finally:
            checkout.chmod(0o700)


class TestOtherWork:
    def test_pull_and_providers_measure_no_stage(self, bench, played, monkeypatch, here):
        asked = []
        monkeypatch.setattr("edge.bench.precisions.pull_for_bench", lambda store, tell: asked.append("pull"))
        monkeypatch.setattr("edge.bench.provider_choice.choose", lambda *arguments: asked.append(arguments[-1]))
        assert bench("--pull").code == 0
        assert bench("--providers", "--json", "p.json").code == 0
        assert asked[0] == "pull"
        assert str(asked[1]) == "p.json"
        assert played.choice is None
        assert list(here.iterdir()) == []
