"""A trained segmenter as one file that runs without patchlearn: an ONNX graph, or a program of torch.export.

Both files hold the same function, `ExportedSegmenter`, for any number of images of any size:

    images         B×3×H×W float32, RGB, values in [0, 1]
    probabilities  B×(K+1)×H×W float32, background first; the index of the largest is the mask

One view is computed, at the size that it is given: scales, mirror images, windows, the CRF and undecided pixels of
`InferenceSettings` stay with patchlearn (whose `Segmenter.predict` also resamples once more where a side is no multiple
of the network's stride). The names of the classes are stored in the file.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic
from patchlearn.data.transforms import normalise
from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.segmentation import LARGEST_STRIDE, SegmentationNetwork
from patchlearn.models.views import on_image_grid

INPUT, OUTPUT = "images", "probabilities"
FACTS = "patchlearn.json"  # beside the program in a .pt2 file
SIDES = {0: "batch", 2: "height", 3: "width"}  # what may differ from image to image
EXAMPLE = (2, 97, 131)  # images, height, width: no side a multiple of a stride, so that nothing is cut short
SIZES = ((1, 64, 64), (1, 97, 131), (2, 33, 200))  # (B, H, W), odd ones among them
AGREEMENT = 0.999  # of the pixels; below it, an exported file is not the network that was trained
DIFFERENCE = 0.01  # of two probabilities; rounding makes it 0.000001
SPOTS = 8  # colours along each side of a picture that checks a file
Size = tuple[int, int, int]
Refusals = tuple[type[Exception], ...]
Run = Callable[[Tensor], Tensor]

# Exporters and programs say in all these ways that a network is beyond them.
REFUSALS: Refusals = (AssertionError, AttributeError, BadZipFile, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near an exported file is to its segmenter.

    Args:
        agreement: share of the pixels whose most probable class is the same.
        difference: the largest one of two probabilities.
    """

    agreement: float
    difference: float


class ExportedSegmenter(nn.Module):
    """A segmentation network from pixels to probabilities, with everything that any image size needs.

    Args:
        network: is copied; the copy lies on the CPU, in evaluation mode.

    >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=6)
    >>> ExportedSegmenter(network)(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 7, 50, 70])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: SegmentationNetwork):
        """See the class."""
        super().__init__()
        self.model = _exportable(network.model)
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W RGB in [0, 1] → B×(K+1)×H×W probabilities, background first."""
        height, width = images.shape[-2:]
        normalised = (images - self.mean) / self.std
        right, bottom = -width % LARGEST_STRIDE, -height % LARGEST_STRIDE
        padded = F.pad(normalised, (0, right, 0, bottom), mode="replicate")  # like Segmenter.predict
        maps = self.model(padded).softmax(1)
        return F.interpolate(maps, padded.shape[-2:], mode="bilinear", align_corners=False)[..., :height, :width]


class AdaptiveMeans(nn.Module):
    """`nn.AdaptiveAvgPool2d` as two products of matrices, which any exporter knows for any size.

    torch takes the original apart differently where a side is divisible and where it is not: the graph would hold for
    the sizes of the example's kind only.

    >>> maps = torch.rand(1, 2, 7, 4)
    >>> torch.allclose(AdaptiveMeans(3)(maps), nn.AdaptiveAvgPool2d(3)(maps))
    True
    """

    def __init__(self, bins: int):
        """Rows and columns of the output."""
        super().__init__()
        self.bins = bins

    def forward(self, maps: Tensor) -> Tensor:
        """B×C×h×w → B×C×bins×bins."""
        down = _shares(self.bins, maps.shape[-2], maps)
        across = _shares(self.bins, maps.shape[-1], maps)
        return down @ maps @ across.transpose(0, 1)


def _shares(bins: int, cells: int, like: Tensor) -> Tensor:
    """bins×cells: a row's cells from ⌊i·cells/bins⌋ to ⌈(i+1)·cells/bins⌉ share a weight of one."""
    index = torch.arange(bins, device=like.device)[:, None]
    cell = torch.arange(cells, device=like.device)
    inside = (cell >= index * cells // bins) & (cell * bins < (index + 1) * cells)
    weights = inside.to(like.dtype)
    return weights / weights.sum(1, keepdim=True)


class EvenSame(nn.Module):
    """A layer with "same" padding of TensorFlow's kind, for maps that its stride divides: the padding never changes.

    timm works the padding out anew from every size, a formula that grows with every stage and that torch.export gives
    up on. The image was padded to whole cells already; where a head shrinks it to others, the parity tells.
    """

    def __init__(self, layer: nn.Conv2d | nn.AvgPool2d):
        """Keep the layer, whose weights they are."""
        super().__init__()
        self.layer = layer
        dilations = layer.dilation if isinstance(layer, nn.Conv2d) else (1, 1)
        sides = zip(_both(layer.kernel_size), _both(layer.stride), dilations, strict=True)
        totals = [max((kernel - 1) * dilation + 1 - stride, 0) for kernel, stride, dilation in sides]
        self.padding = [part for total in reversed(totals) for part in (total // 2, total - total // 2)]

    def forward(self, maps: Tensor) -> Tensor:
        """B×C×h×w → B×C×(h / stride)×(w / stride)."""
        padded = F.pad(maps, self.padding)
        if isinstance(self.layer, nn.Conv2d):
            return nn.Conv2d.forward(self.layer, padded)
        return nn.AvgPool2d.forward(self.layer, padded)


def _both(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size, size)


def _exportable(model: nn.Module) -> nn.Module:
    """A copy in plain memory order on the CPU, without the parts that an exporter takes for one size only."""
    copy = deepcopy(model).cpu().to(memory_format=torch.contiguous_format)
    for name, module in list(copy.named_modules()):
        if isinstance(module, Conv2dSame | AvgPool2dSame):
            copy.set_submodule(name, EvenSame(module))
        elif isinstance(module, nn.AdaptiveAvgPool2d) and isinstance(bins := module.output_size, int) and bins > 1:
            copy.set_submodule(name, AdaptiveMeans(bins))
    return copy


# --- writing -----------------------------------------------------------------


def export_onnx(segmenter: Segmenter, path: Path, sizes: Iterable[Size] = SIZES) -> Parity:
    """Write an ONNX file; its `metadata_props` name the classes, the input and the output.

    Args:
        segmenter: in evaluation mode, on any device.
        path: the file; made, or replaced, only if it agrees with the segmenter.
        sizes: (B, H, W) of the pictures that it is tried with.

    Raises:
        PatchlearnError: `patchlearn[export]` is not installed, the exporter does not know a part of the network, or
            the file disagrees with the segmenter.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        _package(name)
    with _refusals(segmenter, "onnx"):
        graph = torch.onnx.export(
            _program(segmenter),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(SIDES,),
        )
        assert graph is not None
        graph.model.metadata_props.update(export_facts(segmenter))
        content = graph.model_proto.SerializeToString()
    parity = _required(_onnx_parity(content, path, segmenter, sizes), path)
    _write(path, content)
    return parity


def export_torch(segmenter: Segmenter, path: Path, sizes: Iterable[Size] = SIZES) -> Parity:
    """Write a `.pt2` file that `torch.export.load` reads; `patchlearn.json` in it names the classes.

    Args, returns and errors are those of `export_onnx`; nothing besides torch is needed.
    """
    facts = {FACTS: json.dumps(export_facts(segmenter), indent=2, ensure_ascii=False)}
    archive = BytesIO()
    with _refusals(segmenter, "torch"):
        torch.export.save(_program(segmenter), archive, extra_files=facts)
    parity = _required(_torch_parity(archive.getvalue(), path, segmenter, sizes), path)
    _write(path, archive.getvalue())
    return parity


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as partial:
        partial.write_bytes(content)


def export_facts(segmenter: Segmenter) -> dict[str, str]:
    """What the user of a file must know; `classes` is a JSON list, the background first.

    >>> network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=1)
    >>> export_facts(Segmenter(network=network, classes=("cat",)))["classes"]
    '["background", "cat"]'
    """
    network, long_side = segmenter.network, segmenter.settings.long_side
    resize = f"; resize the image so that its longer side has {long_side} pixels" if long_side else ""
    return {
        "classes": json.dumps(["background", *segmenter.classes], ensure_ascii=False),
        "input": f"{INPUT}: B×3×H×W float32, RGB, values in [0, 1], not normalised, any H and W{resize}",
        "output": f"{OUTPUT}: B×{len(segmenter.classes) + 1}×H×W float32, sum to one over the classes",
        "network": f"{network.head} over {network.backbone}, trained by patchlearn",
    }


def _program(segmenter: Segmenter) -> torch.export.ExportedProgram:
    """The program for any number of images of any size, as both formats hold it."""
    from torch.fx.experimental import _config as shapes  # loads the compiler, which nobody else needs

    dynamic = dict.fromkeys(SIDES, torch.export.Dim.DYNAMIC)
    batch, height, width = EXAMPLE
    # Without this, a side of one cell and a side that needs no padding would be other programs than the example's.
    with shapes.patch(backed_size_oblivious=True), torch.no_grad():  # type: ignore[attr-defined]
        return torch.export.export(
            ExportedSegmenter(segmenter.network), (torch.zeros(batch, 3, height, width),), dynamic_shapes=(dynamic,)
        )


@contextmanager
def _refusals(segmenter: Segmenter, form: str) -> Iterator[None]:
    """What the exporters say in many ways, said in one."""
    try:
        yield
    except REFUSALS as error:
        network = segmenter.network
        raise PatchlearnError(
            f"export, {form}: {network.head} over {network.backbone} cannot be written ({_first_line(error)}). Choose "
            "another format, or train another head or backbone; resnet50 with deeplabv3plus works in all."
        ) from None


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise PatchlearnError(f"export: {name} is not installed. Run: pip install 'patchlearn[export]'") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


# --- checking ----------------------------------------------------------------


def check_onnx(path: Path, segmenter: Segmenter, sizes: Iterable[Size] = SIZES) -> Parity:
    """Compare what ONNX Runtime makes of a file with what the segmenter makes of the same pictures.

    Args:
        path: an ONNX file.
        segmenter: what the file is said to be, in evaluation mode.
        sizes: (B, H, W) of the pictures.

    Raises:
        PatchlearnError: ONNX Runtime is not installed, or cannot run the file at one of the sizes.
    """
    return _onnx_parity(_content(path), path, segmenter, sizes)


def check_torch(path: Path, segmenter: Segmenter, sizes: Iterable[Size] = SIZES) -> Parity:
    """Compare a program of torch.export with the segmenter; see `check_onnx`.

    Raises:
        PatchlearnError: torch cannot run the file at one of the sizes.
    """
    return _torch_parity(_content(path), path, segmenter, sizes)


def _onnx_parity(content: bytes, path: Path, segmenter: Segmenter, sizes: Iterable[Size]) -> Parity:
    runtime = _package("onnxruntime")
    failures = _package("onnxruntime.capi.onnxruntime_pybind11_state")
    names = "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented"
    refusals = tuple(vars(failures)[name] for name in (*names, "RuntimeException"))
    with _not_run(path, refusals):
        session = runtime.InferenceSession(content, _one_pool(runtime), providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return _parity(run, path, segmenter, sizes, refusals)


def _torch_parity(content: bytes, path: Path, segmenter: Segmenter, sizes: Iterable[Size]) -> Parity:
    with _not_run(path, REFUSALS):
        run = torch.export.load(BytesIO(content)).module()
    return _parity(run, path, segmenter, sizes, REFUSALS)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PatchlearnError(f"{path}: {error.strerror}. Export the model first: patchlearn export.") from None


def _one_pool(runtime: Any) -> Any:
    """As many threads as torch has: the two are compared, and tests run side by side."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return options


@contextmanager
def _not_run(path: Path, refusals: Refusals, where: str = "") -> Iterator[None]:
    try:
        yield
    except refusals as error:
        raise PatchlearnError(
            f"{path}: does not run{where} ({_first_line(error)}). Choose another format or another head."
        ) from None


@torch.no_grad()
def _parity(run: Run, path: Path, segmenter: Segmenter, sizes: Iterable[Size], refusals: Refusals) -> Parity:
    same, largest = [], 0.0
    for size in sizes:
        pictures = _pictures(size)
        with _not_run(path, refusals, f" with B×H×W = {'×'.join(map(str, size))}"):
            found = run(pictures.float() / 255)
        wanted = _expected(segmenter, pictures)
        same.append((found.argmax(1) == wanted.argmax(1)).flatten())
        largest = max(largest, float((found - wanted).abs().nan_to_num(torch.inf).max()))
    return Parity(agreement=float(torch.cat(same).double().mean()), difference=largest)


def _pictures(size: Size) -> Tensor:
    """B×3×H×W uint8: spots of colour that run into each other; the same in every run."""
    images, height, width = size
    spots = torch.rand(images, 3, SPOTS, SPOTS, generator=torch.Generator().manual_seed(0))
    return (F.interpolate(spots, (height, width), mode="bilinear") * 255).to(torch.uint8)


def _expected(segmenter: Segmenter, pictures: Tensor) -> Tensor:
    """B×(K+1)×H×W probabilities by the functions that segment an image, and none that is exported."""
    network = segmenter.network
    pixels = normalise(pictures.to(next(network.parameters()).device), network.mean, network.std)
    height, width = pictures.shape[-2:]
    whole = (-(-side // LARGEST_STRIDE) * LARGEST_STRIDE for side in (height, width))
    rows, columns = whole
    maps = network(F.pad(pixels, (0, columns - width, 0, rows - height), mode="replicate")).softmax(1)
    return on_image_grid(maps, (height / rows, width / columns), (height, width)).cpu()


def _required(parity: Parity, path: Path) -> Parity:
    if parity.agreement < AGREEMENT or parity.difference > DIFFERENCE:
        raise PatchlearnError(
            f"{path}: not written, for its classes are the segmenter's in {parity.agreement:.3%} of the pixels only "
            f"(probabilities differ by up to {parity.difference:.2g}); {AGREEMENT:.1%} and {DIFFERENCE} are allowed. "
            "Choose another format, or another backbone or head."
        )
    return parity
