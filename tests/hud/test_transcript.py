import json

import pytest

from edge.errors import SinkError
from edge.events import SessionStarted, SpeechRejected, SpeechStarted, Subtitle
from edge.hud.transcript import Transcript

S = 1_000_000_000
BASE = 77 * S


def session(transcript):
    transcript.tell(SessionStarted(BASE, ("en",), "pt", recording=True))
    transcript.tell(SpeechStarted(BASE + 1 * S, 1))
    transcript.tell(Subtitle(BASE + 2 * S, 1, "Good", "Bom", "en", "pt", is_final=False))
    transcript.tell(Subtitle(BASE + int(3.25 * S), 1, "Good morning.", "Bom dia.", "en", "pt"))
    transcript.tell(SpeechStarted(BASE + 4 * S, 2))
    transcript.tell(SpeechRejected(BASE + 5 * S, 2, "silence"))
    transcript.tell(SpeechStarted(BASE + 3661 * S, 3))
    transcript.tell(Subtitle(BASE + 3662 * S, 3, "Já é\ntarde.", "Já é\ntarde.", "pt", "pt"))


SRT = """\
1
00:00:01,000 --> 00:00:03,250
Good morning.
Bom dia.

2
01:01:01,000 --> 01:01:02,000
Já é tarde.

"""


def test_srt(tmp_path):
    with Transcript(tmp_path / "a.srt") as transcript:
        session(transcript)
    assert (tmp_path / "a.srt").read_text(encoding="utf-8") == SRT


def test_text(tmp_path):
    with Transcript(tmp_path / "a.txt") as transcript:
        session(transcript)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Good morning.\nBom dia.\n\nJá é tarde.\n\n"


def test_json_lines(tmp_path):
    with Transcript(tmp_path / "a.jsonl") as transcript:
        session(transcript)
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert first == {
        "utterance": 1,
        "start_s": 1.0,
        "end_s": 3.25,
        "language": "en",
        "source": "Good morning.",
        "target": "pt",
        "text": "Bom dia.",
    }
    assert second["start_s"] == 3661


def test_entries_are_on_disk_at_once(tmp_path):
    transcript = Transcript(tmp_path / "a.srt")
    session(transcript)
    assert (tmp_path / "a.srt").read_text(encoding="utf-8") == SRT
    transcript.close()
    transcript.close()


def test_entries_never_overlap_and_are_long_enough(tmp_path):
    with Transcript(tmp_path / "a.jsonl") as transcript:
        transcript.tell(SessionStarted(0, (), "pt"))
        for number, (onset, end) in enumerate([(1.0, 3.0), (2.5, 2.9), (2.6, 4.0)], 1):
            transcript.tell(SpeechStarted(int(onset * S), number))
            transcript.tell(Subtitle(int(end * S), number, "a", "b", "en", "pt"))
        transcript.tell(Subtitle(20 * S, 9, "no onset", "sem início", "en", "pt"))
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(r["start_s"], r["end_s"]) for r in records] == [(1, 3), (3, 3.8), (3.8, 4.6), (20, 20.8)]


@pytest.mark.parametrize("name", ["a.doc", "a", "a.mp4"])
def test_unknown_kind_is_an_error_and_leaves_nothing(tmp_path, name):
    with pytest.raises(SinkError, match=r"\.srt, \.txt or \.jsonl"):
        Transcript(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_is_an_error(tmp_path):
    with pytest.raises(SinkError, match="cannot be written"):
        Transcript(tmp_path / "missing" / "a.srt")
    (tmp_path / "b.srt").mkdir()
    with pytest.raises(SinkError, match="cannot be written"):
        Transcript(tmp_path / "b.srt")


def test_full_disk_is_an_error(tmp_path):
    (tmp_path / "a.srt").symlink_to("/dev/full")
    transcript = Transcript(tmp_path / "a.srt")
    with pytest.raises(SinkError, match="cannot be written any more"):
        session(transcript)
    transcript.close()
