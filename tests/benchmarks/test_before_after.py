"""Two checkouts take turns, and the report says what the turns said."""

import json
import subprocess

import pytest


@pytest.fixture
def before_after(script):
    return script("before_after")


def playing(before_after, times, digests=None):
    """A measure that gives made-up turns, and the order in which it was asked."""
    asked = []
    left = {name: iter(values) for name, values in times.items()}

    def measure(checkout):
        asked.append(checkout)
        return before_after.Turn(next(left[checkout]), (digests or {}).get(checkout, ""))

    return measure, asked


def test_checkouts_alternate_and_take_turns_at_beginning(before_after):
    measure, asked = playing(before_after, {"old": [1.0] * 4, "new": [0.5] * 4})
    before_after.compare("old", "new", measure, 4)
    assert asked == ["old", "new", "new", "old", "old", "new", "new", "old"]


def test_medians_and_the_ratio_are_not_moved_by_one_disturbed_round(before_after):
    measure, _ = playing(before_after, {"old": [2.0, 2.0, 9.0, 2.0, 2.0], "new": [1.0, 7.0, 1.0, 1.0, 1.0]})
    cost = before_after.compare("old", "new", measure, 5)
    assert (cost["before_s"], cost["after_s"], cost["ratio"]) == (2.0, 1.0, 0.5)
    assert cost["ratio_low"] <= cost["ratio"] <= cost["ratio_high"]
    assert cost["rounds"] == 5


def test_the_spread_tells_of_noise(before_after):
    measure, _ = playing(before_after, {"old": [1.0] * 5, "new": [0.2, 0.6, 1.0, 1.4, 1.8]})
    cost = before_after.compare("old", "new", measure, 5)
    assert (cost["ratio_low"], cost["ratio_high"]) == (pytest.approx(0.6), pytest.approx(1.4))


@pytest.mark.parametrize(
    ("digests", "same"),
    [({}, None), ({"old": "a", "new": "a"}, True), ({"old": "a", "new": "b"}, False)],
)
def test_other_answers_are_told(before_after, digests, same):
    measure, _ = playing(before_after, {"old": [1.0], "new": [1.0]}, digests)
    cost = before_after.compare("old", "new", measure, 1)
    assert cost["same"] is same
    assert ("OTHER ANSWERS" in before_after.line("x", cost)) is (same is False)


def test_how_long_one_waits_is_told_beside_the_work(before_after):
    """Less work, but not sooner."""
    turns = {"old": before_after.Turn(2.0, wall_s=0.5), "new": before_after.Turn(1.0, wall_s=0.6)}
    cost = before_after.compare("old", "new", turns.__getitem__, 3)
    assert (cost["ratio"], cost["wall_ratio"]) == (0.5, pytest.approx(1.2))
    assert (cost["before_wall_s"], cost["after_wall_s"]) == (0.5, 0.6)
    assert "0.50 (0.50 to 0.50), 1.20 of the waiting" in before_after.line("x", cost)


def test_where_nobody_waits_for_a_call_nothing_is_said_of_it(before_after):
    measure, _ = playing(before_after, {"old": [1.0], "new": [1.0]})
    cost = before_after.compare("old", "new", measure, 1)
    assert "wall_ratio" not in cost
    assert "waiting" not in before_after.line("x", cost)


def test_slow_stages_are_called_a_few_times_and_every_call_counts(before_after, monkeypatch):
    called = []

    def stage():
        def call(number):
            called.append(number)
            return b"alike"

        return call

    monkeypatch.setitem(before_after.STAGES, "speech-start", stage)
    found = before_after.worked("speech-start")
    assert called == list(range(sum(before_after.SLOW["speech-start"])))
    assert found["wall_s"] >= 0
    monkeypatch.setitem(before_after.STAGES, "speech-start", lambda: lambda number: bytes([number]))
    assert before_after.worked("speech-start")["digest"] != found["digest"]


@pytest.mark.models
@pytest.mark.parametrize("stage", ["speech-utterance", "speech-start"])
def test_a_stage_of_speech_answers_alike_every_time(before_after, default_store, stage, monkeypatch):
    monkeypatch.setitem(before_after.SLOW, stage, (0, 1))
    one, two = before_after.worked(stage), before_after.worked(stage)
    assert one["digest"] == two["digest"]


def test_slow_stages_exist(before_after):
    assert set(before_after.SLOW) <= set(before_after.STAGES)


def test_no_round_is_no_comparison(before_after):
    with pytest.raises(ValueError, match="at least one round"):
        before_after.compare("old", "new", lambda _: None, 0)


def test_two_checkouts_must_be_named(before_after, capsys):
    assert before_after.main(["old"]) == 2
    assert "two checkouts" in capsys.readouterr().err


def test_costs_of_other_names_stay_in_the_file(before_after, tmp_path):
    path = tmp_path / "performance.json"
    before_after.write(path, {"processors": 1, "costs": {"a": {"ratio": 0.5}, "b": {"ratio": 0.7}}})
    before_after.write(path, {"processors": 2, "costs": {"b": {"ratio": 0.9}}})
    assert json.loads(path.read_text()) == {"processors": 2, "costs": {"a": {"ratio": 0.5}, "b": {"ratio": 0.9}}}


def test_a_checkout_that_fails_ends_the_comparison(before_after, monkeypatch, capsys, tmp_path):
    def failing(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="ImportError: no edge")

    monkeypatch.setattr(before_after.subprocess, "run", failing)
    file = tmp_path / "out.json"
    assert before_after.main([str(tmp_path), str(tmp_path), "--stage", "scene-gate", "--json", str(file)]) == 1
    assert "scene-gate failed: ImportError: no edge" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("stage", ["scene-gate", "motion", "hud-frame"])
def test_a_stage_answers_alike_every_time(before_after, stage, monkeypatch):
    monkeypatch.setattr(before_after, "REPEATS", 12)
    one, two = before_after.worked(stage), before_after.worked(stage)
    assert one["digest"] == two["digest"]
    assert one["cpu_s"] > 0


def test_what_a_stage_answers_changes_its_digest(before_after, monkeypatch):
    monkeypatch.setitem(before_after.STAGES, "scene-gate", lambda: lambda number: bytes([number % 7]))
    made_up = before_after.worked("scene-gate")["digest"]
    monkeypatch.setitem(before_after.STAGES, "scene-gate", lambda: lambda number: bytes([number % 8]))
    assert before_after.worked("scene-gate")["digest"] != made_up


def test_a_run_is_started_from_its_checkout_and_shows_pictures(before_after, monkeypatch, tmp_path, capsys):
    started = []

    def playing_run(command, **how):
        started.append((command, how["cwd"], how["env"]["PYTHONPATH"]))

    spent = iter(range(100))

    class Usage:
        ru_stime = 0.0

        def __init__(self):
            self.ru_utime = float(next(spent)) ** 2

    monkeypatch.setattr(before_after.subprocess, "run", playing_run)
    monkeypatch.setattr(before_after.resource, "getrusage", lambda _: Usage())
    old, new = tmp_path / "old", tmp_path / "new"
    report = tmp_path / "out.json"
    arguments = [
        str(old),
        str(new),
        "--run",
        "--senses scene",
        "--name",
        "film",
        "--rounds",
        "1",
        "--json",
        str(report),
    ]
    assert before_after.main(arguments) == 0
    assert [(cwd, path) for _, cwd, path in started] == [(old, str(old)), (new, str(new))]
    assert started[0][0][3:6] == ["run", "--senses", "scene"]
    assert started[0][0][-2] == "--hud"
    cost = json.loads(report.read_text())["costs"]["film"]
    assert (cost["before_s"], cost["after_s"], cost["same"]) == (1.0, 5.0, None)
    assert "film" in capsys.readouterr().out
