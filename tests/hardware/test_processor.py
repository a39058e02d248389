"""The processor as played by folders: names, cores, quotas, clocks."""

import os

import pytest
from played_boards import PI, X86, clocks

from edge.hardware import processor

CPU = "sys/devices/system/cpu"


def arm(*cores):
    return "\n\n".join(
        f"processor\t: {n}\nCPU implementer\t: {i:#x}\nCPU part\t: {p:#x}" for n, (i, p) in enumerate(cores)
    )


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        (X86, "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz"),
        (PI, "Cortex-A76"),
        (arm((0x41, 0xD08)) + "\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n", "Cortex-A72"),
        (arm(*[(0x41, 0xD42)] * 6), "Cortex-A78AE"),
        (arm((0x41, 0xD05), (0x41, 0xD05), (0x41, 0xD0B)), "Cortex-A55 + Cortex-A76"),
        (arm((0x4E, 0x4)), "Nvidia Carmel"),
        (arm((0x51, 0x1)), "ARM core 0x51/0x1"),
        ("model name\t: \nnonsense", None),
        (b"\xff\xfe\x00", None),
        ("", None),
    ],
)
def test_name(board, cpuinfo, name):
    assert processor.cpu_name(board({"proc/cpuinfo": cpuinfo})) == name


def test_a_mac_tells_its_name_by_sysctl(board):
    says = (
        '#!/bin/sh\n[ "$2" = machdep.cpu.brand_string ] && echo Apple M2; [ "$2" = hw.physicalcpu ] && echo 8; true\n'
    )
    root = board({"usr/sbin/sysctl": says})
    assert processor.cpu_name(root) == "Apple M2"
    assert processor.cores_physical(root) == 8


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


V1 = {"proc/self/cgroup": "4:memory:/a/b\n2:cpu,cpuacct:/a/b\n0::/\n"}
V2 = {"proc/self/cgroup": "0::/user.slice/app\n"}


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "max 100000\n"}, 8),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "200000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n"}, 2),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "300000 100000", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "10000 100000\n"}, 1),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "9900000 100000\n"}, 8),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "garbage\n"}, 8),
        (V2 | {"sys/fs/cgroup/user.slice/app/cpu.max": "100000 0\n"}, 8),
        (V1 | {"sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1"}, 8),
        (
            V1 | {"sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "400000",
                  "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"},
            4,
        ),
        (
            {"proc/self/cgroup": "2:cpu:/docker/x\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000",
             "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        ({"proc/self/cgroup": "what is this"}, 8),
    ],
)  # fmt: skip
def test_cores_that_may_be_used(board, files, cores):
    assert processor.cores(board(files)) == cores


def test_affinity_limits_the_cores(board, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert processor.cores(board({})) == 1


def test_without_affinity_all_processors_count(board, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert processor.cores(board({})) == 6


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        (V2 | {"sys/fs/cgroup/user.slice/app/memory.max": "max\n"}, None),
        (V2 | {"sys/fs/cgroup/user.slice/memory.max": "2000000000\n"}, 2000.0),
        (V1 | {"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712"}, None),
        (V1 | {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "512000000"}, 512.0),
    ],
)
def test_memory_of_the_control_group(board, files, limit):
    assert processor.memory_limit_mb(board(files)) == limit


def test_threads_of_one_core_count_once(board):
    topology = {0: ("0", "0"), 1: ("0", "1"), 2: ("0", "0"), 3: ("0", "1"), 4: ("1", "0")}
    files = {f"{CPU}/cpufreq/policy0": None}
    for cpu, (package, core) in topology.items():
        files |= {f"{CPU}/cpu{cpu}/topology/physical_package_id": package, f"{CPU}/cpu{cpu}/topology/core_id": core}
    assert processor.cores_physical(board(files)) == 3


def test_clocks_and_governors(board):
    files = clocks("ondemand", "ondemand") | {
        f"{CPU}/cpu2/cpufreq/scaling_governor": "performance\n",
        f"{CPU}/cpu2/cpufreq/scaling_max_freq": "2400000\n",
        f"{CPU}/cpu2/cpufreq/scaling_cur_freq": "1200000\n",
    }
    root = board(files)
    assert processor.governor(root) == "ondemand,performance"
    assert processor.max_mhz(root) == 2400.0
    assert processor.mhz_now(root) == 1400.0


def test_what_no_file_tells_is_none(board):
    root = board({f"{CPU}/cpu0/cpufreq/scaling_max_freq": "<unknown>", f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "0\n"})
    for what in (
        processor.cpu_name,
        processor.cores_physical,
        processor.max_mhz,
        processor.mhz_now,
        processor.governor,
    ):
        assert what(root) is None, what.__name__


def test_a_folder_where_a_file_should_be(board):
    root = board({"proc/cpuinfo": None, f"{CPU}/cpu0/cpufreq/scaling_governor": None})
    assert processor.cpu_name(root) is None
    assert processor.governor(root) is None
