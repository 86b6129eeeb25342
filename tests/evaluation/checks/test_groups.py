"""Groups in several parts, and what belongs together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.groups import find_shared_groups, join_groups


def test_a_group_in_two_parts_is_a_warning() -> None:
    [found] = find_shared_groups(list("abcd"), ["x", "x", "y", None], ["train", "test", "test", "train"])
    assert (found.severity, found.certainty, found.images, found.n) == ("warn", "certain", ("a", "b"), 3)
    assert found.details["groups"] == [{"group": "x", "parts": ["test", "train"], "images": ["a", "b"]}]


def test_images_in_no_part_are_on_no_side() -> None:
    assert find_shared_groups(list("ab"), ["x", "x"], ["train", None]) == []


@given(
    st.lists(st.one_of(st.none(), st.sampled_from("xyz")), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=10),
)
def test_joined_groups_keep_together_what_belongs_together(
    groups: list[str | None], pairs: list[tuple[int, int]]
) -> None:
    pairs = [(a % len(groups), b % len(groups)) for a, b in pairs]
    joined = join_groups(groups, pairs).tolist()
    assert all(joined[a] == joined[b] for a, b in pairs)
    for a, first in enumerate(groups):
        for b, second in enumerate(groups):
            if first is not None and first == second:
                assert joined[a] == joined[b]
    if not pairs:
        alone = [number for number, group in zip(joined, groups, strict=True) if group is None]
        assert len(set(alone)) == len(alone)
