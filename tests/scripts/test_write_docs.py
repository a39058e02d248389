"""The writer of generated parts: the pages are current, and what is stale is named."""

import json
import sys
from types import SimpleNamespace

import pytest
import sample_report

ROOT_FILES = {
    "docs/cli.md": ("cli",),
    "docs/settings.md": ("settings",),
    "docs/models.md": ("models",),
    "docs/benchmarks.md": ("boards", "peers", "changes", "results"),
    "docs/boards.md": ("machines",),
    "docs/estimating.md": ("estimates",),
    "README.md": ("headlines",),
}


@pytest.fixture
def docs(scripts_on_path):
    import write_docs

    return write_docs


@pytest.fixture
def site(docs, monkeypatch, tmp_path):
    """A checkout with every page, no results, and a folder for boards."""
    import board_files
    import claims
    import peers_docs

    for file, parts in ROOT_FILES.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(f"before {part}\n<!-- generated: {part} -->\nold\n<!-- end -->\nafter" for part in parts)
        (tmp_path / file).write_text(text + "\n")
    boards = tmp_path / "benchmarks" / "boards"
    boards.mkdir(parents=True)
    kept = {name: part for name, part in docs.PARTS.items() if part[0] in ROOT_FILES and "whisper" not in name}
    monkeypatch.setattr(docs, "PARTS", kept)
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "PLOTS", tmp_path / "docs" / "plots")
    monkeypatch.setattr(docs, "read_boards", lambda: board_files.read_boards(boards))
    monkeypatch.setattr(docs, "peers", lambda: peers_docs.peers(tmp_path / "peers.json"))
    monkeypatch.setattr(claims, "RESULTS", tmp_path / "results")
    return tmp_path


@pytest.fixture
def run(docs, monkeypatch, capsys):
    """Function: the program with these arguments; gives its exit status and what it said."""

    def program(*arguments):
        monkeypatch.setattr(sys, "argv", ["write_docs.py", *arguments])
        status = docs.main()
        return status, capsys.readouterr().err

    return program


def pictures(site):
    return sorted(path.name for path in (site / "docs" / "plots").glob("*.png"))


def test_a_part_is_replaced_and_the_rest_is_kept(docs):
    old = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n<!-- generated: y -->\nkept\n<!-- end -->\n"
    new = docs.with_part(old, "x", "new \\1\n")
    assert new == old.replace("old\n", "\nnew \\1\n\n")
    assert docs.with_part(new, "x", "new \\1\n") == new


def test_a_page_without_its_place_says_what_to_add(docs):
    with pytest.raises(SystemExit, match="no place for the part 'x'; add <!-- generated: x -->"):
        docs.with_part("nothing", "x", "")


def test_check_names_what_is_stale_and_changes_nothing(site, run):
    before = {file: (site / file).read_text() for file in ROOT_FILES}
    status, said = run("--check")
    assert status == 1
    assert all(said.count(file) == 1 for file in ROOT_FILES)
    assert {file: (site / file).read_text() for file in ROOT_FILES} == before


def test_written_twice_the_pages_are_the_same_and_current(site, run):
    sample_report.report(full=False).write(site / "benchmarks" / "boards" / "one.json")
    assert run() == (0, "")
    written = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert run("--check") == (0, "")
    assert run() == (0, "")
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == written
    assert "before boards" in (site / "docs/benchmarks.md").read_text()


@pytest.mark.parametrize("known", [{}, {"full": False}, {"full": False, "sessions": False}, {"energy": True}])
def test_one_machine_alone_makes_all_pages(site, run, known):
    sample_report.report(**known).write(site / "benchmarks" / "boards" / "one.json")
    assert run() == (0, "")
    assert "Board of Tests" in (site / "docs/benchmarks.md").read_text()
    assert "Board of Tests" in (site / "README.md").read_text()
    assert "estimated / measured" in (site / "docs/estimating.md").read_text()
    assert len(pictures(site)) == 2 + 1 * known.get("sessions", True) + 1 * known.get("full", True)


def test_without_machines_the_pages_say_so_and_no_picture_is_made(site, run):
    assert run() == (0, "")
    assert "Nobody has added a machine yet" in (site / "docs/benchmarks.md").read_text()
    assert pictures(site) == []


def test_a_changed_report_makes_only_its_own_pages_and_plots_stale(site, run):
    path = site / "benchmarks" / "boards" / "one.json"
    sample_report.report(full=False).write(path)
    run()
    sample_report.report(full=False, seed=9).write(path)
    status, said = run("--check")
    assert status == 1
    assert "docs/benchmarks.md" in said
    assert "docs/plots/one-floor.png" in said
    assert "docs/cli.md" not in said


def test_a_picture_that_is_missing_altered_or_of_no_machine_is_named_and_mended(site, run):
    sample_report.report(full=False).write(site / "benchmarks" / "boards" / "one.json")
    run()
    whole, plots = pictures(site), site / "docs" / "plots"
    (plots / "one-floor.png").unlink()
    (plots / "one-glass.png").write_bytes(b"")
    (plots / "two-floor.png").write_bytes((plots / "one-latency.png").read_bytes())
    status, said = run("--check")
    assert status == 1
    assert all(name in said for name in ("one-floor.png", "one-glass.png", "two-floor.png"))
    assert "one-latency.png" not in said
    assert run() == (0, "")
    assert pictures(site) == whole
    assert run("--check") == (0, "")


def test_check_needs_no_matplotlib_and_drawing_says_what_to_run(site, run, monkeypatch):
    sample_report.report(full=False).write(site / "benchmarks" / "boards" / "one.json")
    run()
    monkeypatch.delitem(sys.modules, "plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("--check") == (0, "")
    (site / "docs" / "plots" / "one-floor.png").unlink()
    assert run("--check")[0] == 1
    with pytest.raises(SystemExit, match="run: scripts/setup test"):
        run()


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_report_that_may_not_be_published_stops_with_one_line(site, run, check):
    sample_report.report(changes={"complete": False}).write(site / "benchmarks" / "boards" / "half.json")
    status, said = run(*check)
    assert status == 2
    assert said.startswith("write_docs: benchmarks/boards/half.json may not be published")
    assert said.count("\n") == 1


def test_results_stand_beside_peers_and_machines(site, docs, monkeypatch):
    (site / "results").mkdir()
    (site / "results" / "teaching.json").write_text(json.dumps(TEACHING))
    sample_report.report(full=False).write(site / "benchmarks" / "boards" / "one.json")
    monkeypatch.setattr(docs, "peers", lambda: SimpleNamespace(comparisons=(), quick=False))
    assert "five categories taught" in docs.headline_tables()
    assert "Board of Tests" in docs.headline_tables()
    assert "five categories taught" in docs.all_results()
    assert "Board of Tests" not in docs.all_results()


def test_the_readme_has_room_for_a_few_machines_only(site, run, docs):
    for number in range(9):
        report = sample_report.report(full=False, sessions=False, board=f"Board {number}")
        report.write(site / "benchmarks" / "boards" / f"{number}.json")
    assert docs.headline_tables().count("| Board ") == docs.README_MACHINES
    assert run() == (0, "")
    assert (site / "docs/benchmarks.md").read_text().count("### Board ") == 9


def test_the_readme_of_this_checkout_keeps_its_length(docs):
    assert len(docs.headline_tables().splitlines()) <= docs.README_LINES


@pytest.mark.parametrize("known", [{"full": False}, {"full": False, "sessions": False}])
def test_with_many_results_and_machines_the_readme_keeps_its_length(site, docs, known, monkeypatch):
    rows = [(f"result {number}", "1 ms", "2 ms", "0.5") for number in range(40)]
    monkeypatch.setattr(docs, "results_rows", lambda **_: rows)
    assert len(docs.headline_tables().splitlines()) == docs.README_LINES
    for number in range(9):
        report = sample_report.report(**known, board=f"Board {number}")
        report.write(site / "benchmarks" / "boards" / f"{number}.json")
    text = docs.headline_tables()
    assert len(text.splitlines()) == docs.README_LINES
    assert "| result 0 |" in text


TEACHING = {"kinds": {"categories": {"recognised": 0.9, "falsely_named": 0.02}}}
