"""Arrange regions in a tree by their names and their members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.anatomy.hierarchy import path_of
from napari_crbm.anatomy.names import split_side, without_side
from napari_crbm.regions import Regions

#: Smaller regions lie inside others by chance.
_FEWEST_INSIDE = 5


@dataclass(eq=False)
class RegionNode:
    """A region, or a heading for several, with its children.

    Parameters
    ----------
    label : str
        Text shown in the tree: the last part of the name.
    region : int, optional
        Position among the regions; None for a heading that is not a region itself.
    children : list of RegionNode
        In the order of the regions.
    n_neurons : int
        Number of neurons in the region or in one below it.
    """

    label: str
    region: int | None = None
    children: list[RegionNode] = field(default_factory=list)
    n_neurons: int = 0

    def regions(self) -> Iterator[int]:
        """Return the node's own region and all below it."""
        if self.region is not None:
            yield self.region
        for child in self.children:
            yield from child.regions()


def region_tree(regions: Regions) -> list[RegionNode]:
    """Arrange regions in a tree.

    Names that contain a path ("Diencephalon - Habenula") define the levels. The two sides of a
    structure are put under one heading. A structure that is still at the top is then put under
    the smallest region that holds all its neurons and more, for atlases that assign a neuron
    to regions of several levels.

    The tree is cached for the lifetime of the regions; do not modify it.

    Returns
    -------
    list of RegionNode
        The topmost nodes.
    """
    if regions not in _trees:
        _trees[regions] = _arranged(regions)
        _count(_trees[regions], regions.membership)
    return _trees[regions]


_trees: WeakKeyDictionary[Regions, list[RegionNode]] = WeakKeyDictionary()


def _arranged(regions: Regions) -> list[RegionNode]:
    root = RegionNode("")
    both_sides = _structures_with_sides(regions.names)
    for index, name in enumerate(regions.names):
        node = root
        for label in _path(name, both_sides):
            below = next((child for child in node.children if child.label == label), None)
            if below is None:
                below = RegionNode(label)
                node.children.append(below)
            node = below
        if node.region is None:
            node.region = index
        else:
            # Another spelling of a region that is already in the tree.
            node.children.append(RegionNode(name, index))
    return _nested(root.children, regions)


def _count(nodes: list[RegionNode], membership: sparse.csc_array) -> None:
    for node in nodes:
        inside = [
            membership.indices[membership.indptr[region] : membership.indptr[region + 1]]
            for region in node.regions()
        ]
        node.n_neurons = len(inside[0] if len(inside) == 1 else np.unique(np.concatenate(inside)))
        _count(node.children, membership)


def _path(name: str, both_sides: set[str]) -> list[str]:
    parts = list(path_of(name))
    words, side = split_side(parts[-1])
    if side and words in both_sides:
        parts[-1:] = [without_side(parts[-1]), side]
    return parts


def _structures_with_sides(names: tuple[str, ...]) -> set[str]:
    """Return the structures of which both sides are named."""
    sides: dict[str, set[str]] = {}
    for name in names:
        words, side = split_side(path_of(name)[-1])
        sides.setdefault(words, set()).add(side)
    return {words for words, found in sides.items() if {"left", "right"} <= found}


def _nested(nodes: list[RegionNode], regions: Regions) -> list[RegionNode]:
    """Move nodes below the smallest other node that holds all their neurons."""
    if len(nodes) < 2:
        return nodes
    inside = regions.membership.tocsc()
    columns = [
        np.asarray(inside[:, list(node.regions())].sum(axis=1)).ravel() > 0 for node in nodes
    ]
    union = sparse.csc_array(np.stack(columns, axis=1).astype(np.int32))
    shared = np.asarray((union.T @ union).toarray(), dtype=np.int64)
    parent = _parents(shared)
    for node, above in zip(nodes, parent, strict=True):
        if above >= 0:
            nodes[above].children.append(node)
    return [node for node, above in zip(nodes, parent, strict=True) if above < 0]


def _parents(shared: NDArray[np.int64]) -> list[int]:
    size = np.diagonal(shared)
    parents = []
    for k, n in enumerate(size):
        holds = (shared[k] == n) & (size > n) & (n >= _FEWEST_INSIDE)
        parents.append(int(np.where(holds, size, size.max() + 1).argmin()) if holds.any() else -1)
    return parents
