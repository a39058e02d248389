import subprocess

import pytest

from edge.inference import cpu
from edge.inference.cpu import cpu_class, cpu_flags, int8_saturates
from edge.inference.sessions import int8_saturates as sessions_int8_saturates

X86 = "processor : 0\nflags\t\t: fpu sse sse2 avx {}\nbugs : none\n"
ARM = "processor : 0\nFeatures\t: fp {}\nCPU part : 0xd0b\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("avx2 avx512f avx512_vnni"), "avx512-vnni"),
        (X86.format("avx2 avx_vnni"), "avx-vnni"),
        (X86.format("avx2 avx512f"), "avx2"),
        (X86.format(""), "other"),
        (ARM.format("asimd asimdhp asimddp"), "arm-dotprod"),
        (ARM.format("asimd crc32"), "arm"),
        (ARM.format("half thumb neon vfpv4"), "arm"),
        ("nothing that is known", "other"),
    ],
)
def test_class_from_the_flags_of_linux(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_class(cpu_flags(tmp_path / "cpuinfo")) == expected


def test_a_flag_is_a_whole_word(tmp_path):
    (tmp_path / "cpuinfo").write_text(X86.format("avx2x myavx512_vnni"))
    assert cpu_class(cpu_flags(tmp_path / "cpuinfo")) == "other"


def test_flags_of_the_first_processor_only(tmp_path):
    (tmp_path / "cpuinfo").write_text(X86.format("") + X86.format("avx2"))
    assert cpu_class(cpu_flags(tmp_path / "cpuinfo")) == "other"


def test_no_cpuinfo_tells_nothing(tmp_path):
    assert cpu_flags(tmp_path / "none") == frozenset()
    assert int8_saturates(tmp_path / "none") is False


@pytest.mark.parametrize(("flags", "saturates"), [("avx2", True), ("", True), ("avx_vnni", False)])
def test_x86_without_vnni_saturates(tmp_path, flags, saturates):
    (tmp_path / "cpuinfo").write_text(X86.format(flags))
    assert int8_saturates(tmp_path / "cpuinfo") is saturates


def test_arm_does_not_saturate(tmp_path):
    (tmp_path / "cpuinfo").write_text(ARM.format("asimd"))
    assert int8_saturates(tmp_path / "cpuinfo") is False


def test_a_mac_is_asked_through_sysctl(tmp_path, monkeypatch):
    def answer(command, **_):
        known = {"hw.optional.arm.FEAT_DotProd": "1\n", "hw.optional.AdvSIMD": "1\n"}
        return subprocess.CompletedProcess(command, 0, known.get(command[-1], ""), "")

    monkeypatch.setattr(cpu.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(cpu.subprocess, "run", answer)
    assert cpu_class(cpu_flags(tmp_path / "none")) == "arm-dotprod"


def test_a_mac_without_sysctl_tells_nothing(tmp_path, monkeypatch):
    def missing(command, **_):
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(cpu.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(cpu.subprocess, "run", missing)
    assert cpu_class(cpu_flags(tmp_path / "none")) == "other"


def test_this_machine_has_a_class():
    assert cpu_class() in {"avx512-vnni", "avx-vnni", "avx2", "arm-dotprod", "arm", "other"}


def test_sessions_ask_the_same_question():
    assert sessions_int8_saturates is int8_saturates
