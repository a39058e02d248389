"""What a benchmark finds around it: settings, models under the ids that are opened, and the meter's idle power."""

import time

import pytest
import sample_report

from edge.bench import world as of_world
from edge.bench.plan import Choice
from edge.bench.stages import STAGES
from edge.bench.world import this_world
from edge.errors import SettingsError


class Meter:
    """Counts two joules at every question."""

    name, covers = "meter of tests", "nothing"

    def __init__(self):
        self.asked = 0

    def joules(self):
        self.asked += 1
        return 2.0 * self.asked

    def close(self):
        raise AssertionError("the meter is the caller's")


@pytest.fixture(autouse=True)
def nobodys_surroundings(monkeypatch, tmp_path):
    """No models, no settings but those that a test names, and a machine that costs no time to look at."""
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge.hardware.machine", sample_report.machine)


def found(choice=None, sessions=None, sessions_s=0.0, tell=lambda _: None):
    return this_world(choice or Choice(), sessions, sessions_s, tell)


def test_it_has_every_stage_and_what_it_was_given():
    told = []

    def sessions(report_each, budget_s, began_s):
        raise AssertionError("nothing runs by being there")

    world = found(sessions=sessions, sessions_s=70.0, tell=told.append)
    assert world.stages == STAGES
    assert (world.sessions, world.sessions_s) == (sessions, 70.0)
    world.tell("a line")
    assert told == ["a line"]
    assert world.machine == sample_report.machine()
    assert (world.meter, world.idle_w) == (None, None)


def test_its_clock_is_the_one_that_conditions_count_from():
    world = found()
    began_s = world.clock()
    assert began_s <= time.monotonic()
    assert 0 <= world.condition(began_s).at_s < 60


def test_threads_are_those_of_the_settings_file(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("[inference]\nthreads = 3\n", encoding="utf-8")
    assert found(Choice(settings=file)).own_threads == 3
    assert found().own_threads == 2


def test_the_settings_of_the_surroundings_count_too(tmp_path, monkeypatch):
    file = tmp_path / "settings.toml"
    file.write_text("[inference]\nthreads = 5\n", encoding="utf-8")
    monkeypatch.setenv("EDGE_SETTINGS", str(file))
    assert found().own_threads == 5


@pytest.mark.parametrize("content", ["[inference]\nthreads = 0\n", "[inference]\nthread = 2\n", "no toml ["])
def test_settings_that_are_not_valid_are_refused_on_one_line(tmp_path, content):
    file = tmp_path / "settings.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        found(Choice(settings=file))
    assert "settings.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("model_id", ["whisper-base", "mt-en-pt", "no-such-model", "../etc/passwd", ""])
def test_a_model_that_is_nowhere_keeps_its_name(model_id):
    assert found().resolve(model_id) == model_id


def test_a_model_has_the_name_of_what_stands_in_for_it(monkeypatch):
    class Store:
        def resolve(self, model_id):
            return type("Found", (), {"id": f"{model_id}-2021"})

    monkeypatch.setattr("edge.hub.store.ModelStore", Store)
    assert found().resolve("mt-en-pt") == "mt-en-pt-2021"


def test_without_a_meter_nothing_is_waited_for(monkeypatch):
    monkeypatch.setattr(of_world, "idle_watts", lambda *_: pytest.fail("there is nothing to ask"))
    world = found()
    assert world.with_meter(None, quick=True) is world


@pytest.mark.parametrize(("quick", "seconds"), [(True, 2.0), (False, 5.0)])
def test_a_meter_is_asked_for_the_power_at_rest_before_anything_runs(monkeypatch, quick, seconds):
    waited = []
    monkeypatch.setattr(of_world, "idle_watts", lambda meter, wait_s: waited.append((meter, wait_s)) or 1.5)
    meter, world = Meter(), found()
    with_it = world.with_meter(meter, quick=quick)
    assert waited == [(meter, seconds)]
    assert (with_it.meter, with_it.idle_w) == (meter, 1.5)
    assert (world.meter, world.idle_w) == (None, None)


def test_a_meter_that_fails_at_rest_leaves_the_power_unknown(monkeypatch):
    monkeypatch.setattr(of_world, "idle_watts", lambda *_: None)
    assert found().with_meter(Meter(), quick=True).idle_w is None
