"""Tables of peers, from a report that is made up."""

import re

import pytest
import sample_report

from edge.bench.report import Quality
from edge.errors import BenchmarkError


@pytest.fixture
def docs(scripts_on_path):
    import peers_docs

    return peers_docs


@pytest.fixture
def peers_report(docs, monkeypatch):
    monkeypatch.syspath_prepend(str(docs.BENCHMARKS))
    import peers_report

    return peers_report


@pytest.fixture
def make(peers_report):
    """Function: a report of one comparison; keyword arguments change the report."""

    def group(name, ms, ratio=None):
        verdict = None if ratio is None else "we lead" if ratio < 1 else "behind by 25 %"
        interval = None if ratio is None else (ratio - 0.01, ratio + 0.02)
        return peers_report.Group(
            group=name, items=9, calls=45, p50_ms=ms, p90_ms=ms + 10, ratio=ratio, interval=interval, verdict=verdict
        )

    def system(name, **known):
        base = {"system": name, "precision": "int8", "threads": 2, "weights": "same", "peak_rss_mb": 310.4}
        return peers_report.SystemResult(**{**base, **known})

    judged = (Quality(metric="WER", value=10.3, data="clips", items=1470, better="lower"),)
    comparison = peers_report.Comparison(
        task="speech",
        data="clips of many speakers",
        rounds=5,
        began="2026-11-23T10:00:00Z",
        seconds=100,
        commit="0.1.0",
        systems=(
            system("edge", ours=True, quality=judged, groups=(group("2 s", 150), group("utterances of 5 s", 289))),
            system("other", note="beam 1", groups=(group("2 s", 745, 0.2), group("utterances of 5 s", 231, 1.25))),
            system("lost", status="skipped", reason="no wheel here; run: nothing helps", groups=()),
        ),
        limits=(
            peers_report.Limit(what="ratio to other", value=0.2, limit=0.5, held=True),
            peers_report.Limit(what="WER more", value=2.0, limit=1.0, held=False),
            peers_report.Limit(what="errors", value=12.0, limit=10.0, held=False, goal=True),
        ),
    )

    def report(**known):
        base = {"quick": False, "complete": True, "machine": sample_report.machine(), "comparisons": (comparison,)}
        return peers_report.PeersReport(**{**base, **known})

    return report


def test_every_system_has_a_row_also_one_that_could_not_run(docs, make):
    text = docs.peers_part(make())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == "| system | weights | 2 s (9) | utterances of 5 s (9) | quality | memory MB |"
    assert lines[2] == "| **edge**, int8, 2 threads | same | 150 / 160 ms | 289 / 299 ms | WER 10.3 | 310 |"
    assert lines[3].startswith(
        "| other, int8, 2 threads | same | 745 / 755 ms<br>0.20 (0.19-0.22), we lead "
        "| 231 / 241 ms<br>1.25 (1.24-1.27), behind by 25 % |"
    )
    assert lines[4].startswith("| lost, int8, 2 threads | same | skipped | skipped |")
    assert len(lines) == 5


def test_notes_reasons_and_broken_promises_stand_below(docs, make):
    text = docs.peers_part(make())
    assert "- other: beam 1" in text
    assert "- lost: no wheel here; run: nothing helps" in text
    assert "- WER more: 2.00, promised 1.00" in text
    assert text.endswith("Goals not reached:\n\n- errors: 12.0, wanted 10.0\n")
    assert "ratio to other" not in text


def test_a_quick_report_says_so(docs, make):
    assert docs.peers_part(make(quick=True)).startswith("In quick mode")
    assert "quick" not in docs.peers_part(make())


def test_the_page_has_a_heading_for_each_task(docs, make):
    text = docs.peers_part(make())
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == ["Speech"]
    assert "clips of many speakers; every input 5 times, 2026-11-23, 0.1.0." in text


def test_a_task_that_could_not_run_says_why(docs, make):
    (done,) = make().comparisons
    broken = done.model_copy(update={"status": "failed", "reason": "the model is gone", "systems": (), "limits": ()})
    text = docs.peers_part(make(comparisons=(broken,)))
    assert text.splitlines() == ["### Speech", "", "failed: the model is gone"]
    assert docs.peers_headlines(make(comparisons=(broken,))) == []


def test_the_readme_has_the_utterances_of_5_s(docs, make):
    assert docs.peers_headlines(make()) == [
        ["speech, utterances of 5 s", "289 ms (WER 10.3)", "other 231 ms", "1.25"],
    ]


def test_the_readme_has_those_that_come_closest_and_says_whose_answers_mean_nothing(docs, make):
    (done,) = make().comparisons
    ours, other, lost = done.systems
    ratios = {"slow": 0.1, "twin": 0.9, "fast": 1.5, "slower": 0.05}
    others = []
    for name, ratio in ratios.items():
        groups = tuple(one.model_copy(update={"ratio": ratio, "p50_ms": 289 / ratio}) for one in other.groups)
        weights = "same size, random" if name == "twin" else "its own"
        others.append(other.model_copy(update={"system": name, "groups": groups, "weights": weights}))
    several = done.model_copy(update={"systems": (ours, *others, lost)})
    (row,) = docs.peers_headlines(make(comparisons=(several,)))
    assert row[2:] == ["fast 193 ms; twin 321 ms (random weights); slow 2890 ms", "1.50; 0.90; 0.10"]


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (("WER en", "WER pt"), "WER en 1.0, pt 2.0"),
        (("BLEU", "chrF"), "BLEU 1.0, chrF 2.0"),
        (("top-1", "top-1 Caltech-101", "AUROC"), "top-1 1.0, Caltech-101 2.0"),
        (("letters missed, all", "letters missed, glasses"), "letters missed, all 1.0, glasses 2.0"),
        (("WER",), "WER 1.0"),
    ],
)
def test_two_qualities_share_their_words(docs, make, metrics, said):
    (done,) = make().comparisons
    ours, other, lost = done.systems
    judged = tuple(
        Quality(metric=metric, value=float(value), data="d", items=900, better="lower")
        for value, metric in enumerate(metrics, 1)
    )
    several = done.model_copy(update={"systems": (ours.model_copy(update={"quality": judged}), other, lost)})
    (row,) = docs.peers_headlines(make(comparisons=(several,)))
    assert row[1] == f"289 ms ({said})"


def test_quality_of_few_words_is_no_headline(docs, make):
    (done,) = make().comparisons
    ours, other, lost = done.systems
    few = ours.model_copy(update={"quality": tuple(one.model_copy(update={"items": 47}) for one in ours.quality)})
    report = make(comparisons=(done.model_copy(update={"systems": (few, other, lost)}),))
    assert "WER" not in docs.peers_headlines(report)[0][1]
    assert "WER 10.3" in docs.peers_part(report)


def test_quality_of_a_part_of_the_inputs_says_so(docs, make):
    (done,) = make().comparisons
    ours, other, lost = done.systems
    judged = [one.model_copy(update={"items": items}) for one in ours.quality for items in (1470, 200)]
    for found, said in zip(judged, ("(WER 10.3)", "(WER 10.3) on fewer inputs"), strict=True):
        slow = other.model_copy(update={"quality": (found,)})
        report = make(comparisons=(done.model_copy(update={"systems": (ours, slow, lost)}),))
        assert docs.peers_headlines(report)[0][2] == f"other 231 ms {said}"
        assert ("| WER 10.3 on fewer inputs |" in docs.peers_part(report)) == ("fewer" in said)


def test_the_plot_has_a_row_for_each_other_system_on_the_same_inputs(docs, make, scripts_on_path, tmp_path):
    from plots import draw

    figure = docs.peers_figure(make())
    assert figure["rows"] == [
        {
            "task": "speech",
            "group": "utterances of 5 s",
            "system": "other",
            "ours_ms": 289,
            "ms": 231,
            "ratio": 1.25,
            "interval": (1.24, 1.27),
        }
    ]
    draw(figure, tmp_path / "once.png")
    draw(figure, tmp_path / "twice.png")
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "twice.png").read_bytes()
    assert "(plots/peers.png)" in docs.peers_part(make())


def test_without_another_system_there_is_no_plot(docs, make):
    (done,) = make().comparisons
    alone = make(comparisons=(done.model_copy(update={"systems": done.systems[:1]}),))
    assert docs.peers_figure(alone) is None
    assert "plots/" not in docs.peers_part(alone)
    assert docs.peers_figure(None) is None


def test_files_are_read_and_absent_ones_are_no_error(docs, make, tmp_path):
    path = tmp_path / "peers.json"
    assert docs.peers(path) is None
    assert "peers.py" in docs.peers_part(None)
    make().write(path)
    assert docs.peers(path) == make()


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"complete": False}, "not complete;"),
        ({"complete": False, "lacking": ("signs", "scene")}, r"not complete .signs, scene lacking."),
        ({"machine": sample_report.machine(emulated=True)}, "emulated"),
    ],
)
def test_half_a_report_and_an_emulated_one_are_refused(docs, make, tmp_path, known, why):
    make(**known).write(tmp_path / "peers.json")
    with pytest.raises(BenchmarkError, match=rf"peers.json is .*{why}"):
        docs.peers(tmp_path / "peers.json")


def test_a_file_that_is_no_report_is_refused(docs, tmp_path):
    (tmp_path / "peers.json").write_text("[]")
    with pytest.raises(BenchmarkError, match="no report"):
        docs.peers(tmp_path / "peers.json")
