"""Every kind of file that has to work, and every kind of damage that has to be named."""

import io
import struct
import wave

import av
import numpy as np
import pytest

from edge.errors import SourceError
from edge.media import NS_PER_S
from edge.sources.recording import probe, read_audio, read_pictures

RATE = 22_050


def _tone(seconds, rate, frequency=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def _wav(path, samples, rate=RATE, width=2):
    """`samples` float [n] or [n, channels] as integer PCM of `width` bytes."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    scaled = np.round(samples.astype(np.float64) * (2 ** (8 * width - 1) - 1)).astype(np.int64).reshape(-1)
    data = {
        1: lambda: (scaled + 128).astype(np.uint8).tobytes(),
        2: lambda: scaled.astype("<i2").tobytes(),
        3: scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes,
        4: lambda: scaled.astype("<i4").tobytes(),
    }[width]()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def _float_wav(path, samples, rate=RATE):
    data = samples.astype("<f4").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        3,
        1,
        rate,
        rate * 4,
        4,
        32,
        b"data",
        len(data),
    )
    path.write_bytes(header + data)
    return path


def _encoded(path, codec, seconds=3.0, rate=44_100, layout="stereo", options=None, *, sound=True, pictures=0):
    samples = _tone(seconds, rate)
    with av.open(str(path), "w", options=options or {}) as file:
        if pictures:
            video = file.add_stream("mpeg4", rate=10)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if sound:
            stream = file.add_stream(codec, rate=rate)
            stream.layout = layout
        for index in range(pictures):
            image = np.full((48, 64, 3), (0, 0, 20 * index), np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        if pictures:
            file.mux(video.encode(None))
        if sound:
            frame = av.AudioFrame.from_ndarray(
                np.tile(samples, (len(stream.layout.channels), 1)), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate, 0
            context = stream.codec_context
            frames = av.AudioResampler(stream.format.name, layout, rate, context.frame_size or 1_024)
            for part in [*frames.resample(frame), *frames.resample(None)]:
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
    return path


def _read(path):
    chunks = list(read_audio(path))
    return np.concatenate([chunk.samples for chunk in chunks]), chunks


def _cut(path, share, name=None):
    data = path.read_bytes()
    cut = path.with_name(name or f"cut-{path.name}")
    cut.write_bytes(data[: int(len(data) * share)])
    return cut


# --- what works


@pytest.mark.parametrize(("width", "tolerance"), [(1, 1 / 100), (2, 1e-4), (3, 1e-6), (4, 1e-6)])
def test_wav_of_any_width(tmp_path, width, tolerance):
    tone = _tone(0.5, RATE)
    samples, _ = _read(_wav(tmp_path / "a.wav", tone, width=width))
    np.testing.assert_allclose(samples, tone, atol=tolerance)
    assert samples.dtype == np.float32


def test_float_wav(tmp_path):
    tone = _tone(0.5, RATE)
    samples, _ = _read(_float_wav(tmp_path / "a.wav", tone))
    assert np.array_equal(samples, tone)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000, 192_000])
def test_the_rate_of_the_file_is_kept(tmp_path, rate):
    recording = probe(_wav(tmp_path / "a.wav", _tone(0.5, rate), rate))
    assert recording.sample_rate == rate
    assert recording.seconds == pytest.approx(0.5)


def test_channels_are_mixed_evenly(tmp_path):
    left, right = _tone(0.2, RATE, level=0.5), _tone(0.2, RATE, frequency=1_000, level=0.3)
    samples, _ = _read(_wav(tmp_path / "a.wav", np.stack([left, right], axis=1)))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-4)


def test_six_channels_of_unknown_place_are_all_mixed(tmp_path):
    tone = _tone(0.2, 48_000)
    file = _wav(tmp_path / "six.wav", np.stack([tone, tone, tone, 0 * tone, 0 * tone, 0 * tone], axis=1), 48_000)
    assert probe(file).channels == 6
    np.testing.assert_allclose(_read(file)[0], tone / 2, atol=1e-4)


def test_the_bass_loudspeaker_is_left_out(tmp_path):
    """5.1 sound with a hum in the bass channel: FL FR FC LFE BL BR."""
    tone, hum = _tone(0.5, 48_000), _tone(0.5, 48_000, frequency=50)
    with av.open(str(tmp_path / "a.wav"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=48_000)
        stream.layout = "5.1"
        channels = np.round(np.stack([tone, tone, tone, hum, tone, tone], axis=1) * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(channels.reshape(1, -1), format="s16", layout="5.1")
        frame.sample_rate, frame.pts = 48_000, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    np.testing.assert_allclose(_read(tmp_path / "a.wav")[0], tone, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.flac", "flac", 96_000),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.m4a", "aac", 44_100),
        ("a.mp4", "aac", 44_100),
        ("a.mkv", "aac", 44_100),
    ],
)
def test_coded_sound(tmp_path, name, codec, rate):
    file = _encoded(tmp_path / name, codec, rate=rate)
    recording = probe(file)
    assert recording.seconds == pytest.approx(3.0, abs=0.05)
    assert (recording.sample_rate, recording.channels) == (rate, 2)
    samples, _ = _read(file)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440, abs=1)


def test_chunks_are_64_ms_in_media_time(tmp_path):
    _, chunks = _read(_wav(tmp_path / "a.wav", _tone(0.2, 16_000), 16_000))
    assert [len(chunk.samples) for chunk in chunks] == [1_024, 1_024, 1_024, 128]
    assert [chunk.captured_ns for chunk in chunks] == [index * 64_000_000 for index in range(4)]
    assert {chunk.lost for chunk in chunks} == {0}


def test_the_same_bytes_give_the_same_chunks(tmp_path):
    file = _encoded(tmp_path / "a.mp3", "libmp3lame")
    first, second = list(read_audio(file)), list(read_audio(file))
    assert [chunk.captured_ns for chunk in first] == [chunk.captured_ns for chunk in second]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_does_not_know_its_length(tmp_path, length):
    data = bytearray(_wav(tmp_path / "a.wav", _tone(0.5, RATE)).read_bytes())
    data[40:44] = struct.pack("<I", length)
    (tmp_path / "pipe.wav").write_bytes(data)
    assert probe(tmp_path / "pipe.wav").seconds == pytest.approx(0.5)


def test_a_recording_with_any_suffix_or_none(tmp_path):
    file = _wav(tmp_path / "a.wav", _tone(0.5, RATE)).rename(tmp_path / "sound of rain")
    assert probe(file).seconds == pytest.approx(0.5)


def test_a_sound_file_has_no_pictures(tmp_path):
    file = _encoded(tmp_path / "a.mp3", "libmp3lame")
    assert probe(file).width == 0


def test_pictures(tmp_path):
    file = _encoded(tmp_path / "a.mp4", "aac", seconds=1.0, pictures=10)
    recording = probe(file)
    assert (recording.width, recording.height, recording.fps) == (64, 48, 10)
    pictures = list(read_pictures(file))
    assert [picture.captured_ns for picture in pictures] == [index * NS_PER_S // 10 for index in range(10)]
    image = pictures[9].image()
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    blue, _, red = image[24, 32]
    assert blue < 30
    assert 160 < red < 200


def test_nothing_is_read_from_a_sound_file_as_pictures(tmp_path):
    assert list(read_pictures(_wav(tmp_path / "a.wav", _tone(0.5, RATE)))) == []


def test_a_silent_film_is_fine_where_sound_is_not_needed(tmp_path):
    file = _encoded(tmp_path / "a.mp4", "aac", sound=False, pictures=20)
    recording = probe(file, needs_sound=False)
    assert (recording.sample_rate, recording.width) == (0, 64)
    assert recording.seconds == pytest.approx(2.0)


# --- what does not


def _refused(path, match):
    with pytest.raises(SourceError, match=match) as caught:
        probe(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_missing(tmp_path):
    _refused(tmp_path / "nope.wav", "does not exist; give the path")


def test_folder(tmp_path):
    _refused(tmp_path, "is a folder; give an audio or video file in it")


def test_zero_length(tmp_path):
    (tmp_path / "a.wav").touch()
    _refused(tmp_path / "a.wav", r"is empty \(0 bytes\)")


def test_not_readable(tmp_path, monkeypatch):
    file = _wav(tmp_path / "a.wav", _tone(0.5, RATE))
    monkeypatch.setattr("os.access", lambda *_: False)
    _refused(file, "may not be read; run: chmod")


def test_device_file():
    from pathlib import Path

    _refused(Path("/dev/null"), "no regular file")


def test_zero_samples(tmp_path):
    _refused(_wav(tmp_path / "a.wav", np.zeros(0, np.float32)), "holds no sound")


def test_one_sample(tmp_path):
    _refused(_wav(tmp_path / "a.wav", np.zeros(1, np.float32)), r"only 0\.0000 s long")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_called_wav(tmp_path, suffix):
    import cv2

    cv2.imwrite(str(tmp_path / f"a{suffix}"), np.zeros((64, 64, 3), np.uint8))
    (tmp_path / f"a{suffix}").rename(tmp_path / "a.wav")
    _refused(tmp_path / "a.wav", "no sound in it .it is a picture.; give a file with an audio track")


def test_text_called_wav(tmp_path):
    (tmp_path / "a.wav").write_text("What is the weather like?\n" * 50)
    _refused(tmp_path / "a.wav", "cannot be decoded: it is no audio or video file.*; see what it is with: ffprobe")


def test_a_play_list_opens_no_socket(tmp_path):
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n")
    _refused(tmp_path / "a.m3u8", "cannot be decoded|no sound")


def test_video_without_sound(tmp_path):
    _refused(_encoded(tmp_path / "a.mp4", "aac", sound=False, pictures=20), "no sound in it .it has pictures only")


def test_truncated_wav_says_how_much_is_there(tmp_path):
    file = _cut(_wav(tmp_path / "a.wav", _tone(3.0, RATE)), 0.5)
    message = _refused(file, r"cut off: 1\.50 s of sound are there, 3\.00 s declared; copy it again, or .*ffmpeg -i ")
    assert "cut-a-repaired.wav" in message


def test_truncated_wav_gives_no_chunk_at_all(tmp_path):
    with pytest.raises(SourceError):
        next(read_audio(_cut(_wav(tmp_path / "a.wav", _tone(3.0, RATE)), 0.5)))


@pytest.mark.parametrize(
    ("name", "codec", "rate", "options"),
    [
        ("a.flac", "flac", 44_100, None),
        ("a.mp3", "libmp3lame", 44_100, None),
        ("a.ogg", "libopus", 48_000, None),
        ("a.m4a", "aac", 44_100, None),
        ("a.mp4", "aac", 44_100, {"movflags": "faststart"}),
        ("a.mkv", "aac", 44_100, None),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.93])
def test_truncated_coded_sound(tmp_path, name, codec, rate, options, share):
    whole = _encoded(tmp_path / name, codec, rate=rate, options=options)
    assert probe(whole).seconds > 2.9
    _refused(_cut(whole, share), "cut off")


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mp3", "libmp3lame"), ("a.m4a", "aac")])
def test_damage_in_the_middle(tmp_path, name, codec):
    file = _encoded(tmp_path / name, codec)
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3_000] = np.random.default_rng(1).integers(0, 255, 3_000, dtype=np.uint8).tobytes()
    file.write_bytes(data)
    _refused(file, "damaged")


def test_quotes_in_a_name_do_not_break_the_advice(tmp_path):
    whole = _wav(tmp_path / "a.wav", _tone(3.0, RATE))
    message = _refused(_cut(whole, 0.5, "it's mine.wav"), "cut off")
    assert "'it'\"'\"'s mine.wav'" in message or "it'\"'\"'s mine.wav" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path, bad):
    tone = _tone(1.0, RATE)
    tone[RATE // 2] = bad
    _refused(_float_wav(tmp_path / "a.wav", tone), r"not numbers \(NaN or infinity\) at 0\.[45]")


def test_float_samples_that_were_never_scaled(tmp_path):
    _refused(_float_wav(tmp_path / "a.wav", _tone(1.0, RATE, level=20_000)), r"samples up to 2e\+04 .*-1 to 1 is meant")


def test_a_wav_of_nothing_but_header_chunks(tmp_path):
    out = io.BytesIO(b"")
    out.write(struct.pack("<4sI4s4sI", b"RIFF", 4, b"WAVE", b"LIST", 0))
    (tmp_path / "a.wav").write_bytes(out.getvalue())
    _refused(tmp_path / "a.wav", "cannot be decoded")


def test_nothing_is_printed(tmp_path, capfd):
    files = [_cut(_encoded(tmp_path / "a.mp3", "libmp3lame"), 0.6), _cut(_encoded(tmp_path / "a.flac", "flac"), 0.6)]
    capfd.readouterr()
    for file in files:
        _refused(file, "cut off")
    assert capfd.readouterr() == ("", "")
