"""Boards that are only folders."""

import pytest


@pytest.fixture
def board(tmp_path):
    """Function that makes a folder of files; a text that begins with #! becomes a program, None a folder."""

    def make(files):
        for name, said in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if said is None:
                path.mkdir()
                continue
            path.write_bytes(said if isinstance(said, bytes) else said.encode())
            if path.read_bytes().startswith(b"#!"):
                path.chmod(0o755)
        return tmp_path

    return make
