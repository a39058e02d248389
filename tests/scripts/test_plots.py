"""Plots: their data, the same bytes twice, and the digest that tells a stale picture without drawing."""

import json

import pytest
import sample_report
from PIL import Image


@pytest.fixture
def data(scripts_on_path):
    import plot_data

    return plot_data


@pytest.fixture
def plots(scripts_on_path):
    import plots

    return plots


@pytest.fixture
def draw(plots):
    return plots.draw


def height(path):
    with Image.open(path) as picture:
        return picture.height


def kinds(figures):
    return [figure["kind"] for figure in figures.values()]


def test_a_full_report_has_every_plot_and_names_them_after_its_file(data):
    made = data.figures({"pi": sample_report.report()})
    assert list(made) == ["pi-floor.png", "pi-latency.png", "pi-glass.png", "pi-sustained.png"]
    assert {figure["title"] for figure in made.values()} == {"Board of Tests"}


def test_what_was_not_measured_has_no_plot(data):
    assert kinds(data.figures({"a": sample_report.report(full=False)})) == ["floor", "latency", "glass"]
    assert kinds(data.figures({"a": sample_report.report(sessions=False)})) == ["floor", "latency"]
    assert data.figures({}) == {}
    assert data.figures({"a": sample_report.report(sessions=False, changes={"stages": ()})}) == {}


def test_a_stage_whose_samples_were_not_kept_has_a_time_but_no_spread(data):
    result = sample_report.result(sample_report.noise(), "scene.look", "int8", 2)
    bare = result.model_copy(update={"timing": result.timing.model_copy(update={"samples_ms": ()})})
    made = data.figures({"a": sample_report.report(sessions=False, changes={"stages": (bare,)})})
    assert kinds(made) == ["floor"]


def test_every_stage_is_shown_once_with_its_median_and_floor(data):
    report = sample_report.report()
    floor, latency, *_ = data.figures({"a": report}).values()
    assert [row["stage"] for row in floor["rows"]] == list(sample_report.STAGES)
    encoder = next(row for row in floor["rows"] if row["stage"] == "speech.encoder")
    found = next(one for one in report.stages if one.key[:3] == ("speech.encoder", "int8", 2))
    assert encoder["p50_ms"] == found.timing.p50_ms
    assert encoder["floor_ms"] == found.floor.floor_ms
    assert next(row for row in floor["rows"] if row["stage"] == "speech.mel")["floor_ms"] is None
    for row in latency["rows"]:
        assert row["shares_ms"] == sorted(row["shares_ms"])
        assert row["count"] == 60


def test_percentiles_of_all_samples_go_before_those_of_the_few_that_were_kept(data):
    result = sample_report.result(sample_report.noise(), "scene.look", "int8", 2)
    update = {"samples_ms": (30.0, 31.0, 32.0), "p50_ms": 20.0, "p90_ms": 40.0, "p99_ms": 50.0}
    kept = result.model_copy(update={"timing": result.timing.model_copy(update=update)})
    made = data.figures({"a": sample_report.report(sessions=False, changes={"stages": (kept,)})})
    assert made["a-latency.png"]["rows"][0]["shares_ms"] == [20.0, 20.0, 20.0, 32.0, 40.0, 50.0]


def test_curves_are_sorted_and_say_alone_or_together(data):
    figure = data.figures({"a": sample_report.report()})["a-glass.png"]
    curves = [(curve["event"], curve["how"], len(curve["ms"])) for curve in figure["curves"]]
    assert curves == [
        ("caption", "alone", 14),
        ("caption", "all senses", 14),
        ("label", "all senses", 20),
        ("sign", "alone", 9),
        ("sign", "all senses", 9),
    ]
    assert all(curve["ms"] == sorted(curve["ms"]) for curve in figure["curves"])


def test_over_time_counts_from_the_start_of_the_session_not_of_the_benchmark(data):
    session = sample_report.session(sample_report.noise(), "sustained", ("speech",), hot=True)
    late = session.model_copy(
        update={"conditions": tuple(one.model_copy(update={"at_s": one.at_s + 900}) for one in session.conditions)}
    )
    early_figure, late_figure = (
        data.figures({"a": sample_report.report(changes={"sessions": (one,)})})["a-sustained.png"]
        for one in (session, late)
    )
    assert late_figure["temperature_c"][0][0] == 0
    assert late_figure == early_figure
    assert (0.0, False) in late_figure["throttled"]
    assert late_figure["throttled"][-1] == (600.0, True)


def test_without_sensors_over_time_has_no_temperature(data):
    figure = data.figures({"a": sample_report.report(temperature=False)})["a-sustained.png"]
    assert figure["temperature_c"] == []
    assert not any(held for _, held in figure["throttled"])


def test_medians_over_time_are_of_pieces_of_equal_length(data):
    points = [(float(at), 100.0 if at < 50 else 200.0) for at in range(100)]
    session = sample_report.session(sample_report.noise(), "soak", ("speech",))
    session = session.model_copy(update={"seconds": 100.0, "latency_over_time": tuple(points)})
    figure = data.figures({"a": sample_report.report(changes={"sessions": (session,)})})["a-soak.png"]
    assert [value for _, value in figure["medians"]] == [100.0] * 10 + [200.0] * 10
    assert figure["medians"][0][0] == 2.5


def test_the_digest_is_of_the_data_and_of_the_way_of_drawing(data, monkeypatch):
    figure = data.figures({"a": sample_report.report()})["a-floor.png"]
    same = json.loads(json.dumps(figure))
    assert data.digest(same) == data.digest(figure)
    changed = json.loads(json.dumps(figure))
    changed["rows"][0]["p50_ms"] += 0.001
    assert data.digest(changed) != data.digest(figure)
    before = data.digest(figure)
    monkeypatch.setattr(data, "DRAWING", data.DRAWING + 1)
    assert data.digest(figure) != before


def test_a_picture_says_what_it_shows_and_other_files_say_nothing(data, tmp_path):
    assert data.drawn_digest(tmp_path / "gone.png") is None
    (tmp_path / "text.png").write_text("no picture")
    assert data.drawn_digest(tmp_path / "text.png") is None
    Image.new("RGB", (2, 2)).save(tmp_path / "plain.png")
    assert data.drawn_digest(tmp_path / "plain.png") is None


@pytest.mark.parametrize("kind", ["floor", "parts", "latency", "glass", "sustained"])
def test_drawn_twice_a_plot_has_the_same_bytes_and_its_digest(data, draw, tmp_path, kind):
    report = sample_report.report(changes={"stages": parts()} if kind == "parts" else {})
    figure = data.figures({"a": report})[f"a-{kind}.png"]
    draw(figure, tmp_path / "once" / "a.png")
    draw(json.loads(json.dumps(figure)), tmp_path / "twice.png")
    assert (tmp_path / "once" / "a.png").read_bytes() == (tmp_path / "twice.png").read_bytes()
    assert data.drawn_digest(tmp_path / "twice.png") == data.digest(figure)
    with Image.open(tmp_path / "twice.png") as picture:
        assert picture.width == 1400
        assert 400 < picture.height < 1600
        assert len(picture.convert("L").getcolors()) > 20


def test_the_style_of_the_user_does_not_show(data, draw, tmp_path):
    import matplotlib as mpl

    figure = data.figures({"a": sample_report.report()})["a-floor.png"]
    draw(figure, tmp_path / "plain.png")
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "black"}):
        draw(figure, tmp_path / "styled.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "styled.png").read_bytes()


def test_a_slow_sample_far_out_is_told_in_words_instead_of_shrinking_the_rest(data, plots):
    figure = data.figures({"a": sample_report.report(sessions=False)})["a-latency.png"]
    figure["rows"][0]["shares_ms"][-1] = figure["rows"][0]["shares_ms"][2] * 50
    axes = plots._latency(figure).axes[0]
    assert axes.get_xlim()[1] == 3
    assert axes.texts[0].get_text().startswith("99th at 50.0; ")


@pytest.mark.parametrize(
    ("seconds", "words"), [(42, "42 seconds"), (119, "119 seconds"), (600, "10 minutes"), (28800, "8 hours")]
)
def test_time_has_a_unit_of_which_there_are_some(data, plots, seconds, words):
    session = sample_report.session(sample_report.noise(), "sustained", ("speech",), hot=True)
    session = session.model_copy(update={"seconds": float(seconds)})
    figure = data.figures({"a": sample_report.report(changes={"sessions": (session,)})})["a-sustained.png"]
    canvas = plots._sustained(figure)
    assert canvas.get_suptitle().startswith(f"Captions over {words} without a pause")
    assert canvas.axes[-1].get_xlabel() == words.split()[1]
    assert canvas.axes[-1].get_xlim() == (0, int(words.split()[0]))


def test_a_session_without_sensors_is_drawn_alone(data, draw, tmp_path):
    session = sample_report.session(sample_report.noise(), "sustained", ("speech",), hot=True)
    bare = session.model_copy(update={"conditions": ()})
    for name, one in (("bare", bare), ("felt", session)):
        figure = data.figures({"a": sample_report.report(changes={"sessions": (one,)})})["a-sustained.png"]
        draw(figure, tmp_path / f"{name}.png")
    assert height(tmp_path / "bare.png") < height(tmp_path / "felt.png")


PARTS = {  # stage: median in ms, MB of weights read in a sample, seconds of sound
    "speech.mel": (4.0, None, 8.0),
    "speech.encoder": (60.0, 20, 8.0),
    "speech.decoder-token": (3.0, 50, None),
    "speech.utterance-2s": (101.0, 520, 2.0),
    "speech.utterance-5s": (130.0, 1020, 4.9),
    "translation.sentence": (5.0, None, None),
    "translation.phrase": (2.0, None, None),
    "signs.detection": (90.0, None, None),
    "signs.recognition": (30.0, None, None),
    "signs.picture": (125.0, None, None),
    "hud.captions": (9.0, None, None),
    "hud.overlay": (1.5, None, None),
}


def parts(**changes):
    """Results of the stages above, with other numbers for some; None leaves one out."""
    like = sample_report.result(sample_report.noise(), "scene.look", "int8", 2)
    made = []
    for stage, numbers in {**PARTS, **{name.replace("_", "."): value for name, value in changes.items()}}.items():
        if numbers is None:
            continue
        median_ms, megabytes, audio_s = numbers
        timing = like.timing.model_copy(update={"p50_ms": median_ms, "samples_ms": (median_ms,)})
        work = like.work.model_copy(update={"weight_bytes": megabytes * 10**6}) if megabytes else None
        update = {"stage": stage, "timing": timing, "work": work, "audio_s": audio_s, "floor": None}
        made.append(like.model_copy(update=update))
    return tuple(made)


def chains(data, **changes):
    report = sample_report.report(sessions=False, changes={"stages": parts(**changes)})
    return {row["words"]: row for row in data.chains(report)}


def test_a_caption_is_the_sum_of_its_parts_with_as_many_steps_of_the_decoder_as_weights_were_read(data):
    made = chains(data)
    assert list(made) == ["2 s of speech to a caption", "5 s of speech to a caption", "a picture to 4 signs"]
    short, long, picture = made.values()
    assert dict(short["parts"]) == {"spectrogram": 4, "encoder": 60, "decoder": 10 * 3, "translation": 2, "drawing": 9}
    assert dict(long["parts"])["decoder"] == 20 * 3
    assert dict(long["parts"])["translation"] == 5
    assert dict(picture["parts"]) == {"detection": 90, "recognition": 30, "translation": 8, "drawing": 1.5}
    assert (short["whole_ms"], short["of"]) == (101, 3)
    assert (picture["whole_ms"], picture["of"]) == (125, 2)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"speech_mel": None}, 1),
        ({"signs_picture": None}, 2),
        ({"translation_sentence": None}, 2),
        ({"speech_encoder": (60.0, None, 8.0)}, 1),
        ({"speech_utterance-2s": (101.0, 15, 2.0)}, 2),
        ({"speech_utterance-5s": (130.0, 1020, 8.5)}, 2),
        ({"speech_utterance-5s": (130.0, 1020, None)}, 2),
    ],
)
def test_a_chain_with_a_part_that_is_not_known_is_left_out(data, changes, left):
    assert len(chains(data, **changes)) == left


def test_without_any_chain_there_is_no_plot_of_parts(data):
    nothing = {name.replace(".", "_"): None for name in PARTS if "utterance" in name or "signs" in name}
    report = sample_report.report(sessions=False, changes={"stages": parts(**nothing)})
    assert "parts" not in kinds(data.figures({"a": report}))


def test_bars_stand_behind_one_another(data, plots):
    figure = data.figures({"a": sample_report.report(sessions=False, changes={"stages": parts()})})["a-parts.png"]
    axes = plots._parts(figure).axes[0]
    first = [bar for bar in axes.patches if abs(bar.get_y() + bar.get_height() / 2) < 0.1]
    assert [bar.get_x() for bar in first] == [0, 4, 64, 94, 96]
    assert axes.texts[0].get_text() == "105 ms"
    assert axes.texts[1].get_text() == "first 3 parts: 94 ms,\nmeasured as one: 101 ms"


def test_without_a_sensor_the_load_tells_what_else_ran(data, plots):
    session = sample_report.session(sample_report.noise(), "sustained", ("speech",), hot=True)
    loads = tuple(
        one.model_copy(update={"temperature_c": None, "mhz": None, "throttled": None, "load": 2.5})
        for one in session.conditions
    )
    blind = session.model_copy(update={"conditions": loads})
    figure = data.figures({"a": sample_report.report(changes={"sessions": (blind,)})})["a-sustained.png"]
    assert [axes.get_ylabel() for axes in plots._sustained(figure).axes][1:] == ["load of all programs"]
    felt = data.figures({"a": sample_report.report()})["a-sustained.png"]
    assert [axes.get_ylabel() for axes in plots._sustained(felt).axes][1:] == ["processor, °C", "clock, MHz"]


def test_one_median_is_no_line(data, plots):
    session = sample_report.session(sample_report.noise(), "sustained", ("speech",))
    few = session.model_copy(update={"latency_over_time": ((5.0, 700.0), (20.0, 720.0))})
    figure = data.figures({"a": sample_report.report(changes={"sessions": (few,)})})["a-sustained.png"]
    assert len(figure["medians"]) == 1
    assert [line.get_label() for line in plots._sustained(figure).axes[0].lines] == ["a caption"]
