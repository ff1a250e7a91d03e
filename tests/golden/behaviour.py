"""Digests of everything that a small run of a checkout computes: equal digests prove that behaviour is preserved.

python tests/golden/behaviour.py OLD_CHECKOUT --out old.json
python tests/golden/behaviour.py NEW_CHECKOUT --out new.json
python tests/golden/behaviour.py --compare old.json new.json

The run draws its images, trains random networks and downloads nothing. A digest is of content: tensors, arrays, pixels,
rows, figures. File formats, metadata, times, commits and keys have no influence. Compare files from one machine and the
same libraries.
"""

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from safetensors.numpy import load_file

Settings = dict[str, Any]

# The recipe, with today's names. Loose thresholds: a network that is hardly trained has few confident pixels.
RECIPE: Settings = yaml.safe_load("""
seed: 3
data: {format: scenes, scenes: {train: 12, val: 4, size: 64, seed: 1}}
runtime: {device: cpu, workers: 0, threads: 1}
classifier:
  backbone: resnet10t
  weights: null
  output_stride: 16
  freeze_statistics: false
  augment: &augment {crop: 48, long_side: [44, 60]}
  optimisation: {epochs: 12, batch_size: 4, learning_rate: 0.002}
cams: {views: {scales: [1.0, 1.5]}}
self_training: {rounds: 0, confident: &confident {high: 1.0, low: 0.9}}
walk: {steps: 16}
affinity: {kind: none, confident: *confident, augment: *augment, optimisation: {epochs: 4, batch_size: 4}}
segmenter:
  {backbone: resnet10t, weights: null, freeze_statistics: false, augment: *augment,
  noise: {correct_from: 0.75, confidence: 0.6}, optimisation: {epochs: 4, batch_size: 4, learning_rate: 0.001}}
variants:
  plain: {}
  progressive:
    classifier: {fusion: progressive, splits: &splits [[1, [2, 2]], [2, [2, 2]]], held_out_split: none}
    self_training: {rounds: 1, shrinkage: 0.3}
    cams: {views: {long_side: 72}}
    pseudo: {crf: {preset: psa, iterations: 5}}
    segmenter: {head: fpn, noise: {loss: balanced}}
  explicit:
    classifier: {fusion: explicit, splits: *splits, optimisation: {warmup: 0.3, clip_norm: 1.0}}
    cams: {read: merged, views: {flip: false}}
    background: {rule: power, power: 3.0}
    pseudo: {crf: {preset: none}, local: 3, ignore_band: 0.1, confident: {high: 1.1, low: 0.8}}
    segmenter: {head: unet, noise: {loss: bootstrapped}}
  neighbour:
    classifier: {fusion: explicit, splits: *splits, border: neighbour, detach: false, pooling_power: 3.0}
    self_training: {rounds: 1, confident: {high: 0.9, low: 0.9}}
    cams: {read: unsplit}
    segmenter: {head: segformer, output_stride: 32, freeze_statistics: true}
  replicate:
    classifier: {fusion: progressive, splits: *splits, border: replicate, output_stride: 8, freeze_statistics: true}
    cams: {read: merged}
    pseudo: {crf: {preset: segmenter, unary: soft}}
    segmenter: {augment: {flip: false, jitter: true}, noise: {loss: generalised}, average: 0.5}
  frozen:
    classifier:
      {frozen_stages: 2, keep_epochs: true, augment: {flip: false, jitter: true},
      optimisation: {optimiser: sgd, schedule: cosine, epochs: 8, learning_rate: 0.02, momentum: 0.8}}
    segmenter: {head: deeplabv2, optimisation: {optimiser: sgd, schedule: constant, learning_rate: 0.01}}
  self-trained:
    self_training: {rounds: 2}
    background: {rule: fixed, threshold: 0.4}
    segmenter: {head: upernet, inference: {scales: [1.0, 2.0], flip: false, window: 64}}
  predicted:
    cams: {labels: predicted, confidence: 0.4, splits: [train, val]}
    pseudo: {splits: [train, val]}
    segmenter: {splits: [train, val], inference: {long_side: 48, undecided: 0.3}}
  features:
    affinity: {kind: features, rounds: 2}
    pseudo: {sure: agreed, second_anchor: 0.7, local: 2, crf: {confidence: 0.7}}
    segmenter:
      {head: unet, average: 0.5, noise: {labels: all, loss: balanced, rounds: 2, relabel_crf: psa, undecided: 0.4}}
  boundary:
    walk: {anchor: 0.5, balance: 1.0, beta: 5.0, radius: 3, long_side: 48}
    affinity: {kind: boundary, rounds: 1, radius: 6}
    pseudo: {sure: confident}
    segmenter:
      noise: {loss: balanced, correct_from: 0.5}
      inference: {scales: [1.0, 1.5], window: 64, crf: irn, iterations: 5}
""")

# Names today → names before. A checkout whose list of settings lacks a name of today is given the name before.
RENAMED = {"self_training": "relearn", "background": "pseudo.background", "walk": "pseudo.walk", "cams.views": "cams"}

# Of an entry of evaluation.json: what it is about, and what changes without a change of its figures.
ABOUT = ("artefact", "variant", "supervision", "split", "rule")
INCIDENTAL = ("commit", "recipe", "model", "settings")


def run_recipe(checkout: Path, python: str, work: Path) -> Path:
    """Run every step and verb of the checkout; return the run folder."""
    work.mkdir(parents=True, exist_ok=True)
    run, recipe = work / "run", work / "recipe.yaml"
    if run.exists():
        raise SystemExit(f"{run}: a run is there already. Delete it, or name another --work.")
    found = execute(checkout, python, work, "-c", "import patchlearn; print(patchlearn.__file__)").strip()
    print(f"package: {found}", flush=True)
    if not Path(found).resolve().is_relative_to(checkout):
        raise SystemExit(f"{found}: not a file of {checkout}. Name a checkout of patchlearn.")
    known = known_settings(checkout, python, work)
    recipe.write_text(yaml.safe_dump(recipe_for(known), sort_keys=False), encoding="utf-8")
    reference = ["--supervision", "masks", "--variant", "plain"]
    verbs = [["run", recipe], ["segment", recipe, *reference], ["evaluate", recipe, *reference]]
    for words in [*verbs, ["evaluate", run], ["report", run]]:
        started = time.monotonic()
        execute(checkout, python, work, "-m", "patchlearn", *map(str, words), "--out", str(run))
        print(f"{words[0]}: {time.monotonic() - started:.0f} s", flush=True)
    return run


def known_settings(checkout: Path, python: str, work: Path) -> str:
    """The names of all settings, each behind -- or a quote; before 2026-11-30 `settings` had no arguments."""
    try:
        return execute(checkout, python, work, "-m", "patchlearn", "settings", "all", "--json")
    except SystemExit:
        return execute(checkout, python, work, "-m", "patchlearn", "settings")


def execute(checkout: Path, python: str, work: Path, *words: str) -> str:
    """Run Python with the checkout before all other packages; return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    # The current folder comes before PYTHONPATH: it must hold no package of the same name.
    done = subprocess.run([python, *words], cwd=work, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stderr}\n{' '.join(words)}: exit code {done.returncode}")
    return done.stdout


def recipe_for(known: str) -> Settings:
    """The recipe, with the names that a checkout has; `known` is its list of settings."""
    old = {name: before for name, before in RENAMED.items() if f"--{name}." not in known and f'"{name}.' not in known}
    variants = {name: renamed(settings, old) for name, settings in RECIPE["variants"].items()}
    return {**renamed(RECIPE, old), "variants": variants}


def renamed(settings: Settings, names: dict[str, str]) -> Settings:
    """The settings, with each group moved from its first path to its second; groups of one path are united."""
    result = deepcopy(settings)
    for source, target in names.items():
        parent, _, last = source.rpartition(".")
        group = (result.get(parent, {}) if parent else result).pop(last, {})
        place = result
        for name in target.split(".") if group else ():
            place = place.setdefault(name, {})
        place.update(group)
    return result


def digests_of(run: Path) -> dict[str, str]:
    """Path in the run folder → digest of every artefact; evaluation.json has a digest for each entry."""
    digests: dict[str, str] = {}
    for path in sorted(run.rglob("[!.]*")):
        name = path.relative_to(run).as_posix()
        if path.name == "evaluation.json":
            digests |= {f"{name}#{about}": digest_of(figures) for about, figures in read_entries(path).items()}
        elif path.suffix in (".safetensors", ".npz", ".png", ".jpg"):
            digests[name] = digest_of(read_arrays(path))
        elif path.suffix == ".csv":
            digests[name] = digest_of(read_rows(path))
        elif path.name in ("curves.json", "classes.txt"):
            digests[name] = digest_of([path.read_text(encoding="utf-8")])
    return digests


def digest_of(parts: list[Any]) -> str:
    """SHA-256 of bytes, and of all else as JSON; the length of each part is part of it."""
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()


def read_arrays(path: Path) -> list[Any]:
    """Name, type, shape and bytes of each tensor or array, by name; of an image, its pixels or indices."""
    if path.suffix == ".safetensors":
        arrays = load_file(path)
    elif path.suffix == ".npz":
        arrays = dict(np.load(path, allow_pickle=False))
    else:
        arrays = {"pixels": np.asarray(Image.open(path))}
    ordered = sorted(arrays.items())
    return [part for name, array in ordered for part in (name, str(array.dtype), array.shape, array.tobytes())]


def read_rows(path: Path) -> list[Any]:
    """The rows of a CSV file, without times."""
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return [[(name, value) for name, value in row.items() if name not in ("seconds", "time")] for row in rows]


def read_entries(path: Path) -> dict[str, list[Any]]:
    """What an entry of an evaluation is about → its figures; one list entry, unless two are about the same."""
    entries: dict[str, list[Any]] = {}
    for entry in json.loads(path.read_text(encoding="utf-8")):
        figures = {name: value for name, value in entry.items() if name not in INCIDENTAL}
        entries.setdefault("/".join(str(entry[fact]) for fact in ABOUT), []).append(figures)
    return entries


def compare(first: Path, second: Path) -> int:
    """Print what differs; return the exit code, 1 if anything does."""
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    names = one.keys() | other.keys()
    different = [name for name in names if one.get(name) != other.get(name)]
    for name in sorted(different):
        missing = [path for path, digests in ((first, one), (second, other)) if name not in digests]
        print(f"{name}: {f'not in {missing[0]}' if missing else 'differs'}")
    print(f"{len(names)} artefacts, {len(different)} of them different")
    return 1 if different else 0


def main() -> int:
    """Write digests, or compare two files of them."""
    parser = argparse.ArgumentParser(description="Digests of what a checkout computes, and their comparison.")
    parser.add_argument("checkout", type=Path, nargs="?", help="the folder that holds the package patchlearn")
    parser.add_argument("--python", default=sys.executable, help="the interpreter (default: this one)")
    parser.add_argument("--out", type=Path, help="the file for the digests, JSON")
    parser.add_argument("--work", type=Path, help="a folder for the run, 3 GB (default: a temporary one)")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("A", "B"), help="two files of digests")
    options = parser.parse_args()
    if options.compare:
        return compare(*options.compare)
    if not (options.checkout and options.out):
        parser.error("name a checkout and --out, or --compare A B")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        digests = digests_of(run_recipe(options.checkout.resolve(), options.python, work))
    options.out.write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(digests)} artefacts, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
