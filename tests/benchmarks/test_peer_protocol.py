"""What a worker says to its orders, line by line."""

import io
import json

import pytest


@pytest.fixture
def protocol(script):
    return script("peer_protocol")


def said(protocol, load, *orders, packages=()):
    out = io.StringIO()
    protocol.answer_orders(load, packages, io.StringIO("".join(json.dumps(order) + "\n" for order in orders)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def doubling(order):
    factor = order["factor"]
    return lambda item: lambda: item["value"] * factor


def test_a_system_is_loaded_run_and_ended(protocol):
    loaded, ran, ended = said(
        protocol, doubling, {"load": {"factor": 2}}, {"run": {"value": 21}}, {"end": True}, packages=("numpy",)
    )
    assert loaded["load_ms"] >= 0
    assert set(loaded["versions"]) == {"numpy"}
    assert ran["answer"] == 42
    assert ran["ms"] >= 0
    assert ended["peak_rss_mb"] > 1


def test_inputs_are_read_before_the_clock_runs(protocol, monkeypatch):
    clock = iter(range(0, 10_000_000_000, 1_000_000))
    monkeypatch.setattr(protocol.time, "perf_counter_ns", lambda: next(clock))

    def load(order):
        def prepare(item):
            for _ in range(100):  # takes 100 ms on this clock
                protocol.time.perf_counter_ns()
            return lambda: "done"

        return prepare

    assert said(protocol, load, {"load": {}}, {"run": {}})[1] == {"ms": 1.0, "answer": "done"}


def test_what_is_not_installed_is_told_apart_from_what_fails(protocol):
    def missing(order):
        raise ModuleNotFoundError("No module named 'thing'")

    def broken(order):
        raise ValueError("first line\nsecond line")

    assert said(protocol, missing, {"load": {}}) == [{"missing": "No module named 'thing'"}]
    assert said(protocol, broken, {"load": {}}) == [{"error": "ValueError: first line"}]


def test_a_call_that_fails_does_not_end_the_worker(protocol):
    first, second = said(protocol, doubling, {"load": {"factor": 2}}, {"run": {}}, {"run": {"value": 1}})[1:]
    assert first == {"error": "KeyError: 'value'"}
    assert second["answer"] == 2


def test_nothing_is_answered_after_the_end(protocol):
    assert len(said(protocol, doubling, {"load": {"factor": 1}}, {"end": True}, {"run": {"value": 1}})) == 2


def test_packages_that_are_not_there_have_no_version(protocol):
    assert protocol.versions(("numpy", "no-such-package-at-all")).keys() == {"numpy"}
