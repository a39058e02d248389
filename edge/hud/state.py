"""What the wearer should see at one moment, as a value: events and time in, a new state out. No side effects.

Captions behave like roll-up subtitles. A subtitle is cut into parts that fit the display; at most two parts are
visible; a new part enters at the bottom and moves the older one up once. A part leaves when it has been on
show long enough to be read, so that new text never pushes out unread text; when parts queue up, reading is
assumed to be faster, up to twice, and a queue beyond `MAX_WAITING` parts is cut and reported.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.events import (
    AudioLost,
    Event,
    SenseChanged,
    SessionEnded,
    SessionStarted,
    SourceLost,
    SourceRestored,
    SpeechRejected,
    SpeechStarted,
    StageFailed,
    Subtitle,
)
from edge.hud.seen import Seen, fade, see
from edge.media import NS_PER_S
from edge.settings import HudSettings

MAX_VISIBLE = 2
MAX_WAITING = 8
MAX_HURRY = 2.0
NOTICE_S = 6.0
SHORT_NOTICE_S = 3.0

Part = tuple[str, str]
Splitter = Callable[[str, str, str, str, bool], Sequence[Part]]
"""(source, text, language, target, steady) -> the parts (source, text) of a subtitle, each fitting the display.

`steady` asks for a split in which growing text never moves a word that is already placed.
"""


def whole(source: str, text: str, _language: str, _target: str, _steady: bool) -> tuple[Part, ...]:
    """The splitter that does not split."""
    return ((source, text),)


@dataclass(frozen=True)
class Caption:
    """One part of a subtitle.

    Attributes:
        utterance: number of the utterance.
        part: number of the part within the subtitle, from 0.
        source: what was said, in `language`.
        text: its translation into `target`.
        language: code of the spoken language.
        target: code of the wearer's language.
        is_final: whether the text can no longer grow.
        steady: began as a partial: lines fill greedily from the edge, so that growing moves no word.
        shown_ns: clock time at which it became visible; 0 while it waits.
        read_from_ns: clock time at which the reader, who reads the part above first, gets to it.
    """

    utterance: int
    part: int
    source: str
    text: str
    language: str
    target: str
    is_final: bool = True
    steady: bool = False
    shown_ns: int = 0
    read_from_ns: int = 0


@dataclass(frozen=True)
class Notice:
    """A short message about the program itself. `until_ns` is None when it stays until the cause is gone."""

    key: str
    text: str
    until_ns: int | None


@dataclass(frozen=True)
class HudState:
    """Everything that is shown.

    Attributes:
        settings: what the wearer wants.
        now_ns: clock time of this state.
        source_languages: codes the wearer expects to hear; empty: any.
        target_language: code of the wearer's language.
        recording: whether anything that is seen or heard is being written.
        captions: visible parts, oldest first, at most `MAX_VISIBLE`.
        waiting: parts that follow, in order.
        listening: numbers of the utterances that were begun and not yet answered.
        heard_language: code of the language last heard.
        notices: messages, oldest first.
        history: past and present final subtitles, oldest first.
        gone: utterance of the caption that left last, and how many of its parts have left.
        seen: what the camera senses have told.
        ended: whether the session has ended.
    """

    settings: HudSettings = field(default_factory=HudSettings)
    now_ns: int = 0
    source_languages: tuple[str, ...] = ()
    target_language: str = ""
    recording: bool = False
    captions: tuple[Caption, ...] = ()
    waiting: tuple[Caption, ...] = ()
    listening: tuple[int, ...] = ()
    heard_language: str = ""
    notices: tuple[Notice, ...] = ()
    history: tuple[Subtitle, ...] = ()
    gone: tuple[int, int] = (0, 0)
    seen: Seen = field(default_factory=Seen)
    ended: bool = False


def reduce(state: HudState, event: Event, now_ns: int, split: Splitter = whole) -> HudState:
    """The state after `event` at clock time `now_ns`. Time never runs backwards: earlier times count as now."""
    state = tick(state, now_ns)
    now_ns = state.now_ns
    if isinstance(event, Subtitle):
        return tick(_add_subtitle(state, event, split), now_ns)
    if isinstance(event, SpeechStarted):
        return replace(state, listening=(*_without(state.listening, event.utterance), event.utterance))
    if isinstance(event, SpeechRejected):
        return replace(state, listening=_without(state.listening, event.utterance))
    if isinstance(event, SessionStarted):
        return replace(
            state,
            source_languages=event.source_languages,
            target_language=event.target_language,
            recording=event.recording,
            ended=False,
        )
    if isinstance(event, SessionEnded):
        return replace(state, listening=(), ended=True)
    return _notify(replace(state, seen=see(state.seen, event, now_ns)), event)


def tick(state: HudState, now_ns: int) -> HudState:
    """The state at clock time `now_ns`: what has been read leaves, what waits enters, notices expire."""
    state = replace(state, now_ns=max(state.now_ns, now_ns))
    while state.captions and _leaves_ns(state, 0) <= state.now_ns:
        left, rest = state.captions[0], state.captions[1:]
        if rest:
            first = replace(rest[0], read_from_ns=min(rest[0].read_from_ns, state.now_ns))
            rest = (first, *rest[1:])
        state = _promote(replace(state, captions=rest, gone=(left.utterance, left.part + 1)))
    kept = tuple(n for n in state.notices if n.until_ns is None or n.until_ns > state.now_ns)
    return _promote(replace(state, notices=kept, seen=fade(state.seen, state.now_ns)))


def next_change_ns(state: HudState) -> int | None:
    """The clock time at which `tick` will next change what is shown; None: only an event can."""
    times = [n.until_ns for n in state.notices if n.until_ns is not None]
    if state.captions:
        times.append(_leaves_ns(state, 0))
    if state.seen.scene_until_ns is not None:
        times.append(state.seen.scene_until_ns)
    return max(min(times), state.now_ns) if times else None


def read_s(text: str, settings: HudSettings) -> float:
    """Seconds that reading `text` takes. A wide (Chinese, Japanese, Korean) character counts for two."""
    weight = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    return max(settings.min_caption_s, weight / settings.reading_speed)


def _leaves_ns(state: HudState, index: int) -> int:
    """When the visible caption `index` leaves: once read if others wait, else after `caption_s` as well."""
    caption, settings = state.captions[index], state.settings
    reading = read_s(caption.source if settings.show == "source" else caption.text, settings)
    if not state.waiting:
        held = max(caption.read_from_ns + reading * NS_PER_S, caption.shown_ns + settings.caption_s * NS_PER_S)
        return int(held)
    hurry = min(MAX_HURRY, 1 + 0.25 * len(state.waiting))
    return int(caption.read_from_ns + max(settings.min_caption_s, reading / hurry) * NS_PER_S)


def _promote(state: HudState) -> HudState:
    """Let waiting parts enter while there is room."""
    while state.waiting and len(state.captions) < MAX_VISIBLE:
        read_from = state.now_ns
        if state.captions:
            above = state.captions[-1]
            text = above.source if state.settings.show == "source" else above.text
            read_from = max(read_from, above.read_from_ns + int(read_s(text, state.settings) * NS_PER_S))
        entering = replace(state.waiting[0], shown_ns=state.now_ns, read_from_ns=read_from)
        state = replace(state, captions=(*state.captions, entering), waiting=state.waiting[1:])
    return state


def _add_subtitle(state: HudState, event: Subtitle, split: Splitter) -> HudState:
    known = [c for c in (*state.captions, *state.waiting) if c.utterance == event.utterance]
    answered = any(h.utterance == event.utterance for h in state.history[-MAX_WAITING:])
    if answered or (known and known[0].is_final):
        return state
    steady = not event.is_final or any(c.steady for c in known)
    if known and not event.is_final and not _grows(known, event):
        return state
    parts = tuple(
        Caption(event.utterance, n, source, text, event.language, event.target, event.is_final, steady)
        for n, (source, text) in enumerate(split(event.source, event.text, event.language, event.target, steady))
        if source or text
    )
    state = _place(replace(state, heard_language=event.language), event.utterance, parts)
    if event.is_final:
        history = (*state.history, event)[-state.settings.history :] if state.settings.history else ()
        state = replace(state, listening=_without(state.listening, event.utterance), history=history)
    late_s = (state.now_ns - event.captured_ns) / NS_PER_S
    if late_s > state.settings.lag_s:
        state = _notice(state, "lag", f"Captions are {late_s:.0f} s behind", SHORT_NOTICE_S)
    return state


def _grows(known: Sequence[Caption], event: Subtitle) -> bool:
    """Whether a partial extends what is known of its utterance (parts already read are not compared)."""
    source, text = "".join(c.source for c in known), "".join(c.text for c in known)
    return _squeezed(source) in _squeezed(event.source) and _squeezed(text) in _squeezed(event.text)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _place(state: HudState, utterance: int, parts: tuple[Caption, ...]) -> HudState:
    """Put the parts of one subtitle where its earlier parts are, or at the end of the queue."""
    first = state.gone[1] if state.gone[0] == utterance else 0
    new = {p.part: p for p in parts if p.part >= first}
    visible = []
    for old in state.captions:
        if old.utterance != utterance:
            visible.append(old)
        elif (part := new.pop(old.part, None)) is not None:
            visible.append(replace(part, shown_ns=old.shown_ns, read_from_ns=old.read_from_ns))
    others = tuple(c for c in state.waiting if c.utterance != utterance)
    waiting = (*others, *new.values())
    state = replace(state, captions=tuple(visible), waiting=waiting)
    state = _promote(state)
    if len(state.waiting) > MAX_WAITING:
        state = replace(state, waiting=state.waiting[-MAX_WAITING:])
        state = _notice(state, "lag", "Too much speech to read: some captions were skipped", SHORT_NOTICE_S)
    return state


def _notify(state: HudState, event: Event) -> HudState:
    if isinstance(event, SenseChanged) and event.level == "full":
        return replace(state, notices=tuple(n for n in state.notices if n.key != f"sense:{event.sense}"))
    key, seconds = _subject(event)
    return _notice(state, key, notice_text(event), seconds) if key else state


def _subject(event: Event) -> tuple[str, float | None]:
    """What a notice is about, empty for events that give none, and how long it stays; None: until it is revoked."""
    if isinstance(event, SourceLost):
        return f"source:{event.source}", None
    if isinstance(event, SourceRestored):
        return f"source:{event.source}", SHORT_NOTICE_S
    if isinstance(event, StageFailed):
        return f"stage:{event.stage}", NOTICE_S
    if isinstance(event, SenseChanged):
        return f"sense:{event.sense}", None
    return ("audio" if isinstance(event, AudioLost) else ""), NOTICE_S


def notice_text(event: Event) -> str:
    """What the wearer is told of a failure or its end; empty for events that are none."""
    if isinstance(event, SourceLost):
        return event.message
    if isinstance(event, SourceRestored):
        return f"{event.source} is back"
    if isinstance(event, StageFailed):
        return f"{event.stage}: {event.message}"
    if isinstance(event, SenseChanged):
        return _pace(event)
    return f"{event.seconds:.1f} s of speech were skipped" if isinstance(event, AudioLost) else ""


def _pace(event: SenseChanged) -> str:
    """What a sense does now, and why."""
    if event.level == "full":
        return f"{event.sense} back at full speed"
    why = "the device is hot" if event.reason == "temperature" else "speech first"
    return f"{event.sense} {'paused' if event.level == 'off' else 'slowed'}: {why}"


def _notice(state: HudState, key: str, text: str, seconds: float | None) -> HudState:
    """Add a notice; one with the same key is replaced where it stands."""
    until = None if seconds is None else state.now_ns + int(seconds * NS_PER_S)
    notice = Notice(key, text, until)
    if any(n.key == key for n in state.notices):
        return replace(state, notices=tuple(notice if n.key == key else n for n in state.notices))
    return replace(state, notices=(*state.notices, notice))


def _without(numbers: Iterable[int], number: int) -> tuple[int, ...]:
    return tuple(n for n in numbers if n != number)
