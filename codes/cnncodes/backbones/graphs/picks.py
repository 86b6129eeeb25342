"""Which layers make a code, and how their places become one vector: as text, and read from it."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.choices import POOLS
from cnncodes.errors import UsageError

#: Name of the network's own code among its layers.
OWN = "code"

#: Asked for as a layer when a network is exported: what it gives, where it has no classifier.
OUTPUT = "output"


@dataclass(frozen=True)
class Pick:
    """Which layers make the code, and how their places become one vector.

    Examples
    --------
    >>> pick = Pick.parse("add_3,code; max")
    >>> pick.names, pick.pool, str(pick)
    (('add_3', 'code'), 'max', 'add_3,code; max')
    """

    names: tuple[str, ...]
    pool: str = "mean"

    def __post_init__(self) -> None:
        if self.pool not in POOLS:
            raise UsageError(f"pool must be one of {', '.join(POOLS)}. Got {self.pool!r} instead.")
        if not self.names or not all(self.names):
            raise UsageError(f"a layer's name is missing. Got {','.join(self.names)!r}.")
        if len(set(self.names)) < len(self.names):
            raise UsageError(f"each layer is given once. Got {','.join(self.names)!r}.")

    def __str__(self) -> str:
        return f"{','.join(self.names)}; {self.pool}"

    @classmethod
    def parse(cls, text: str, pool: str | None = None) -> Pick:
        """Return what ``a,b`` or ``a,b; max`` says, with a pooling beside it where it says none itself.

        Raises
        ------
        UsageError
            If it is no text, or names no layer, one twice, or no such pooling; or if the two poolings differ.
        """
        if not isinstance(text, str):
            raise UsageError(
                f"layers must be text, such as 'add_3' or 'add_3,code'. Got {type(text).__name__} instead."
            )
        names, _, rest = text.partition(";")
        said = rest.strip()
        if said and pool is not None and said != pool:
            raise UsageError(
                f"the layers {text!r} are to be pooled by {said!r}, and pool (--pool) is {pool!r}: leave one"
                " of the two out."
            )
        return cls(tuple(name.strip() for name in names.split(",")), said or pool or POOLS[0])


def check_pool(pool: str | None, layer: str | None) -> None:
    """Raise `UsageError` where a pooling is given that nothing would use."""
    if pool is not None and layer in (None, OUTPUT):
        given = "no layer is given" if layer is None else "the network's output is one already"
        raise UsageError(
            f"pool={pool!r} says how the places of a layer become one vector, and {given}: name a layer"
            " (layer, --layer), or leave pool out."
        )


def was_picked(layer: str) -> bool:
    """Tell whether a card's or a space's layer is a written `Pick`, and not the words for a network's own.

    Examples
    --------
    >>> was_picked("add_3; mean"), was_picked("global average pooling")
    (True, False)
    """
    names, _, pool = layer.rpartition("; ")
    return bool(names) and pool in POOLS
