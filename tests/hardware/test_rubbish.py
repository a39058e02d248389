"""Sensors that say rubbish, or fail: nothing of it may end a benchmark, and nothing of it may become a number."""

import errno
import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from played_boards import MEMORY, PI, X86, clocks, write_board, zones

from edge.hardware import condition, machine
from edge.hardware.energy import open_meter, why_no_meter
from edge.hardware.record import Condition, Machine
from edge.hardware.sensors import processor_temperature_c

GROUP = "sys/fs/cgroup"
HWMON = "sys/class/hwmon"
BOARD = {
    "proc/cpuinfo": PI,
    "proc/meminfo": MEMORY,
    "proc/loadavg": "0.50 0.40 0.30 1/200 4000\n",
    "proc/self/cgroup": "0::/user.slice\n3:cpu,memory:/old\n",
    "proc/device-tree/model": "Board of Tests\0",
    "proc/sys/kernel/osrelease": "6.6\n",
    "etc/os-release": 'PRETTY_NAME="Test OS 1"\n',
    "usr/lib/os-release": 'PRETTY_NAME="Test OS 1"\n',
    "run/systemd/container": "lxc\n",
    "sys/class/dmi/id/sys_vendor": "Maker\n",
    "sys/class/dmi/id/product_name": "Product\n",
    "sys/hypervisor/type": "xen\n",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    f"{GROUP}/cpu.max": "200000 100000\n",
    f"{GROUP}/memory.max": "max\n",
    f"{GROUP}/cpu,memory/cpu.cfs_quota_us": "100000\n",
    f"{GROUP}/cpu,memory/cpu.cfs_period_us": "100000\n",
    f"{GROUP}/cpu,memory/memory.limit_in_bytes": "1000000000\n",
    f"{HWMON}/hwmon0/name": "coretemp\n",
    f"{HWMON}/hwmon0/temp1_input": "45000\n",
    f"{HWMON}/hwmon1/name": "rpi_volt\n",
    f"{HWMON}/hwmon1/in0_lcrit_alarm": "0\n",
    f"{HWMON}/hwmon2/name": "ina3221\n",
    f"{HWMON}/hwmon2/in1_label": "VDD_IN\n",
    f"{HWMON}/hwmon2/in1_input": "5000\n",
    f"{HWMON}/hwmon2/curr1_input": "1000\n",
    f"{HWMON}/hwmon2/oc1_event_cnt": "0\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "1000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
    "sys/devices/system/cpu/cpu0/topology/core_id": "0\n",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "0\n",
    **clocks("ondemand"),
    **zones({"cpu-thermal": "45000\n", "acpitz": "40000\n"}),
}
WORST = (
    b"", b"\0", b"\n", b"-", b"-1", b"\xff\xfe\x00", b"nan", b"inf", b"-inf", b"1e999", b"0x", b"0xzz", "²".encode(),
    "٣".encode(), b"9" * 400, b"9" * 5000, b"-" + b"9" * 400, b"1_000", b"max", b"0 0", b"\xc2\xb2 \xc2\xb2",
    b"1 0", b":::", b"0::/../../..", b"0::/\0", b"model name :", b"CPU part : 0x\nCPU implementer : 0x",
    b"MemTotal: " + b"9" * 5000 + b" kB\nMemAvailable: " + b"9" * 400 + b" kB\n", b"\x1b[2J\x07",
    b"CPU implementer : 0x" + b"f" * 5000 + b"\nCPU part : 0x" + b"f" * 5000, b"0::" + b"/a" * 5000,
)  # fmt: skip
rubbish = st.one_of(
    st.sampled_from(WORST),
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers().map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
)


def look(root):
    """Everything that is read of a machine; what it says must survive a report."""
    found, now, meter = machine(root), condition(0.0, root), open_meter(root)
    if meter is not None:
        with meter:
            joules = meter.joules()
            assert joules is None or math.isfinite(joules)
            assert meter.name
    assert why_no_meter(root)
    for record, kind in ((found, Machine), (now, Condition)):
        text = record.model_dump_json()
        assert kind.model_validate(json.loads(text)) == record
        assert all(math.isfinite(value) for value in dict(record).values() if isinstance(value, float))
    return found, now


@pytest.fixture(autouse=True)
def no_wait(monkeypatch):
    """Neither git nor packages are asked thousands of times."""
    monkeypatch.setattr("edge.hardware.identity.commit", lambda: "0.1.0")
    monkeypatch.setattr("edge.hardware.identity._version", lambda _name: "1")


def many(function):
    """Hypothesis with folders, which are slow to write."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=15, deadline=None, suppress_health_check=health)(function)


@pytest.mark.parametrize("name", sorted(BOARD))
def test_any_one_file_may_say_the_worst(tmp_path, name):
    for index, said in enumerate(WORST):
        look(write_board(tmp_path / str(index), {name: said}))


@pytest.mark.parametrize("worst", WORST, ids=lambda said: repr(said[:12]))
def test_all_files_may_say_the_worst(tmp_path, worst):
    look(write_board(tmp_path, dict.fromkeys(BOARD, worst)))


@many
@given(st.dictionaries(st.sampled_from(sorted(BOARD)), rubbish, max_size=8))
@example({})
def test_rubbish_in_some_files_of_a_board(said):
    with tempfile.TemporaryDirectory() as folder:
        found, now = look(write_board(Path(folder), BOARD | said))
    assert found.cores >= 1
    assert now.temperature_c is None or 1 <= now.temperature_c < 131
    for size in (found.memory_mb, found.swap_mb, found.max_mhz, now.mhz, now.load, now.available_mb):
        assert size is None or size >= 0


@many
@given(st.lists(rubbish, max_size=5))
def test_a_temperature_is_one_or_unknown(said):
    with tempfile.TemporaryDirectory() as folder:
        kinds = ("cpu-thermal", "acpitz", "gpu", "tj-thermal", "x")
        root = write_board(Path(folder), zones(dict(zip(kinds, said, strict=False))))
        degrees = processor_temperature_c(root)
    assert degrees is None or 1 <= degrees < 131


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.EAGAIN, errno.ENODEV, errno.ENODATA, errno.EISDIR])
def test_files_that_fail_when_they_are_read(tmp_path, monkeypatch, code):
    root = write_board(tmp_path, BOARD)
    real = Path.read_bytes

    def fail(path):
        if root in path.parents:
            raise OSError(code, "of tests", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    found, now = look(root)
    assert (found.memory_mb, found.governor, found.max_mhz, found.board) == (None, None, None, None)
    assert (now.temperature_c, now.mhz, now.throttled, now.load, now.available_mb) == (None,) * 5
    assert open_meter(root) is None


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_sensor_that_fails_between_two_readings_leaves_no_number(tmp_path, monkeypatch, code):
    root = write_board(tmp_path, {name: said for name, said in BOARD.items() if "powercap" in name})
    meter = open_meter(root)
    assert meter.joules() == 0.0
    real = Path.read_bytes

    def fail(path):
        if path.name == "energy_uj":
            raise OSError(code, "of tests")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    assert meter.joules() is None
    monkeypatch.undo()
    assert meter.joules() is None, "what was used in between is not known"


def test_folders_in_place_of_files(tmp_path):
    found, now = look(write_board(tmp_path, dict.fromkeys(BOARD)))
    assert found.memory_mb is None
    assert now.temperature_c is None


def test_folders_that_may_not_be_entered(tmp_path, monkeypatch):
    """As `root` may enter everything, the system's answer is played."""
    root = write_board(tmp_path, BOARD | {"proc/cpuinfo": X86})
    real = Path.stat

    def refuse(path, **options):
        if root in path.parents:
            raise PermissionError(errno.EACCES, "of tests", str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    look(root)
