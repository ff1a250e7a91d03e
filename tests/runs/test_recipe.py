import re
from pathlib import Path

import pytest
import timm

import patchlearn
from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.data.transforms import TrainingTransform
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.weights import DEMO_BACKBONE
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.models.settings import HEAD_STRIDES, READS
from patchlearn.runs.recipe import RENAMED, dump_recipe, load_recipe
from patchlearn.runs.settings import Recipe

RECIPES = sorted((Path(patchlearn.__file__).parent / "recipes").glob("*.yaml"))
# The recipes of one variant; the others compare all three.
ALONE = {
    "standard": "plain", "fast": "plain", "defects": "plain", "surfaces": "plain",
    "dinov2-s": "plain", "dinov3-s": "plain",
    "voc12-ppl": "progressive", "voc12-ppl-r38": "progressive", "coco14-ppl": "progressive",
    "voc12-explicit": "explicit", "voc12-explicit-r38": "explicit",
}  # fmt: skip
FILES = {"resnet38": "resnet38.pth"}  # backbone that no hub has → the file that its recipes name


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_ours_loads_and_comes_back(path: Path, tmp_path: Path) -> None:
    loaded = load_recipe(path)
    assert load_recipe(write(tmp_path, dump_recipe(loaded.recipe))) == loaded
    names = {variant.name for variant in loaded.variants}
    assert {ALONE[path.stem]} == names if path.stem in ALONE else {"plain", "progressive", "explicit"} <= names


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_ours_builds_its_networks_and_its_steps_fit(path: Path) -> None:
    for variant in load_recipe(path).variants:
        settings = variant.classifier
        stages = create_stages(settings.backbone, settings.output_stride)
        network = PatchNetwork(stages, len(VOC_CLASSES), settings.fusion, settings.splits)
        assert settings.fusion == variant.name.split("-")[0]
        assert 0 <= settings.frozen_stages <= min([split.stage + 1 for split in network.splits], default=len(stages))
        for rows, columns in (split.grid for split in network.splits):  # no training image is padded
            assert settings.augment.crop % (stages.strides[-1] * rows) == 0
            assert settings.augment.crop % (stages.strides[-1] * columns) == 0
        if settings.fusion == "progressive":
            assert settings.optimisation.epochs >= len(network.splits)
        TrainingTransform(settings.augment, stages.mean, stages.std)
        assert variant.cams.read in (READS if network.splits else READS[:2])
        assert {variant.affinity.train_split, *variant.pseudo.splits} <= set(variant.cams.splits)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_ours_names_weights_that_there_are(path: Path) -> None:
    recipe = load_recipe(path).recipe
    for settings in (recipe.classifier, recipe.segmenter):
        if settings.backbone in FILES:
            assert settings.weights == FILES[settings.backbone]
            continue
        assert settings.weights in ("hub", "demo")
        assert (
            settings.backbone == DEMO_BACKBONE
            if settings.weights == "demo"
            else timm.is_model_pretrained(settings.backbone)
        )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_segmenter_of_our_recipes_can_be_built(path: Path) -> None:
    settings = load_recipe(path).recipe.segmenter
    network = SegmentationNetwork(settings.backbone, settings.head, 2, settings.output_stride)
    assert network.output_stride == (settings.output_stride or HEAD_STRIDES[settings.head][0])


@pytest.mark.parametrize("name", ["dinov2-s", "dinov3-s"])
def test_frozen_transformers_keep_their_own_stride(name: str) -> None:
    recipe = load_recipe(RECIPES[0].with_name(f"{name}.yaml")).recipe
    settings, crops = recipe.classifier, recipe.affinity.augment
    patch = int(re.findall(r"patch(\d+)", settings.backbone)[0])
    assert (settings.output_stride, settings.head_only) == (None, True)
    assert all(side and side % patch == 0 for side in (crops.crop, *crops.long_side, recipe.cams.views.long_side))


def test_variants_change_only_what_they_name(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        classifier: {backbone: resnet18, optimisation: {epochs: 3, batch_size: 7}}
        variants:
          plain:
          ppl: {classifier: {fusion: progressive, splits: [[1, [2, 3]]], optimisation: {epochs: 5}}}
        """,
    )
    plain, ppl = load_recipe(path).variants
    assert (plain.classifier.fusion, plain.classifier.optimisation.epochs) == ("plain", 3)
    assert (ppl.classifier.fusion, ppl.classifier.splits) == ("progressive", ((1, (2, 3)),))
    assert (ppl.classifier.optimisation.epochs, ppl.classifier.optimisation.batch_size) == (5, 7)
    assert ppl.classifier.backbone == "resnet18"


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: 3\nclassifier: {backbone: resnet18}\n")
    recipe = load_recipe(path, ["--seed=4", "--classifier.splits=[[1,[2,2]]]", "--data.root=photos"]).recipe
    assert (recipe.seed, recipe.data.root, recipe.classifier.backbone) == (4, "photos", "resnet18")
    assert recipe.classifier.splits == ((1, (2, 2)),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("classifier: {backbon: x}", r"unknown key 'classifier\.backbon'; did you mean 'backbone'"),
        (
            "classifier: {epochs: 1}",
            r"unknown key 'classifier\.epochs'; did you mean 'classifier\.optimisation\.epochs'\? The keys",
        ),
        ("most_gigabytes: 1", "unknown key 'most_gigabytes'; did you mean 'features.most_gigabytes'"),
        ("sed: 1", "unknown key 'sed'; did you mean 'seed'"),
        ("classifier: {optimisation: {lerning_rate: 1}}", "did you mean 'learning_rate'"),
        ("variants: {a: {cams: {raed: whole}}}", r"variant a: unknown key 'cams\.raed'; did you mean 'read'"),
        (
            "variants: {a: {seed: 3}}",
            "They may change classifier, features, reading, cams, self_training, clicks, background, affinity, walk",
        ),
        ("variants: {}", "Name at least one"),
        ("variants: {a/b: {}}", "names a folder"),
        ("variants: {data: {}}", "names a folder"),
        ("variants: {'': {}}", "names a folder"),
        ("variants: {1: {}}", "in quotes"),
        ("variants: {on: {}}", "in quotes"),
        (
            "variants: {a: {cams: {read: all}}}",
            r"variant a: cams\.read: 'all' is .*: merged, unsplit, whole",
        ),
        ("cams: {confidence: 5}", r"cams\.confidence: 5\.0 is out of range"),
        ("cams: {views: {scales: [.nan]}}", r"cams\.views\.scales: \[nan\]"),
        ("variants: {a: {walk: {steps: -1}}}", r"variant a: walk\.steps: -1 is out of range"),
        ("affinity: {optimisation: {learning_rate: .inf}}", r"affinity\.optimisation\.learning_rate: inf"),
        ("segmenter: {optimisation: {head_multiplier: 0}}", r"segmenter\.optimisation\.head_multiplier: 0"),
        ("pseudo: {ignore_band: 0.7}", "ignore_band"),
        ("background: {rule: ostu}", r"background\.rule: 'ostu' is .* did you mean 'otsu'"),
        ("seed: many", "seed"),
        ("classifier: {optimisation: {epochs: }}", r"classifier\.optimisation\.epochs: null is not an option"),
        ("seed: null", "seed: null is not an option"),
        ("variants: {recipe.by-hand.yaml: {}}", "names a folder"),
        ("variants: {a: {cams: {views: {flip: 3}}}}", "variant a: .*flip"),
        ("foo: [", "not valid YAML"),
        ("foo: " + "[" * 1000 + "]" * 1000, "not valid YAML: nested too deeply"),
        ("runtime: {track: '[['}", "a value is not valid YAML"),
        ("- 1", "a recipe is a mapping"),
        ("cams: 3", "'cams' is a group of settings"),
    ],
)
def test_a_wrong_recipe_is_explained_with_its_file(text: str, complaint: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("override", ["--data.rot=x", "--seed=many", "--classifier.splits=[[1,2]]"])
def test_a_wrong_override_is_explained(override: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=override.split("=")[0].removeprefix("--").replace(".", r"\.")):
        load_recipe(write(tmp_path, "seed: 1"), [override])


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("--runtime.track=wandb", ("wandb",)),
        ("--runtime.track=wandb,mlflow", ("wandb", "mlflow")),
        ("--runtime.track=[wandb]", ("wandb",)),
        ("--runtime.track=[]", ()),
    ],
)
def test_a_list_on_the_command_line_may_leave_out_its_brackets(
    override: str, found: tuple[str, ...], tmp_path: Path
) -> None:
    assert load_recipe(write(tmp_path, "seed: 1"), [override]).recipe.runtime.track == found


def test_a_single_value_in_a_recipe_stands_for_a_list_of_one(tmp_path: Path) -> None:
    text = "runtime: {track: wandb}\nvariants: {a: {cams: {views: {scales: 2}}}}"
    loaded = load_recipe(write(tmp_path, text))
    assert loaded.recipe.runtime.track == ("wandb",)
    assert loaded.variants[0].cams.views.scales == (2.0,)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("--seed=many", "--seed=many: seed: 'many' is not a whole number. Correct"),
        ("--runtime.workers=x", "'x' is not a whole number or null"),
        ("--classifier.augment.long_side=224", r"long_side: .* is not a list such as \[1, 1\]"),
        ("--seed", "--seed: has no value. Write --seed=VALUE"),
        ("--cams.views.scales=" + "[" * 1000 + "]" * 1000, "--cams.views.scales=.*: .*[Cc]orrect"),
    ],
)
def test_a_wrong_override_is_named_and_not_the_recipe(override: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        load_recipe(write(tmp_path, "seed: 1"), ["--data.root=photos", override])
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_recipe_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_words_about_figures_of_before_are_left_out(tmp_path: Path) -> None:
    """Run folders hold them."""
    (tmp_path / "old.yaml").write_text("seed: 3\nexpected: {data: photographs, cost: 8 minutes, score: mIoU 73.2}\n")
    recipe = load_recipe(tmp_path / "old.yaml").recipe
    assert (recipe.seed, recipe.expected) == (3, Recipe().expected)


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_a_key_of_before_is_refused_with_its_new_name(old: str, tmp_path: Path) -> None:
    section, _, key = old.partition(".")
    value = f"{{{key}: {{}}}}" if key else "{}"
    for text in (f"{section}: {value}", f"variants: {{a: {{{section}: {value}}}}}"):
        with pytest.raises(PatchlearnError, match=f"'{re.escape(old)}' is now called '{re.escape(RENAMED[old])}'"):
            load_recipe(write(tmp_path, text))
    with pytest.raises(PatchlearnError, match="is now called"):
        load_recipe(write(tmp_path, "seed: 1"), [f"--{old}=1"])
