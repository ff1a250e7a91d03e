"""Hugging Face datasets: Parquet files, or a folder of save_to_disk."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.data.formats.huggingface.reader import read as read
    from patchlearn.data.formats.huggingface.reader import recognise as recognise

__getattr__, __dir__ = on_first_use(__name__, __file__)
