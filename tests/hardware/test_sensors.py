"""Heat, throttling and memory as played by folders, garbage included."""

import time

import pytest
from played_boards import MEMORY, clocks, zones

from edge.hardware import condition
from edge.hardware.sensors import processor_temperature_c, throttled

HWMON = "sys/class/hwmon"
VCGENCMD = "usr/bin/vcgencmd"


class TestTemperature:
    def test_is_that_of_the_hottest_zone_where_none_is_named_after_the_processor(self, board):
        root = board(zones({"a": "45000\n", "b": "71500\n", "c": "-1000\n", "d": "nonsense", "e": "999000"}))
        (root / "sys/class/thermal/thermal_zone9").mkdir()
        assert processor_temperature_c(root) == 71.5

    def test_of_the_processor_counts_before_that_of_anything_else(self, board):
        assert (
            processor_temperature_c(board(zones({"iwlwifi_1": "88000", "x86_pkg_temp": "52000", "acpitz": "90000"})))
            == 52.0
        )

    def test_of_a_raspberry_pi(self, board):
        assert processor_temperature_c(board(zones({"cpu-thermal": "48312\n"}))) == 48.312

    def test_of_a_jetson_is_the_hottest_of_its_processors_and_one_that_is_off_is_left_out(self, board):
        root = board(
            zones({"cpu-thermal": "51000", "gpu-thermal": "60000", "soc0-thermal": "53500", "tj-thermal": "56250"})
        )
        (root / "sys/class/thermal/thermal_zone0/temp").unlink()
        assert processor_temperature_c(root) == 56.25

    def test_of_a_chip_counts_before_a_zone_without_a_telling_name(self, board):
        files = {f"{HWMON}/hwmon1/name": "k10temp\n", f"{HWMON}/hwmon1/temp1_input": "61250\n"}
        files |= {f"{HWMON}/hwmon0/name": "nvme\n", f"{HWMON}/hwmon0/temp1_input": "80000\n"}
        assert processor_temperature_c(board(files | zones({"acpitz": "20000"}))) == 61.25

    def test_of_a_broken_named_zone_is_asked_of_the_others(self, board):
        assert processor_temperature_c(board(zones({"cpu-thermal": "0", "acpitz": "47000"}))) == 47.0

    def test_is_unknown_without_sensors(self, board, tmp_path):
        assert processor_temperature_c(board({})) is None
        assert processor_temperature_c(tmp_path / "absent") is None


class TestThrottling:
    @pytest.mark.parametrize(
        ("told", "names"),
        [
            ("throttled=0x0", ()),
            ("throttled=0x1", ("under-voltage-now",)),
            ("throttled=0x50000", ("under-voltage-before", "throttled-before")),
            ("throttled=0x50005", ("under-voltage-now", "throttled-now", "under-voltage-before", "throttled-before")),
            ("throttled=0xe0008", ("soft-temperature-limit-now", "frequency-capped-before", "throttled-before",
                                   "soft-temperature-limit-before")),
            ("VCHI initialization failed", None),
            ("throttled=", None),
            ("throttled=banana", None),
        ],
    )  # fmt: skip
    def test_of_a_raspberry_pi(self, board, told, names):
        assert throttled(board({VCGENCMD: f"#!/bin/sh\n[ $1 = get_throttled ] && echo '{told}'\n"})) == names

    def test_of_a_raspberry_pi_by_the_kernel_where_the_program_may_not_ask(self, board):
        files = {VCGENCMD: "#!/bin/sh\nexit 1\n", "sys/devices/platform/soc/soc:firmware/get_throttled": "80008\n"}
        assert throttled(board(files)) == ("soft-temperature-limit-now", "soft-temperature-limit-before")

    @pytest.mark.parametrize(("alarm", "names"), [("0", ()), ("1", ("under-voltage-now",)), ("?", None)])
    def test_of_a_raspberry_pi_by_its_alarm(self, board, alarm, names):
        assert throttled(board({f"{HWMON}/hwmon2/name": "rpi_volt", f"{HWMON}/hwmon2/in0_lcrit_alarm": alarm})) == names

    @pytest.mark.parametrize(("count", "names"), [("0", ()), ("7", ("over-current-before",)), ("EIO", None)])
    def test_of_a_jetson(self, board, count, names):
        assert throttled(board({f"{HWMON}/hwmon4/oc1_event_cnt": count})) == names

    def test_of_a_laptop(self, board):
        files = {f"sys/devices/system/cpu/cpu{n}/thermal_throttle/core_throttle_count": "0" for n in (0, 1)}
        assert throttled(board(files)) == ()
        files["sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count"] = "12\n"
        assert throttled(board(files)) == ("throttled-before",)

    def test_is_unknown_where_nothing_tells(self, board):
        assert throttled(board({})) is None

    def test_a_program_that_cannot_be_run_tells_nothing(self, board):
        root = board({VCGENCMD: "\x7fELF of another processor"})
        assert throttled(root) is None
        (root / VCGENCMD).chmod(0o755)
        assert throttled(root) is None


class TestCondition:
    def test_of_a_board(self, board):
        files = {
            "proc/meminfo": MEMORY,
            "proc/loadavg": "1.25 0.50 0.10 1/200 4000\n",
            VCGENCMD: "#!/bin/sh\necho throttled=0x0\n",
        }
        now = condition(time.monotonic() - 100, board(files | clocks("ondemand") | zones({"cpu-thermal": "61000"})))
        assert 100 <= now.at_s < 160
        assert (now.temperature_c, now.mhz, now.throttled, now.load) == (61.0, 1500.0, (), 1.25)
        assert now.available_mb == 6144.0

    def test_of_a_board_that_tells_nothing(self, board):
        now = condition(time.monotonic(), board({"proc/loadavg": "\n", "proc/meminfo": "MemAvailable: lots\n"}))
        assert now.model_dump(exclude={"at_s"}) == dict.fromkeys(
            ("temperature_c", "mhz", "throttled", "load", "available_mb")
        )

    def test_of_this_machine(self):
        now = condition(time.monotonic())
        assert now.at_s >= 0
        assert now.available_mb is None or now.available_mb > 0
