"""Fixtures for all tests."""

from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.hub.store import ModelStore

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def model_folder():
    """Function from a model id to its folder in the real store; skips the test where it is not installed."""
    store = ModelStore()

    def open_folder(model_id: str) -> Path:
        try:
            return store.open(model_id)
        except EdgeError as error:
            pytest.skip(str(error))

    return open_folder


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the evaluation data beside the checkout; skips the test where there is none."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no evaluation data at {folder}")
    return folder
