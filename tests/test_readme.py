"""What is written about the program: short, and every local link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]
)
LONGEST = 100


def headings(page):
    """Anchors of a page, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file) if file else page
        if not place.exists() or (anchor and anchor not in headings(place)):
            yield target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_local_links_exist(page):
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_in_code_marks_exist(page):
    """A path of the repository in `code` is one that is there; what a command makes is not under these folders."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = re.findall(r"`((?:edge|tests|scripts|docs|benchmarks|models)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_broken_link_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A title\n[here](page.md#a-title) [top](#a-title) [gone](gone.md) [no](#nowhere) [web](https://a.org)\n"
    )
    assert list(broken_links(page)) == ["gone.md", "#nowhere"]


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/benchmarks.md", "docs/boards.md", "docs/estimating.md", "benchmarks/boards/README.md"],
)
def test_commands_shown_have_options_that_exist(page, capsys, monkeypatch):
    """Every `edge ...` line in a code block: its command and its options are in the help."""
    import sys

    from edge import cli

    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    lines = re.findall(r"(?:^|/)edge ([^#\n]*)", blocks, re.MULTILINE)
    assert lines
    for line in lines:
        command, *words = line.split()
        monkeypatch.setattr(sys, "argv", ["edge", command, "--help"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in shown] == []
