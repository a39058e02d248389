"""Tables of measured machines, from reports that are made up: nothing measured is lost, nothing else is invented."""

import re

import pytest
import sample_report

from edge.bench.report import Floor, Latency, Quality, Session
from edge.errors import BenchmarkError


@pytest.fixture
def files(scripts_on_path):
    import board_files

    return board_files


@pytest.fixture
def tables(scripts_on_path):
    import board_tables

    return board_tables


@pytest.fixture
def docs(scripts_on_path):
    import board_docs

    return board_docs


@pytest.fixture
def boards(files, tmp_path):
    """Two machines through files, as a pull request would bring them."""
    sample_report.report().write(tmp_path / "zebra.json")
    sample_report.report(full=False, seed=2, speed=3, board="Another").write(tmp_path / "apple.json")
    return files.read_boards(tmp_path)


def rows(table):
    """Cells of a Markdown table, its head first, the rule left out."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in (lines[0], *lines[2:])]


def test_files_are_read_in_the_order_of_their_titles(boards, files):
    assert list(boards) == ["apple", "zebra"]
    assert files.titles(boards) == {"apple": "Another", "zebra": "Board of Tests"}


def test_this_checkout_has_the_folder_and_its_page_is_no_board(files):
    assert (files.BOARDS / "README.md").is_file()
    assert "README" not in files.read_boards()


def test_no_folder_and_no_file_are_no_boards(files, tmp_path):
    assert files.read_boards(tmp_path) == {}
    assert files.read_boards(tmp_path / "gone") == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"complete": False}, "not complete .it was killed"),
        ({"complete": False, "stopped": "interrupted"}, "not complete .interrupted"),
        ({"slowdown": {"scene.look": 1.3}}, "slowed down on purpose"),
        ({"machine": sample_report.machine(emulated=True)}, "emulated"),
        ({"stages": ()}, "nothing was measured"),
        ({"kind": "chosen"}, "only chosen stages"),
    ],
)
def test_what_may_not_be_published_stops_everything_and_names_the_file(files, tmp_path, changes, why):
    sample_report.report().write(tmp_path / "good.json")
    sample_report.report(changes=changes).write(tmp_path / "bad.json")
    with pytest.raises(BenchmarkError, match=rf"boards/bad.json may not be published: .*{why}"):
        files.read_boards(tmp_path)


def test_a_file_that_is_no_report_stops_everything(files, tmp_path):
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(BenchmarkError, match=r"odd\.json is no report"):
        files.read_boards(tmp_path)


def test_machines_of_one_name_are_told_apart_and_one_without_a_board_has_its_processor(files):
    same = {name: sample_report.report(full=False, sessions=False) for name in ("a", "b")}
    alone = sample_report.report(full=False, sessions=False, board=None)
    assert files.titles({**same, "c": alone}) == {
        "a": "Board of Tests (a)",
        "b": "Board of Tests (b)",
        "c": "Imaginary A1",
    }
    assert files.titles({"d": sample_report.report(board=None, cpu=None)}) == {"d": "aarch64"}


def variants(*known):
    rng = sample_report.noise()
    return tuple(
        sample_report.result(rng, "scene.look", precision, threads, speed=speed).model_copy(update={"default": default})
        for precision, threads, speed, default in known
    )


def test_what_the_program_runs_stands_for_a_stage_even_if_others_are_faster(files):
    results = variants(("int8", 1, 1, False), ("fp32", 2, 1, True), ("int8", 4, 9, False))
    for order in (results, results[::-1]):
        assert files.chosen(sample_report.report(changes={"stages": order})) == {"scene.look": results[1]}


def test_without_it_int8_stands_for_a_stage_even_if_float_is_faster_and_of_the_threads_the_fastest(files):
    slow, fast, exact = variants(("int8", 1, 1, False), ("int8", 2, 1, False), ("fp32", 2, 50, False))
    for order in ((slow, fast, exact), (exact, fast, slow), (fast, exact, slow)):
        assert files.chosen(sample_report.report(changes={"stages": order})) == {"scene.look": fast}


def test_a_stage_without_times_stands_for_nothing(files):
    report = sample_report.report()
    assert "objects.detect" not in files.chosen(report)
    assert [result.stage for result in files.lost(report)] == ["objects.detect"]


def test_a_column_without_any_cell_is_left_out_and_bars_are_escaped(tables):
    text = tables.table(["a", "b:", "c"], [["x|y", "", "1"], ["", "", "2"]])
    assert text.splitlines() == ["| a | c |", "| --- | --- |", "| x\\|y | 1 |", "|  | 2 |"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01234, "0.012"),
        (0.000456, "0.00046"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.5, "1234"),
        (0, "0"),
        (None, ""),
        (-3.456, "-3.46"),
    ],
)
def test_numbers_have_the_digits_that_count(tables, value, text):
    assert tables.number(value) == text
    assert tables.number(value, "ms") == (f"{text} ms" if text else "")


def test_machines_have_a_row_each_with_what_decides_their_speed(boards, tables):
    head, apple, zebra = rows(tables.machines(boards))
    assert head == ["machine", "processor", "class", "cores", "memory", "system", "governor", "program", "measured"]
    assert apple[0] == "Another"
    assert zebra[1:5] == ["Imaginary A1", "arm-dotprod", "4", "8.19 GB"]
    assert zebra[-1] == "2026-11-23, full"


def test_a_virtual_machine_says_so(tables):
    assert "Board of Tests (kvm)" in tables.machines({"a": sample_report.report(virtual="kvm")})


def test_stages_have_a_column_for_each_machine_and_no_cell_where_nothing_was_measured(tables):
    whole = sample_report.report()
    part = sample_report.report(board="Part", changes={"stages": whole.stages[:1]})
    head, *others = rows(tables.stages({"whole": whole, "part": part}))
    assert head == ["stage", "sample", "Board of Tests", "Part"]
    assert [row[3] != "" for row in others] == [True] + [False] * (len(others) - 1)
    assert len(others) == len(sample_report.STAGES)


def test_the_cell_of_a_stage_says_how_it_was_measured(tables):
    report = sample_report.report()
    cells = {row[0]: row[2] for row in rows(tables.stages({"a": report}))}
    found = next(one for one in report.stages if one.key[:3] == ("speech.utterance-5s", "int8", 2))
    assert cells["`speech.utterance-5s`"] == (
        f"{found.timing.p50_ms:.0f} / {found.timing.p90_ms:.0f} ms<br>"
        f"int8, 2 threads, {found.floor.ratio:.2f} x floor<br>WER 4.2"
    )
    assert "(noisy)" in cells["`hud.captions`"]
    assert "x floor" not in cells["`hud.captions`"]


def test_an_unfinished_stage_is_marked(tables):
    result = sample_report.result(sample_report.noise(), "scene.look", "int8", 1)
    stopped = result.model_copy(update={"status": "unfinished", "reason": "no time was left"})
    report = sample_report.report(changes={"stages": (stopped,)})
    assert "(unfinished)" in tables.stages({"a": report})
    assert "unfinished: no time was left" in tables.not_measured(report)


def test_every_variant_has_a_row_in_both_tables_of_its_machine(tables):
    report = sample_report.report()
    variants = [one for one in report.stages if one.timing]
    for made in (tables.board_times(report), tables.board_costs(report)):
        found = [(row[0].strip("`"), row[1], row[2]) for row in rows(made)[1:]]
        assert found == [(one.stage, one.precision, str(one.threads)) for one in variants]


def test_rounds_are_counted_in_the_table_and_in_the_words(tables, docs):
    report = sample_report.report()
    head, *others = rows(tables.board_times(report))
    assert {row[head.index("rounds")] for row in others} == {"3"}
    assert "with 3 to 3 rounds of each stage; a spread beyond 10 % is noisy" in docs.boards_part({"a": report})


def test_energy_has_a_column_only_with_a_meter_and_the_provider_only_if_there_are_others(tables):
    assert "energy" not in tables.board_costs(sample_report.report())
    assert "energy J" in tables.board_costs(sample_report.report(energy=True))
    report = sample_report.report()
    assert "provider" not in tables.board_times(report)
    on_gpu = report.stages[2].model_copy(update={"provider": "CUDAExecutionProvider"})
    assert "CUDA" in tables.board_times(report.model_copy(update={"stages": (*report.stages, on_gpu)}))


def test_costs_say_what_holds_a_stage(tables):
    result = sample_report.result(sample_report.noise(), "scene.look", "int8", 1)
    read = result.model_copy(update={"floor": Floor(memory_ms=3, compute_ms=1, floor_ms=3, ratio=4.0)})
    head, by_arithmetic, by_memory = rows(tables.board_costs(sample_report.report(changes={"stages": (result, read)})))
    column = head.index("held by")
    assert (by_arithmetic[column], by_memory[column]) == ("arithmetic", "memory")


def test_reasons_are_told(tables):
    failed = Session(name="signs", senses=("signs",), status="failed", reason="the camera | is gone")
    text = tables.not_measured(sample_report.report(changes={"sessions": (failed,)}))
    assert "`objects.detect`, int8, 2 threads: skipped: no detection model is installed; run: edge models pull" in text
    assert "session `signs`: failed: the camera | is gone" in text
    assert tables.not_measured(sample_report.report(changes={"stages": (), "sessions": ()})) == ""


def test_glass_to_glass_has_only_rows_that_somebody_measured(tables):
    full, quick = sample_report.report(), sample_report.report(full=False, board="Quick")
    head, *others = rows(tables.glass_to_glass({"full": full, "quick": quick}))
    assert head == ["", "Board of Tests", "Quick"]
    found = {row[0]: row[1:] for row in others}
    assert found["last spoken sample to caption, sustained, ms"][0].endswith("(140)")
    assert found["last spoken sample to caption, sustained, ms"][1] == ""
    assert tables.glass_to_glass({"a": sample_report.report(sessions=False)}) == ""


def test_glass_to_glass_tells_what_the_wearer_sees_and_what_it_costs(tables):
    report = sample_report.report()
    known = {one.name: one for one in report.sessions}
    long = known["sustained"].model_copy(
        update={"caption_first": Latency(count=3, p50_ms=500), "caption_last": Latency(count=3, p50_ms=812)}
    )
    judged = (
        Quality(metric="WER", value=4.25, data="film", items=69, better="lower"),
        Quality(metric="names right", value=80.0, data="film", items=5, better="higher"),
    )
    paid = known["all"].model_copy(update={"energy_j": 90.0, "seconds": 30.0, "quality": judged})
    others = [one for one in report.sessions if one.name not in ("all", "sustained")]
    others.append(known["silence"].model_copy(update={"name": "noise", "cpu_percent": 5.5}))
    table = tables.glass_to_glass({"a": report.model_copy(update={"sessions": (*others, paid, long)})})
    found = {row[0]: row[1] for row in rows(table)[1:]}
    assert found["quality of these captions, signs and names"] == "WER 4.2; names right 80.0"
    assert found["frames dropped"] == "4.2 %"
    assert found["captions behind, at most, s"] == "0.400"
    assert found["caption erasure"] == "0"
    assert found["overlay texts changed a minute"] == "0"
    assert found["overlay jitter, px"] == "0.600"
    assert found["CPU, % of a core"] == "88.0"
    assert found["CPU while nobody speaks, % of a core"] == "88.0"
    assert found["CPU in noise without speech, % of a core"] == "5.50"
    assert found["peak memory, MB"] == "830"
    assert found["energy, J a minute"] == "180"
    assert (found["its first minute, median, ms"], found["its last minutes, median, ms"]) == ("500", "812")
    assert "energy" not in tables.glass_to_glass({"a": report})


def test_events_that_never_came_have_no_latency(tables):
    assert tables.latency(Latency(count=0)) == ""
    assert tables.latency(None) == ""
    assert tables.latency(Latency(count=3, p50_ms=700, p90_ms=801.4, p99_ms=900)) == "700 / 801 / 900 (3)"


def test_sessions_show_lost_frames_as_a_share(tables):
    report = sample_report.report(full=False)
    what, costs = tables.board_sessions(report).split("\n\n")
    assert [row[0] for row in rows(what)[1:]] == ["speech", "signs", "all", "silence"]
    head, *others = rows(costs)
    assert {row[head.index("frames dropped")] for row in others} == {"4.2 %"}
    assert "growth" not in costs
    assert "growth MB/h" in tables.board_sessions(sample_report.report())


def test_the_readme_has_a_row_for_each_machine_also_without_sessions(boards, tables):
    head, apple, _ = rows(tables.headlines(boards))
    assert apple[0] == "Another"
    assert len(head) == 8
    head, only = rows(tables.headlines({"a": sample_report.report(sessions=False)}))
    assert head == ["machine", "5 s of speech", "a sentence translated", "a look"]
    assert all(only)


def test_without_boards_the_pages_say_how_to_add_one(docs):
    assert "edge bench --submit" in docs.boards_part({})
    assert "edge bench --submit" in docs.machines_part({})


def test_the_page_has_a_section_and_the_plots_of_every_machine(boards, docs):
    page = docs.boards_part(boards)
    assert re.findall(r"^### (.*)$", page, re.MULTILINE) == ["Stages", "Glass to glass", "Another", "Board of Tests"]
    shown = re.findall(r"!\[[^\]]+\]\(plots/([^)]+)\)", page)
    assert set(shown) == {
        *(f"apple-{kind}.png" for kind in ("floor", "latency", "glass")),
        *(f"zebra-{kind}.png" for kind in ("floor", "latency", "glass", "sustained")),
    }
    assert page.count("<details>") == page.count("</details>") == 8


def test_plots_of_a_machine_whose_name_begins_like_anothers_stay_apart(docs):
    boards = {"pi": sample_report.report(board="Pi"), "pi-5": sample_report.report(board="Pi 5")}
    section = docs.boards_part(boards).split("### Pi\n")[1].split("### Pi 5")[0]
    assert "plots/pi-floor.png" in section
    assert "pi-5" not in section


def test_a_machine_without_sessions_and_sensors_has_a_page(docs):
    report = sample_report.report(
        sessions=False, features=(), governor=None, memory_mb=None, max_mhz=None, cores_physical=None, cpu=None
    )
    page = docs.boards_part({"a": report})
    assert "Glass to glass" not in page
    assert "glass.png" not in page
    assert "°C" not in page
    assert "None" not in page


def test_heat_and_throttling_are_told(docs):
    page = docs.boards_part({"a": sample_report.report()})
    assert "The processor was at 48 to 7" in page
    assert "It told of: soft-temperature-limit-now." in page
    cool = sample_report.report(temperature=False)
    assert "Nothing held it back." in docs.boards_part({"a": cool})


def test_the_end_of_a_long_session_stands_beside_its_beginning(docs):
    long = sample_report.session(sample_report.noise(), "sustained", ("speech",), hot=True)
    told = long.model_copy(
        update={"caption_first": Latency(count=3, p50_ms=500), "caption_last": Latency(count=3, p50_ms=812)}
    )
    page = docs.boards_part({"a": sample_report.report(changes={"sessions": (told,)})})
    assert "session of 10 minutes the median caption came after 500 ms in the first minute and after 812 ms" in page
    assert "first minute" not in docs.boards_part({"a": sample_report.report(changes={"sessions": (long,)})})


def test_what_a_long_session_must_not_do_is_told(docs):
    long = sample_report.session(sample_report.noise(), "soak", ("speech",), hot=True)
    leaking = long.model_copy(update={"problems": ("memory grows by 90 MB/h",), "threads": (9, 14)})
    page = docs.boards_part({"a": sample_report.report(changes={"sessions": (leaking,)})})
    assert "- `soak`: memory grows by 90 MB/h" in page
    assert "9 to 14" in page
    assert "must not do" not in docs.boards_part({"a": sample_report.report()})


def test_the_same_files_give_the_same_page(boards, docs, files, tmp_path):
    assert docs.boards_part(boards) == docs.boards_part(files.read_boards(tmp_path))
