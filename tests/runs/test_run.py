"""The whole run, as a user starts it: files in, files out, killed and resumed."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from whole_run import RECIPE, command, files, finished_run, run_it

from patchlearn.cli.main import main
from patchlearn.core.files import read_json
from patchlearn.core.manifest import file_digest
from patchlearn.data.open import open_dataset
from patchlearn.inference.segmenter import load_segmenter

NO_MASKS = "--segmenter.splits=[]"
ONE = "--variant=progressive"
AFTER_PSEUDO = ("pseudo/train", "segmenter", "segmented/val", "evaluation")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return path


def test_a_run_leaves_everything_it_promises(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run)
    entries = read_json(run / "evaluation.json")
    found = {(entry["artefact"], entry["variant"], entry["split"], entry["labels"], entry["rule"]) for entry in entries}
    weak = [("seed", "oracle"), ("seed", "label_free"), ("pseudo", "label_free")]
    wanted = [(artefact, "train", "given", rule) for artefact, rule in weak]
    wanted += [("segmenter", "val", "predicted", "argmax")]
    assert found == {(artefact, variant, *rest) for variant in ("plain", "progressive") for artefact, *rest in wanted}
    assert all(0 <= entry["miou"] <= 1 and entry["supervision"] == "tags" for entry in entries)
    assert {(entry["split"], entry["images"]) for entry in entries} == {("train", 8), ("val", 4)}
    assert len({entry["recipe"] for entry in entries}) == 1
    assert "learned from the tags of 8 images" in (run / "report.html").read_text(encoding="utf-8")
    for name in ("recipe.yaml", "report.html", "plain/classifier/model.safetensors", "plain/cams/train/img00.npz"):
        assert (run / name).exists(), name
    with Image.open(run / "plain/pseudo/train/img00.png") as mask:
        assert mask.mode == "P"
        assert mask.size == (48, 40)


def test_data_of_many_classes_are_counted_line_by_line(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder_data / "classes.txt").write_text("red\nblue\n" + "".join(f"kind{n}[/b]\n" for n in range(40)))
    words = ["check", str(recipe), "--data.root", str(folder_data), "--out", str(tmp_path / "run[a]")]
    assert main([*words, "--runtime.device=cpu"]) == 0
    shown = capfd.readouterr().out
    assert ["images", "8", "4"] in [line.split()[1::2][:3] for line in shown.splitlines() if "images" in line]
    assert "kind39[/b]" in shown


def test_a_recipe_written_by_hand_is_kept(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").write_text("# mine\n" + RECIPE)
    where = ["--out", str(run), "--data.root", str(folder_data), "--runtime.device=cpu"]
    words = ["train", str(run / "recipe.yaml"), *where]
    assert main(words) == 0
    assert main(words) == 0
    assert main([*words, "--title=run #3"]) == 0
    (run / "plain" / "classifier" / "step.json").unlink()
    (run / "plain" / "classifier" / "model.safetensors").unlink()
    for each in (run / "plain" / "classifier").iterdir():
        each.unlink()
    assert main(words) == 0
    assert (run / "recipe.by-hand.yaml").read_text().startswith("# mine")
    assert "root" in (run / "recipe.yaml").read_text()


def test_a_second_run_touches_nothing_and_another_crf_redoes_masks_and_segmenter_alone(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run)
    steps = {path: path.stat().st_mtime_ns for path in run.rglob("step.json")}
    assert run_it(recipe, folder_data, run) == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("step.json")} == steps
    assert run_it(recipe, folder_data, run, "--pseudo.crf.preset=psa") == 0
    redone = {str(path.parent.relative_to(run)) for path in steps if path.stat().st_mtime_ns != steps[path]}
    variants = ("plain", "progressive")
    last = "progressive/trust"  # of the last variant alone
    assert redone == {last, *(f"{name}/{step}" for name in variants for step in AFTER_PSEUDO)}


def test_what_variants_share_is_trained_once(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE + "  unsplit: {classifier: {fusion: progressive, splits: [[1, [2, 2]], [2, [2, 2]]]}, "
                      "cams: {read: unsplit}}\n")  # fmt: skip
    run = tmp_path / "run"
    assert run_it(recipe, folder_data, run) == 0
    models = [(run / name / "classifier" / "model.safetensors").read_bytes() for name in ("progressive", "unsplit")]
    assert models[0] == models[1]
    assert read_json(run / "unsplit" / "classifier" / "step.json")["seconds"] < 1


def test_equal_variants_are_evaluated_under_their_own_names(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.split("variants:")[0] + "variants: {a: {}, b: {}}\n")
    assert run_it(recipe, folder_data, tmp_path / "run") == 0
    assert [entry["variant"] for entry in read_json(tmp_path / "run" / "evaluation.json")] == ["a"] * 4 + ["b"] * 4


def test_a_verb_that_fails_leaves_the_recipe_of_the_run_alone(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run)
    before = (run / "recipe.yaml").read_bytes()
    assert main(["cams", str(run), "--seed", "7"]) == 2
    assert (run / "recipe.yaml").read_bytes() == before


def test_masks_without_maps_are_refused_before_training(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_it(recipe, folder_data, tmp_path / "run", "--pseudo.splits=[train,val]") == 2
    assert "cams.splits lacks 'val'" in capfd.readouterr().err
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_a_split_that_the_segmenter_cannot_write_is_refused_before_it_is_trained(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain", "--with_segmenter=false")
    assert main(["segment", str(run), "--variant=plain", "--segmenter.splits=[nosuch]"]) == 2
    assert "no split 'nosuch'" in capfd.readouterr().err
    assert not (run / "plain" / "segmenter").exists()


def test_images_without_labels_are_neither_learned_from_nor_mapped_by_given_labels(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (folder_data / "labels.csv").open("a") as file:
        file.write("new.png,test,\n")
    Image.new("RGB", (48, 40)).save(folder_data / "images" / "new.png")
    run = tmp_path / "run"
    assert run_it(recipe, folder_data, run, "--cams.splits=[train,test]") == 2
    assert "no image of split 'test' has a label" in capfd.readouterr().err.replace("\n", " ")
    assert run_it(recipe, folder_data, run, "--classifier.train_split=test", "--classifier.held_out_split=val") == 2
    assert "split 'test': no image has a label" in capfd.readouterr().err.replace("\n", " ")
    assert not list(run.rglob("*.safetensors"))
    predicted = ["--cams.splits=[train,test]", "--cams.labels=predicted"]
    assert main(["check", str(recipe), "--data.root", str(folder_data), "--out", str(run), *predicted]) == 0


def test_a_file_in_the_way_is_one_sentence(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert run_it(recipe, folder_data, tmp_path / "file" / "run") == 2
    assert "Check the path" in capfd.readouterr().err


def test_verbs_do_their_step_alone_and_ask_for_the_one_before(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    start = [str(recipe), "--out", str(run), "--data.root", str(folder_data), "--runtime.device=cpu"]
    assert main(["cams", *start]) == 2
    assert "Run first: patchlearn train" in capfd.readouterr().err.replace("\n", " ")
    assert main(["train", *start, "--variant=plain"]) == 0
    assert not (run / "progressive").exists()
    on_run = [str(run), "--variant=plain"]
    for verb in ("cams", "affinity", "pseudo", "evaluate"):
        assert main([verb, *on_run]) == 0
    capfd.readouterr()
    assert main(["evaluate", *on_run, "--json"]) == 0
    assert [entry["artefact"] for entry in json.loads(capfd.readouterr().out)] == ["seed", "seed", "pseudo"]
    assert main(["report", *on_run]) == 0
    assert main(["check", *on_run]) == 0
    assert main(["evaluate", *on_run, "--cams.views.scales=[1.5]"]) == 2
    assert "Run first: patchlearn cams" in capfd.readouterr().err.replace("\n", " ")


def test_the_background_rule_redoes_what_learned_from_it(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("step.json")}
    assert run_it(recipe, folder_data, run, "--variant=plain", "--background.rule=power") == 0
    redone = {str(path.parent.relative_to(run)) for path in before if path.stat().st_mtime_ns != before[path]}
    assert redone == {"plain/affinity", "plain/trust", *(f"plain/{step}" for step in AFTER_PSEUDO)}


def test_a_second_round_of_affinities_learns_from_what_has_walked_along_the_first(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert run_it(recipe, folder_data, once, "--variant=plain", "--affinity.rounds=1") == 0
    assert run_it(recipe, folder_data, twice, "--variant=plain", "--affinity.rounds=2") == 0
    first, second = twice / "plain/affinity/round-1", twice / "plain/affinity"
    assert files(first, "labels/*.png") == files(once / "plain/affinity", "labels/*.png")
    assert files(first, "model.safetensors") == files(once / "plain/affinity", "model.safetensors")
    assert files(first, "labels/*.png") != files(second, "labels/*.png")
    assert files(first, "model.safetensors") != files(second, "model.safetensors")


def test_self_trained_maps_are_others_and_train_no_classifier_again(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain")
    before, maps = (run / "plain/classifier/step.json").stat().st_mtime_ns, files(run, "plain/cams/train/*.npz")
    sure = "--self_training.confident.high=1.0", "--self_training.confident.low=1.0"
    assert run_it(recipe, folder_data, run, "--variant=plain", "--self_training.rounds=2", *sure) == 0
    assert sorted(path.name for path in (run / "plain/relearn").glob("*.safetensors")) == [
        "round-1.safetensors",
        "round-2.safetensors",
    ]
    assert (run / "plain/classifier/step.json").stat().st_mtime_ns == before
    again = files(run, "plain/cams/train/*.npz")
    assert again.keys() == maps.keys()
    assert again != maps
    assert run_it(recipe, folder_data, run, "--variant=plain", "--self_training.rounds=1", *sure) == 0
    assert files(run, "plain/cams/train/*.npz") not in (again, maps)
    assert run_it(recipe, folder_data, run, "--variant=plain") == 0
    assert files(run, "plain/cams/train/*.npz") == maps


def test_without_affinities_nothing_is_learned_and_nothing_walks(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert run_it(recipe, folder_data, run, "--affinity.kind=none") == 0
    assert not list(run.glob("*/affinity"))
    assert len(list(run.glob("plain/pseudo/train/*.png"))) == 8


def test_variants_with_and_without_affinities_run_side_by_side(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    variants = "variants:\n  without: {affinity: {kind: none}}\n  with: {}\n"
    recipe.write_text(RECIPE.split("variants:")[0] + variants)
    assert run_it(recipe, folder_data, tmp_path / "run", "--with_segmenter=false") == 0
    assert {path.parent.parent.parent.name for path in (tmp_path / "run").glob("*/pseudo/train/img00.png")} == {
        "without",
        "with",
    }


def test_affinities_need_the_maps_of_the_images_they_learn_from(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_it(recipe, folder_data, tmp_path / "run", "--affinity.train_split=val") == 2
    assert "cams.splits lacks 'val', which the affinity network learns from" in capfd.readouterr().err.replace(
        "\n", " "
    )


def test_data_without_masks_run_to_the_end(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    for mask in (folder_data / "masks").iterdir():
        mask.unlink()
    assert run_it(recipe, folder_data, tmp_path / "run") == 0
    assert read_json(tmp_path / "run" / "evaluation.json") == []
    assert (tmp_path / "run" / "report.html").exists()


def test_true_masks_that_change_are_judged_anew_also_those_of_the_segmenter(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    def judged() -> list[int]:
        entries = read_json(run / "evaluation.json")
        return [entry["images"] for entry in entries if entry["artefact"] == "segmenter"]

    finished_run(recipe, folder_data, run, "--variant=plain")
    assert judged() == [4]
    sample = open_dataset("folder", folder_data).split("val")[0]
    assert sample.mask
    sample.mask.unlink()
    assert main(["evaluate", str(run), "--variant=plain"]) == 0
    assert judged() == [3]


def test_odd_pictures_run_to_the_end(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    images = folder_data / "images"
    Image.new("CMYK", (40, 30)).save(images / "cmyk.jpg")
    Image.fromarray(np.full((30, 40), 40000, np.uint16)).save(images / "deep 猫.png")
    Image.new("RGB", (1, 1)).save(images / "dot.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(images / "turned.jpg", exif=exif)
    with (folder_data / "labels.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{name},train,red\n" for name in ("cmyk.jpg", "deep 猫.png", "dot.png", "turned.jpg"))
    run = tmp_path / "run"
    assert run_it(recipe, folder_data, run) == 0
    for name, size in (("dot", (1, 1)), ("turned", (30, 40)), ("deep 猫", (40, 30))):
        with Image.open(run / f"plain/pseudo/train/{name}.png") as mask:
            assert mask.size == size


@pytest.mark.parametrize(
    "moment",
    [
        "classifier/state.safetensors",
        "cams/train/*.npz",
        "affinity/labels/*.png",  # between its two rounds
        "segmenter/round-1/labels/*.png",
        "segmenter/state.safetensors",
    ],
)
def test_a_run_killed_with_kill_9_ends_like_an_undisturbed_one(
    moment: str, recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    noise = "{correct_from: 0.5, confidence: 0.4, rounds: 2, undecided: 0.3}"
    recipe.write_text(RECIPE.replace("noise: {rounds: 1}", f"noise: {noise}"))
    # One thread here too: results depend on the number of threads.
    undisturbed = finished_run(recipe, folder_data, tmp_path / "a", ONE, alone=True)
    killed = tmp_path / "b"
    words = [*command(recipe, folder_data, killed), ONE]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(killed.glob(f"progressive/{moment}")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "report.html").exists()
    subprocess.run(words, env=environment, check=True, capture_output=True)
    models = (f"*/{step}/model.safetensors" for step in ("classifier", "affinity", "segmenter"))
    for pattern in (*models, "*/cams/train/*.npz", "*/pseudo/train/*.png", "*/segmented/val/*.png"):
        assert files(undisturbed, pattern) == files(killed, pattern)
        assert files(killed, pattern)
    assert not list(killed.rglob("*.partial")) or moment.endswith((".npz", ".png"))


@pytest.mark.parametrize(
    ("breakage", "complaint"),
    [
        ("jpeg", r"img02.jpg: damaged image"),
        ("class", "unknown class 'rad'; did you mean 'red'"),
        ("key", "unknown key 'classifier.backbon'; did you mean 'backbone'"),
        ("weights", "Name the architecture that the weights belong to"),
        ("option", "unknown key 'data.rot'; did you mean 'root'"),
        ("variant", "'plane' is not an option; did you mean 'plain'"),
    ],
)
def test_mistakes_are_one_sentence_without_a_traceback_and_nothing_is_trained(
    breakage: str, complaint: str, recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    more = {"option": ["--data.rot=x"], "variant": ["--variant", "plane"]}.get(breakage, [])
    if breakage == "jpeg":
        picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8))
        picture.save(folder_data / "images" / "img02.jpg")
        whole = (folder_data / "images" / "img02.jpg").read_bytes()
        (folder_data / "images" / "img02.jpg").write_bytes(whole[: len(whole) // 2])
        table = folder_data / "labels.csv"
        table.write_text(table.read_text().replace("img02.png", "img02.jpg"))
    if breakage == "class":
        table = folder_data / "labels.csv"
        table.write_text(table.read_text().replace("img02.png,train,red", "img02.png,train,rad"))
    if breakage == "key":
        recipe.write_text(RECIPE.replace("backbone:", "backbon:"))
    if breakage == "weights":
        import timm
        import torch

        torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "other.pth")
        more = [f"--classifier.weights={tmp_path / 'other.pth'}"]
    assert run_it(recipe, folder_data, tmp_path / "run", *more) == 2
    output = capfd.readouterr()
    assert complaint in output.err
    assert "Traceback" not in output.err
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not list((tmp_path / "run").rglob("*.npz"))


def test_a_checkpoint_that_was_changed_is_named_and_made_again(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint

    run = tmp_path / "run"
    start = [str(recipe), "--out", str(run), "--data.root", str(folder_data), "--runtime.device=cpu"]
    assert main(["train", *start]) == 0
    model = run / "plain" / "classifier" / "model.safetensors"
    tensors, facts = load_checkpoint(model)
    save_checkpoint(model, tensors, {**facts, "backbone": "resnet10t"})
    assert main(["cams", *start]) == 2
    changed = "missing or changed: model.safetensors. Run first: patchlearn train"
    assert changed in capfd.readouterr().err
    assert main(["train", *start]) == 0
    assert load_checkpoint(model)[1] == facts
    assert main(["cams", *start]) == 0


def test_the_supervised_reference_stands_beside_and_needs_no_other_step(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert run_it(recipe, folder_data, run, "--variant=plain", "--supervision", "masks") == 0
    assert sorted(path.name for path in (run / "plain").iterdir()) == [
        "evaluation-masks",
        "segmented-masks",
        "segmenter-masks",
    ]
    (reference,) = read_json(run / "evaluation.json")
    assert (reference["artefact"], reference["supervision"], reference["split"]) == ("segmenter", "masks", "val")
    assert run_it(recipe, folder_data, run, "--variant=plain") == 0
    supervisions = [(entry["artefact"], entry["supervision"]) for entry in read_json(run / "evaluation.json")]
    assert supervisions[-2:] == [("segmenter", "tags"), ("segmenter", "masks")]


def test_masks_are_compared_with_a_walk_along_the_round_before_the_last(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    options = ("--variant=plain", "--affinity.rounds=3")
    assert run_it(recipe, folder_data, run, "--with_segmenter=false", *options) == 0
    shutil.rmtree(run / "plain/pseudo")
    (run / "plain/affinity/round-2/model.safetensors").unlink()
    assert main(["pseudo", str(run), *options]) == 2
    complaint = "missing or changed: round-2/model.safetensors. Run first: patchlearn affinity"
    assert complaint in capfd.readouterr().err


def test_a_file_that_is_missing_is_named_and_made_again_alone(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain", "--with_segmenter=false")
    before = files(run, "plain/pseudo/train/**/*.png")
    times = {path: path.stat().st_mtime_ns for path in run.glob("plain/pseudo/train/**/*.png")}
    (run / "plain/pseudo/train/sure/img01.png").unlink()
    assert main(["segment", str(run), "--variant=plain"]) == 2
    assert "missing or changed: sure/img01.png. Run first: patchlearn pseudo" in capfd.readouterr().err
    assert main(["pseudo", str(run), "--variant=plain"]) == 0
    assert files(run, "plain/pseudo/train/**/*.png") == before
    again = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert {path.name for path in again} == {"img01.png"}
    assert main(["segment", str(run), "--variant=plain"]) == 0


def test_a_segmenter_learns_from_reliable_pixels_unless_told_otherwise(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain")
    reliable = (run / "plain/segmenter/model.safetensors").read_bytes()
    assert main(["segment", str(run), "--variant=plain", "--segmenter.noise.labels=all"]) == 0
    assert (run / "plain/segmenter/model.safetensors").read_bytes() != reliable


def test_a_reference_beside_a_run_leaves_its_recipe_alone(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain", "--with_segmenter=false")
    before = (run / "recipe.yaml").read_bytes()
    assert main(["segment", str(run), "--variant=plain", "--supervision=masks"]) == 0
    assert (run / "plain" / "segmenter-masks" / "model.safetensors").exists()
    assert (run / "recipe.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--segmenter.backbone=vit_tiny_patch16_224", "deeplabv3plus on vit_tiny_patch16_224"),
        ("--segmenter.train_split=val", "pseudo.splits lacks 'val', which the segmenter learns from"),
        ("--segmenter.train_split=nosuch", "no split 'nosuch'"),
        ("--segmenter.splits=[nosuch]", "no split 'nosuch'"),
        ("--segmenter.weights=nosuch.pth", "nosuch.pth: no such weights"),
        ("--segmenter.augment.crop=0", "segmenter.augment.crop: 0 is out of range"),
        ("--segmenter.optimisation.batch_size=1", "one image per step on each process"),
        ("--affinity.augment.long_side=[9,3]", "affinity.augment.long_side: (9, 3) is not a range"),
    ],
)
def test_a_segmenter_that_cannot_be_trained_is_refused_before_the_first_step(
    option: str, complaint: str, recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_it(recipe, folder_data, tmp_path / "run", option) == 2
    assert complaint in capfd.readouterr().err
    assert not list((tmp_path / "run").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("{classifier: {fusion: progresive, splits: [[1, [2, 2]]]}}", "did you mean 'progressive'"),
        ("{classifier: {fusion: progressive, splits: [[9, [2, 2]]]}}", "cannot cut after stage 9"),
        ("{classifier: {frozen_stages: 99}}", "classifier.frozen_stages: 99"),
        (
            "{classifier: {fusion: progressive, splits: [[1, [2, 2]]], optimisation: {epochs: 0}}}",
            "epochs: 0 is out of range",
        ),
    ],
)
def test_no_variant_is_trained_before_all_can_be(
    settings: str, complaint: str, recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(f"{RECIPE}  wrong: {settings}\n")
    assert run_it(recipe, folder_data, tmp_path / "run") == 2
    assert complaint in capfd.readouterr().err
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_figures_of_other_settings_than_the_recipes_are_left_out_and_said(
    recipe: Path, folder_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run)
    assert run_it(recipe, folder_data, run, "--variant=plain", "--cams.views.flip=false") == 0
    assert {entry["variant"] for entry in read_json(run / "evaluation.json")} == {"plain"}
    assert "progressive/evaluation: made with other settings" in capfd.readouterr().err.replace("\n", " ")
    assert "map of progressive" not in (run / "report.html").read_text(encoding="utf-8")
    assert run_it(recipe, folder_data, run) == 0
    assert {entry["variant"] for entry in read_json(run / "evaluation.json")} == {"plain", "progressive"}
    assert "map of progressive" in (run / "report.html").read_text(encoding="utf-8")


def test_the_segmenter_can_be_left_for_later(recipe: Path, folder_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain", "--with_segmenter=false")
    assert not (run / "plain/segmenter").exists()
    assert main(["segment", str(run), "--variant=plain"]) == 0
    assert main(["evaluate", str(run), "--variant=plain"]) == 0
    assert read_json(run / "evaluation.json")[-1]["artefact"] == "segmenter"


def test_how_images_are_segmented_trains_nothing_again_and_is_kept_with_the_model(
    recipe: Path, folder_data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finished_run(recipe, folder_data, run, "--variant=plain")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("step.json")}
    assert main(["run", str(run), "--variant=plain", "--segmenter.inference.scales=[1.0,1.5]"]) == 0
    redone = {str(path.parent.relative_to(run)) for path in before if path.stat().st_mtime_ns != before[path]}
    assert redone == {"plain/segmenter", "plain/segmented/val", "plain/evaluation"}  # of the first, the manifest alone
    model = run / "plain/segmenter/model.safetensors"
    assert load_segmenter(model).settings.scales == (1.0, 1.5)
    assert read_json(run / "evaluation.json")[-1]["model"] == file_digest(model)
    assert main(["segment", str(run), "--variant=plain", "--segmenter.inference.scales=[0.5]", NO_MASKS]) == 0
    assert load_segmenter(model).settings.scales == (0.5,)
