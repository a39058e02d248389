"""`preprocessor_config.json` as hubs have it, read without torch; then the same pictures through transformers."""

import json

import numpy as np
import pytest

from edge.errors import ExportError
from edge.perception.preprocessing import prepare

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
CONFIGS = {
    "vit-as-a-number": ("vit", {"image_processor_type": "ViTImageProcessor", "size": 224, "resample": 2, **HALF}),
    "vit-silent": ("vit", {}),
    "vit-fast": ("vit", {"image_processor_type": "ViTImageProcessorFast", "size": {"height": 96, "width": 128}}),
    "deit": (
        "deit",
        {"feature_extractor_type": "DeiTFeatureExtractor", "size": 256, "crop_size": 224, "resample": 3, **IMAGENET},
    ),
    "mobilevit": (
        "mobilevit",
        {"feature_extractor_type": "MobileViTFeatureExtractor", "size": 288, "crop_size": 256, "resample": 2},
    ),
    "mobilevit-new": (
        "mobilevit",
        {
            "image_processor_type": "MobileViTImageProcessor",
            "size": {"shortest_edge": 288},
            "crop_size": {"height": 256, "width": 256},
            "do_flip_channel_order": False,
        },
    ),
    "dinov2": (
        "dinov2",
        {
            "image_processor_type": "BitImageProcessor",
            "size": {"shortest_edge": 256},
            "crop_size": {"height": 224, "width": 224},
            "do_convert_rgb": True,
            "resample": 3,
            **IMAGENET,
        },
    ),
    "clip": ("clip", {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "resample": 3}),
    "clip-without-cut": (
        "clip",
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"height": 90, "width": 90},
            "do_center_crop": False,
            "do_rescale": False,
            "do_normalize": False,
        },
    ),
    "siglip": (
        "siglip",
        {"image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 3, **HALF},
    ),
}
PICTURES = ((480, 640), (640, 311), (224, 224), (37, 53), (300, 288))
REFERENCE = """
import json, sys
from pathlib import Path
import numpy as np
from transformers import BitImageProcessor, CLIPImageProcessor, DeiTImageProcessor, MobileViTImageProcessor
from transformers import SiglipImageProcessor, ViTImageProcessor
classes = {"vit": ViTImageProcessor, "deit": DeiTImageProcessor, "mobilevit": MobileViTImageProcessor,
           "dinov2": BitImageProcessor, "clip": CLIPImageProcessor, "siglip": SiglipImageProcessor}
root = Path(sys.argv[1])
pictures = np.load(root / "pictures.npz")
for name, model_type in json.loads((root / "types.json").read_text()).items():
    processor = classes[model_type].from_pretrained(root / name)
    out = {key: processor(np.ascontiguousarray(pictures[key][:, :, ::-1]), return_tensors="np")["pixel_values"]
           for key in pictures.files}
    np.savez(root / name / "wanted.npz", **out)
"""


@pytest.fixture
def read(scripts_on_path, tmp_path):
    """Function: contents of the file, architecture -> Preprocessing."""
    from export_preprocessing import preprocessing_of

    def make(content, model_type="vit"):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "preprocessor_config.json").write_text(text, encoding="utf-8")
        return preprocessing_of(tmp_path, model_type)

    return make


class TestReading:
    def test_a_number_is_a_square_or_the_shortest_side(self, read):
        square = read({"image_processor_type": "ViTImageProcessor", "size": 96})
        assert (square.fit, square.height, square.width) == ("squash", 96, 96)
        shortest = read({"image_processor_type": "CLIPImageProcessor", "size": 96, "crop_size": 90}, "clip")
        assert (shortest.fit, shortest.shortest, shortest.height, shortest.width) == ("cover", 96, 90, 90)

    def test_deit_squashes_and_cuts(self, read):
        found = read(CONFIGS["deit"][1], "deit")
        assert (found.fit, found.squashed, found.height, found.width) == ("squash", (256, 256), 224, 224)
        assert (found.resample, found.mean) == ("bicubic", (0.485, 0.456, 0.406))

    def test_mobilevit_sees_blue_first_and_is_not_normalised(self, read):
        found = read(CONFIGS["mobilevit"][1], "mobilevit")
        assert (found.channels, found.mean, found.std, found.scale) == ("bgr", None, None, pytest.approx(1 / 255))
        assert read(CONFIGS["mobilevit-new"][1], "mobilevit").channels == "rgb"

    def test_the_architecture_counts_where_no_class_is_named(self, read):
        assert read({}, "dinov2").fit == "cover"
        assert read({}, "vit").fit == "squash"

    def test_a_class_counts_more_than_the_architecture(self, read):
        assert read({"image_processor_type": "BitImageProcessor"}, "vit").fit == "cover"

    def test_one_number_for_all_colours(self, read):
        assert read({"image_mean": 0.5, "image_std": 0.25}).std == (0.25, 0.25, 0.25)

    def test_null_is_the_default(self, read):
        assert read({"size": None, "resample": None, "do_pad": None}) == read({})


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ({"image_processor_type": "DonutImageProcessor"}, "image_processor_type 'DonutImageProcessor'"),
            ({"crop_pct": 0.875}, "crop_pct = 0.875 is not supported"),
            ({"do_pad": True}, "do_pad = true is not supported"),
            ({"do_resize": False}, "do_resize = false"),
            ({"size": {"shortest_edge": 224}}, "size keeps the shape"),
            ({"size": {"longest_edge": 224}}, 'size = {"longest_edge": 224} is not understood'),
            ({"size": "large"}, "size"),
            ({"size": {"height": 0, "width": 4}}, "size"),
            ({"size": 224, "do_center_crop": True, "crop_size": 256}, "crop_size 256x256 is larger"),
            ({"do_center_crop": True, "crop_size": {"shortest_edge": 5}}, "no height and width"),
            ({"resample": 9}, "resample = 9"),
            ({"resample": "cubic"}, "resample"),
            ({"image_mean": [0.5, 0.5]}, r"image_mean = [0.5, 0.5]"),
            ({"do_flip_channel_order": True}, "do_flip_channel_order together with do_normalize"),
            ("[]", "no JSON object"),
            ("{", "is no JSON"),
        ],
    )
    def test_what_is_not_understood_is_named(self, read, content, why):
        with pytest.raises(ExportError) as error:
            read(content)
        assert why in str(error.value)
        assert "\n" not in str(error.value)

    def test_no_file(self, scripts_on_path, tmp_path):
        from export_preprocessing import preprocessing_of

        with pytest.raises(ExportError, match=r"has no preprocessor_config\.json"):
            preprocessing_of(tmp_path, "vit")


def test_pictures_are_those_of_transformers(scripts_on_path, run_script, tmp_path):
    from export_preprocessing import preprocessing_of

    random = np.random.default_rng(3)
    pictures = {}
    for height, width in PICTURES:
        rows, columns = np.mgrid[:height, :width]
        smooth = np.stack([rows * 255 // height, columns * 255 // width, (rows * columns) % 256], axis=-1)
        pictures[f"{height}x{width}"] = np.clip(smooth + random.integers(-40, 41, smooth.shape), 0, 255).astype(
            np.uint8
        )
    np.savez(tmp_path / "pictures.npz", **pictures)
    for name, (_, content) in CONFIGS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "types.json").write_text(json.dumps({name: kind for name, (kind, _) in CONFIGS.items()}))
    done = run_script("-c", REFERENCE, tmp_path)
    assert done.returncode == 0, done.stderr
    for name, (model_type, _) in CONFIGS.items():
        rule = preprocessing_of(tmp_path / name, model_type)
        level = rule.scale / min(rule.std or (1.0,))
        with np.load(tmp_path / name / "wanted.npz") as wanted:
            for key, picture in pictures.items():
                got = prepare(picture, rule)
                assert got.shape == wanted[key].shape, (name, key)
                assert np.abs(got - wanted[key]).max() < 0.01 * level, (name, key)
