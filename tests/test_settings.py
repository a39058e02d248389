from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.settings import Settings, load_settings


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        path = tmp_path / "glasses.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)


def test_defaults_need_no_file():
    assert load_settings() == Settings()


def test_file_then_flags(write):
    path = write("[hud]\nwidth = 640\nheight = 360\n")
    settings = load_settings(path, {"hud": {"width": 1280, "fps": None}, "inference": {"threads": 1}})
    assert (settings.hud.width, settings.hud.height, settings.hud.fps) == (1280, 360, Settings().hud.fps)
    assert settings.inference.threads == 1


def test_the_environment_names_the_file(write, monkeypatch):
    monkeypatch.setenv("EDGE_SETTINGS", str(write("[inference]\nthreads = 3\n")))
    assert load_settings().inference.threads == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[hud]\nwidht = 3\n", "unknown setting hud.widht; did you mean hud.width"),
        ("[hudd]\nwidth = 640\n", "unknown setting hudd; did you mean hud"),
        ("[hud]\nwidth = 'wide'\n", "hud.width"),
        ("[voice_activity]\nthreshold = 1.5\n", "voice_activity.threshold"),
        ("[hud\n", "not valid TOML"),
    ],
)
def test_mistakes_are_one_line_that_names_the_key(write, text, message):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_the_path_came_from(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().hud.width = 3  # type: ignore[misc]


def test_every_setting_says_what_it_is():
    missing = [
        f"{component}.{name}"
        for component, model in Settings.model_fields.items()
        for name, field in type(model.default).model_fields.items()
        if not field.description
    ]
    assert missing == []
