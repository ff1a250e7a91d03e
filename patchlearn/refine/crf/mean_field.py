"""Mean field over both kernels of a dense CRF, compiled for the CPU."""

import numpy as np

from patchlearn.refine.compiled import kernel
from patchlearn.refine.crf.lattice import blur
from patchlearn.refine.crf.vectors import slice_row, softmax_row, splat_row


@kernel()
def mean_field(logits, colour, space, iterations, colour_corners, space_corners, lanes):
    """Overwrite logits with probabilities; both are relative to the last label, whose own values are left out.

    Each iteration is one pass over the pixels: slice both kernels' messages, softmax, splat onto both lattices.

    Args:
        logits: N×lanes, minus the last label's; overwritten with the probabilities minus the last label's.
        colour, space: the two lattices, built with the kernels' weights as their strengths.
        iterations: of mean field.
        colour_corners, space_corners: tuples of zeros, one for each corner of a simplex of the lattice.
        lanes: a tuple of zeros, one for each channel.

    Returns:
        The overwritten logits.
    """
    shapes = ((colour.neighbours.shape[1] + 1, len(lanes)), (space.neighbours.shape[1] + 1, len(lanes)))
    colour_message, colour_splat, colour_spare = _three_tables(shapes[0])
    space_message, space_splat, space_spare = _three_tables(shapes[1])
    row = np.empty((1, len(lanes)), np.float32)
    for _ in range(iterations):
        for pixel in range(len(logits)):
            slice_row(row, logits, pixel, colour_message, colour.vertices, colour.weights, pixel, colour_corners, lanes)
            slice_row(row, row, 0, space_message, space.vertices, space.weights, pixel, space_corners, lanes)
            softmax_row(row, lanes)
            splat_row(row, colour_splat, colour.vertices, colour.weights, pixel, colour_corners, lanes)
            splat_row(row, space_splat, space.vertices, space.weights, pixel, space_corners, lanes)
        blurred, spare = blur(colour_splat, colour_spare, colour.neighbours, lanes)
        colour_message, colour_splat, colour_spare = blurred, _cleared(colour_message), spare
        blurred, spare = blur(space_splat, space_spare, space.neighbours, lanes)
        space_message, space_splat, space_spare = blurred, _cleared(space_message), spare
    for pixel in range(len(logits)):
        slice_row(row, logits, pixel, colour_message, colour.vertices, colour.weights, pixel, colour_corners, lanes)
        slice_row(row, row, 0, space_message, space.vertices, space.weights, pixel, space_corners, lanes)
        softmax_row(row, lanes)
        logits[pixel] = row[0]
    return logits


@kernel()
def _three_tables(shape):
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)


@kernel()
def _cleared(table):
    table[:] = 0
    return table
