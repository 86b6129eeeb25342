"""What a card remembers of the images that a network was fine-tuned on."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_backbones import make_card

from cnncodes.backbones.seen import MOST, count_seen, is_whole, pack_seen
from cnncodes.errors import CardError


def make_hashes(first: int, last: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(first, last)]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_of_a_few_images_each_is_known_and_no_other(before: int, now: int, others: int) -> None:
    seen = pack_seen(make_hashes(0, before), pack_seen(make_hashes(before, before + now)))
    total = before + now
    assert seen == pack_seen(make_hashes(0, total)) and is_whole(seen)
    assert count_seen(seen, make_hashes(0, total + others)) == total


def test_of_many_images_a_sample_is_known() -> None:
    hashes = make_hashes(0, 5 * MOST)
    seen = pack_seen(hashes[2 * MOST :], pack_seen(hashes[: 2 * MOST]))
    assert seen == pack_seen(hashes) and not is_whole(seen)
    assert count_seen(seen, hashes) == MOST
    assert 0.1 * MOST < count_seen(seen, hashes[:MOST]) < 0.3 * MOST
    assert count_seen(seen, make_hashes(5 * MOST, 6 * MOST)) == 0


@pytest.mark.parametrize("seen", ["", "abc", "A" * 16, "0" * 17, "g" * 16])
def test_a_card_refuses_what_is_no_list_of_images(seen: str) -> None:
    with pytest.raises(CardError, match="seen must be 16 hexadecimal digits an image"):
        make_card(seen=seen)
