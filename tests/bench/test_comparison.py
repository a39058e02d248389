"""Two reports side by side. Every number is made up; noise is drawn, so that alarms can be counted."""

import math

import pytest
import sample_report

from edge.bench.comparison import compare
from edge.bench.measuring import timing
from edge.bench.report import Peaks, Quality, StageResult
from edge.errors import BenchmarkError

STAGES, RUNS = 20, 200


def noisy(rng, median_ms, *, rounds=2, samples=9, between=0.03, within=0.05, disturbed=0.0):
    """Times of a stage: rounds vary, and so do samples within them; a share of the rounds meets a busy neighbour."""
    drawn = []
    for _ in range(rounds):
        level = median_ms * math.exp(rng.gauss(0, between))
        level *= rng.uniform(1.1, 1.5) if rng.random() < disturbed else 1.0
        drawn.append([level * math.exp(abs(rng.gauss(0, within))) for _ in range(samples)])
    return timing(drawn)


def stage(number, timed, **changes):
    known = {
        "stage": f"speech.part-{number}",
        "sample": "one",
        "precision": "int8",
        "threads": 2,
        "status": "measured",
        "timing": timed,
    }
    return StageResult(**{**known, **changes})


def peaks(**changes):
    return Peaks(**{"threads": 2, "bandwidth_gb_s": 10.0, "int8_gops": 80.0, "float_gops": 40.0, **changes})


def report(stages, **changes):
    return sample_report.report(
        full=False, sessions=False, changes={"peaks": (peaks(),), "stages": tuple(stages), **changes}
    )


def drawn(rng, planted=None, **noise):
    return report(
        stage(number, noisy(rng, (1 + number) * (planted or {}).get(number, 1.0), **noise)) for number in range(STAGES)
    )


def exact(*times_ms, **changes):
    """A report of stages whose rounds hardly differ."""
    return report([stage(n, timing([[ms, ms], [ms * 1.01, ms * 1.01]])) for n, ms in enumerate(times_ms)], **changes)


def verdicts(before, after, **options):
    return [one.verdict for one in compare(before, after, **options).stages]


@pytest.mark.parametrize(
    "noise",
    [
        {},
        {"between": 0.05},
        {"rounds": 3, "between": 0.08},
        {"samples": 3, "within": 0.2},
        {"rounds": 8, "disturbed": 0.15},
    ],
    ids=str,
)
def test_honest_runs_raise_no_alarm(noise):
    rng = sample_report.noise(5)
    alarms = sum(
        any(one in ("slower", "faster") for one in verdicts(drawn(rng, **noise), drawn(rng, **noise)))
        for _ in range(RUNS)
    )
    assert alarms / RUNS <= 0.05


def test_no_alarm_when_some_stages_are_noisier_than_others():
    rng = sample_report.noise(6)

    def mixed():
        return report(
            stage(number, noisy(rng, 1 + number, between=0.02 if number % 2 else 0.06)) for number in range(STAGES)
        )

    alarms = sum(any(one in ("slower", "faster") for one in verdicts(mixed(), mixed())) for _ in range(RUNS))
    assert alarms / RUNS <= 0.05


@pytest.mark.parametrize(
    ("noise", "least"),
    [
        ({}, 0.95),
        ({"rounds": 3, "between": 0.05}, 0.95),
        ({"between": 0.05}, 0.80),
        ({"rounds": 8, "disturbed": 0.15}, 0.80),
    ],
    ids=str,
)
def test_a_planted_slowdown_is_caught_on_any_stage(noise, least):
    rng, caught = sample_report.noise(7), 0
    for run in range(RUNS):
        where = run % STAGES
        found = verdicts(drawn(rng, **noise), drawn(rng, {where: 1.3}, **noise))
        caught += found[where] == "slower"
    assert caught / RUNS >= least


def test_verdicts_of_quiet_runs():
    found = compare(exact(10, 10, 10, 10), exact(10.2, 13, 7.5, 10.9))
    assert [one.verdict for one in found.stages] == ["same", "slower", "faster", "slower"]
    assert found.is_worse
    assert found.stages[1].ratio == pytest.approx(1.3)
    assert found.stages[1].interval[0] < 1.3 < found.stages[1].interval[1]
    assert not compare(exact(10, 10), exact(10, 7)).is_worse


def test_a_change_that_does_not_matter_is_the_same_however_sure():
    assert verdicts(exact(10, 10, 10), exact(10.4, 10, 10)) == ["same"] * 3


def test_noise_is_unclear_and_says_what_to_do():
    wild = report([stage(0, timing([[10, 10], [20, 20]]))])
    found = compare(exact(10), wild).stages[0]
    assert (found.verdict, found.ratio) == ("unclear", pytest.approx(1.407, abs=0.01))
    assert "run both again" in found.why


def test_a_neighbour_that_spares_some_samples_is_no_slowdown():
    disturbed = report([stage(0, timing([[10, 10, 10, 14, 14, 14, 14], [10, 10, 10, 14, 14, 14, 14]]))])
    assert verdicts(exact(10), disturbed) == ["unclear"]


def test_one_round_is_unclear():
    once = report([stage(0, timing([[20, 20]])), stage(1, timing([[10], [10]]))])
    assert verdicts(exact(10, 10), once) == ["unclear", "same"]
    assert verdicts(once, once)[0] == "unclear"


@pytest.mark.parametrize(
    ("name", "factor", "expected"),
    [
        ("int8_gops", 0.75, "unclear"),  # the machine takes 1.33 times as long: nothing is left
        ("bandwidth_gb_s", 0.75, "unclear"),
        ("int8_gops", 0.95, "slower"),  # 1.3 / 1.05 is still more than 1.05
        ("int8_gops", 1.5, "slower"),
    ],
)
def test_a_machine_that_became_slower_is_no_change_of_the_program(name, factor, expected):
    slower = {"peaks": (peaks(**{name: getattr(peaks(), name) * factor}),)}
    found = compare(exact(10, 10), exact(13, 10, **slower))
    assert [one.verdict for one in found.stages] == [expected, "same"]
    least, most = found.machine_ratio[2]
    assert pytest.approx(1 / factor, abs=1e-3) in (least, most)


def test_a_machine_that_became_faster_is_no_improvement():
    faster = {"peaks": (peaks(float_gops=60.0),)}
    assert verdicts(exact(10, 10), exact(7, 10, **faster)) == ["unclear", "same"]


def test_how_much_the_machine_slowed_is_what_other_stages_say():
    slower = {"peaks": (peaks(bandwidth_gb_s=6.0),)}  # 1.67 times as long, but only of what reads memory
    assert verdicts(exact(*[10] * 6), exact(13, *[10] * 5, **slower)) == ["slower", *["same"] * 5]
    found = verdicts(exact(*[10] * 6), exact(17, *[13] * 5, **slower))
    assert found == ["slower", *["unclear"] * 5]


def test_a_program_that_is_slower_everywhere_is_no_slower_machine():
    assert verdicts(exact(*[10] * 6), exact(*[13] * 6)) == ["slower"] * 6


def test_without_peaks_times_are_judged_alone():
    assert verdicts(exact(10, 10), exact(13, 10, peaks=())) == ["slower", "same"]


def judged(value, *, better="lower", items=1000, metric="WER", data="demo"):
    quality = Quality(metric=metric, value=value, data=data, items=items, better=better)
    return report([stage(0, timing([[10, 10], [10, 10]]), quality=(quality,))])


@pytest.mark.parametrize(
    ("before", "after", "options", "expected"),
    [
        (5.0, 5.0, {}, "same"),
        (5.0, 6.0, {}, "same"),  # standard error of the difference: 1 percentage point
        (5.0, 9.0, {}, "worse"),
        (9.0, 5.0, {}, "better"),
        (90.0, 60.0, {"better": "higher"}, "worse"),
        (60.0, 90.0, {"better": "higher"}, "better"),
        (5.0, 9.0, {"items": 50}, "same"),
        (0.0, 2.0, {"items": 50}, "same"),  # one of fifty
        (0.0, 0.0, {"items": 0}, "same"),
        (120.0, 80.0, {"items": 100}, "better"),  # a word error rate can be above 100 %
    ],
)
def test_quality_changes_beyond_their_sampling_error(before, after, options, expected):
    found = compare(judged(before, **options), judged(after, **options))
    assert [one.verdict for one in found.stages[0].quality] == [expected]
    assert found.is_worse == (expected == "worse")


def test_quality_on_other_data_is_not_compared():
    assert compare(judged(5.0), judged(50.0, data="other")).stages[0].quality == ()


def test_honest_quality_raises_no_alarm():
    rng, alarms = sample_report.noise(8), 0
    for _ in range(RUNS):
        results = []
        for _ in range(2):
            values = [100 * sum(rng.random() < 0.05 for _ in range(300)) / 300 for _ in range(10)]
            results.append(
                report(
                    stage(
                        n,
                        timing([[10], [10]]),
                        quality=(Quality(metric="WER", value=value, data="demo", items=300, better="lower"),),
                    )
                    for n, value in enumerate(values)
                )
            )
        alarms += any(one.verdict != "same" for change in compare(*results).stages for one in change.quality)
    assert alarms / RUNS <= 0.05


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"machine": sample_report.machine(cpu="Imaginary A2")}, "cpu: Imaginary A1 / Imaginary A2"),
        ({"machine": sample_report.machine(board=None)}, "board: Board of Tests / None"),
        ({"machine": sample_report.machine(memory_mb=4096.0)}, "memory: 8192 / 4096 MB"),
        ({"machine": sample_report.machine(emulated=True)}, "emulated: False / True"),
        ({"kind": "full"}, "kind of report: quick / full"),
    ],
)
def test_other_machines_and_kinds_are_refused_unless_asked_for(changes, told):
    with pytest.raises(BenchmarkError, match="--across") as refused:
        compare(exact(10), exact(10, **changes))
    assert told in str(refused.value)
    found = compare(exact(10, 10), exact(13, 10, **changes), across=True)
    assert told in found.notes
    assert found.stages[0].verdict == "slower"


def test_peaks_of_another_machine_are_no_excuse():
    other = {"machine": sample_report.machine(cpu="Slow"), "peaks": (peaks(int8_gops=20.0),)}
    assert verdicts(exact(10, 10), exact(30, 10, **other), across=True)[0] == "slower"


def test_what_else_differs_is_told_and_compared():
    after = sample_report.machine(
        commit="0.2.0", packages={"onnxruntime": "1.33.0", "numpy": "2.4.6", "onnx": "1"}, memory_mb=8100.0
    )
    changes = {"machine": after, "complete": False, "stopped": "interrupted", "slowdown": {"speech.part-0": 1.3}}
    notes = compare(exact(10), exact(10, **changes)).notes
    assert notes == (
        "commit: 0.1.0 abcdef0 / 0.2.0",
        "onnx: none / 1",
        "onnxruntime: 1.32.0 / 1.33.0",
        "the second report is not complete (interrupted)",
        "the second report slowed speech.part-0 down by 1.3 on purpose",
    )


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"precision": "fp32"}, "only the first report has times of speech.part-1 int8, threads 2"),
        ({"threads": 4}, "only the second report has times of speech.part-1 int8, threads 4"),
        ({"sample": "two"}, "has other samples: one / two"),
        ({"models": ("b",)}, "has other models:  / b"),
    ],
)
def test_results_that_are_not_alike_are_told(changes, note):
    timed = timing([[10], [10]])
    found = compare(exact(10, 10), report([stage(0, timed), stage(1, timed, **changes)]))
    assert any(note in line for line in found.notes)
    assert [one.stage for one in found.stages][:1] == ["speech.part-0"]
    assert len(found.stages) == (2 if "models" in changes else 1)


def test_a_stage_that_fails_now_is_broken():
    after = report([stage(0, timing([[10], [10]])), stage(1, None, status="failed", reason="it broke; run: x")])
    found = compare(exact(10, 10), after)
    assert found.broken == ("speech.part-1 int8, threads 2, CPUExecutionProvider: it broke; run: x",)
    assert found.is_worse


def test_nothing_in_common_is_refused():
    with pytest.raises(BenchmarkError, match="edge bench"):
        compare(exact(10), report([stage(0, None, status="skipped", reason="no model")]))
