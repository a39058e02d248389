"""Sessions of the whole program: which are run, how they end, and that nobody is left behind. The program is a fake."""

import json
import os
import sys
import textwrap
import time

import pytest

from edge.bench import sessions
from edge.bench.film import Film, Spoken
from edge.bench.sessions import SESSIONS, Films, Run, run_sessions, senses_of, sessions_seconds
from edge.bench.sessions_child import Played, command, look, play
from edge.errors import BenchmarkError, ModelNotFoundError

S = 1_000_000_000


def events(*latencies_ms, seconds=10.0, ends=True, began_ns=5 * S):
    told = [{"event": "SessionStarted", "captured_ns": began_ns}]
    for number, ms in enumerate(latencies_ms):
        told.append(
            {
                "event": "Subtitle",
                "captured_ns": began_ns + (number + 1) * S,
                "utterance": number,
                "source": "good day",
                "text": "bom dia",
                "is_final": True,
                "latency_ms": ms,
            }
        )
    if ends:
        told.append(
            {
                "event": "SessionEnded",
                "captured_ns": began_ns + int(seconds * S),
                "fps": 15.0,
                "audio_lost_s": 0.0,
                "peak_rss_mb": 321.0,
                "frames": 150,
                "frames_dropped": 3,
                "cpu_s": seconds / 20,
            }
        )
    return told


class FakeFilms(Films):
    def _make(self, kind):
        return Film(self.folder / kind, 10.0, (Spoken("good day", 1.0, 2.0),) if kind == "film" else (), data=kind)


class NoSamples(Films):
    def _make(self, kind):
        raise ModelNotFoundError("demo-speech")


def run(tmp_path, name, answer, happened=(), films=FakeFilms, **more):
    """A session whose program is played: `happened` are its events, `answer` how it ends, or what is done then."""
    told = []

    def fake_play(_arguments, _events, take, each, _every_s):
        for event in happened:
            take(event)
        return answer(each) if callable(answer) else answer

    one = Run(name, senses_of(name), films(tmp_path, None), time.monotonic(), told.append, play=fake_play, **more)
    return one, told


def test_a_session_is_what_its_events_say(tmp_path):
    one, told = run(tmp_path, "speech", Played(0, "", 812.0), events(200.0, 400.0, 900.0))
    session = one.run()
    assert (session.status, session.reason, session.senses) == ("measured", None, ("speech",))
    assert (session.caption.count, session.caption.p50_ms, session.caption.p99_ms) == (3, 400.0, 900.0)
    assert (session.frames_captured, session.frames_dropped, session.cpu_percent) == (150, 3, 5.0)
    assert (session.starts_ms, session.peak_rss_mb, session.lag_s) == ((812.0,), 321.0, 0.9)
    assert {one.metric for one in session.quality} == {"WER"}
    assert session.conditions[0].at_s <= session.conditions[-1].at_s
    assert told == []


def test_captions_of_silence_are_a_problem(tmp_path):
    quiet, _ = run(tmp_path, "silence", Played(0, "", 800.0), events())
    loud, _ = run(tmp_path, "noise", Played(0, "", 800.0), events(300.0))
    session = quiet.run()
    assert session.problems == ()
    assert (session.caption.count, session.caption.p50_ms, session.lag_s) == (0, None, None)
    assert loud.run().problems == ("1 captions, and nobody spoke",)


def test_without_samples_it_is_skipped(tmp_path):
    session = run(tmp_path, "all", Played(), films=NoSamples)[0].run()
    assert session.status == "skipped"
    assert "edge models pull demo-speech" in session.reason


def test_without_models_it_is_skipped(tmp_path):
    said = "edge: model whisper-base is not installed; run: edge models pull whisper-base"
    session = run(tmp_path, "all", Played(2, said))[0].run()
    assert (session.status, session.reason) == ("skipped", said.removeprefix("edge: "))


@pytest.mark.parametrize(
    ("status", "told", "reason"),
    [
        (2, "edge: no such film", "edge run ended with status 2 (edge: no such film)"),
        (-9, "", "edge run died of signal 9"),
        (0, "", "edge run ended with status 0"),
    ],
)
def test_a_program_that_breaks_has_failed(tmp_path, status, told, reason):
    session = run(tmp_path, "all", Played(status, told))[0].run()
    assert (session.status, session.reason) == ("failed", reason)


def test_what_a_broken_session_measured_is_kept(tmp_path):
    session = run(tmp_path, "all", Played(-11, "", 800.0), events(250.0, ends=False))[0].run()
    assert session.status == "failed"
    assert session.caption.count == 1
    assert session.quality == ()  # the film was not played to its end


def test_interrupted_keeps_what_was_measured(tmp_path):
    def stop(each):
        each(Played(None, "", 800.0))
        raise KeyboardInterrupt

    one, told = run(tmp_path, "all", stop, events(250.0, seconds=4.0))
    with pytest.raises(KeyboardInterrupt):
        one.run()
    assert [(one.status, one.reason, one.caption.count, one.quality) for one in told] == [
        ("unfinished", "interrupted", 1, ())
    ]


def test_interrupted_before_it_was_ready(tmp_path):
    def stop(_each):
        raise SystemExit

    one, told = run(tmp_path, "all", stop)
    with pytest.raises(SystemExit):
        one.run()
    assert [one.status for one in told] == ["unfinished"]


class Meter:
    def __init__(self, *readings):
        self.readings = iter(readings)

    def joules(self):
        return next(self.readings)


@pytest.mark.parametrize(
    ("happened", "readings", "joules"),
    [
        (events(300.0, 400.0), (5.0, 12.5), 7.5),  # read at the first event, and at the end: no start in it
        (events(), (5.0, None), None),
        ((), (5.0,), None),  # never ready
    ],
)
def test_energy_of_a_session(tmp_path, happened, readings, joules):
    session = run(tmp_path, "speech", Played(0, "", 1.0), happened, meter=Meter(*readings))[0].run()
    assert session.energy_j == joules


def test_without_a_meter_there_is_no_energy(tmp_path):
    assert run(tmp_path, "speech", Played(0, "", 1.0), events())[0].run().energy_j is None


def test_a_long_session_plays_the_film_again_and_again(tmp_path):
    asked = []

    def fake_play(arguments, _events, _take, _each, _every_s):
        asked.append(arguments[arguments.index("--repeat") + 1])
        return Played(2, "x")

    Run("soak", senses_of("soak"), FakeFilms(tmp_path, None), 0.0, print, None, 95.0, fake_play).run()
    assert asked == ["10"]


class TestPlan:
    @pytest.fixture
    def names(self, monkeypatch):
        ran = []

        class FakeRun:
            def __init__(self, name, senses, *_):
                self.session = sessions.Session(name=name, senses=senses)
                ran.append(name)

            def run(self):
                return self.session

        monkeypatch.setattr(sessions, "Run", FakeRun)
        return ran

    def test_sets(self, names):
        run_sessions((), lambda _: None, quick=True)
        assert names == ["all"]
        run_sessions((), lambda _: None)
        assert tuple(names[1:]) == SESSIONS

    def test_a_soak_is_alone_and_a_sustained_one_is_not(self, names):
        run_sessions((), lambda _: None, soak_s=30)
        run_sessions(("all",), lambda _: None, minutes=10)
        assert names == ["soak", "all", "sustained"]

    def test_an_unknown_name_is_told_before_anything_runs(self, names):
        with pytest.raises(BenchmarkError, match="did you mean speech"):
            run_sessions(("all", "speeech"), lambda _: None)
        assert names == []

    def test_what_cannot_end_in_time_is_not_begun(self, names):
        told = []
        run_sessions(("all", "silence"), told.append, budget_s=5.0)
        assert names == []
        assert [one.status for one in told] == ["skipped", "skipped"]
        assert "edge bench --sessions all" in told[0].reason

    def test_seconds_are_told_before(self):
        assert 15 < sessions_seconds((), quick=True) <= 20
        assert 180 < sessions_seconds(()) < 360
        assert sessions_seconds((), minutes=10) - sessions_seconds(()) == pytest.approx(600, abs=20)
        assert sessions_seconds(None, minutes=10) == pytest.approx(600, abs=20)
        assert sessions_seconds((), soak_s=8 * 3600) == pytest.approx(8 * 3600, abs=20)


def test_the_command_is_one_of_the_program(tmp_path):
    from edge.cli_run import run as run_command

    options = [word for word in command(tmp_path / "f.mkv", ("speech", "signs"), tmp_path, "en", 3) if "--" in word]
    known = {f"--{name}" for name in run_command.__annotations__} | {"--from", "--to"}
    assert set(options) <= known


PROGRAM = """
    import json, os, signal, sys, time
    kind, path = sys.argv[1:3]
    out = open(path, "a", buffering=1)
    def tell(event):
        out.write(json.dumps({"event": event, "captured_ns": time.monotonic_ns()}) + "\\n")
    if kind == "refuses":
        print("one line\\nedge: nothing here; run: edge models pull", file=sys.stderr)
        sys.exit(2)
    def end(*_):
        tell("SessionEnded")
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    tell("SessionStarted")
    print(os.getpid(), file=open(path + ".pid", "w"))
    while kind == "stays":
        time.sleep(0.02)
    out.write('{"event": "half')
    out.flush()
    time.sleep(0.2)
    out.write('", "captured_ns": 1}\\n')
    tell("SessionEnded")
"""


class TestPlay:
    @pytest.fixture
    def program(self, tmp_path):
        file = tmp_path / "program.py"
        file.write_text(textwrap.dedent(PROGRAM))
        return (sys.executable, str(file))

    def test_to_the_end(self, tmp_path, program):
        path = tmp_path / "events"
        told = []
        played = play(("ends", str(path)), path, told.append, every_s=0.02, program=program)
        assert played.status == 0
        assert [event["event"] for event in told] == ["SessionStarted", "half", "SessionEnded"]
        assert played.start_ms > 0

    def test_one_that_refuses(self, tmp_path, program):
        told = []
        played = play(("refuses", str(tmp_path / "e")), tmp_path / "e", told.append, every_s=0.02, program=program)
        assert (played.status, told, played.start_ms) == (2, [], None)
        assert played.told == "edge: nothing here; run: edge models pull"

    def test_interrupted_it_is_ended_in_order(self, tmp_path, program):
        path = tmp_path / "events"
        told, seen = [], []

        def stop(played):
            seen.append((played.status, told[-1]["event"]))
            if len(seen) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            play(("stays", str(path)), path, told.append, stop, every_s=0.05, program=program)
        pid = int((tmp_path / "events.pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert [last for _, last in seen] == ["SessionStarted", "SessionEnded"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_this_process_is_seen():
    sample = look(os.getpid(), 1.0)
    assert sample.rss_mb > 5
    assert sample.threads >= 1
    assert sample.open_files >= 3


def test_a_process_that_is_gone_has_no_numbers(tmp_path):
    gone = look(1, 2.0, tmp_path)
    assert (gone.rss_mb, gone.threads, gone.open_files) == (None, None, None)


def test_the_events_here_are_records():
    json.dumps(events(1.0))
