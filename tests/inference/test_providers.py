import pytest

from edge.inference.providers import COREML, CPU, CUDA, KNOWN, OPENVINO, TENSORRT, XNNPACK, candidates, configured


def named(available, **more):
    return [one.name for one in candidates(available, 2, **more)]


def test_a_plain_wheel_has_nothing_to_measure():
    assert candidates(["AzureExecutionProvider", CPU], 2) == ()


def test_what_is_there_is_a_candidate_and_the_cpu_is_not():
    assert named([TENSORRT, CUDA, CPU]) == [TENSORRT, CUDA]
    assert named([CPU, COREML]) == [COREML]
    assert named([CPU, *reversed(KNOWN)]) == list(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_every_provider_has_options_that_are_text_and_ends_with_the_cpu(name, tmp_path):
    provider = configured(name, [*KNOWN, CPU], 2, tmp_path)
    assert provider.listed()[-1] == (CPU, {})
    assert provider.listed()[0] == (name, dict(provider.options))
    assert all(isinstance(value, str) for _, options in provider.listed() for value in options.values())


def test_an_engine_of_tensorrt_is_kept_in_the_store_and_cuda_takes_what_it_cannot(tmp_path):
    provider = configured(TENSORRT, [TENSORRT, CUDA, CPU], 2, tmp_path)
    assert provider.options["trt_engine_cache_path"] == str(tmp_path / "tensorrt")
    assert provider.options["trt_fp16_enable"] == "1"
    assert [name for name, _ in provider.listed()] == [TENSORRT, CUDA, CPU]


def test_tensorrt_without_cuda_or_cache():
    provider = configured(TENSORRT, [TENSORRT, CPU], 2)
    assert [name for name, _ in provider.listed()] == [TENSORRT, CPU]
    assert not any("cache" in option for option in provider.options)


def test_a_provider_with_threads_of_its_own_gets_the_budget():
    openvino, xnnpack = (configured(name, [name, CPU], 3) for name in (OPENVINO, XNNPACK))
    assert openvino.own_threads
    assert openvino.options["num_of_threads"] == "3"
    assert xnnpack.own_threads
    assert xnnpack.options["intra_op_num_threads"] == "3"
    assert not configured(CUDA, [CUDA, CPU], 3).own_threads


def test_what_coreml_and_openvino_compile_is_kept_too(tmp_path):
    assert configured(COREML, [COREML], 2, tmp_path).options["ModelCacheDirectory"] == str(tmp_path / "coreml")
    assert configured(OPENVINO, [OPENVINO], 2, tmp_path).options["cache_dir"] == str(tmp_path / "openvino")


def test_one_that_nobody_here_knows_is_taken_as_it_is():
    provider = configured("NewExecutionProvider", ["NewExecutionProvider"], 2)
    assert (provider.options, provider.short) == ({}, "New")
