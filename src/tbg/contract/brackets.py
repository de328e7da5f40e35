"""Cast the tree of a nested ``deepObject``: what is a list, and what an object, only the schema knows."""

from typing import Any

from tbg.contract.casting import Caster


class BracketCaster(Caster):
    """A caster of nodes: an object by name, or the list of the texts that were sent for one name."""

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """Return what the node stands for at this place."""
        if isinstance(value, str):
            return self.of_text(value)
        if isinstance(value, dict):
            return self._of_node(value)
        is_single = len(value) == 1
        if self.of_list and not (is_single and self.takes_text):
            return self.of_list([[text] for text in value])
        return self.of_text(value[0]) if is_single else value

    def _of_node(self, node: dict[str, Any]) -> Any:  # noqa: ANN401 - any value
        items = _items(node) if self.of_list else None
        if items is not None and self.of_list:
            return self.of_list(items)
        return self.of_object(node) if self.of_object else node


def _items(node: dict[str, Any]) -> list[Any] | None:
    """Return the nodes of ``[]`` or of ``[0]``, ``[1]``, … in their order, or None if it has other names."""
    if node.keys() == {""}:
        return [[text] for text in node[""]]
    positions = [str(position) for position in range(len(node))]
    return [node[position] for position in positions] if node.keys() == set(positions) else None
