import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelNotFoundError
from edge.inference.sessions import SessionFactory
from edge.perception.crew import Crew
from edge.perception.text_detection import (
    STRIDE,
    TextDetector,
    busiest,
    detection_scale,
    edges,
    exposed,
    lines_of,
    plan_tiles,
    unexplained,
)
from edge.perception.text_geometry import sides
from edge.settings import TextSettings

SETTINGS = TextSettings()


class Node:
    name = "x"


class BrightnessDetector:
    """A detector for which white is the core of text."""

    def __init__(self):
        self.shapes = []

    def get_inputs(self):
        return [Node()]

    def get_outputs(self):
        return []

    def run(self, names, feed):
        values = feed["x"]
        assert values.dtype == np.float32
        assert np.abs(values).max() <= 1.0 + 1e-6
        self.shapes.append(values.shape)
        return [(values.mean(axis=1, keepdims=True) + 1) / 2]


def detector(session=None, **settings):
    return TextDetector(session or BrightnessDetector(), Crew(2), TextSettings(**settings))


def board(height=480, width=640, bars=((100, 200, 300, 20),)):
    image = np.zeros((height, width, 3), np.uint8)
    for left, top, across, down in bars:
        image[top : top + down, left : left + across] = 255
    return image


def test_a_line_is_found_where_it_is_and_grown():
    (line,) = detector(detection_pixels=480 * 640).detect(board())
    grown = 300 * 20 * 1.6 / (2 * 320)
    np.testing.assert_allclose(line.corners[0], (100 - grown, 200 - grown), atol=2)
    np.testing.assert_allclose(line.corners[2], (400 + grown, 220 + grown), atol=2)
    assert line.score > 0.9


@pytest.mark.parametrize("size", [(720, 1280), (1200, 1600), (348, 348), (333, 517), (2000, 300)])
def test_boxes_are_pixels_of_the_picture_whatever_its_size(size):
    height, width = size
    bar = (width // 4, height // 2, width // 2, max(12, height // 20))
    (line,) = detector(growth=0.5).detect(board(height, width, [bar]))
    middle = line.corners.mean(axis=0)
    np.testing.assert_allclose(middle, (bar[0] + bar[2] / 2, bar[1] + bar[3] / 2), atol=0.01 * max(size))


def test_a_line_across_tiles_is_one_line():
    session = BrightnessDetector()
    found = detector(session, detection_pixels=480 * 640, tile_side=256).detect(board(bars=[(20, 230, 600, 20)]))
    assert len(session.shapes) > 4
    assert len(found) == 1
    assert sides(found[0].corners)[0] > 600


def test_a_turned_line_keeps_its_angle():
    image = board(bars=[])
    cv2.line(image, (150, 150), (450, 300), (255, 255, 255), 18)
    (line,) = detector(detection_pixels=480 * 640).detect(image)
    along = line.corners[1] - line.corners[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(26.6, abs=1.5)


def test_lines_come_from_top_to_bottom():
    bars = [(50, 400, 90, 20), (300, 100, 90, 20), (60, 100, 90, 20)]
    tops = [line.corners[0, 1] for line in detector(detection_pixels=480 * 640).detect(board(bars=bars))]
    assert tops == sorted(tops)
    assert len(tops) == 3


def test_specks_and_faint_places_are_no_lines():
    probability = np.zeros((128, 128), np.float32)
    probability[20:22, 20:22] = 1.0
    probability[60:80, 20:100] = 0.4
    assert lines_of(probability, SETTINGS) == []
    assert len(lines_of(probability, TextSettings(line_threshold=0.35))) == 1


def test_a_black_picture_and_one_of_a_single_pixel_hold_nothing():
    assert detector().detect(board(bars=[])) == []
    assert detector().detect(np.zeros((1, 1, 3), np.uint8)) == []
    assert detector().detect_closer(np.zeros((1, 1, 3), np.uint8), []) == []


def test_a_ribbon_is_looked_at_in_steps_of_bounded_size():
    session = BrightnessDetector()
    detector(session).detect(np.zeros((20, 5000, 3), np.uint8))
    assert max(max(shape[2:]) for shape in session.shapes) <= SETTINGS.tile_side + STRIDE


def test_the_checkpoint_is_called_and_may_give_up():
    def give_up():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        detector().detect(board(), checkpoint=give_up)


def test_small_pictures_are_enlarged_up_to_the_limit():
    assert detection_scale((100, 100), 500_000, 2.0) == 2.0
    assert detection_scale((2000, 1000), 500_000, 2.0) == pytest.approx(0.5)


@given(
    height=st.integers(1, 60).map(lambda number: number * STRIDE),
    width=st.integers(1, 60).map(lambda number: number * STRIDE),
    side=st.sampled_from([256, 320, 736]),
)
def test_tiles_cover_every_pixel_exactly_once(height, width, side):
    count = np.zeros((height, width), int)
    for tile in plan_tiles(height, width, side):
        for (start, stop), (first, last), length in (
            (tile.rows, tile.keep_rows, height),
            (tile.columns, tile.keep_columns, width),
        ):
            assert 0 <= start <= first < last <= stop <= length
            assert (stop - start) % STRIDE == 0
            assert stop - start <= side + STRIDE
        count[slice(*tile.keep_rows), slice(*tile.keep_columns)] += 1
    assert (count == 1).all()


def noisy(rng, height=300, width=400):
    image = np.full((height, width, 3), 90, np.uint8)
    image[200:240, 300:380] = rng.integers(0, 255, (40, 80, 1), np.uint8)
    return image


def test_edges_are_seen_where_nothing_explains_them():
    image = noisy(np.random.default_rng(0))
    sharp = edges(image, [])
    assert sharp[200:240, 300:380].mean() > 0.5
    assert sharp[:190].sum() == 0
    explained = np.array([[300, 200], [380, 200], [380, 240], [300, 240]], np.float32)
    assert edges(image, [explained]).sum() == 0


def test_dim_edges_count_too():
    dim, lit = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 200, np.uint8)
    dim[:, 32:], lit[:, 32:] = 12, 212
    assert edges(dim, []).sum() > 0
    assert edges(lit, []).sum() == 0


def test_the_busiest_tiles_lie_around_the_edges():
    sharp = np.zeros((300, 400), np.uint8)
    sharp[200:240, 300:380] = 1
    sharp[20:30, 20:40] = 1
    settings = TextSettings(closer_side=128, closer_tiles=2, closer_edges=0.01)
    first, second = busiest((608, 800), sharp, settings)
    assert first.rows[0] <= 400
    assert first.rows[1] >= 480
    assert first.columns[0] <= 650
    assert first.columns[1] >= 700
    assert second.columns[1] <= 800
    assert all(tile.rows[1] - tile.rows[0] == tile.columns[1] - tile.columns[0] == 128 for tile in (first, second))


def test_tiles_stay_inside_and_calm_pictures_have_none():
    sharp = np.zeros((300, 400), np.uint8)
    assert busiest((608, 800), sharp, SETTINGS) == []
    sharp[-3:, -3:] = 1
    (tile,) = busiest((608, 800), sharp, TextSettings(closer_edges=0.0001, closer_tiles=1))
    assert tile.rows == (288, 608)
    assert tile.columns == (480, 800)


def test_no_more_tiles_than_allowed():
    sharp = np.ones((300, 400), np.uint8)
    assert len(busiest((608, 800), sharp, TextSettings(closer_tiles=3))) == 3
    assert len(busiest((608, 800), sharp, TextSettings(closer_tiles=100))) < 20


def test_the_closer_look_finds_a_line_and_sees_only_busy_tiles():
    session = BrightnessDetector()
    image = board(720, 1280, [(900, 600, 60, 8)])
    (line,) = detector(session, closer_edges=0.001).detect_closer(image, [])
    np.testing.assert_allclose(line.corners.mean(axis=0), (930, 604), atol=2)
    assert len(session.shapes) <= 2


def test_the_closer_look_exposes_its_tiles():
    dim = board(720, 1280, [(900, 600, 60, 8)]) // 5
    assert detector(closer_edges=0.001).detect(dim) == []
    (line,) = detector(closer_edges=0.001).detect_closer(dim, [])
    np.testing.assert_allclose(line.corners.mean(axis=0), (930, 604), atol=2)


def test_exposure_uses_the_whole_range_but_does_not_blow_up_noise():
    ramp = np.tile(np.linspace(80, 140, 64).astype(np.uint8)[:, None, None], (1, 64, 3))
    assert exposed(ramp).min() == 0
    assert exposed(ramp).max() == 255
    noise = np.random.default_rng(0).integers(100, 104, (64, 64, 3), np.uint8)
    assert np.ptp(exposed(noise).astype(int)) <= 8 * 4


def test_the_closer_look_can_be_switched_off():
    session = BrightnessDetector()
    assert detector(session, closer_tiles=0).detect_closer(board(), []) == []
    assert session.shapes == []


def test_an_empty_folder_is_a_missing_model(tmp_path):
    with pytest.raises(ModelNotFoundError, match="ppocr-det-small"):
        TextDetector.load(tmp_path, SessionFactory(), SETTINGS)


FAINT = board(720, 1280, [(900, 600, 60, 8)]) // 5


def test_a_survey_gives_the_lines_of_detect_and_a_map_of_the_picture():
    image = board()
    survey = detector(detection_pixels=480 * 640).survey(image)
    (found,) = detector(detection_pixels=480 * 640).detect(image)
    assert [line.score for line in survey.lines] == [found.score]
    np.testing.assert_array_equal(survey.lines[0].corners, found.corners)
    assert survey.hints.shape == (480, 640)
    assert survey.hints.dtype == np.float32
    assert survey.hints[210, 200] == pytest.approx(1.0)
    assert survey.hints[10, 10] == pytest.approx(0.0)


def test_the_closer_look_follows_a_faint_hint():
    reader = detector(closer_edges=0.001)
    survey = reader.survey(FAINT)
    assert survey.lines == []
    (line,) = reader.detect_closer(FAINT, [], survey.hints)
    np.testing.assert_allclose(line.corners.mean(axis=0), (930, 604), atol=2)


def test_tiles_without_any_hint_are_not_looked_at():
    session = BrightnessDetector()
    reader = detector(session, closer_edges=0.001, closer_hint=0.3)
    hints = reader.survey(FAINT).hints
    session.shapes.clear()
    assert reader.detect_closer(FAINT, [], hints) == []
    assert session.shapes == []
    assert len(reader.detect_closer(FAINT, [])) == 1, "without hints all busy tiles are looked at"


def test_a_hint_elsewhere_does_not_bring_a_tile_back():
    session = BrightnessDetector()
    image = board(720, 1280, [(900, 600, 60, 8), (100, 60, 60, 8)])
    hints = np.zeros((544, 960), np.float32)
    hints[46:50, 80:110] = 0.4
    (line,) = detector(session, closer_edges=0.001).detect_closer(image, [], hints)
    np.testing.assert_allclose(line.corners.mean(axis=0), (130, 64), atol=2)
    assert len(session.shapes) == 1


def test_what_is_explained_is_no_hint():
    line = np.array([[100, 200], [400, 200], [400, 220], [100, 220]], np.float32)
    hints = np.zeros((240, 320), np.float32)
    hints[100:110, 50:200] = 0.9
    hints[20, 20] = 0.4
    left = unexplained(hints, [line], (480, 640))
    assert left.max() == pytest.approx(0.4)
    assert hints.max() == pytest.approx(0.9), "the map is not changed"
    np.testing.assert_array_equal(unexplained(hints, [], (480, 640)), hints)
