import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from edge.inference.sessions import SessionFactory
from edge.perception.text_detection import DetectedLine, Survey
from edge.perception.text_reading import TextReader
from edge.perception.text_recognition import RecognizedLine
from edge.results import TextLine
from edge.settings import InferenceSettings, TextSettings

EMPTY = np.zeros((400, 600, 3), np.uint8)


def place(left, top, width, height):
    corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    return DetectedLine(np.array(corners, np.float32), 0.9)


class Detector:
    def __init__(self, first, closer=()):
        self.first, self.closer = list(first), list(closer)
        self.asked = []
        self.explained = None
        self.map = np.zeros((2, 2), np.float32)
        self.hints = []

    def survey(self, image, *, pixels=None, checkpoint=lambda: None):
        checkpoint()
        self.asked.append(pixels)
        return Survey(self.first, self.map)

    def detect_closer(self, image, explained, hints=None, *, checkpoint=lambda: None):
        checkpoint()
        self.explained = explained
        self.hints.append(hints)
        return self.closer


class Recognizer:
    """Says what the script says, crop by crop; nothing when it is over."""

    def __init__(self, *script):
        self.script = list(script)
        self.crops = []

    def recognize(self, lines, checkpoint=lambda: None):
        self.crops += lines
        return [RecognizedLine(*(self.script.pop(0) if self.script else ("", 0.0))) for _ in lines]


def read(detector, recognizer, image=EMPTY, **options):
    return TextReader(detector, recognizer, TextSettings()).read(image, **options)


def test_lines_come_with_their_boxes_from_top_to_bottom():
    detector = Detector([place(10, 200, 100, 20), place(10, 50, 100, 20)])
    lines = read(detector, Recognizer(("below", 0.99), ("above", 0.98)))
    assert [line.text for line in lines] == ["above", "below"]
    assert lines[0].box == ((10.0, 50.0), (110.0, 50.0), (110.0, 70.0), (10.0, 70.0))
    assert lines[0].confidence == 0.98


def test_a_sure_line_is_read_once_and_not_looked_at_closer():
    detector = Detector([place(10, 50, 100, 20)], [place(12, 51, 60, 18)])
    recognizer = Recognizer(("EXIT", 0.99))
    assert [line.text for line in read(detector, recognizer)] == ["EXIT"]
    assert len(recognizer.crops) == 1
    assert len(detector.explained) == 1


def test_the_surer_reading_of_a_doubtful_line_counts():
    recognizer = Recognizer(("EXTT", 0.7), ("EXIT", 0.9))
    assert [line.text for line in read(Detector([place(10, 50, 100, 20)]), recognizer)] == ["EXIT"]


def test_the_closer_look_adds_lines_and_corrects_doubtful_ones():
    detector = Detector([place(10, 50, 100, 20)], [place(10, 51, 98, 19), place(300, 300, 40, 8)])
    recognizer = Recognizer(("EXTT", 0.7), ("EXTT", 0.7), ("", 0.0), ("EXIT", 0.98), ("CAUTION", 0.99))
    assert [line.text for line in read(detector, recognizer)] == ["EXIT", "CAUTION"]
    assert detector.explained == []


def test_the_small_mode_looks_once_at_fewer_pixels():
    detector = Detector([])
    assert read(detector, Recognizer(), small=True) == ()
    assert detector.asked == [TextSettings().detection_pixels_small]
    assert detector.explained is None


@pytest.mark.parametrize(
    ("text", "confidence", "believed"),
    [("PUSH", 0.45, False), ("PUSH", 0.55, True), ("7", 0.7, False), ("7", 0.9, True), ("", 0.0, False)],
)
def test_what_is_too_doubtful_is_not_told(text, confidence, believed):
    recognizer = Recognizer((text, confidence))
    assert bool(read(Detector([place(10, 50, 100, 20)]), recognizer)) is believed


def test_a_column_is_told_as_vertical_with_its_upright_box():
    recognizer = Recognizer(("~", 0.3), ("~", 0.3), ("-", 0.4), ("出入口", 0.97))
    (line,) = read(Detector([place(50, 50, 30, 90)]), recognizer)
    assert line.vertical
    assert line.text == "出入口"
    assert line.box[0] == (50.0, 50.0)


def test_a_sideways_line_begins_where_it_is_read_from():
    (line,) = read(Detector([place(50, 50, 30, 200)]), Recognizer(("PLATFORM", 0.99)))
    assert line.box[0] == (80.0, 50.0)
    assert not line.vertical


def test_a_line_upside_down_must_be_clearly_better():
    upside = place(10, 50, 100, 20)
    (line,) = read(Detector([upside]), Recognizer(("dOTS", 0.55), ("dOTS", 0.5), ("STOP", 0.99)))
    assert line.text == "STOP"
    assert line.box[0] == (110.0, 70.0)
    (line,) = read(Detector([upside]), Recognizer(("dOTS", 0.75), ("dOTS", 0.7), ("STOP", 0.8)))
    assert line.text == "dOTS"


def test_the_checkpoint_reaches_every_part_and_may_give_up():
    class NowError(Exception):
        pass

    def give_up():
        raise NowError

    with pytest.raises(NowError):
        read(Detector([]), Recognizer(), checkpoint=give_up)


@pytest.fixture(scope="module")
def reader(model_folder):
    folders = model_folder("ppocr-det-small"), model_folder("ppocr-rec-small")
    return TextReader.load(*folders, SessionFactory(InferenceSettings(threads=2)))


@pytest.fixture(scope="module")
def font(model_folder):
    folder = model_folder("font-noto-sans")
    return ImageFont.truetype(str(next(folder.glob("*.ttf"))), 40)


def drawn(font, texts, *, size=(640, 480), angle=0):
    picture = Picture.new("RGB", size, (228, 232, 220))
    draw = ImageDraw.Draw(picture)
    for number, text in enumerate(texts):
        draw.text((60, 60 + 90 * number), text, font=font, fill=(30, 30, 90))
    return np.asarray(picture.rotate(angle, expand=True, fillcolor=(228, 232, 220)))[:, :, ::-1].copy()


@pytest.mark.models
def test_drawn_lines_are_read_with_accents_and_spaces(reader, font):
    texts = ["Saída de emergência", "No parking 24 hours", "Öffnungszeiten: 9-18"]
    lines = reader.read(drawn(font, texts))
    assert [line.text for line in lines] == texts
    assert all(line.confidence > 0.9 for line in lines)
    for number, line in enumerate(lines):
        assert line.box[0][0] == pytest.approx(60, abs=14)
        assert line.box[0][1] < 60 + 90 * number + 30 < line.box[3][1]


@pytest.mark.models
@pytest.mark.parametrize("angle", [20, -20, 90, 270, 180])
def test_turned_pictures_are_read(reader, font, angle):
    lines = reader.read(drawn(font, ["Railway station", "Ticket office"], angle=angle))
    assert {line.text for line in lines} == {"Railway station", "Ticket office"}
    along = np.subtract(lines[0].box[1], lines[0].box[0])
    turned = np.degrees(np.arctan2(-along[1], along[0]))
    assert (turned - angle + 180) % 360 - 180 == pytest.approx(0, abs=5)


@pytest.mark.models
def test_columns_of_chinese_are_vertical_lines(reader, model_folder):
    path = next(model_folder("font-wqy-microhei").glob("*.tt*"))
    font = ImageFont.truetype(str(path), 44)
    picture = Picture.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(picture)
    for column, text in enumerate(["出入口", "禁止吸烟"]):
        for row, character in enumerate(text):
            draw.text((420 - 150 * column, 60 + 52 * row), character, font=font, fill="black")
    lines = {line.text: line for line in reader.read(np.asarray(picture)[:, :, ::-1].copy())}
    assert set(lines) == {"出入口", "禁止吸烟"}
    assert all(line.vertical for line in lines.values())
    assert lines["出入口"].box[0] == pytest.approx((420, 60), abs=16)


@pytest.mark.models
def test_the_small_mode_reads_large_text(reader, font):
    assert [line.text for line in reader.read(drawn(font, ["Museum entrance"]), small=True)] == ["Museum entrance"]


@pytest.mark.models
def test_small_text_in_a_large_picture_is_found(reader, font):
    small = font.font_variant(size=13)
    texts = [line.text for line in reader.read(drawn(small, ["Mind the gap"], size=(1280, 720)))]
    assert texts == ["Mind the gap"]


@pytest.mark.models
@pytest.mark.parametrize("shape", [(1, 1), (20, 3000), (3000, 20), (7, 900)])
def test_odd_pictures_hold_no_text(reader, shape):
    assert reader.read(np.full((*shape, 3), 128, np.uint8)) == ()


@pytest.mark.models
def test_reading_twice_gives_the_same(reader, font):
    image = drawn(font, ["Bakery", "Open until 6 pm"], angle=7)
    assert reader.read(image) == reader.read(image)


def test_a_closer_look_keeps_what_the_glance_knows():
    known = (TextLine(((10.0, 50.0), (110.0, 50.0), (110.0, 70.0), (10.0, 70.0)), "EXIT", 0.99),)
    detector = Detector([], [place(12, 51, 90, 18), place(300, 300, 40, 8)])
    reader = TextReader(detector, Recognizer(("CAUTION", 0.99)), TextSettings())
    assert [line.text for line in reader.read_closer(EMPTY, known)] == ["EXIT", "CAUTION"]
    assert detector.asked == []


@pytest.mark.models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ic15_beware.jpg", ["BEWARE OF", "MAINTENANCE", "VEHICLES"]),
        ("groc_oatly-oat-milk_023.jpg", ["HAVRE", "DRYCK"]),
        ("ocv_no_parking.jpg", ["NO", "PARKING"]),
        ("pp_abc_bank.jpg", []),
    ],
)
def test_photos_are_read(reader, shared_data, name, words):
    path = shared_data / "signs" / name
    if not path.is_file():
        pytest.skip(f"no photo {name}")
    lines = reader.read(cv2.imread(str(path)))
    texts = " ".join(line.text.upper() for line in lines)
    assert lines
    assert [word for word in words if word not in texts] == []


def again(recognizer, *known, image=EMPTY, **options):
    return TextReader(Detector([]), recognizer, TextSettings()).read_again(image, known, **options)


KNOWN = TextLine(((10.0, 50.0), (110.0, 50.0), (110.0, 70.0), (10.0, 70.0)), "EXTT", 0.7)
BELOW = TextLine(((10.0, 150.0), (210.0, 150.0), (210.0, 170.0), (10.0, 170.0)), "PUSH", 0.8)


def test_known_places_are_read_again_without_looking_for_any():
    recognizer = Recognizer(("EXIT", 0.98), ("PUSH", 0.99))
    asked = []
    lines = again(recognizer, KNOWN, BELOW, checkpoint=lambda: asked.append(1))
    assert lines == (TextLine(KNOWN.box, "EXIT", 0.98), TextLine(BELOW.box, "PUSH", 0.99))
    assert len(recognizer.crops) == 2


def test_what_is_not_believed_any_more_is_left_out():
    recognizer = Recognizer(("EXIT", 0.3), ("PUSH", 0.99))
    assert [line.text for line in again(recognizer, KNOWN, BELOW)] == ["PUSH"]
    assert again(Recognizer()) == ()


def test_a_column_is_read_again_as_one():
    box = ((10.0, 50.0), (40.0, 50.0), (40.0, 250.0), (10.0, 250.0))
    (line,) = again(Recognizer(("\u4f9b\u7528\u6c34", 0.99)), TextLine(box, "\u4f9b\u7528\u6c34", 0.9, vertical=True))
    assert line.vertical
    assert line.box == box


def test_a_closer_look_goes_where_the_first_look_at_the_same_picture_saw_a_trace():
    detector = Detector([])
    read(detector, Recognizer())
    TextReader(detector, Recognizer(), TextSettings()).read_closer(EMPTY, [])
    assert detector.hints[0] is detector.map
    assert detector.hints[1] is None, "a glance at an earlier picture leaves no map"
