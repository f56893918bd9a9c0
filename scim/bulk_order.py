"""The order of operations that refer to each other: those referred to first."""

from collections.abc import Callable, Iterator


def components(size: int, edges: Callable[[int], list[int]]) -> Iterator[list[int]]:
    """Yield the strongly connected components of a graph, those referred to first (Tarjan).

    It does not recurse, so that a long chain of references cannot exhaust the stack.

    Args:
        size: how many nodes there are, numbered from 0.
        edges: the nodes that a node refers to.
    """
    walk = _Walk(edges)
    for root in range(size):
        yield from walk.of(root)


class _Walk:
    """One depth-first walk over a graph."""

    def __init__(self, edges: Callable[[int], list[int]]) -> None:
        self._edges = edges
        self._number: dict[int, int] = {}
        self._lowest: dict[int, int] = {}
        self._open: dict[int, None] = {}
        self._path: list[tuple[int, Iterator[int]]] = []

    def of(self, root: int) -> Iterator[list[int]]:
        """Yield the components that are found from a node on."""
        if root not in self._number:
            self._enter(root)
        while self._path:
            node, following = self._path[-1]
            target = next(following, None)
            if target is None:
                yield from self._leave(node)
            elif target not in self._number:
                self._enter(target)
            elif target in self._open:
                self._lowest[node] = min(self._lowest[node], self._number[target])

    def _enter(self, node: int) -> None:
        self._number[node] = self._lowest[node] = len(self._number)
        self._open[node] = None
        self._path.append((node, iter(self._edges(node))))

    def _leave(self, node: int) -> Iterator[list[int]]:
        self._path.pop()
        if self._path:
            parent = self._path[-1][0]
            self._lowest[parent] = min(self._lowest[parent], self._lowest[node])
        if self._lowest[node] == self._number[node]:
            component: list[int] = []
            while not component or component[-1] != node:
                component.append(self._open.popitem()[0])
            yield component
