"""Time by turns, the machine, and the measurements of default models."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("scripts_on_path")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only what is timed moves on."""
    import gate_measure

    class Clock:
        now = 0.0

        def takes(self, seconds, calls=None):
            def run(item):
                self.now += seconds(item) if callable(seconds) else seconds
                if calls is not None:
                    calls.append(item)

            return run

    running = Clock()
    monkeypatch.setattr(gate_measure.time, "perf_counter", lambda: running.now)
    monkeypatch.setattr(gate_measure.time, "monotonic", lambda: running.now)
    return running


def test_ratio_and_times_of_an_item(clock):
    from gate_measure import alternate

    found = alternate(clock.takes(0.01), clock.takes(0.02), [1, 2, 3], rounds=5, threads=1)
    assert found.ratio == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5))
    assert found.candidate_ms == pytest.approx(10)
    assert found.replaced_ms == pytest.approx(20)
    assert (found.rounds, found.threads, found.is_faster) == (5, 1, True)


def test_a_machine_that_gets_slower_hurts_both_alike(clock):
    from gate_measure import alternate

    found = alternate(
        clock.takes(lambda _: 0.01 * (1 + clock.now)), clock.takes(lambda _: 0.01 * (1 + clock.now)), [1], rounds=15
    )
    assert found.ratio == pytest.approx(1.0, abs=0.02)
    assert not found.is_faster


def test_the_first_round_is_not_counted(clock):
    from gate_measure import alternate

    calls = []
    cold = clock.takes(lambda _: 5.0 if len(calls) < 1 else 0.01, calls)
    assert alternate(cold, clock.takes(0.01), [1], rounds=5).candidate_ms == pytest.approx(10)
    assert len(calls) == 6


def test_it_stops_after_a_minute_but_not_before_five_rounds(clock):
    from gate_measure import alternate

    calls = []
    assert alternate(clock.takes(40.0, calls), clock.takes(40.0), [1], rounds=50).rounds == 5
    assert len(calls) == 6


def test_one_slow_round_does_not_decide(clock):
    from gate_measure import alternate

    calls = []
    disturbed = clock.takes(lambda _: 0.5 if len(calls) == 4 else 0.01, calls)
    found = alternate(disturbed, clock.takes(0.02), [1], rounds=15)
    assert found.ratio == pytest.approx(0.5)
    assert found.is_faster


def test_the_machine_has_a_class_and_a_name():
    from gate_measure import machine

    found = machine()
    assert found["class"] in ("avx512-vnni", "avx-vnni", "avx2", "arm-dotprod", "arm", "other")
    assert found["cores"] >= 1
    assert found["cpu"]


def test_names_of_processors(tmp_path):
    from gate_measure import _cpu_name

    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Abacus 3000\n")
    assert _cpu_name(file) == "Abacus 3000"
    file.write_text("processor\t: 0\nCPU part\t: 0xd08\nHardware\t: BCM2835\n")
    assert _cpu_name(file) == "BCM2835"
    assert _cpu_name(tmp_path / "none")


def test_peak_memory_without_proc(tmp_path):
    from gate_measure import peak_mb

    assert 5 < peak_mb(tmp_path / "none") < 100_000
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t  123456 kB\n")
    assert peak_mb(status) == pytest.approx(123.456)


class TestDefaults:
    def test_an_unknown_id(self, capsys):
        import gate_defaults

        assert gate_defaults.main(["silero-vad"]) == 2
        assert "silero-vad is not one of whisper-base" in capsys.readouterr().err

    def test_results_are_completed_entry_by_entry(self, monkeypatch, tmp_path, capsys):
        import gate_defaults

        file = tmp_path / "default_models.json"
        file.write_text(json.dumps({"mt-pt-en-2021": {"ram_mb": 1, "reasons": []}}))
        monkeypatch.setattr(gate_defaults, "RESULTS", file)
        monkeypatch.setattr(gate_defaults, "measure", lambda model, _options: {"reasons": [f"{model.id} is bad"]})
        assert gate_defaults.main(["mt-en-pt-2021"]) == 1
        assert "mt-en-pt-2021 is bad" in capsys.readouterr().out
        assert set(json.loads(file.read_text())) == {"mt-en-pt-2021", "mt-pt-en-2021"}

    @pytest.mark.models
    def test_memory_alone(self, monkeypatch, tmp_path):
        import gate_defaults

        file = tmp_path / "default_models.json"
        file.write_text(json.dumps({"mt-pt-en-2021": {"ram_mb": 0.1, "reasons": [], "date": "2026-01-02"}}))
        monkeypatch.setattr(gate_defaults, "RESULTS", file)
        assert gate_defaults.main(["mt-pt-en-2021", "--memory"]) == 0
        found = json.loads(file.read_text())["mt-pt-en-2021"]
        assert 40 < found["ram_mb"] < 300
        assert found["date"] == "2026-01-02"
