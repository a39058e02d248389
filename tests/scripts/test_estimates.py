"""Estimates beside what was measured: made without looking at it, and judged in words that the numbers bear out."""

import pytest
import sample_report

from edge.bench.report import Floor


@pytest.fixture
def docs(scripts_on_path):
    import estimate_docs

    return estimate_docs


def stage(name, floor_ms, ratio, *, precision="int8", threads=1):
    """A result with this floor, and a median of `ratio` times it."""
    result = sample_report.result(sample_report.noise(), "scene.look", precision, threads)
    timing = result.timing.model_copy(update={"p50_ms": floor_ms * ratio})
    floor = Floor(memory_ms=0, compute_ms=floor_ms, floor_ms=floor_ms, ratio=ratio)
    return result.model_copy(update={"stage": name, "floor": floor, "timing": timing})


def report(*stages, **known):
    return sample_report.report(sessions=False, changes={"stages": stages}, **known)


def test_a_stage_is_estimated_from_the_others_alone(docs):
    made = docs.by_typical_ratio(report(stage("a", 10, 2), stage("b", 5, 3), stage("c", 1, 100)))
    assert [(one.what, one.estimated_ms, one.measured_ms) for one in made] == [
        ("`a`", 10 * 51.5, 20),
        ("`b`", 5 * 51, 15),
        ("`c`", 2.5, 100),
    ]


def test_a_stage_that_has_no_floor_is_neither_estimated_nor_used(docs):
    bare = stage("b", 5, 3).model_copy(update={"floor": None})
    nothing = stage("c", 0.0, 3)
    assert docs.by_typical_ratio(report(stage("a", 10, 2), bare, nothing)) == []


def test_more_threads_are_estimated_from_fewer_of_the_same_precision(docs):
    made = docs.by_other_threads(
        report(
            stage("a", 10, 2, threads=1),
            stage("a", 4, 4, threads=4),
            stage("a", 6, 3, threads=2),
            stage("a", 9, 2, precision="fp32", threads=2),
            stage("b", 9, 2, threads=2),
        )
    )
    assert [(one.what, round(one.estimated_ms, 9), one.measured_ms) for one in made] == [
        ("`a`, int8, 1 to 2 threads", 12, 18),
        ("`a`, int8, 2 to 4 threads", 12, 16),
    ]


def test_another_machine_is_estimated_by_the_ratio_of_the_same_stage(docs):
    known, unknown = report(stage("a", 10, 2), stage("b", 10, 5)), report(stage("a", 40, 3), stage("c", 1, 1))
    (made,) = docs.by_other_machine(known, unknown)
    assert (made.what, made.estimated_ms, made.measured_ms) == ("`a`", 80, 120)


def test_the_words_count_what_is_near_and_name_the_worst(docs):
    text = docs.estimates_part({"m": report(stage("a", 10, 2), stage("b", 10, 2), stage("c", 10, 4))})
    assert "**Board of Tests: floor times the median ratio of the other stages**" in text
    assert "| `c` | 20.0 | 40.0 | 0.50 |" in text
    assert "0 of 3" in text
    assert "The worst, `c`, is estimated 2.0 times too fast." in text


def test_right_estimates_are_called_right(docs):
    text = docs.estimates_part({"m": report(stage("a", 10, 2), stage("b", 10, 2.1))})
    assert "2 of 2" in text


def test_too_slow_is_told_from_too_fast(docs):
    text = docs.estimates_part({"m": report(stage("a", 10, 2), stage("b", 10, 2), stage("c", 10, 0.5))})
    assert "The worst, `c`, is estimated 4.0 times too slow." in text


def test_two_machines_are_estimated_from_each_other(docs):
    text = docs.estimates_part({"a": report(stage("a", 10, 2)), "b": report(stage("a", 5, 3), board="Other")})
    assert "**Other from Board of Tests: its own floor" in text
    assert "**Board of Tests from Other: its own floor" in text


def test_of_many_machines_each_is_estimated_from_one_of_its_class_and_one_of_another(docs):
    boards = {
        name: report(stage("a", 10, 2), board=name, cpu_class=name[:3])
        for name in ("arm 1", "arm 2", "arm 3", "x86 1", "x86 2")
    }
    text = docs.estimates_part(boards)
    pairs = [line for line in text.splitlines() if " from arm" in line or " from x86" in line]
    assert [line.split(":")[0].strip("*") for line in pairs] == [
        "arm 1 from arm 2",
        "arm 1 from x86 1",
        "arm 2 from arm 1",
        "arm 2 from x86 1",
        "arm 3 from arm 1",
        "arm 3 from x86 1",
        "x86 1 from arm 1",
        "x86 1 from x86 2",
        "x86 2 from arm 1",
        "x86 2 from x86 1",
    ]


def test_without_boards_or_floors_there_is_no_example(docs):
    assert "nothing to work an example from" in docs.estimates_part({})
    bare = stage("b", 5, 3).model_copy(update={"floor": None})
    assert "nothing to work an example from" in docs.estimates_part({"a": report(bare)})


def test_a_quick_report_is_enough_for_an_example(docs):
    text = docs.estimates_part({"a": sample_report.report(full=False)})
    assert "ratio of the other stages" in text
    assert "fewer threads" not in text
