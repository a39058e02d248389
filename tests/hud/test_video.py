import av
import numpy as np
import pytest

from edge.errors import SinkError
from edge.hud.video import BURST, VideoSink

S = 1_000_000_000


def picture(level, size=(160, 90)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def levels(path):
    """Mean grey of every frame, and the frame rate."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return [float(frame.to_ndarray(format="gray").mean()) for frame in file.decode(stream)], float(
            stream.average_rate
        )


def test_frames_are_repeated_so_that_video_time_is_clock_time(tmp_path):
    start = 123 * S
    with VideoSink(tmp_path / "a.mp4", 10) as sink:
        sink.show(picture(40), start)
        sink.show(picture(120), start + 1 * S)
        sink.show(picture(200), start + int(1.5 * S))
        sink.poll(start + 2 * S)
    shown, rate = levels(tmp_path / "a.mp4")
    assert rate == 10
    assert len(shown) == 20
    assert shown[:10] == pytest.approx([40] * 10, abs=12)
    assert shown[10:15] == pytest.approx([120] * 5, abs=12)
    assert shown[15:] == pytest.approx([200] * 5, abs=16)


def test_pictures_faster_than_the_rate_are_skipped(tmp_path):
    with VideoSink(tmp_path / "a.mp4", 10) as sink:
        for n in range(100):
            sink.show(picture(100), n * S // 100)
    assert len(levels(tmp_path / "a.mp4")[0]) == 10


def test_the_file_has_its_name_only_when_it_is_complete(tmp_path):
    sink = VideoSink(tmp_path / "a.mp4", 10)
    sink.show(picture(40), 0)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4.part"]
    sink.close()
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert len(levels(tmp_path / "a.mp4")[0]) == 1


def test_nothing_shown_leaves_no_file(tmp_path):
    VideoSink(tmp_path / "a.mp4", 10).close()
    assert list(tmp_path.iterdir()) == []


def test_poll_writes_a_pause_bit_by_bit(tmp_path):
    sink = VideoSink(tmp_path / "a.mp4", 30)
    sink.show(picture(40), 0)
    assert sink.poll(10 * S)
    assert sink._written == BURST
    sink.poll(10 * S)
    assert sink._written == 2 * BURST
    sink.close()
    assert len(levels(tmp_path / "a.mp4")[0]) == 300


def test_odd_sizes_lose_one_line(tmp_path):
    with VideoSink(tmp_path / "a.mp4", 10) as sink:
        sink.show(picture(40, (161, 91)), 0)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (160, 90)
        assert file.streams.video[0].codec.name in {"h264", "mpeg4"}


def test_same_pictures_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        with VideoSink(tmp_path / name, 10) as sink:
            for n in range(20):
                sink.show(picture(n * 10), n * S // 10)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_full_disk_is_an_error(tmp_path):
    (tmp_path / "a.mp4.part").symlink_to("/dev/full")
    sink = VideoSink(tmp_path / "a.mp4", 10)

    def noise():
        for n in range(200):
            sink.show(np.random.default_rng(n).integers(0, 256, (90, 160, 3), np.uint8), n * S // 10)

    with pytest.raises(SinkError, match=r"a\.mp4 cannot be written any more"):
        noise()
    with pytest.raises(SinkError, match=r"a\.mp4 could not be finished"):
        sink.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_only_at_the_end_leaves_no_half_video(tmp_path):
    (tmp_path / "a.mp4.part").symlink_to("/dev/full")
    sink = VideoSink(tmp_path / "a.mp4", 10)
    sink.show(picture(40), 0)
    with pytest.raises(SinkError, match="could not be finished"):
        sink.close()
    assert list(tmp_path.iterdir()) == []
