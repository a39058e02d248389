import os

import pytest

from edge.hud.writable import check_file, check_folder


def test_a_new_file_is_not_made(tmp_path):
    check_file(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "a.txt").write_text("kept")
    check_file(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "kept"


def test_a_file_cannot_be_where_a_folder_is_or_no_folder_is(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "no" / "a.txt")


def test_a_folder_may_be_new_and_deep(tmp_path):
    check_folder(tmp_path / "a" / "b" / "c")
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_cannot_be_in_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is no folder"):
        check_folder(tmp_path / "file" / "b")
    with pytest.raises(NotADirectoryError):
        check_folder(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_place_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        check_folder(tmp_path / "a")
    with pytest.raises(PermissionError):
        check_file(tmp_path / "a.txt")
