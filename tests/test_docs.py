"""The documentation is true: code blocks run, commands parse, quoted lines are in their files, the site builds."""

import argparse
import csv
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from whole_run import run_it, tiny_run

from patchlearn.cli.main import _parser, split_overrides
from patchlearn.core.masks_io import read_scores
from patchlearn.data.scenes.folder import open_scenes
from patchlearn.data.settings import DataSettings, SceneSettings
from patchlearn.runs.recipe import _nested, load_recipe, require_known_keys
from patchlearn.runs.settings import Recipe

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]) + sorted(DOCS.rglob("*.md"))
LONGEST_README, WIDEST = 150, 100
GENERATED = [page for page in PAGES if page.parent.name == "api"]
INCLUDING = [page for page in PAGES if "--8<--" in page.read_text(encoding="utf-8")]
HAND_WRITTEN = [page for page in PAGES if page not in GENERATED + INCLUDING]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# A run of the recommended recipe, as small as it can be: untrained networks, one epoch.
TINY = (
    "--classifier.backbone=resnet10t", "--classifier.weights=null", "--classifier.optimisation.epochs=1",
    "--classifier.optimisation.batch_size=2", "--classifier.augment.crop=32", "--classifier.augment.long_side=[32, 48]",
    "--cams.views.scales=[1.0]", "--cams.views.long_side=null", "--self_training.rounds=0", "--affinity.kind=none",
    "--segmenter.backbone=resnet10t", "--segmenter.weights=null", "--segmenter.optimisation.epochs=1",
    "--segmenter.optimisation.batch_size=2", "--segmenter.augment.crop=32", "--segmenter.augment.long_side=[32, 48]",
    "--classifier.optimisation.min_steps=0", "--segmenter.optimisation.min_steps=0",
    "--segmenter.inference.long_side=null", "--segmenter.inference.crf=none", "--segmenter.noise.labels=all",
    "--classifier.head_only=false", "--walk.stored=false", "--reading.use=classifier",  # random weights are trained
)  # fmt: skip


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def python_pages() -> list[Path]:
    return [page for page in PAGES if blocks(page, "python")]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every `patchlearn …` line of the page's shell blocks, without its comment."""
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["patchlearn"]:
                yield words[1:]


def script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- prose -----------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def wide_lines(text: str) -> list[str]:
    """Prose lines beyond the limit. Tables, headings and blocks may be wider, and so may a line that ends in a link."""
    lines = re.sub(FENCE, "", text).splitlines()
    wide = [line for line in lines if len(line) > WIDEST and not line.lstrip().startswith(("|", "#", "!", "["))]
    return [line for line in wide if not re.search(r"\]\(\S+$", line)]


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=page_name)
def test_prose_wraps(page: Path) -> None:
    assert wide_lines(page.read_text(encoding="utf-8")) == []


def test_a_wide_line_is_found() -> None:
    assert wide_lines("word " * 30) == ["word " * 30]
    assert wide_lines("```text\n" + "word " * 30 + "\n```\n| " + "word " * 30) == []


# --- Python blocks -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages assume it: photos/ with labels.csv and masks, photo.jpg, runs/photos, and the recipes."""
    folder = tmp_path_factory.mktemp("docs")
    make_photos(folder / "photos")
    shutil.copy(folder / "photos/images/garden.jpg", folder / "photo.jpg")
    recipes = folder / "patchlearn" / "recipes"
    shutil.copytree(ROOT / "patchlearn" / "recipes", recipes)
    assert run_it(recipes / "standard.yaml", folder / "photos", folder / "runs" / "photos", *TINY) == 0
    return folder


def make_photos(photos: Path) -> None:
    """Drawn scenes in the place of photographs; the first is called garden.jpg."""
    open_scenes(photos, SceneSettings(train=6, val=2, size=64))
    for kind, suffix in (("images", "jpg"), ("masks", "png"), ("parts", "png")):
        (photos / kind / f"train_00000.{suffix}").rename(photos / kind / f"garden.{suffix}")
    (photos / "scenes.json").unlink()
    table = photos / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("train_00000", "garden"), encoding="utf-8")
    with table.open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["image"] == "garden.jpg"


@pytest.mark.parametrize("page", python_pages(), ids=page_name)
def test_python_blocks_run(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sybil import Document
    from sybil.parsers.markdown import PythonCodeBlockParser

    monkeypatch.chdir(place)
    document = Document.parse(str(page), PythonCodeBlockParser())
    examples = list(document.examples())
    assert len(examples) == len(blocks(page, "python"))
    for example in examples:
        example.evaluate()


def extension(name: str) -> dict[str, Any]:
    """What the block of the page about extending that holds these words defines."""
    (source,) = (block for block in blocks(DOCS / "extend.md", "python") if name in block)
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(textwrap.dedent(source), namespace)
    return namespace


def test_the_format_of_the_page_about_extending_works(place: Path, tmp_path: Path) -> None:
    for split, name in (("train", "lion"), ("train", "cow"), ("val", "cow")):
        (tmp_path / split / name).mkdir(parents=True)
        shutil.copy(place / "photo.jpg", tmp_path / split / name / "a.jpg")
    assert extension("def recognise")["recognise"](tmp_path)
    read = extension("def recognise")["read"]
    dataset = read(tmp_path, DataSettings(), None)
    assert dataset.classes == ("cow", "lion")
    labels = {split: {sample.id: sample.labels for sample in samples} for split, samples in dataset.splits.items()}
    assert labels == {"train": {"train__cow__a": (0,), "train__lion__a": (1,)}, "val": {"val__cow__a": (0,)}}


def test_the_step_of_the_page_about_extending_works(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from patchlearn.core.files import read_json
    from patchlearn.runs import find_target, open_run
    from patchlearn.steps.pseudo_masks import WritePseudoMasks

    monkeypatch.chdir(place)
    with open_run(find_target(Path("runs/photos"), None, ["--runtime.device=cpu"]), [], Console(quiet=True)) as run:
        (masks,) = (step for step in run.steps(run.variants[0]) if isinstance(step, WritePseudoMasks))
        step = extension("CountPixels")["CountPixels"](masks.home, 0.01, masks)
        assert step.needs == (masks,)
        step.take(run.runtime)
        assert sorted(read_json(step.folder / "counts.json")) == sorted(sample.id for sample in masks.samples)
        assert step.is_complete


def test_the_cam_method_of_the_page_about_extending_works(
    folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is installed as long as the test: a package is a module, and a folder that says what it offers."""
    (source,) = (block for block in blocks(DOCS / "extend.md", "python") if "def layer_cam" in block)
    (entry,) = (block for block in blocks(DOCS / "extend.md", "toml") if "patchlearn.methods" in block)
    group, line = entry.replace("[project.entry-points.", "[").replace('"', "").splitlines()
    package = tmp_path / "my_package-1.0.dist-info"
    package.mkdir()
    (tmp_path / "my_package.py").write_text(source)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"{group}\n{line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    chosen = {"run": "null", "other": "layer-cam"}
    maps = {}
    for name, method in chosen.items():
        run = tiny_run(folder_data, tmp_path / name, f"--cams.method={method}")
        assert (run / "evaluation.json").exists()
        maps[name] = [read_scores(path).scores for path in sorted((run / "plain/cams/train").glob("*.npz"))]
    assert [scores.shape for scores in maps["run"]] == [scores.shape for scores in maps["other"]]
    assert all(scores.max() == 1 for scores in maps["other"])
    assert not any((mine == others).all() for mine, others in zip(maps["run"], maps["other"], strict=True))


# --- shell blocks --------------------------------------------------------------------------


def all_commands() -> list[Any]:
    return [
        pytest.param(words, id=f"{page_name(page)}: {' '.join(words)}") for page in PAGES for words in commands(page)
    ]


def check_command(words: list[str]) -> None:
    """Raise unless the real parser takes the words, the settings are there, and the recipe is."""
    own, overrides = split_overrides(words)
    options = _parser(own[0]).parse_args(own)
    target = getattr(options, "target", None)
    if target is not None and target.suffix == ".yaml":
        load_recipe(ROOT / target, overrides)
    for override in overrides:
        require_known_keys(_nested(override), Recipe, override)


@pytest.mark.parametrize("words", all_commands())
def test_commands_are_taken(words: list[str]) -> None:
    check_command(words)


@pytest.mark.parametrize(
    "line",
    [
        "rum patchlearn/recipes/standard.yaml",
        "run patchlearn/recipes/photographs.yaml",
        "run patchlearn/recipes/standard.yaml --classifier.epoch 4",
        "run patchlearn/recipes/standard.yaml --outside runs/a",
        "predict runs/a -o masks",
        "refine --images a --scores b --out c --strength 3",
    ],
)
def test_wrong_commands_are_found(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, ValueError, argparse.ArgumentError)):
        check_command(line.split())


def test_the_pages_show_the_main_verbs() -> None:
    shown = {words[0] for page in PAGES for words in commands(page)}
    assert shown >= {"check", "convert", "evaluate", "export", "predict", "refine", "run", "segment", "settings"}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_scripts_and_recipes_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/])(?:patchlearn/recipes|examples|docs|benchmarks)/[\w./-]+\.(?:yaml|py|md|sh)", text)
    if page.parent.name not in ("log", "decisions"):  # these name files of older commits, too
        assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_yaml_blocks_are_settings(page: Path) -> None:
    import yaml

    for block in blocks(page, "yaml"):
        require_known_keys(yaml.safe_load(block), Recipe, page_name(page))


# --- what pages say about the code ---------------------------------------------------------


def test_lines_that_are_quoted_stand_in_their_files() -> None:
    text = (DOCS / "extend.md").read_text(encoding="utf-8")
    quoted = re.findall(r"In `(patchlearn/[\w/]+\.py)`(?:(?!\n\d\. ).)*?```text\n(.*?)\n *```", text, re.DOTALL)
    rows = re.findall(r"^\| [^|]*\| `(patchlearn/[\w/]+\.py)` \| `(.*)` \|$", text, re.MULTILINE)
    assert len(quoted) == 3  # formats, family, pipeline
    assert len(rows) == 8
    for name, line in [*quoted, *rows]:
        lines = [each.strip() for each in (ROOT / name).read_text(encoding="utf-8").splitlines()]
        assert any(each.startswith(line.strip()) for each in lines), (name, line)


@pytest.mark.parametrize("page", ["architecture.md", "method.md", "extend.md"])
def test_files_of_the_package_that_are_named_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    added = ("class_folders.py", "count_pixels.py", "patchlearn/a/b.py", "tests/a/test_b.py")
    named = re.findall(r"`((?:patchlearn|tests)/[\w/]+\.py)`", text)
    named += [f"patchlearn/{name}" for name in re.findall(r"^\| `([\w/]+\.py)`", text, re.MULTILINE)]
    missing = [name for name in named if not (ROOT / name).is_file() and not name.endswith(added)]
    assert missing == []


def test_functions_on_the_route_of_an_image_are_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    route = re.findall(r"^\| `([\w/]+\.py)`, `([\w.]+)` \|", text, re.MULTILINE)
    assert len(route) > 10
    for file, name in route:
        found: Any = importlib.import_module(f"patchlearn.{file.removesuffix('.py').replace('/', '.')}")
        for part in name.split("."):
            found = getattr(found, part)


def test_the_picture_of_the_folders_shows_the_contract() -> None:
    maker = script(DOCS / "figures" / "make_rooms.py")
    assert maker.PICTURE.read_text(encoding="utf-8") == maker.draw(maker.layers())


def test_the_picture_of_the_estimates_shows_the_runs_of_the_log() -> None:
    maker = script(DOCS / "figures" / "make_trust.py")
    assert len(maker.runs()) >= 12
    assert maker.description() in maker.PICTURE.read_text(encoding="utf-8")


def test_the_reference_has_every_public_name() -> None:
    """After a change of public names: python docs/make_reference.py."""
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.md")}
    assert written == script(DOCS / "make_reference.py").pages()


def test_the_readme_names_every_folder() -> None:
    tree = next(block for block in blocks(ROOT / "README.md", "text") if block.startswith("patchlearn/\n"))
    named = set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE))
    folders = {path.name for path in (ROOT / "patchlearn").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert named == folders


def test_doctests_become_sections_of_examples() -> None:
    pytest.importorskip("griffe", reason="mkdocstrings is not installed: pip install 'patchlearn[docs]'")
    with_heading = script(DOCS / "doctests.py").with_heading
    assert with_heading("Text.\n\n>>> 1\n1\n\n>>> 2\n2") == "Text.\n\nExamples:\n    >>> 1\n    1\n\n    >>> 2\n    2"
    assert with_heading("Text.\n\nMore.") == "Text.\n\nMore."


# --- the site ------------------------------------------------------------------------------


def test_the_site_builds_and_loads_nothing_from_other_hosts(tmp_path: Path) -> None:
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'patchlearn[docs]'")
    # Without --quiet, which also silences the warnings that --strict counts.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.findall(r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//|<link[^>]*href="(?:https?:)?//', text) == []
