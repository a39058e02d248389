"""The microphone over a fake of the sounddevice module that plays PortAudio's part, threads included."""

import os
import sys
import threading
import time
import types
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.errors import SourceError, SourceLostError
from edge.media import NS_PER_S, AudioChunk
from edge.settings import MicrophoneSettings
from edge.sources.microphone import Microphone, list_microphones, open_microphone

SETTINGS = MicrophoneSettings(block_ms=32, queue_s=0.32)  # room for ten blocks


class _PortAudioError(Exception):
    pass


@dataclass
class _Fake:
    """What the fake module reports and accepts, and the streams that were opened on it."""

    devices: list = field(default_factory=list)
    default: int | None = None
    accepts: set = field(default_factory=lambda: {(16_000, 1)})
    error: Exception | None = None
    streams: list = field(default_factory=list)
    initialised: int = 1
    now_ns: int = 10 * NS_PER_S

    def clock_ns(self):
        return self.now_ns

    def query_devices(self, kind=None):
        if kind is None:
            return self.devices
        if self.default is None:
            raise _PortAudioError("Error querying device -1")
        return {**self.devices[self.default], "index": self.default}

    def microphone(self, device=None, last=None, silent_s=5.0):
        return Microphone(device, SETTINGS, last, self.clock_ns, silent_s)


def _device(name, channels=1, rate=48_000.0):
    return {"name": name, "max_input_channels": channels, "default_samplerate": rate}


@pytest.fixture
def fake(monkeypatch):
    state = _Fake([_device("Speakers", 0), _device("Built-in", 2), _device("USB Audio"), _device("USB Array", 6)], 1)

    class InputStream:
        def __init__(self, **options):
            if state.error:
                raise state.error
            if (options["samplerate"], options["channels"]) not in state.accepts:
                raise _PortAudioError("Invalid sample rate", -9997)
            self.options = options
            self.log = []
            self.adc_s = 5.0
            state.streams.append(self)

        def start(self):
            self.log.append("start")

        def abort(self):
            self.log.append("abort")

        def close(self):
            self.log.append("close")

        def hear(self, samples, *, age_s=0.04, overflow=False, adc_s=None):
            """PortAudio delivers a block whose first sample is `age_s` old."""
            block = np.asarray(samples, np.float32).reshape(-1, self.options["channels"])
            adc_s = self.adc_s if adc_s is None else adc_s
            when = types.SimpleNamespace(inputBufferAdcTime=adc_s, currentTime=self.adc_s + age_s)
            self.options["callback"](block, len(block), when, types.SimpleNamespace(input_overflow=overflow))
            block.fill(9.9)  # PortAudio uses its buffer again
            state.now_ns += len(block) * NS_PER_S // self.options["samplerate"]

        def unplug(self):
            self.options["finished_callback"]()

    module = types.SimpleNamespace(
        query_devices=lambda kind=None: state.query_devices(kind),
        InputStream=InputStream,
        PortAudioError=_PortAudioError,
        _terminate=lambda: setattr(state, "initialised", state.initialised - 1),
        _initialize=lambda: setattr(state, "initialised", state.initialised + 1),
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return state


def _take(microphone, number):
    chunks = iter(microphone)
    return [next(chunks) for _ in range(number)]


# --- which microphone


def test_the_default_microphone(fake):
    assert fake.microphone().name == "Built-in"
    assert fake.streams[0].options["device"] == 1
    assert fake.streams[0].log == ["start"]


def test_without_a_default_the_first_that_can_record(fake):
    fake.default = None
    assert fake.microphone().name == "Built-in"


@pytest.mark.parametrize(("device", "index"), [(2, 2), ("usb audio", 2), ("usb", 2), ("ARRAY", 3), ("built", 1)])
def test_by_number_or_part_of_the_name(fake, device, index):
    fake.microphone(device)
    assert fake.streams[0].options["device"] == index


def test_the_exact_name_wins_over_a_longer_one(fake):
    fake.devices = [_device("USB Audio Pro"), _device("USB Audio")]
    fake.microphone("usb audio")
    assert fake.streams[0].options["device"] == 1


@pytest.mark.parametrize("device", ["bluetooth", 0, 17])
def test_an_unknown_one_lists_what_there_is(fake, device):
    with pytest.raises(
        SourceError, match=r"there is no microphone .*; there are: 1 Built-in, 2 USB Audio, 3 USB Array"
    ):
        fake.microphone(device)


def test_none_at_all(fake):
    fake.devices, fake.default = [_device("Speakers", 0)], None
    with pytest.raises(SourceError, match=r"no microphone is connected; plug one in, or use a recording: --replay"):
        fake.microphone()


def test_listing(fake):
    listed = list_microphones()
    assert [(info.index, info.name, info.channels, info.sample_rate, info.is_default) for info in listed] == [
        (1, "Built-in", 2, 48_000, True),
        (2, "USB Audio", 1, 48_000, False),
        (3, "USB Array", 6, 48_000, False),
    ]


@pytest.mark.parametrize(
    ("platform", "command"), [("linux", "sudo apt install libportaudio2"), ("darwin", "brew install portaudio")]
)
def test_a_missing_portaudio_says_what_to_install(monkeypatch, platform, command):
    class _Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr("sys.meta_path", [_Finder(), *sys.meta_path])
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(SourceError, match=f"PortAudio library, which is not installed; run: {command}"):
        open_microphone(None, SETTINGS)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceError, match="run: pip install sounddevice"):
        list_microphones()


# --- how it is opened


def test_sixteen_kilohertz_mono_if_it_agrees(fake):
    microphone = fake.microphone()
    options = fake.streams[0].options
    assert (options["samplerate"], options["channels"], options["blocksize"], options["dtype"]) == (
        16_000,
        1,
        512,
        "float32",
    )
    assert microphone.sample_rate == 16_000


@pytest.mark.parametrize(
    ("accepts", "rate", "channels"), [((16_000, 6), 16_000, 6), ((48_000, 1), 48_000, 1), ((48_000, 6), 48_000, 6)]
)
def test_else_the_form_it_takes(fake, accepts, rate, channels):
    fake.accepts = {accepts}
    microphone = fake.microphone("array")
    stream = fake.streams[0]
    assert stream.options["blocksize"] == rate * 32 // 1000
    stream.hear(np.tile(np.linspace(0, 0.5, channels), (10, 1)))
    (chunk,) = _take(microphone, 1)
    assert chunk.sample_rate == rate
    assert chunk.samples.shape == (10,)
    assert chunk.samples.dtype == np.float32
    np.testing.assert_allclose(chunk.samples, np.linspace(0, 0.5, channels).mean(), atol=1e-6)


def test_what_the_driver_writes_about_a_refusal_is_not_shown(fake, monkeypatch, capfd):
    inner = sys.modules["sounddevice"].InputStream

    class Talkative(inner):
        def __init__(self, **options):
            os.write(2, b"Expression 'r' failed in pa_linux_alsa.c")
            super().__init__(**options)

    monkeypatch.setattr(sys.modules["sounddevice"], "InputStream", Talkative)
    fake.accepts = {(48_000, 1)}
    fake.microphone()
    fake.accepts = set()
    with pytest.raises(SourceError):
        fake.microphone()
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_without_a_stderr_a_microphone_opens_all_the_same(fake, monkeypatch):
    def no_stderr(_descriptor):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("edge.sources.microphone.os.dup", no_stderr)
    assert fake.microphone().sample_rate == 16_000


def test_busy(fake):
    fake.error = _PortAudioError("Device unavailable", -9985)
    with pytest.raises(SourceError, match=r"microphone 2 \(USB Audio\) is in use by another program; close that"):
        fake.microphone(2)


def test_not_usable_in_any_form(fake):
    fake.accepts = set()
    with pytest.raises(SourceError, match=r"cannot be opened .*Invalid sample rate.*edge devices") as caught:
        fake.microphone()
    assert "\n" not in str(caught.value)


# --- what is heard


def test_blocks_are_copied_in_order(fake):
    microphone = fake.microphone()
    for value in (0.1, 0.2, 0.3):
        fake.streams[0].hear([value] * 512)
    chunks = _take(microphone, 3)
    assert [float(chunk.samples[0]) for chunk in chunks] == pytest.approx([0.1, 0.2, 0.3])
    assert [chunk.lost for chunk in chunks] == [0, 0, 0]


def test_time_stamps_are_of_the_first_sample(fake):
    microphone = fake.microphone()
    fake.streams[0].hear([0.0] * 512, age_s=0.05)
    (chunk,) = _take(microphone, 1)
    assert chunk.captured_ns == pytest.approx(10 * NS_PER_S - 50_000_000, abs=1_000)


@pytest.mark.parametrize("nonsense", [{"adc_s": 0.0}, {"age_s": -1.0}, {"age_s": 3_600.0}])
def test_a_driver_without_times_gets_the_end_of_the_block(fake, nonsense):
    microphone = fake.microphone()
    fake.streams[0].hear([0.0] * 512, **nonsense)
    (chunk,) = _take(microphone, 1)
    assert chunk.ended_ns == pytest.approx(10 * NS_PER_S, abs=1_000)


def test_what_the_queue_dropped_is_counted(fake):
    microphone = fake.microphone()
    for value in range(25):
        fake.streams[0].hear([value / 100] * 512)
    chunks = _take(microphone, 10)
    assert chunks[0].lost == 15 * 512
    assert float(chunks[0].samples[0]) == pytest.approx(0.15)
    assert [chunk.lost for chunk in chunks[1:]] == [0] * 9


def test_what_falls_out_behind_the_reader_is_counted_where_it_is_missing(fake):
    microphone = fake.microphone()
    stream = fake.streams[0]
    chunks = iter(microphone)
    stream.hear([0.0] * 512)
    first = next(chunks)
    for _ in range(12):
        stream.hear([0.0] * 512)
    assert (first.lost, next(chunks).lost) == (0, 2 * 512)


def test_dropped_blocks_are_not_kept_in_memory(fake):
    microphone = fake.microphone()
    chunks = iter(microphone)
    for _ in range(30):
        fake.streams[0].hear([0.0] * 512)
    next(chunks)
    assert microphone._blocks.take_dropped() == []


def test_an_overflow_of_the_driver_is_counted_by_the_clock(fake):
    microphone = fake.microphone()
    stream = fake.streams[0]
    stream.hear([0.0] * 512)
    fake.now_ns += 100_000_000
    stream.hear([0.0] * 512, overflow=True)
    assert _take(microphone, 2)[1].lost == pytest.approx(1_600, abs=2)


def test_an_overflow_is_never_nothing(fake):
    microphone = fake.microphone()
    fake.streams[0].hear([0.0] * 512)
    fake.streams[0].hear([0.0] * 512, overflow=True)
    assert _take(microphone, 2)[1].lost >= 1


def test_late_blocks_alone_are_not_lost_sound(fake):
    microphone = fake.microphone()
    fake.streams[0].hear([0.0] * 512)
    fake.now_ns += 100_000_000
    fake.streams[0].hear([0.0] * 512)
    assert _take(microphone, 2)[1].lost == 0


def test_the_callback_returns_within_one_block_while_inference_sleeps(fake):
    """The consumer holds a chunk and sleeps; PortAudio's thread goes on delivering blocks without waiting for it."""
    microphone = fake.microphone()
    stream = fake.streams[0]
    woken, asleep = threading.Event(), threading.Event()
    heard = []

    def infer():
        for chunk in microphone:
            heard.append(chunk)
            asleep.set()
            woken.wait(30)

    consumer = threading.Thread(target=infer, daemon=True)
    consumer.start()
    stream.hear([0.0] * 512)
    assert asleep.wait(5)
    took_s = []
    for _ in range(200):
        began = time.perf_counter()
        stream.hear([0.0] * 512)
        took_s.append(time.perf_counter() - began)
    assert len(heard) == 1  # the consumer slept through all of it
    assert sorted(took_s)[190] < 0.032  # nineteen of twenty: a shared machine may pause any thread once
    woken.set()
    microphone.close()
    consumer.join(5)
    assert not consumer.is_alive()
    assert sum(len(chunk.samples) + chunk.lost for chunk in heard) == 201 * 512


# --- how it ends


def test_unplugging_is_told_after_what_was_still_heard(fake):
    microphone = fake.microphone()
    fake.streams[0].hear([0.5] * 512)
    fake.streams[0].unplug()
    chunks = iter(microphone)
    assert len(next(chunks).samples) == 512
    with pytest.raises(SourceLostError, match="microphone Built-in went away; plug it in again"):
        next(chunks)


def test_a_device_that_falls_silent_without_a_word_has_gone(fake):
    with pytest.raises(SourceLostError, match="went away"):
        next(iter(fake.microphone(silent_s=0.01)))


def test_closing_ends_the_iteration(fake):
    microphone = fake.microphone()
    fake.streams[0].hear([0.5] * 512)
    microphone.close()
    microphone.close()
    assert len(list(microphone)) == 1
    assert fake.streams[0].log == ["start", "abort", "close"]


def test_closing_wakes_a_waiting_reader(fake):
    microphone = fake.microphone()
    thread = threading.Thread(target=lambda: list(microphone))
    thread.start()
    microphone.close()
    thread.join(4)
    assert not thread.is_alive()


def test_a_stream_is_closed_once_however_many_threads_close_it(fake, monkeypatch):
    microphone = fake.microphone()
    stream = fake.streams[0]
    stopping, go_on = threading.Event(), threading.Event()

    def abort():
        stream.log.append("abort")
        stopping.set()
        assert go_on.wait(4)

    monkeypatch.setattr(stream, "abort", abort)
    threads = [threading.Thread(target=microphone.close) for _ in range(2)]
    threads[0].start()
    assert stopping.wait(4)
    threads[1].start()
    threads[1].join(0.05)
    assert threads[1].is_alive()  # it returns only when the stream is closed: the process may end then
    go_on.set()
    for thread in threads:
        thread.join(4)
    assert stream.log == ["start", "abort", "close"]


def test_a_device_that_has_gone_may_fail_to_close(fake, monkeypatch):
    microphone = fake.microphone()

    def fail():
        raise _PortAudioError("Unanticipated host error", -9999)

    monkeypatch.setattr(fake.streams[0], "abort", fail)
    microphone.close()


def test_plugged_in_again_it_goes_on_and_the_time_between_is_lost(fake):
    told = []
    source = open_microphone("built", SETTINGS, lambda error: told.append(str(error)), lambda: told.append("restored"))
    source._wait = lambda seconds: False
    chunks = iter(source)
    fake.streams[0].hear([0.5] * 512)
    first = next(chunks)
    fake.streams[0].unplug()

    def replug():
        while len(fake.streams) < 2:
            time.sleep(0.005)
        fake.streams[1].hear([0.25] * 512)

    thread = threading.Thread(target=replug)
    thread.start()
    second = next(chunks)
    thread.join(5)
    source.close()
    assert told == ["microphone Built-in went away; plug it in again", "restored"]
    assert first.lost == 0
    assert second.lost >= 1
    assert fake.initialised == 1  # ended and begun again, to see the new device


def test_the_gap_is_as_long_as_the_device_was_away(fake):
    last = AudioChunk(np.zeros(512, np.float32), 48_000, 4 * NS_PER_S)
    microphone = fake.microphone(last=last)
    fake.streams[0].hear([0.0] * 512, age_s=0.0)
    fake.streams[0].hear([0.0] * 512, age_s=0.0)
    first, second = _take(microphone, 2)
    assert first.lost == pytest.approx(16_000 * (6 - 512 / 48_000), abs=600)
    assert second.lost == 0
