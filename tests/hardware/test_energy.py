"""Meters of energy over played sensors: sums, wraps, failures."""

import itertools
import threading

import pytest

from edge.hardware import energy
from edge.hardware.energy import RaplMeter, SampledMeter, idle_watts, open_meter, why_no_meter
from edge.hardware.power import find_rails

RAPL = "sys/class/powercap"
HWMON = "sys/class/hwmon"
ADC = """     3V7_WL_SW_A current(0)=0.10000000A
      VDD_CORE_A current(7)=2.00000000A
     3V7_WL_SW_V volt(8)=3.70000000V
      VDD_CORE_V volt(15)=0.80000000V
        EXT5V_V volt(24)=5.15000000V
         BATT_V volt(25)=0.00000000V
"""


def rapl(package_uj="1000000", dram_uj="500000", wraps_at="5000000"):
    return {
        f"{RAPL}/intel-rapl/enabled": "1",
        f"{RAPL}/intel-rapl:0/name": "package-0\n",
        f"{RAPL}/intel-rapl:0/energy_uj": package_uj,
        f"{RAPL}/intel-rapl:0/max_energy_range_uj": wraps_at,
        f"{RAPL}/intel-rapl:0:0/name": "core\n",
        f"{RAPL}/intel-rapl:0:0/energy_uj": "999",
        f"{RAPL}/intel-rapl:0:1/name": "dram\n",
        f"{RAPL}/intel-rapl:0:1/energy_uj": dram_uj,
        f"{RAPL}/intel-rapl:0:1/max_energy_range_uj": wraps_at,
        f"{RAPL}/intel-rapl:1/name": "psys\n",
        f"{RAPL}/intel-rapl:1/energy_uj": "999",
    }


def ina(chip, **rails):
    files = {f"{HWMON}/{chip}/name": "ina3221\n"}
    for n, (label, (mv, ma)) in enumerate(rails.items(), 1):
        files |= {
            f"{HWMON}/{chip}/in{n}_label": label,
            f"{HWMON}/{chip}/in{n}_input": mv,
            f"{HWMON}/{chip}/curr{n}_input": ma,
        }
    return files


class TestRapl:
    def test_counts_packages_and_memory_from_its_opening(self, board):
        meter = open_meter(board(rapl()))
        assert meter.name == "RAPL package-0, dram"
        assert meter.joules() == 0.0
        board(rapl("3500000", "750000"))
        assert meter.joules() == pytest.approx(2.75)
        assert meter.joules() == pytest.approx(2.75)

    def test_goes_on_where_a_counter_wraps(self, board):
        meter = open_meter(board(rapl("4900000", "0")))
        board(rapl("100000", "0"))
        assert meter.joules() == pytest.approx(0.2)
        board(rapl("600000", "0"))
        assert meter.joules() == pytest.approx(0.7)

    def test_says_nothing_when_it_wrapped_nobody_knows_where(self, board):
        meter = open_meter(board(rapl("4900000", wraps_at="?")))
        board(rapl("100000", wraps_at="?"))
        assert meter.joules() is None

    @pytest.mark.parametrize("broken", ["", "EIO", "-"])
    def test_says_nothing_after_a_failure(self, board, broken):
        meter = open_meter(board(rapl()))
        board(rapl(broken))
        assert meter.joules() is None
        board(rapl("3000000"))
        assert meter.joules() is None

    def test_that_may_not_be_read_is_no_meter_and_the_user_is_told(self, board):
        root = board(rapl("", ""))
        assert open_meter(root) is None
        assert "chmod a+r /sys/class/powercap" in why_no_meter(root)

    def test_closes(self, board):
        with open_meter(board(rapl())) as meter:
            assert isinstance(meter, RaplMeter)


class TestRails:
    def test_of_a_jetson_with_one_input(self, board):
        rails = find_rails(
            board(ina("hwmon1", VDD_IN=("5000", "1200"), VDD_CPU_GPU_CV=("5000", "400"), VDD_SOC=("5000", "300")))
        )
        assert rails.name == "INA3221 VDD_IN"
        assert rails.watts() == pytest.approx(6.0)

    def test_of_an_agx_orin_are_added(self, board):
        files = ina("hwmon1", VDD_GPU_SOC=("20000", "100"), VDD_CPU_CV=("20000", "50"), VIN_SYS_5V0=("5000", "600"))
        root = board(files | ina("hwmon2", VDDQ_VDD2_1V8AO=("5000", "200")))
        assert find_rails(root).watts() == pytest.approx(2.0 + 1.0 + 3.0)

    def test_that_nobody_knows_are_no_meter(self, board):
        assert find_rails(board(ina("hwmon1", MYSTERY=("5000", "200")))) is None
        assert find_rails(board({f"{HWMON}/hwmon0/name": "ina3221"})) is None

    @pytest.mark.parametrize("broken", ["", "nan", "EAGAIN"])
    def test_that_cannot_be_read_are_no_meter(self, board, broken):
        assert find_rails(board(ina("hwmon1", VDD_IN=(broken, "1200")))) is None

    def test_of_a_raspberry_pi_5(self, board):
        root = board({"usr/bin/vcgencmd": f"#!/bin/sh\n[ $1 = pmic_read_adc ] && cat <<END\n{ADC}END\n"})
        rails = find_rails(root)
        assert rails.watts() == pytest.approx(0.37 + 1.6)
        assert "not its losses" in rails.covers

    @pytest.mark.parametrize(
        "said",
        [
            'error=1 error_msg="Command not registered"',
            "",
            "VDD_CORE_A current(7)=2.0A",
            ADC.replace("2.00000000A", "2.0.0A"),
        ],
    )
    def test_of_a_raspberry_pi_that_has_no_such_chip(self, board, said):
        assert find_rails(board({"usr/bin/vcgencmd": f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n"})) is None

    def test_count_before_the_processor_alone(self, board):
        with open_meter(board(rapl() | ina("hwmon1", VDD_IN=("5000", "1000")))) as meter:
            assert meter.name == "INA3221 VDD_IN"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def sampled(clock, watts, period_s=3600.0):
    """A meter whose own thread sleeps through the test."""
    return SampledMeter("played", "nothing", watts, period_s, clock)


class TestSampling:
    def test_is_summed_by_the_trapezoidal_rule(self, clock):
        readings = iter([10.0, 20.0, 20.0, 0.0])
        with sampled(clock, lambda: next(readings)) as meter:
            assert meter._total_j == 0.0
            clock.now = 1.0
            assert meter.joules() == pytest.approx(15.0)
            clock.now = 3.0
            assert meter.joules() == pytest.approx(15.0 + 40.0)
            clock.now = 4.0
            assert meter.joules() == pytest.approx(15.0 + 40.0 + 10.0)

    def test_a_reading_that_failed_is_never_made_up_for(self, clock):
        readings = iter([10.0, None, 10.0])
        with sampled(clock, lambda: next(readings)) as meter:
            clock.now = 1.0
            assert meter.joules() is None
            clock.now = 2.0
            assert meter.joules() is None

    def test_a_gap_is_not_bridged(self, clock):
        with sampled(clock, lambda: 10.0, period_s=100.0) as meter:
            clock.now = 400.0
            assert meter.joules() == pytest.approx(4000.0)
            clock.now = 1000.0
            assert meter.joules() is None

    def test_the_thread_reads_by_itself_until_it_is_closed(self):
        readings, enough = itertools.count(), threading.Event()

        def watts():
            if next(readings) == 3:
                enough.set()
            return 1.0

        meter = SampledMeter("played", "nothing", watts, 0.001)
        assert enough.wait(60)
        meter.close()
        assert not meter._thread.is_alive()


class TestIdle:
    def test_is_energy_over_time(self, clock):
        def sleep(seconds):
            clock.now += seconds

        with sampled(clock, lambda: 3.0) as meter:
            assert idle_watts(meter, 5.0, sleep, clock) == pytest.approx(3.0)

    def test_is_unknown_when_the_meter_failed(self, clock):
        readings = iter([1.0, None, None])
        with sampled(clock, lambda: next(readings)) as meter:
            assert idle_watts(meter, 1.0, lambda _: None, clock) is None

    def test_is_unknown_when_no_time_passed(self, clock):
        with sampled(clock, lambda: 1.0) as meter:
            assert idle_watts(meter, 1.0, lambda _: None, clock) is None


def test_no_sensor_no_meter(board):
    assert open_meter(board({})) is None
    assert why_no_meter(board({})) == "none that Linux shows"


def test_of_this_machine():
    meter = open_meter()
    if meter is None:
        assert energy.why_no_meter()
    else:
        with meter:
            assert meter.joules() is None or meter.joules() >= 0
