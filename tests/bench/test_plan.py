import errno
from pathlib import Path

import pytest

from edge.bench.plan import (
    CPU,
    Choice,
    check_surroundings,
    full_seconds,
    is_default,
    select,
    thread_counts,
    variants,
)
from edge.bench.stage import Stage, Variant
from edge.errors import BenchmarkError

STAGES = (
    Stage("speech.mel", "window", None, (), ("-",), threaded=False),
    Stage("speech.encoder", "window", None, ("whisper-base",), ("int8", "fp32")),
    Stage("hud.captions", "picture", None, (), ("-",), threaded=False),
)


def named(choice, own_threads=2, cores=4):
    return [
        (one.stage, one.precision, one.threads, one.provider) for one in variants(choice, STAGES, own_threads, cores)
    ]


def test_quick_is_what_the_program_does_by_itself():
    chosen = variants(Choice(quick=True), STAGES, 2, 8)
    assert chosen == (
        Variant("speech.mel", "-", 1),
        Variant("speech.encoder", "int8", 2),
        Variant("hud.captions", "-", 1),
    )
    assert all(is_default(one, stage, 2) for one, stage in zip(chosen, STAGES, strict=True))


def test_full_is_every_precision_and_number_of_threads_but_unthreaded_stages_once():
    found = named(Choice())
    assert found.count(("speech.mel", "-", 1, CPU)) == 1
    assert [(p, t) for name, p, t, _ in found if name == "speech.encoder"] == [
        (precision, threads) for precision in ("int8", "fp32") for threads in (1, 2, 4)
    ]
    assert len(found) == 8


def test_just_one_variant_of_a_stage_is_the_program_s_own():
    encoder = [one for one in variants(Choice(), STAGES, 2, 4) if one.stage == "speech.encoder"]
    assert [one for one in encoder if is_default(one, STAGES[1], 2)] == [Variant("speech.encoder", "int8", 2)]


@pytest.mark.parametrize(
    ("own", "cores", "counts"),
    [(2, 1, (1, 2)), (2, 2, (1, 2)), (2, 4, (1, 2, 4)), (3, 6, (1, 2, 3, 4, 6)), (2, 16, (1, 2, 4, 8, 16))],
)
def test_threads_double_up_to_all_cores(own, cores, counts):
    assert thread_counts(own, cores) == counts


def test_a_sense_stands_for_all_its_stages():
    assert [stage.name for stage in select(("speech",), STAGES)] == ["speech.mel", "speech.encoder"]
    assert [stage.name for stage in select(("hud.captions", "speech.mel"), STAGES)] == ["speech.mel", "hud.captions"]
    assert select((), STAGES) == STAGES


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(stages=("speech.encodr",)), r"no stage 'speech.encodr'; did you mean speech.encoder\? run: edge bench"),
        (Choice(stages=("zzz",)), "no stage 'zzz'; run: edge bench --list"),
        (Choice(precisions=("int9",)), r"no precision of these stages 'int9'; did you mean int8\?"),
        (Choice(stages=("speech.mel",), precisions=("int8",)), "no precision of these stages 'int8'"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(choice, message):
    with pytest.raises(BenchmarkError, match=message):
        variants(choice, STAGES, 2, 4)


def test_chosen_precisions_threads_and_providers():
    choice = Choice(stages=("speech",), precisions=("fp32",), threads=(1, 3), providers=(CPU, "OpenVINO"))
    assert named(choice) == [
        ("speech.encoder", "fp32", threads, provider) for threads in (1, 3) for provider in (CPU, "OpenVINO")
    ]


def test_the_kind_of_a_report():
    assert Choice(quick=True).kind == "quick"
    assert Choice().kind == "full"
    for changed in ({"stages": ("hud",)}, {"precisions": ("int8",)}, {"threads": (1,)}, {"providers": ("X",)}):
        assert Choice(quick=True, **changed).kind == "chosen"


def test_a_full_benchmark_takes_minutes():
    assert 60 < full_seconds(len(named(Choice()))) < 600


@pytest.mark.parametrize("folder", ["flores", "recognition", "signs", "speech-en", "speech-pt"])
def test_a_folder_of_evaluation_data_has_at_least_one_kind(tmp_path, folder):
    with pytest.raises(BenchmarkError, match="no evaluation data in"):
        check_surroundings(Choice(data=tmp_path), (CPU,))
    (tmp_path / folder).touch()
    with pytest.raises(BenchmarkError, match="choose another --data"):
        check_surroundings(Choice(data=tmp_path), (CPU,))
    (tmp_path / folder).unlink()
    (tmp_path / folder).mkdir()
    check_surroundings(Choice(data=tmp_path), (CPU,))


def test_a_folder_of_evaluation_data_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(BenchmarkError, match=r"cannot be read \(Permission denied\); choose another --data"):
        check_surroundings(Choice(data=tmp_path), (CPU,))


def test_where_the_runtime_tells_no_providers_none_is_refused():
    check_surroundings(Choice(providers=("CUDAExecutionProvider",)), ())
    with pytest.raises(BenchmarkError, match="no execution provider 'CUDA' here, only CPU; run: edge doctor"):
        check_surroundings(Choice(providers=("CUDAExecutionProvider",)), (CPU,))
