"""Movement: slices and concatenations that only change the order of elements."""
import numpy as np

from .graph import form


def every(g, x, axis, start, step=2):
    return g.Slice(x, np.array([start]), np.array([2 ** 63 - 1]), np.array([axis]), np.array([step]))


@form({"Transpose": 1, "Slice": 0, "Concat": 0})
def space_to_depth_yolox(g):
    """The focus of YOLOX."""
    x = g.input(1, 3, 8, 6)
    parts = [every(g, every(g, x, 2, i), 3, j) for i, j in [(0, 0), (1, 0), (0, 1), (1, 1)]]
    g.result(g.Concat(*parts, axis=1))


@form({"Transpose": 1, "Slice": 0, "Concat": 0})
def space_to_depth_swin(g):
    """The merging of patches, channels last."""
    x = g.input(1, 8, 6, 5)
    parts = [every(g, every(g, x, 1, i), 2, j) for i, j in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    g.result(g.Concat(*parts, axis=-1))


@form({"Concat": 1, "Transpose": 0})
def no_space_to_depth(g):
    """An order that is none."""
    x = g.input(1, 3, 8, 6)
    parts = [every(g, every(g, x, 2, i), 3, j) for i, j in [(0, 0), (1, 1), (0, 1), (1, 0)]]
    g.result(g.Concat(*parts, axis=1))
