"""In which order a network takes the colours of a pixel: red first, or blue first as of Caffe."""

from __future__ import annotations

from cnncodes.errors import CardError

#: Which of red (0), green and blue (2) each of a network's channels is, by the name of the order.
ORDERS = {"rgb": (0, 1, 2), "bgr": (2, 1, 0)}


def check_channels(channels: str) -> None:
    """Raise `CardError` unless an order of colours is known.

    Examples
    --------
    >>> check_channels("bgr")
    """
    if channels not in ORDERS:
        raise CardError(
            f"channels must be 'rgb' or 'bgr', the order in which the network takes them. Got {channels!r}"
            " instead."
        )


def name_order(order: tuple[int, ...]) -> str:
    """Return the name of an order of colours.

    Examples
    --------
    >>> name_order((2, 1, 0))
    'bgr'
    """
    return next(name for name, known in ORDERS.items() if known == order)
