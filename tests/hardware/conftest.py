"""Boards that are only folders."""

from functools import partial

import pytest
from played_boards import write_board


@pytest.fixture
def board(tmp_path):
    """Function that makes a folder of files; see `write_board`."""
    return partial(write_board, tmp_path)
