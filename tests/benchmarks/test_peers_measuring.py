"""The turns, with systems that are not there."""

import pytest


@pytest.fixture
def measuring(script):
    return script("peers_measuring")


@pytest.fixture
def process(script):
    return script("peers_process")


class FakeWorker:
    def __init__(self, name, calls, breaks_at=None, error=None):
        self.name, self.calls, self.breaks_at, self.error = name, calls, breaks_at, error
        self.load_ms, self.versions, self.closed, self.count = 5.0, {"lib": "1"}, False, 0

    def run(self, item):
        self.count += 1
        if self.count == self.breaks_at:
            raise self.error
        self.calls.append((self.name, item["value"]))
        return float(self.count), f"{self.name}:{item['value']}"

    def end(self):
        self.close()
        return {"peak_rss_mb": 100.0, "note": "said at the end", "versions": {"late": "2"}}

    def close(self):
        self.closed = True


@pytest.fixture
def system(process):
    def make(name, **changes):
        return process.System(name, "worker", {}, "fp32", 1, "same", **changes)

    return make


@pytest.fixture
def items(measuring):
    return [
        measuring.Item("a", "long", {"value": "a"}),
        measuring.Item("b", "long", {"value": "b"}),
        measuring.Item("c", "-", {"value": "c"}, timed=False),
    ]


def run(measuring, systems, items, rounds=3, **special):
    calls, slept, workers = [], [], {}

    def start(system):
        made = special.get(system.name)
        if isinstance(made, Exception):
            raise made
        workers[system.name] = made or FakeWorker(system.name, calls)
        workers[system.name].calls = calls
        return workers[system.name]

    results = measuring.take_turns(systems, items, rounds, start, sleep=slept.append)
    return results, calls, slept, workers


def test_systems_alternate_on_every_input_and_the_order_turns(measuring, system, items):
    results, calls, _, _ = run(measuring, [system("x"), system("y"), system("z")], items, rounds=2)
    warm = 2 * 3
    assert "".join(name for name, _ in calls[warm : warm + 6]) == "xyzxyz"
    assert "".join(name for name, _ in calls[warm + 6 : warm + 12]) == "yzxyzx"
    assert [value for _, value in calls[warm + 6 : warm + 12]] == ["a", "a", "a", "b", "b", "b"]
    assert calls[warm + 12 :] == [("x", "c"), ("y", "c"), ("z", "c")]
    assert all(result.status == "measured" for result in results)


def test_warm_up_is_not_counted_and_untimed_inputs_are_given_once(measuring, system, items):
    ((result,), _, _, _) = run(measuring, [system("x")], items)
    assert result.times_ms == {"a": [3.0, 5.0, 7.0], "b": [4.0, 6.0, 8.0]}
    assert result.answers == {"a": "x:a", "b": "x:b", "c": "x:c"}
    assert (result.load_ms, result.peak_rss_mb, result.note) == (5.0, 100.0, "said at the end")
    assert result.versions == {"lib": "1", "late": "2"}


def test_a_system_whose_answers_mean_nothing_gets_timed_inputs_only(measuring, system, items):
    ((result,), calls, _, _) = run(measuring, [system("x", judged=False)], items)
    assert {value for _, value in calls} == {"a", "b"}
    assert set(result.answers) == {"a", "b"}


def test_a_slow_system_may_be_given_the_timed_inputs_only(measuring, system, items):
    ((result,), calls, _, _) = run(measuring, [system("x", timed_only=True)], items)
    assert {value for _, value in calls} == {"a", "b"}
    assert set(result.answers) == {"a", "b"}


def test_spinning_threads_get_time_to_calm_down(measuring, system, items):
    _, calls, slept, _ = run(measuring, [system("x"), system("y", pause_s=0.25)], items, rounds=1)
    assert slept == [0.25] * sum(name == "y" and value != "c" for name, value in calls)


def test_a_slow_system_takes_part_in_the_first_rounds_only(measuring, system, items):
    (all_rounds, few), calls, _, _ = run(measuring, [system("x"), system("y", rounds=2)], items, rounds=4)
    assert (len(all_rounds.times_ms["a"]), len(few.times_ms["a"])) == (4, 2)
    assert few.answers == {"a": "y:a", "b": "y:b", "c": "y:c"}
    assert sum(name == "y" for name, _ in calls) == 2 + 2 * 2 + 1
    (known,), _, _, _ = run(measuring, [system("x", rounds=9)], items, rounds=2)
    assert len(known.times_ms["a"]) == 2


def test_a_system_that_dies_has_a_reason_and_no_numbers_and_the_others_go_on(measuring, process, system, items):
    dying = FakeWorker("y", [], breaks_at=9, error=process.WorkerError("its process died (signal 9)"))
    (good, bad), _, _, _ = run(measuring, [system("x"), system("y")], items, y=dying)
    assert (bad.status, bad.reason) == ("failed", "c: its process died (signal 9)")
    assert (bad.times_ms, bad.answers, bad.peak_rss_mb) == ({}, {}, None)
    assert dying.closed
    assert len(good.times_ms["a"]) == 3


@pytest.mark.parametrize("kind", ["missing", "broken", "no interpreter", "told before"])
def test_what_cannot_be_started_is_a_row_with_a_reason(measuring, process, system, items, kind):
    error = {
        "missing": process.MissingError("why; run: something"),
        "broken": process.WorkerError("why"),
        "no interpreter": OSError("why"),
    }.get(kind)
    second = system("y", missing="why; run: something") if error is None else system("y")
    (good, bad), calls, _, workers = run(measuring, [system("x"), second], items, **({"y": error} if error else {}))
    assert bad.status == ("skipped" if kind in {"missing", "told before"} else "failed")
    assert bad.reason == ("why; run: something" if bad.status == "skipped" else "why")
    assert good.times_ms
    assert "y" not in workers
    assert {name for name, _ in calls} == {"x"}


@pytest.mark.parametrize(("python", "kind"), [(None, "bench"), ("/other/python", "export")])
def test_a_package_that_is_not_here_is_told_with_what_installs_it(measuring, process, system, items, python, kind):
    error = process.MissingError("No module named 'peer'")
    ((bad,), _, _, _) = run(measuring, [system("y", python=python)], items, y=error)
    assert bad.reason.startswith("No module named 'peer'; ")
    assert bad.reason.endswith(f"scripts/setup {kind} installs it")


def test_all_processes_end_when_it_is_interrupted(measuring, system, items):
    stopped = FakeWorker("y", [], breaks_at=4, error=KeyboardInterrupt())
    other = FakeWorker("x", [])
    with pytest.raises(KeyboardInterrupt):
        run(measuring, [system("x"), system("y")], items, x=other, y=stopped)
    assert stopped.closed
    assert other.closed


def test_rotation_comes_round(measuring):
    assert [measuring.rotated([1, 2, 3], turn) for turn in (0, 1, 3)] == [[1, 2, 3], [2, 3, 1], [1, 2, 3]]
    assert measuring.rotated([], 4) == []
