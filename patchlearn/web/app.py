"""The routes of the page, as a Starlette app.

GET  /                          the page
GET  /health                    that the server lives
GET  /api/about                 classes, variants, limits
POST /api/images                multipart `image`, several times: images to ask about → their ids
GET  /api/images/ID             the picture
GET  /api/images/ID/answer      ?variant, tag (several times), tags=given, threshold → scores, tags, areas
GET  /api/images/ID/NAME        the same question → mask.png, outlines.svg, coco.json, all.zip, or map.png (?class)
POST /api/predict               multipart `image`, `tags`, `threshold`, `variant` → the mask as a palette PNG
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import encode_mask
from patchlearn.core.types import Bands, UInt8
from patchlearn.report.figures import class_colour
from patchlearn.web import downloads
from patchlearn.web.answers import Answer, Question, Reader
from patchlearn.web.guards import LOOPBACK, Guard, TooLargeError, too_large
from patchlearn.web.limits import Limits
from patchlearn.web.questions import Fields, question_of
from patchlearn.web.shelf import Shelf, Shelved
from patchlearn.web.uploads import read_upload, shown
from patchlearn.web.work_queue import BusyError, WorkQueue

STATIC = Path(__file__).parent / "static"


def create_app(
    reader: Reader,
    limits: Limits | None = None,
    *,
    hosts: tuple[str, ...] = LOOPBACK,
    token: str | None = None,
    bands: Bands | None = None,
) -> Starlette:
    """The app of a run or a model.

    Args:
        reader: what answers.
        limits: of uploads and of memory.
        hosts: names that the server answers to, without the port.
        token: that every request must bring; None for none.
        bands: that images of many bands are read from.
    """
    limits = limits or Limits()
    desk = Desk(reader, limits, bands)
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/health", _health),
            Route("/api/about", desk.about),
            Route("/api/images", desk.add, methods=["POST"]),
            Route("/api/images/{id}", desk.picture),
            Route("/api/images/{id}/answer", desk.answer),
            Route("/api/images/{id}/{name}", desk.download),
            Route("/api/predict", desk.predict, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=hosts, limits=limits, token=token)],
        exception_handlers={
            PatchlearnError: _sentence,
            BusyError: _busy,
            TooLargeError: too_large,
            TimeoutError: _late,
        },
    )
    app.state.limits = limits
    return app


class Desk:
    """What the routes share: the reader, the images and the queue.

    Args:
        reader: what answers.
        limits: of uploads and of memory.
        bands: that images of many bands are read from.
    """

    def __init__(self, reader: Reader, limits: Limits, bands: Bands | None):
        self._reader, self._limits, self._bands = reader, limits, bands
        self._shelf, self._queue = Shelf(limits.kept), WorkQueue(limits.waiting)

    async def about(self, request: Request) -> Response:
        """Everything that the page needs before the first image."""
        facts = self._reader.facts
        colours = [class_colour(index) for index in range(len(facts.classes))]
        limits = {"megabytes": self._limits.megabytes, "images": self._limits.images}
        return JSONResponse({**asdict(facts), "colours": colours, "limits": limits})

    async def add(self, request: Request) -> Response:
        """Images to ask about; those that cannot be read are named, each with its reason."""
        taken, refused = [], []
        for name, content in (await self._sent(request))[0]:
            try:
                shelved = await self._queue.do(partial(self._shelved, name, content))
                height, width = shelved.image.shape[:2]
                taken.append({"id": shelved.id, "name": shelved.name, "width": width, "height": height})
            except PatchlearnError as error:
                refused.append(str(error))
        return JSONResponse({"images": taken, "refused": refused}, 200 if taken else 400)

    async def picture(self, request: Request) -> Response:
        """The picture as the page shows it."""
        image = self._shelf.get(request.path_params["id"]).image
        return Response(await self._queue.do(partial(downloads.picture, image)), media_type="image/jpeg")

    async def answer(self, request: Request) -> Response:
        """Scores, tags, the threshold, and the share of the image that each class has in the mask."""
        _, answer = await self._answered(request)
        shares = np.bincount(answer.mask.ravel(), minlength=256) / answer.mask.size
        classes = range(len(self._reader.facts.classes))
        return JSONResponse(
            {
                "scores": answer.scores,
                "tags": answer.tags,
                "threshold": answer.threshold,
                "shares": [float(shares[index + 1]) for index in classes],
                "undecided": float(shares[255]),
            }
        )

    async def download(self, request: Request) -> Response:
        """One of the files of an answer."""
        shelved, answer = await self._answered(request)
        name, classes = request.path_params["name"], self._reader.facts.classes
        makers: dict[str, tuple[str, Callable[[], bytes | str]]] = {
            "mask.png": ("image/png", partial(encode_mask, answer.mask)),
            "outlines.svg": ("image/svg+xml", partial(downloads.outlines_svg, answer.mask, classes)),
            "coco.json": ("application/json", partial(downloads.coco, answer.mask, shelved.name, classes)),
            "all.zip": ("application/zip", partial(downloads.archive, answer, shelved.name, classes)),
            "map.png": ("image/png", partial(_map_of, request, answer)),
        }
        if name not in makers:
            raise PatchlearnError(f"{shown(name)}: no such file. Choose one of: {', '.join(makers)}.")
        kind, make = makers[name]
        return Response(await self._queue.do(make), media_type=kind, headers=_attachment(request, shelved.name, name))

    async def predict(self, request: Request) -> Response:
        """One image in, its mask out; nothing is kept."""
        uploads, fields = await self._sent(request)
        question = question_of(fields, self._reader.facts)
        if len(uploads) != 1:
            raise PatchlearnError(f"image: {len(uploads)} files, but one is wanted. Send one image in each request.")
        return Response(await self._queue.do(partial(self._mask, *uploads[0], question)), media_type="image/png")

    async def _sent(self, request: Request) -> tuple[list[tuple[str, bytes]], Fields]:
        """(name and content of each image, the other fields); an upload that stops is given up."""
        limits = self._limits
        most = {"max_files": limits.images, "max_fields": 1000, "max_part_size": limits.bytes}
        async with asyncio.timeout(limits.seconds), request.form(**most) as form:
            sent = form.multi_items()
            files = [each for name, each in sent if name == "image" and isinstance(each, UploadFile)]
            images = [(shown(each.filename or ""), await each.read()) for each in files]
        if not images:
            raise PatchlearnError("image: no file of this name. Send the picture as the multipart field 'image'.")
        return images, Fields([(name, each) for name, each in sent if isinstance(each, str)])

    def _image(self, name: str, content: bytes) -> UInt8:
        return read_upload(content, name, self._limits, self._bands)

    def _shelved(self, name: str, content: bytes) -> Shelved:
        image = self._image(name, content)
        return self._shelf.put(name, image, self._reader.see(image))

    def _mask(self, name: str, content: bytes, question: Question) -> bytes:
        return encode_mask(self._reader.answer(self._reader.see(self._image(name, content)), question).mask)

    async def _answered(self, request: Request) -> tuple[Shelved, Answer]:
        """The image of the address, and the answer to the question in it."""
        shelved = self._shelf.get(request.path_params["id"])
        question = question_of(request.query_params, self._reader.facts)
        return shelved, await self._queue.do(partial(self._known, shelved, question))

    def _known(self, shelved: Shelved, question: Question) -> Answer:
        """Answered now, unless it was before."""
        if question not in shelved.answers:
            shelved.remember(question, self._reader.answer(shelved.seen, question))
        return shelved.answers[question]


def _map_of(request: Request, answer: Answer) -> bytes:
    """The map of the class that the address names by its index."""
    wanted = request.query_params.get("class", "")
    found = [scores for index, scores in zip(answer.tags, answer.maps) if str(index) == wanted]
    if not found:
        tags = ", ".join(map(str, answer.tags))
        raise PatchlearnError(f"class: {shown(wanted)!r} has no map here. Choose one of the indices: {tags}.")
    return downloads.map_picture(found[0])


def _attachment(request: Request, image: str, name: str) -> dict[str, str]:
    """The name under which a browser saves the file, where it is asked to."""
    if "save" not in request.query_params:
        return {}
    stem, suffix = image.rpartition(".")[0] or image, name.rpartition(".")[2]
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{stem}.{suffix}')}"}


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "page.html")


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _sentence(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 400)


async def _busy(request: Request, error: Exception) -> Response:
    return PlainTextResponse("Too many requests wait. Try again in a few seconds.", 503, {"retry-after": "5"})


async def _late(request: Request, error: Exception) -> Response:
    return PlainTextResponse("The upload took too long. Send smaller images.", 408)
