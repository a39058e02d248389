"""The command line without any model: what is refused, how it is said, and that nothing is left behind."""

import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from edge import cli
from edge.events import SpeechEnded, SpeechStarted, Subtitle
from edge.hud.loop import Hud
from edge.speech_sense import SpeechSense

COMMANDS = [
    (), ("translate",), ("transcribe",), ("run",), ("devices",), ("doctor",), ("read",), ("recognize",), ("detect",),
    ("teach",), ("forget",), ("taught",), ("models",), ("models", "list"), ("models", "add"),
    ("bench",), ("models", "info"), ("models", "pull"), ("models", "verify"), ("models", "remove"), ("models", "path"),
]  # fmt: skip
RUN = ("run", "--from", "en", "--to", "pt")
TRANSLATE = ("translate", "--from", "en", "--to", "pt")


@pytest.fixture(autouse=True)
def nobodys_surroundings(monkeypatch, tmp_path):
    """No models, no settings, no display, an empty folder to work in."""
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    for name in ("EDGE_SETTINGS", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def edge(monkeypatch, capsys):
    """Runs a command line in this process, through the entry point of the console script."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["edge", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    return run


@pytest.fixture
def refused(edge, tmp_path):
    """Runs a command line that must end in one line on stderr and exit code 2, and change no file; returns the line."""
    here = tmp_path / "here"

    def contents():
        return {path: path.read_bytes() if path.is_file() else None for path in here.rglob("*")}

    def run(*arguments):
        before = contents()
        ended = edge(*arguments)
        assert (ended.code, ended.out) == (2, ""), ended
        assert ended.err.startswith("edge: ")
        assert ended.err.count("\n") == 1, ended.err
        assert contents() == before, "it left something behind"
        return ended.err

    return run


@pytest.fixture
def misused(edge):
    """Runs a command line that is wrong in itself: typer's usage message, which ends in the complaint."""

    def run(*arguments):
        ended = edge(*arguments)
        assert (ended.code, ended.out) == (2, ""), ended
        assert ended.err.startswith("Usage: edge")
        complaint = ended.err.splitlines()[3:]
        assert len(complaint) == 1, ended.err
        assert complaint[0].startswith("Error: ")
        return complaint[0]

    return run


class FakeSense:
    """Hears one utterance in any sound."""

    languages = ("en",)
    target = "pt"

    def warm_up(self):
        pass

    def captions(self, chunks, first=None):
        ended_ns = max(chunk.ended_ns for chunk in chunks)
        yield SpeechStarted(0, 1)
        yield SpeechEnded(ended_ns, 1, ended_ns / 1e9)
        yield Subtitle(ended_ns, 1, "good morning", "bom dia", "en", "pt")


@pytest.fixture
def hearing(monkeypatch):
    """Makes `edge run` work without models."""
    monkeypatch.setattr(SpeechSense, "load", lambda *_: FakeSense())


def write_wav(path, samples, rate=16000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def size_of(picture):
    with Image.open(picture) as image:
        return image.size


@pytest.fixture
def tone(tmp_path):
    """A second of sound."""
    return write_wav(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(16000) / 5))


class TestUsage:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_help_of_every_command(self, edge, command):
        for flag in ("--help", "-h"):
            ended = edge(*command, flag)
            assert (ended.code, ended.err) == (0, "")
            assert ended.out.startswith(" ".join(["Usage: edge", *command]))

    def test_every_command_is_in_the_list_above(self, edge):
        listed = edge("--help").out.partition("Commands:")[2] + edge("models", "--help").out.partition("Commands:")[2]
        names = {line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "}
        assert names == {command[-1] for command in COMMANDS if command}

    @pytest.mark.parametrize("command", COMMANDS[1:12], ids=" ".join)
    def test_unknown_option(self, misused, command):
        assert "--bogus" in misused(*command, "--bogus")

    def test_unknown_command(self, misused):
        assert "bogus" in misused("bogus")

    @pytest.mark.parametrize("command", [("run", "--from", "en"), ("translate", "--to", "pt"), ("transcribe",)])
    def test_missing_option_or_argument(self, misused, command):
        assert "Missing" in misused(*command)

    @pytest.mark.parametrize("senses", ["sings", "", ",", "speech,sight"])
    def test_senses_that_are_none(self, edge, senses):
        ended = edge(*RUN, "--senses", senses)
        assert ended.code == 2
        assert "speech,signs,scene" in ended.err

    def test_senses_without_a_camera(self, edge):
        ended = edge(*RUN, "--senses", "signs")
        assert ended.code == 2
        assert "--camera" in ended.err

    @pytest.mark.parametrize("size", ["nonsense", "960", "960x", "-9x540", "960x540x3", "9.5x540"])
    def test_size_that_is_none(self, misused, size):
        assert "960x540" in misused(*RUN, "--size", size)

    @pytest.mark.parametrize("options", [("--threads", "0"), ("--threads", "many"), ("--seconds", "0")])
    def test_numbers_out_of_range(self, misused, options):
        assert options[0] in misused(*RUN, *options)


class TestLanguages:
    @pytest.mark.parametrize("command", ["run", "translate"])
    @pytest.mark.parametrize(("source", "target"), [("xx", "pt"), ("en", "xx")])
    def test_unknown(self, refused, command, source, target):
        assert "unknown language 'xx'" in refused(command, "--from", source, "--to", target)

    def test_misspelt(self, refused):
        assert "did you mean pt" in refused("run", "--from", "en", "--to", "portugese")

    def test_one_of_several_unknown(self, refused):
        assert "'klingon'" in refused("run", "--from", "en,klingon", "--to", "pt")
        assert "'klingon'" in refused("transcribe", "a.wav", "--language", "en,klingon")

    @pytest.mark.parametrize("nothing", ["", ",", " "])
    def test_none(self, refused, nothing):
        assert "no language given" in refused("run", "--from", nothing, "--to", "pt")

    def test_the_wearers_language_cannot_be_automatic(self, refused):
        assert "unknown language 'auto'" in refused("run", "--from", "en", "--to", "auto")


class TestSettings:
    COMMANDS = (RUN, TRANSLATE, ("transcribe", "a.wav"), ("doctor",))

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[hud]\nwidht = 900\n", "unknown setting hud.widht; did you mean hud.width?"),
            ("[hut]\nwidth = 900\n", "unknown setting hut; did you mean hud?"),
            ("[hud]\nwidth = 'wide'\n", "hud.width"),
            ("[hud\n", "is not valid TOML"),
            ("hud = 3\n", "hud"),
        ],
    )
    def test_file_that_is_wrong(self, refused, tmp_path, command, text, said):
        file = tmp_path / "edge.toml"
        file.write_text(text)
        line = refused(*command, "--settings", file)
        assert said in line
        assert str(file) in line

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
    def test_file_that_cannot_be_read(self, refused, command):
        assert "nowhere.toml cannot be read" in refused(*command, "--settings", "nowhere.toml")
        assert "cannot be read" in refused(*command, "--settings", ".")

    def test_file_named_by_the_environment(self, refused, monkeypatch):
        monkeypatch.setenv("EDGE_SETTINGS", "nowhere.toml")
        assert "check EDGE_SETTINGS" in refused(*RUN)

    def test_file_in_another_encoding(self, refused, tmp_path):
        file = tmp_path / "edge.toml"
        file.write_bytes(b"\xff\xfe[\x00h\x00")
        assert "is not valid TOML" in refused(*RUN, "--settings", file)

    @pytest.mark.parametrize(
        "options",
        [("--show", "everything"), ("--size", "1x1"), ("--size", "99999x540"), ("--threads", "65")],
        ids=" ".join,
    )
    def test_flags_out_of_range(self, refused, options):
        assert "settings: " in refused(*RUN, *options)


class TestModels:
    def test_none_installed(self, refused):
        assert "run: edge models pull silero-vad" in refused(*RUN)
        assert "run: edge models pull mt-en-pt" in refused(*TRANSLATE)
        assert "run: edge models pull" in refused("transcribe", "a.wav")

    def test_store_that_is_a_file(self, refused, tmp_path):
        (tmp_path / "store").write_text("not a folder")
        refused(*RUN)
        refused(*TRANSLATE)

    def test_unknown_task(self, refused):
        assert "use transcribe or translate" in refused("transcribe", "a.wav", "--task", "sing")

    def test_doctor_says_what_to_run_and_exits_1(self, edge):
        ended = edge("doctor", "--json")
        assert ended.code == 1
        findings = [json.loads(line) for line in ended.out.splitlines()]
        assert all(set(finding) == {"check", "ok", "message", "run", "advice"} for finding in findings)
        bad = {finding["check"]: finding["run"] for finding in findings if not finding["ok"]}
        assert bad["store"] == "edge models pull"
        assert bad["model whisper-base"] == "edge models pull whisper-base"

    def test_devices_are_json_objects(self, edge):
        ended = edge("devices", "--json")
        assert ended.code == 0
        for line in ended.out.splitlines():
            assert {"kind", "uri", "name"} <= set(json.loads(line))


@pytest.mark.usefixtures("hearing")
class TestOptionsThatDoNotGoTogether:
    def test_two_sources_of_sound(self, refused, tone):
        assert "--mic and --replay" in refused(*RUN, "--mic", "0", "--replay", tone)

    def test_pace_of_a_microphone(self, refused):
        assert "--pace needs --replay" in refused(*RUN, "--pace", "max")

    def test_wall_clock_and_no_clock(self, refused, tone):
        assert "--seconds" in refused(*RUN, "--replay", tone, "--pace", "max", "--seconds", "5")

    def test_unknown_pace(self, refused, tone):
        assert "unknown pace 'warp'" in refused(*RUN, "--replay", tone, "--pace", "warp")
        assert "pace" in refused(*RUN, "--pace", "warp")

    @pytest.mark.parametrize(
        "outputs",
        [
            ("--events", "x.jsonl", "--save", "x.jsonl"),
            ("--save", "x.srt", "--save", "./x.srt"),
            ("--hud", "x.png", "--hud", "x.png"),
            ("--events", "x.png", "--hud", "x.png"),
        ],
        ids=" ".join,
    )
    def test_two_outputs_in_one_file(self, refused, tone, outputs):
        refused(*RUN, "--replay", tone, "--pace", "max", *outputs)

    @pytest.mark.parametrize("option", ["--events", "--save", "--hud"])
    def test_an_output_over_the_recording(self, refused, tone, tmp_path, option):
        recording = tmp_path / {"--events": "talk.jsonl", "--save": "talk.txt", "--hud": "talk.mp4"}[option]
        shutil.copy(tone, recording)
        before = recording.read_bytes()
        refused(*RUN, "--replay", recording, "--pace", "max", option, recording)
        assert recording.read_bytes() == before


@pytest.mark.usefixtures("hearing")
class TestRecordingsThatAreNone:
    def replay(self, refused, path):
        outputs = ("--events", "e.jsonl", "--save", "s.srt", "--hud", "h.mp4", "--hud", "h.png", "--hud", "frames:f")
        lines = {refused(*RUN, "--replay", path, "--pace", pace, *outputs) for pace in ("live", "max")}
        assert len(lines) == 1
        return lines.pop()

    def test_missing(self, refused):
        assert "talk.wav does not exist" in self.replay(refused, "talk.wav")

    def test_folder(self, refused):
        assert "is a folder" in self.replay(refused, ".")

    def test_zero_length(self, refused, tmp_path):
        (tmp_path / "empty.wav").touch()
        assert "is empty (0 bytes)" in self.replay(refused, tmp_path / "empty.wav")
        assert "empty.wav" in self.replay(refused, write_wav(tmp_path / "empty.wav", np.zeros(0)))

    def test_picture_named_wav(self, refused, tmp_path):
        Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.wav", format="jpeg")
        assert "photo.wav has no sound in it" in self.replay(refused, tmp_path / "photo.wav")

    def test_truncated(self, refused, tone):
        tone.write_bytes(tone.read_bytes()[:20_000])
        assert "is cut off" in self.replay(refused, tone)

    def test_text(self, refused, tmp_path):
        (tmp_path / "notes.wav").write_text("hello " * 1000)
        assert "cannot be decoded" in self.replay(refused, tmp_path / "notes.wav")

    @pytest.mark.parametrize("camera", ["nowhere.jpg", "carrier://pigeon", ""])
    def test_camera_that_is_none(self, refused, tone, camera):
        refused(*RUN, "--replay", tone, "--pace", "max", "--camera", camera, "--events", "e.jsonl", "--save", "s.srt")


BAD_OUTPUTS = [
    ("--events", "nowhere/e.jsonl"),
    ("--events", "folder"),
    ("--save", "nowhere/s.srt"),
    ("--save", "s.doc"),
    ("--save", "s"),
    ("--save", "folder.srt"),
    ("--hud", "bogus"),
    ("--hud", "hud.gif"),
    ("--hud", "nowhere/hud.png"),
    ("--hud", "nowhere/hud.mp4"),
    ("--hud", "folder.png"),
    ("--hud", "folder.mp4"),
    ("--hud", "frames:"),
    ("--hud", "frames:old.srt"),
    ("--hud", "window"),
    ("--hud", ""),
]
GOOD_OUTPUTS = ("--events", "e.jsonl", "--save", "old.srt", "--save", "s.txt", "--hud", "console", "--hud", "frames:f",
                "--hud", "h.mp4", "--hud", "h.png")  # fmt: skip


@pytest.mark.usefixtures("hearing")
class TestOutputs:
    @pytest.mark.parametrize("bad", BAD_OUTPUTS, ids=" ".join)
    @pytest.mark.parametrize("others", [(), GOOD_OUTPUTS], ids=["alone", "among good ones"])
    def test_unwritable(self, refused, tone, tmp_path, bad, others):
        here = tmp_path / "here"
        for folder in ("folder", "folder.srt", "folder.png", "folder.mp4"):
            (here / folder).mkdir()
        (here / "old.srt").write_text("captions of yesterday")
        option, value = bad
        line = refused(*RUN, "--replay", tone, "--pace", "max", *others, option, value)
        assert value.removeprefix("frames:") in line or value == "window"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    @pytest.mark.parametrize("pace", ["live", "max"])
    def test_disk_that_fills_up(self, edge, tone, tmp_path, pace):
        for name, option in {"e.jsonl": "--events", "s.srt": "--save"}.items():
            (tmp_path / name).symlink_to("/dev/full")
            ended = edge(*RUN, "--replay", tone, "--pace", pace, "--hud", "console", option, tmp_path / name)
            assert ended.code == 2, ended
            assert ended.err.splitlines()[-1].startswith("edge: ")
            assert name in ended.err
            assert "Traceback" not in ended.err

    def test_all_kinds_at_once(self, edge, tone, tmp_path):
        ended = edge(*RUN, "--replay", tone, "--pace", "max", *GOOD_OUTPUTS)
        assert (ended.code, ended.err) == (0, "captions: 1 of 1 utterances\n")
        assert ended.out == "en  good morning\npt  bom dia\n"
        here = tmp_path / "here"
        assert {p.name for p in here.iterdir()} == {"e.jsonl", "old.srt", "s.txt", "f", "h.mp4", "h.png"}
        assert (here / "old.srt").read_text() == "1\n00:00:00,000 --> 00:00:01,000\ngood morning\nbom dia\n\n"
        assert (here / "s.txt").read_text() == "good morning\nbom dia\n\n"
        events = [json.loads(line)["event"] for line in (here / "e.jsonl").read_text().splitlines()]
        assert events == ["SessionStarted", "SpeechStarted", "SpeechEnded", "Subtitle", "SessionEnded"]
        assert size_of(here / "h.png") == size_of(here / "f" / "000000.png") == (960, 540)
        assert (here / "h.mp4").read_bytes()[4:8] == b"ftyp"

    @pytest.mark.parametrize(
        ("options", "recording"),
        [
            ((), False),
            (("--hud", "console"), False),
            (("--save", "s.srt"), True),
            (("--hud", "h.png", "--hud", "console"), True),
            (("--hud", "frames:f"), True),
        ],
    )
    def test_whatever_is_kept_is_told_to_the_wearer(self, edge, tone, monkeypatch, options, recording):
        """All that is seen of it here is the SessionStarted that the HUD gets."""
        told = []
        handle = Hud.handle
        monkeypatch.setattr(Hud, "handle", lambda hud, event, now: (told.append(event), handle(hud, event, now)))
        assert edge(*RUN, "--replay", tone, "--pace", "max", *options).code == 0
        assert told[0].recording is recording

    def test_no_display_means_the_console(self, edge, tone):
        ended = edge(*RUN, "--replay", tone, "--pace", "max")
        assert (ended.code, ended.out) == (0, "en  good morning\npt  bom dia\n")

    @pytest.mark.parametrize(("show", "printed"), [("translation", "pt  bom dia\n"), ("source", "en  good morning\n")])
    def test_half_of_a_caption(self, edge, tone, show, printed):
        assert edge(*RUN, "--replay", tone, "--pace", "max", "--show", show).out == printed

    def test_size(self, edge, tone):
        assert edge(*RUN, "--replay", tone, "--pace", "max", "--hud", "h.png", "--size", "640X360").code == 0
        assert size_of("h.png") == (640, 360)

    def test_seconds_end_a_live_session(self, edge, tmp_path):
        long = write_wav(tmp_path / "long.wav", np.zeros(16000 * 30))
        ended = edge(*RUN, "--replay", long, "--seconds", "0.3", "--hud", "console", "--events", "e.jsonl")
        assert ended.code == 0
        assert json.loads(Path("e.jsonl").read_text().splitlines()[-1])["event"] == "SessionEnded"

    def test_repeated(self, edge, tone):
        assert edge(*RUN, "--replay", tone, "--pace", "max", "--repeat", "2", "--hud", "console").code == 0
        assert edge(*RUN, "--repeat", "2").err.startswith("edge: --repeat needs --replay")

    def test_a_live_session_tells_of_its_pictures_and_its_processor_time(self, edge, tmp_path):
        with av.open("film.mkv", "w") as film:
            video = film.add_stream("mpeg4", rate=20)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            sound = film.add_stream("pcm_s16le", rate=16_000)
            sound.layout = "mono"
            for index in range(20):
                film.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * index, np.uint8), "bgr24")))
            film.mux(video.encode(None))
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            film.mux(sound.encode(frame))
            film.mux(sound.encode(None))
        live = ("--replay", "film.mkv", "--repeat", "2", "--hud", "h.png", "--events", "e.jsonl")
        assert edge(*RUN, *live).code == 0
        ended = json.loads(Path("e.jsonl").read_text().splitlines()[-1])
        assert ended["frames"] == 40
        assert 0 <= ended["frames_dropped"] <= 40
        assert 0 < ended["cpu_s"] < 60
        assert edge(*RUN, "--pace", "max", *live).code == 0
        ended = json.loads(Path("e.jsonl").read_text().splitlines()[-1])
        assert (ended["frames"], ended["frames_dropped"], ended["cpu_s"]) == (None, None, None)


class TestTheConsoleScript:
    """The same errors by way of a process of their own."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ("run", "--from", "xx", "--to", "pt"),
            ("run", "--from", "en", "--to", "pt"),
            ("translate", "--from", "en", "--to", "pt"),
            ("transcribe", "nowhere.wav"),
            ("models", "info", "bogus"),
            ("doctor", "--settings", "nowhere.toml"),
        ],
        ids=" ".join,
    )
    def test_one_line_and_exit_code_2(self, edge_command, arguments):
        ended = subprocess.run([*edge_command, *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("edge: ")
        assert ended.stderr.count("\n") == 1

    @pytest.mark.parametrize("command", ["models list", "models info whisper-base", "models list --json", "--help"])
    def test_a_reader_that_goes_away(self, edge_command, command):
        reader, writer = os.pipe()
        os.close(reader)
        ended = subprocess.run(
            [*edge_command, *command.split()], stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
        os.close(writer)
        assert ended.stderr == ""
        assert ended.returncode in (1, 141)
