"""The models of the sign sense, loaded and wired: pictures to lines, to regions, to the wearer's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.errors import InferenceError
from edge.events import Event
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.media import Image, VideoFrame
from edge.perception.known_view import KnownView
from edge.perception.languages import LANGUAGES, language_codes, normalise_language
from edge.perception.motion import MotionEstimator
from edge.perception.sign_colors import ink_and_paper
from edge.perception.sign_translation import SignTranslator, without_specks, worth_following
from edge.perception.text_grouping import group, region_of
from edge.perception.text_language import UNDECIDED
from edge.perception.text_reading import TextReader
from edge.perception.tracking import Tracker
from edge.perception.translation_routes import PIVOT
from edge.pipelines.signs import Look, SignReading
from edge.results import Region, SignText, TextLine
from edge.settings import Settings
from edge.telemetry import StageTimes
from edge.translators import Translators

_WARM_UP_SIZE = (240, 320, 3)


@dataclass(frozen=True)
class SignSense:
    """Text reader and translators, with their stages timed in `times`.

    Attributes:
        languages: those that signs may be in; None: any.
        target: the wearer's language.
    """

    languages: tuple[str, ...] | None
    target: str
    settings: Settings
    reader: TextReader
    translators: Translators
    signs: SignTranslator
    times: StageTimes

    @classmethod
    def load(
        cls, store: ModelStore, settings: Settings, source: str, target: str, translators: Translators | None = None
    ) -> SignSense:
        """Open the models. Translation packs are opened when first needed.

        Args:
            store: where the models are.
            settings: names the text models.
            source: `auto` or comma-separated language codes.
            target: language code.
            translators: the packs of another sense, to be shared.

        Raises:
            LanguageError: a code that nothing here knows, or no way from one of `source` to `target`.
            ModelNotFoundError, ModelCorruptError: say what to pull.
            InferenceError: a model that this runtime cannot load.
        """
        languages, wanted = language_codes(source), normalise_language(target)
        sessions = SessionFactory(settings.inference)
        packs = translators or Translators(store, sessions, settings.translation)
        for language in languages or ():
            packs.route(language, wanted)
        folders = store.open(settings.text.detector), store.open(settings.text.recognizer)
        reader = TextReader.load(*folders, sessions, settings.text)
        times = StageTimes()
        translate = times.timed("sign-translation", packs.translate)
        signs = SignTranslator(translate, wanted, languages, _likely(packs, languages, wanted))
        return cls(languages, wanted, settings, reader, packs, signs, times)

    def warm_up(self) -> None:
        """One inference of every model that the languages need.

        Raises:
            InferenceError: a model failed; the session must not start.
        """
        try:
            self.reader.read(np.zeros(_WARM_UP_SIZE, np.uint8))
            for language in self.languages or (PIVOT,):
                if self.translators.connects(language, self.target):
                    self.translators.warm_up(language, self.target)
        except InferenceError as error:
            raise InferenceError(f"warm-up: {error}") from error

    def events(
        self,
        frames: Iterable[VideoFrame],
        checkpoint: Callable[[], None] = lambda: None,
        level: Callable[[], str] = lambda: "full",
    ) -> Iterator[Event]:
        """Frames in, events out: every sign is told once, and where it is.

        Args:
            frames: of one camera, in order.
            checkpoint: called before every heavy step; it may wait until the processor is free.
            level: how hard to work: `full`, `slow`, `small` or `off`.
        """
        known: tuple[TextLine, ...] = ()

        def read(image: Image, look: Look) -> tuple[Region, ...]:
            nonlocal known
            checkpoint()
            if look == "closer":
                known = self.times.timed("text-reading", self.reader.read_closer)(image, known, checkpoint=checkpoint)
            else:
                known = self._lines(image, look == "glance", checkpoint)
            return self._of_interest(worth_following(self._regions(image, known)))

        def reread(image: Image, regions: Sequence[Region]) -> list[Region | None]:
            checkpoint()
            again = self.times.timed("text-reading", self.reader.read_again)
            return [self._again(image, again(image, region.lines, checkpoint=checkpoint)) for region in regions]

        def translate(regions: Sequence[Region], around: Sequence[Region]) -> list[SignText]:
            checkpoint()
            return self.translate(regions, around)

        signs = self.settings.signs
        reading = SignReading(
            self.times.timed("sign-motion", MotionEstimator().update),
            Tracker(signs),
            read,
            translate,
            self.target,
            level,
            signs.interval_s,
            signs.max_shift,
            KnownView(),
            reread,
        )
        return reading.events(frames)

    def read_picture(self, image: Image) -> list[tuple[Region, SignText]]:
        """Every region of one picture in reading order, and what it means.

        Args:
            image: uint8 [height, width, 3], BGR.

        Raises:
            InferenceError, ModelCorruptError: a model cannot be opened or run.
        """
        regions = without_specks(self.read(image))
        return list(zip(regions, self.translate(regions), strict=True))

    def read(self, image: Image) -> tuple[Region, ...]:
        """Regions of one picture with their colours, in reading order."""
        return self._regions(image, self._lines(image, False, lambda: None))

    def translate(self, regions: Sequence[Region], around: Sequence[Region] = ()) -> list[SignText]:
        """What regions mean; `around` are others of the same picture, whose language counts, too."""
        languages = self.signs.languages([region.text for region in [*regions, *around]])
        return [self.signs.translate(region, language) for region, language in zip(regions, languages, strict=False)]

    def _of_interest(self, regions: Sequence[Region]) -> tuple[Region, ...]:
        """Those whose script the languages asked for are written in; all where any language may stand on signs."""
        if self.languages is None:
            return tuple(regions)
        languages = self.signs.languages([region.text for region in regions])
        told = zip(regions, languages, strict=True)
        return tuple(region for region, code in told if code != UNDECIDED or not any(map(str.isalpha, region.text)))

    def _lines(self, image: Image, small: bool, checkpoint: Callable[[], None]) -> tuple[TextLine, ...]:
        return self.times.timed("text-reading", self.reader.read)(image, small=small, checkpoint=checkpoint)

    @staticmethod
    def _regions(image: Image, lines: Sequence[TextLine]) -> tuple[Region, ...]:
        return tuple(_colored(image, region) for region in group(lines))

    def _again(self, image: Image, lines: Sequence[TextLine]) -> Region | None:
        """What lines of one region say now."""
        regions = [_colored(image, region_of(lines))] if lines else []
        return next(iter(self._of_interest(worth_following(regions))), None)


def _colored(image: Image, region: Region) -> Region:
    ink, paper = ink_and_paper(image, region)
    return replace(region, ink=ink, paper=paper)


def _likely(packs: Translators, languages: Sequence[str] | None, target: str) -> tuple[str, ...]:
    """Languages that need no evidence: those asked for, else those that installed packs serve; the target last."""
    served = languages or [code for code in (PIVOT, *LANGUAGES) if code != target and packs.connects(code, target)]
    return tuple(dict.fromkeys([*served, target]))
