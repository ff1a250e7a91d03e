"""What PASCAL VOC's evaluation server expects.

- One PNG of class indices for every image of VOC 2012's test list: 0 for background and 1 to 20 for the classes, with
  the colour map of VOC's masks (development kit, "Segmentation task", "Submission of results"). The evaluation of the
  kit, VOCevalseg, refuses values above 20 and masks of another size than their image.
- The PNGs are in `results/VOC2012/Segmentation/comp6_test_cls`. Competition 6 is for systems that were trained with
  any data except the test data, for example from ImageNet weights. Competition 5 is for systems that were trained with
  VOC's training data only. The server looks for both folders.
- The folder is packed into a tar that is compressed by gzip. For the server's message "Results were not generated
  properly", users found three causes: an uncompressed tar, masks of another size, and values above 20
  (zhanghang1989/PyTorch-Encoding#225). RGB masks were refused. Masks with another palette were evaluated with low
  scores, because their indices were not class values (DrSleep/tensorflow-deeplab-resnet#37 and #177).
"""

from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import read_image

FOLDERS = {name: f"results/VOC2012/Segmentation/{name}_test_cls" for name in ("comp5", "comp6")}
SUFFIXES = (".tgz", ".tar.gz")
TEST_IMAGES = 1456  # in ImageSets/Segmentation/test.txt of VOC 2012
LARGEST = 2**24  # bytes of a file, and pixels of a mask; VOC's largest images have 500×500


def require_image_size(name: str, shape: tuple[int, ...], image: Path) -> None:
    """Raise `PatchlearnError`, beginning with `name`, unless an H×W mask is as large as its image."""
    height, width = read_image(image).shape[:2]
    if shape != (height, width):
        raise PatchlearnError(
            f"{name}: {shape[1]}×{shape[0]} pixels, but {image.name} has {width}×{height} (width × height). Predict at "
            "the size of the image."
        )
