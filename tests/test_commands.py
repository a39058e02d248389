"""The commands with the default models, as another program sees them: processes, pipes, signals, files."""

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from edge import events as vocabulary
from edge.hub.store import MANIFEST, ModelStore

pytestmark = pytest.mark.models

EVENTS_DOC = Path(__file__).parent.parent / "docs" / "events.md"
PATIENCE_S = 60
CAPTION = ("run", "--from", "en", "--to", "pt")


def words(text):
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.fixture
def start(edge_command, default_store, tmp_path):
    """Function that starts a command in an empty folder; whatever still runs at the end is killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EDGE_", "DISPLAY"))}
    environment["EDGE_MODELS"] = str(default_store)
    running = []

    def begin(*arguments, store=None, **pipes):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | pipes
        own = environment | ({"EDGE_MODELS": str(store)} if store else {})
        process = subprocess.Popen([*edge_command, *map(str, arguments)], cwd=tmp_path, env=own, **pipes)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()


@pytest.fixture
def edge(start):
    """Function that runs a command to its end: exit code, stdout, stderr."""

    def run(*arguments, given=b"", store=None):
        process = start(*arguments, store=store)
        out, err = process.communicate(given, timeout=PATIENCE_S)
        return process.returncode, out.decode(), err.decode()

    return run


class TestTranslate:
    ENGLISH_TO_PORTUGUESE = ("translate", "--from", "en", "--to", "pt")

    @pytest.fixture
    def conversation(self, start):
        """Function that writes one line to `edge translate` and reads the answer before anything else is written."""
        process = start(*self.ENGLISH_TO_PORTUGUESE, bufsize=0)
        waiting = selectors.DefaultSelector()
        waiting.register(process.stdout, selectors.EVENT_READ)

        def say(line):
            process.stdin.write(line)
            answer = b""
            while not answer.endswith(b"\n"):
                assert waiting.select(PATIENCE_S), f"no answer to {line!r}, only {answer!r}"
                part = process.stdout.read(65536)
                assert part, f"it ended: {process.stderr.read()!r}"
                answer += part
            assert answer.count(b"\n") == 1, "one answer a line"
            return answer.decode().removesuffix("\n")

        yield say
        waiting.close()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == b""

    def test_every_line_is_answered_before_the_next_is_written(self, conversation):
        assert conversation(b"Good morning.\n") == "Bom dia."
        assert conversation(b"\n") == ""
        assert conversation(b"   \n").strip() == ""
        assert conversation(b"Good morning.\r\n") == "Bom dia."
        assert "estação" in conversation(b"Where is the station?\n")
        assert conversation(b"\xff\xfe\x80\n").count("\n") == 0
        assert "bom" in conversation(b"Good \xff morning.\n").lower()
        assert "2026" in conversation("It is 2026 \u2028 and \x0b we \x85 go on.\n".encode())
        assert conversation(b"\0\n") is not None

    def test_a_very_long_line_is_answered_whole(self, conversation):
        said = conversation(" ".join(f"Number {n} is a good number." for n in range(101, 301)).encode() + b"\n")
        assert [n for n in range(101, 301) if str(n) not in said] == []

    def test_a_very_long_sentence_is_answered_to_its_end(self, conversation):
        said = conversation(b"we went on and " * 150 + b"then we came home to the elephant\n")
        assert "elefante" in said

    def test_no_newline_at_the_end(self, edge):
        assert edge(*self.ENGLISH_TO_PORTUGUESE, given=b"\nGood morning.") == (0, "\nBom dia.\n", "")

    def test_nothing_in_nothing_out(self, edge):
        assert edge(*self.ENGLISH_TO_PORTUGUESE) == (0, "", "")

    def test_json(self, edge):
        code, out, _ = edge(*self.ENGLISH_TO_PORTUGUESE, "--json", given=b"Good morning.\n\n")
        assert code == 0
        assert [json.loads(line) for line in out.splitlines()] == [
            {"source": "Good morning.", "text": "Bom dia.", "from": "en", "to": "pt"},
            {"source": "", "text": "", "from": "en", "to": "pt"},
        ]

    def test_other_ways_to_name_a_language(self, edge):
        assert edge("translate", "--from", "en-GB", "--to", "PT_br", given=b"Good morning.\n")[1] == "Bom dia.\n"
        assert edge("translate", "--from", "Portuguese", "--to", "English", given=b"Bom dia.\n")[1] == "Good morning.\n"

    def test_the_same_language_passes_through(self, edge):
        assert edge("translate", "--from", "pt", "--to", "pt", given="Já é tarde.\n".encode())[1] == "Já é tarde.\n"

    def test_a_language_without_a_pack_says_what_to_pull(self, edge):
        code, out, err = edge("translate", "--from", "eu", "--to", "pt", given=b"Kaixo.\n")
        assert (code, out) == (2, "")
        assert "run: edge models pull mt-eu-en" in err
        assert err.count("\n") == 1

    def test_a_glossary_that_cannot_be_read(self, edge):
        code, out, err = edge(*self.ENGLISH_TO_PORTUGUESE, "--glossary", "nowhere.tsv", given=b"Good morning.\n")
        assert (code, out) == (2, "")
        assert "nowhere.tsv" in err
        assert err.count("\n") == 1

    def test_a_glossary_is_obeyed(self, edge, tmp_path):
        (tmp_path / "terms.tsv").write_text("station\tgare do Oriente\n", encoding="utf-8")
        assert "gare do Oriente" in edge(*self.ENGLISH_TO_PORTUGUESE, "--glossary", "terms.tsv",
                                         given=b"Where is the station?\n")[1]  # fmt: skip

    def test_a_reader_that_goes_away(self, start):
        process = start(*self.ENGLISH_TO_PORTUGUESE, bufsize=0)
        process.stdin.write(b"Good morning.\n")
        assert process.stdout.readline() == b"Bom dia.\n"
        process.stdout.close()
        process.stdin.write(b"Good morning.\n" * 3)
        process.stdin.close()
        assert process.wait(PATIENCE_S) in (1, 141)
        assert process.stderr.read() == b""


def rewrite(source, target, width=2, rate=None, channels=1):
    """`source` (16 bit, one channel) in another form of WAV."""
    with wave.open(str(source)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        rate, old_rate = rate or file.getframerate(), file.getframerate()
    length = len(samples) * rate // old_rate
    samples = np.interp(np.arange(length) * old_rate / rate, np.arange(len(samples)), samples)
    plain = np.round(samples / 256 + 128).astype("u1") if width == 1 else np.round(samples).astype("<i2")
    with wave.open(str(target), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.repeat(plain, channels).tobytes())


class TestTranscribe:
    def test_every_kind_of_file_in_one_go(self, edge, sentence, tmp_path):
        """Good ones are answered in order, bad ones get a line each, and the exit code says that there were some."""
        speech, said = sentence
        rewrite(speech, tmp_path / "eight bit.wav", width=1)
        rewrite(speech, tmp_path / "96k.wav", rate=96_000)
        rewrite(speech, tmp_path / "six.wav", channels=6)
        (tmp_path / "cut.wav").write_bytes(speech.read_bytes()[: speech.stat().st_size // 2])
        (tmp_path / "empty.wav").touch()
        Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.wav", format="jpeg")
        good = ["sentence.wav", "eight bit.wav", "96k.wav", "six.wav"]
        bad = ["cut.wav", "empty.wav", "photo.wav", "nowhere.wav"]
        mixed = [name for pair in zip(good, bad, strict=True) for name in pair]
        code, out, err = edge("transcribe", *mixed, "--language", "en", "--json")
        assert code == 2
        records = [json.loads(line) for line in out.splitlines()]
        assert [record["file"] for record in records] == good
        assert {words(record["text"]) for record in records} == {said}
        complaints = err.splitlines()
        assert [line.partition(":")[0] for line in complaints] == ["edge"] * len(bad)
        assert all(name in line for name, line in zip(bad, complaints, strict=True))

    def test_a_record_has_all_fields_and_times_within_the_file(self, edge, cut_speech):
        speech = cut_speech(8.4, 21.0)
        code, out, err = edge("transcribe", speech, "--json")
        assert (code, err) == (0, "")
        record = json.loads(out)
        assert list(record) == ["file", "language", "seconds", "text", "segments"]
        assert (record["file"], record["language"], record["seconds"]) == (str(speech), "en", 12.6)
        assert record["text"] == " ".join(part["text"] for part in record["segments"])
        assert all(list(part) == ["start_s", "end_s", "text"] for part in record["segments"])
        times = [time_s for part in record["segments"] for time_s in (part["start_s"], part["end_s"])]
        assert times == sorted(times)
        assert 0 <= times[0] < 1
        assert 11 < times[-1] <= 12.6

    def test_each_file_is_answered_before_the_next_is_opened(self, start, sentence, tmp_path):
        """The second file is a bad one that is only made once the first has been answered."""
        process = start("transcribe", sentence[0], "later.wav", "later.wav")
        first = process.stdout.readline().decode()
        assert words(first.partition("]")[2]) == sentence[1]
        assert re.match(r"\[ +0\.\d\d -> +[45]\.\d\d\] ", first)
        assert process.wait(PATIENCE_S) == 2

    def test_silence_has_no_text_and_no_language(self, edge, tmp_path):
        with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 16_000 * 3))
        code, out, _ = edge("transcribe", "silence.wav", "--json")
        assert code == 0
        assert json.loads(out) == {"file": "silence.wav", "language": None, "seconds": 3.0, "text": "", "segments": []}

    def test_a_model_that_is_no_speech_model(self, edge, sentence):
        code, out, err = edge("transcribe", sentence[0], "--model", "mt-en-pt")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1

    def test_an_unknown_model(self, edge, sentence):
        code, out, err = edge("transcribe", sentence[0], "--model", "whisper-bass")
        assert (code, out) == (2, "")
        assert "did you mean whisper-base?" in err

    def test_a_language_by_its_other_code(self, edge, sentence):
        """Norwegian is `no` to Whisper and `nb` to others; either will do."""
        for code in ("no", "nb"):
            assert edge("transcribe", sentence[0], "--language", f"en,{code}")[0] == 0


def documented():
    """Event name to its fields, from the table in docs/events.md."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.*?) \|", EVENTS_DOC.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: re.findall(r"`(\w+)`", fields) for names, fields in rows for name in re.findall(r"`(\w+)`", names)}


def test_every_event_is_documented():
    known = {kind.__name__: list(kind.__dataclass_fields__)[1:] for kind in vocabulary.Event.__subclasses__()}
    table = documented()
    assert set(known) == set(table)
    for name, fields in known.items():
        shared_row = name == "SourceRestored"
        assert set(fields) <= set(table[name]) if shared_row else fields == table[name], name


class TestRun:
    OUTPUTS = ("--hud", "hud.png", "--hud", "hud.mp4", "--hud", "console", "--events", "events.jsonl",
               "--save", "talk.srt", "--save", "talk.txt", "--save", "talk.jsonl")  # fmt: skip

    def test_everything_a_recording_gives_and_gives_again(self, edge, cut_speech, tmp_path):
        speech = cut_speech(8.4, 21.0)
        command = (*CAPTION, "--pace", "max", "--replay", speech, *self.OUTPUTS)

        def play():
            code, out, err = edge(*command)
            assert (code, err) == (0, "captions: 3 of 3 utterances\n")
            names = ("hud.png", "hud.mp4", "events.jsonl", "talk.srt", "talk.txt", "talk.jsonl")
            files = {name: (tmp_path / name).read_bytes() for name in names}
            for name in names:
                (tmp_path / name).unlink()
            assert {path.name for path in tmp_path.iterdir()} == {speech.name}
            return out, files

        first, second = play(), play()
        assert first == second
        out, files = first
        events = [json.loads(line) for line in files["events.jsonl"].decode().splitlines()]
        self.check_events(events)
        captions = [(event["source"], event["text"]) for event in events if event["event"] == "Subtitle"]
        assert words(captions[0][0]) == "it was the epoch of belief it was the epoch of incredulity"
        assert "época da crença" in captions[0][1]
        assert out == "".join(f"en  {source}\npt  {text}\n" for source, text in captions)
        assert files["talk.txt"].decode() == "".join(f"{source}\n{text}\n\n" for source, text in captions)
        blocks = files["talk.srt"].decode().split("\n\n")[:-1]
        assert [block.splitlines()[2:] for block in blocks] == [list(caption) for caption in captions]
        saved = [json.loads(line) for line in files["talk.jsonl"].decode().splitlines()]
        assert [(record["source"], record["text"]) for record in saved] == captions

    def check_events(self, events):
        fields = documented()
        for event in events:
            assert list(event) == ["event", "captured_ns", *fields[event["event"]]]
        names = [event["event"] for event in events]
        assert names[0] == "SessionStarted"
        assert names[-1] == "SessionEnded"
        assert names[1:-1] == ["SpeechStarted", "SpeechEnded", "Subtitle"] * 3
        assert [event["utterance"] for event in events[1:-1]] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
        assert (
            events[0] | {"captured_ns": 0, "source_languages": ["en"], "target_language": "pt", "recording": True}
            == events[0]
        )
        assert events[-1]["utterances"] == events[-1]["subtitles"] == 3
        times = [event["captured_ns"] for event in events]
        assert times == sorted(times)
        assert times[-1] > 12 * 10**9
        for ended, subtitle in zip(events[2:-1:3], events[3:-1:3], strict=True):
            assert subtitle["captured_ns"] == ended["captured_ns"]
            assert (subtitle["language"], subtitle["target"], subtitle["is_final"]) == ("en", "pt", True)
            assert 0 < subtitle["latency_ms"] < 2000

    def test_picture_and_video_show_the_caption(self, edge, sentence, tmp_path):
        code, _, err = edge(*CAPTION, "--pace", "max", "--replay", sentence[0], "--size", "640x360",
                            "--hud", "hud.png", "--hud", "hud.mp4", "--hud", "frames:frames")  # fmt: skip
        assert (code, err) == (0, "captions: 1 of 1 utterances\n")
        with Image.open(tmp_path / "hud.png") as picture:
            assert picture.size == (640, 360)
            bright = np.asarray(picture.convert("L")) > 200
        assert 0.005 < bright.mean() < 0.3, "some text, and not a white picture"
        assert bright[: 360 // 2].mean() < bright[360 // 2 :].mean(), "captions are in the lower half"
        with av.open(str(tmp_path / "hud.mp4")) as video:
            frames = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
            assert (video.streams.video[0].width, video.streams.video[0].height) == (640, 360)
        assert len(frames) > 15 * 5, "as long as the recording and the last caption"
        assert (frames[0] > 200).mean() < (frames[-2] > 200).mean()
        index = [json.loads(line) for line in (tmp_path / "frames" / "index.jsonl").read_text().splitlines()]
        assert {record["file"] for record in index} == {path.name for path in (tmp_path / "frames").glob("*.png")}

    def test_the_same_language_is_captioned_without_translation(self, edge, sentence, tmp_path):
        code, out, _ = edge("run", "--replay", sentence[0], "--pace", "max", "--from", "auto", "--to", "en",
                            "--hud", "console", "--events", "e.jsonl")  # fmt: skip
        assert code == 0
        assert words(out) == f"en {sentence[1]}"
        events = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
        assert events[0]["source_languages"] == []
        subtitle = next(event for event in events if event["event"] == "Subtitle")
        assert subtitle["source"] == subtitle["text"]

    def test_a_picture_behind_the_captions(self, edge, sentence, model_folder, tmp_path):
        photo = next(model_folder("demo-photo").glob("*.jpg"))
        shutil.copy(photo, tmp_path / "photo.jpg")
        code, _, err = edge(*CAPTION, "--pace", "max", "--replay", sentence[0],
                            "--camera", "photo.jpg", "--hud", "hud.png")  # fmt: skip
        assert (code, err) == (0, "captions: 1 of 1 utterances\n")
        with Image.open(tmp_path / "hud.png") as picture:
            top = np.asarray(picture.convert("L"))[:200]
        assert top.std() > 20, "the photo is there"

    @pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
    def test_an_interrupted_live_session_ends_in_order(self, start, demo_speech, tmp_path, interrupt):
        events = tmp_path / "events.jsonl"
        process = start(*CAPTION, "--replay", demo_speech, "--hud", "console", "--hud", "hud.mp4",
                        "--events", events, "--save", "talk.srt")  # fmt: skip
        patience = time.monotonic() + PATIENCE_S
        while not (events.exists() and "SpeechStarted" in events.read_text()):
            assert process.poll() is None
            assert time.monotonic() < patience
            time.sleep(0.05)
        process.send_signal(interrupt)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert re.fullmatch(rb"captions: \d of \d utterances(; .* ms)?\n", err)
        assert json.loads(events.read_text().splitlines()[-1])["event"] == "SessionEnded"
        with av.open(str(tmp_path / "hud.mp4")) as video:
            assert sum(1 for _ in video.decode(video=0)) > 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "hud.mp4", "talk.srt"]

    def test_an_interrupted_flat_out_session_ends_in_order_too(self, start, demo_speech, tmp_path):
        process = start(*CAPTION, "--pace", "max", "--replay", demo_speech, "--hud", "console", "--events", "e.jsonl")
        assert process.stdout.readline().startswith(b"en  It was the best of times")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert re.fullmatch(rb"captions: \d of \d utterances(; .* ms)?\n", err)
        assert json.loads((tmp_path / "e.jsonl").read_text().splitlines()[-1])["event"] == "SessionEnded"

    def test_a_console_that_goes_away_does_not_end_the_other_outputs(self, start, sentence, tmp_path):
        process = start(*CAPTION, "--pace", "max", "--replay", sentence[0],
                        "--hud", "console", "--hud", "hud.png", "--events", "e.jsonl")  # fmt: skip
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0
        assert b"Traceback" not in process.stderr.read()
        assert (tmp_path / "hud.png").exists()
        events = [json.loads(line)["event"] for line in (tmp_path / "e.jsonl").read_text().splitlines()]
        assert events[-1] == "SessionEnded"
        assert "StageFailed" in events

    def test_a_console_that_goes_away_alone_ends_in_one_line(self, start, sentence):
        process = start(*CAPTION, "--pace", "max", "--replay", sentence[0], "--hud", "console")
        process.stdout.close()
        assert process.wait(PATIENCE_S) in (1, 2, 141)
        assert process.stderr.read().count(b"\n") <= 1


@pytest.fixture
def store_with(default_store, tmp_path_factory):
    """Function that copies the store (by links) with one model left out, or the largest file of it damaged."""

    def make(model_id, *, damaged):
        copy = tmp_path_factory.mktemp("store")
        (copy / "built").mkdir()
        used = ModelStore(default_store).resolve(model_id).id
        for folder in (default_store / "built").iterdir():
            if folder.name != used:
                (copy / "built" / folder.name).symlink_to(folder)
        if not damaged:
            return copy, used
        build = ModelStore(default_store).open(model_id)
        target = copy / "built" / used / build.name
        target.mkdir(parents=True)
        largest = max(build.iterdir(), key=lambda path: path.stat().st_size)
        for path in build.iterdir():
            if path != largest:
                (target / path.name).symlink_to(path)
        content = bytearray(largest.read_bytes())
        content[len(content) // 2] ^= 1
        (target / largest.name).write_bytes(content)
        assert (target / MANIFEST).exists()
        return copy, target / largest.name

    return make


class TestModelsThatAreNotRight:
    @pytest.mark.parametrize("model_id", ["silero-vad", "whisper-base", "mt-en-pt"])
    def test_one_wrong_bit_keeps_a_session_from_starting(self, edge, store_with, sentence, tmp_path, model_id):
        store, file = store_with(model_id, damaged=True)
        code, out, err = edge(*CAPTION, "--pace", "max", "--replay", sentence[0],
                              "--hud", "console", "--events", "e.jsonl", store=store)  # fmt: skip
        assert (code, out) == (2, "")
        assert str(file) in err
        assert "is corrupt" in err
        assert re.search(r"run: edge models pull (\S+)\n$", err)
        assert err.count("\n") == 1
        assert not (tmp_path / "e.jsonl").exists()

    @pytest.mark.parametrize("model_id", ["silero-vad", "whisper-base", "mt-en-pt"])
    def test_a_missing_one_is_named_with_the_command(self, edge, store_with, sentence, model_id):
        store, _ = store_with(model_id, damaged=False)
        code, out, err = edge(*CAPTION, "--pace", "max", "--replay", sentence[0], store=store)
        assert (code, out) == (2, "")
        assert err.endswith(f"run: edge models pull {model_id}\n")
        assert err.count("\n") == 1

    def test_doctor_finds_the_wrong_bit(self, edge, store_with, complete_store):
        store, file = store_with("mt-en-pt", damaged=True)
        code, out, err = edge("doctor", "--json", store=store)
        assert (code, err) == (1, "")
        findings = {record["check"]: record for record in map(json.loads, out.splitlines())}
        assert [name for name, record in findings.items() if not record["ok"]] == ["model mt-en-pt"]
        assert str(file) in findings["model mt-en-pt"]["message"]
        assert findings["model mt-en-pt"]["run"].startswith("edge models pull mt-en-pt")

    def test_doctor_is_content_with_the_real_store(self, edge, complete_store):
        code, out, err = edge("doctor")
        assert (code, err) == (0, "")
        assert "BAD" not in out
        assert "whisper-base: all bytes right" in out
