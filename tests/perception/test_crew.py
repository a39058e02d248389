import threading

import pytest

from edge.perception.crew import Crew


def test_results_keep_the_order_of_the_things():
    assert Crew(2).map(lambda number: number * number, range(7)) == [0, 1, 4, 9, 16, 25, 36]


def test_two_jobs_run_at_once():
    meeting = threading.Barrier(2, timeout=10)
    assert Crew(2).map(lambda thing: meeting.wait() >= 0 and thing, ["a", "b", "c", "d"]) == ["a", "b", "c", "d"]


def test_one_thread_works_in_the_calling_thread():
    assert Crew(1).map(lambda _: threading.get_ident(), [1, 2]) == [threading.get_ident()] * 2


def test_checkpoint_comes_before_every_group():
    seen = []
    Crew(2).map(seen.append, [1, 2, 3], lambda: seen.append("checkpoint"))
    assert seen[0] == "checkpoint"
    assert set(seen[1:3]) == {1, 2}
    assert seen[3:] == ["checkpoint", 3]


def test_a_checkpoint_may_give_up():
    begun = []

    def give_up():
        if begun:
            raise TimeoutError("speech is waiting")

    with pytest.raises(TimeoutError, match="speech"):
        Crew(2).map(begun.append, range(10), give_up)
    assert sorted(begun) == [0, 1]


def test_errors_of_jobs_are_raised():
    with pytest.raises(ZeroDivisionError):
        Crew(2).map(lambda number: 1 // number, [1, 0, 1])


def test_nothing_to_do():
    assert Crew(2).map(str, []) == []


def test_a_crew_has_somebody():
    with pytest.raises(ValueError, match="at least one"):
        Crew(0)
