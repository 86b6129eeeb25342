"""The index of a dataset: what it knows of each image, and which images have a content."""

from __future__ import annotations

import hashlib
import random

import pyarrow as pa
import pytest

from cnncodes.errors import StoreError
from cnncodes.store import contents
from cnncodes.store.entries import Shard
from cnncodes.store.index import Index, StoredImage


def shard(images: dict[str, StoredImage], *, views: int = 2) -> pa.Table:
    rows = [(key, image) for key, image in images.items() for _ in range(views)]
    return pa.table(
        {
            "image": pa.array([key for key, _ in rows], pa.string()),
            "size": pa.array([image.size for _, image in rows], pa.int64()),
            "mtime": pa.array([image.mtime_ns for _, image in rows], pa.int64()),
            "label": pa.array([image.label for _, image in rows], pa.string()),
            "split": pa.array([image.split for _, image in rows], pa.string()),
            "group": pa.array([image.group for _, image in rows], pa.string()),
            "content": pa.array([image.content for _, image in rows], pa.string()),
        }
    )


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def image(content: str, **others: object) -> StoredImage:
    plain = StoredImage(10, 5, "cat", None, digest(content))
    return plain._replace(**others)  # type: ignore[arg-type]


def having(index: Index, content: str) -> list[str]:
    """Return the keys of all images of a content, as they are found."""
    found: list[str] = []
    while (key := index.find(content, found)) is not None:
        found.append(key)
    return found


def test_what_was_learned_is_given_back() -> None:
    images = {
        "a": image("x"),
        "b": image("y", size=2**40, mtime_ns=None, label=None),
        "c": image("x", mtime_ns=-1, split="test", group="anna"),
        "d": StoredImage(1, 2, "cat", None, "00" * 16),
        "e": StoredImage(1, 2, "cat", None, "ff" * 16),
    }
    index = Index()
    index.learn("part-00000.parquet", shard(images))
    assert dict(index) == images and len(index) == 5 and "a" in index and "z" not in index
    assert [having(index, images[key].content) for key in "abde"] == [["a", "c"], ["b"], ["d"], ["e"]]
    assert having(index, digest("z")) == []
    with pytest.raises(KeyError):
        index["z"]


def test_an_image_lies_where_it_was_learned_last() -> None:
    index = Index()
    index.learn("one", shard({"a": image("x"), "b": image("y")}))
    index.learn("two", shard({"a": image("z"), "c": image("y")}))
    assert index["a"] == image("z") and having(index, digest("x")) == []
    assert index.shards_of(["a", "c", "nobody"]) == {"two"} and index.shards_of("b") == {"one"}
    index.forget([Shard("one", 4, 2, "")])
    assert set(index) == {"a", "c"} and having(index, digest("y")) == ["c"]
    index.forget([Shard("two", 4, 2, "")])
    assert len(index) == 0 and having(index, digest("z")) == []


def test_a_content_that_is_no_hash_is_damage() -> None:
    with pytest.raises(StoreError, match="part-00007.parquet is damaged: its contents are no hashes"):
        Index().learn("part-00007.parquet", shard({"a": image("x")._replace(content="none")}))


def test_contents_are_found_whatever_came_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a dict that does the same."""
    monkeypatch.setattr(contents, "_RECENT", 40)
    rng = random.Random(0)
    index, plain = Index(), {}
    where: dict[str, str] = {}
    for step in range(200):
        images = {f"k{rng.randrange(300)}": image(str(rng.randrange(60))) for _ in range(20)}
        index.learn(f"s{step}", shard(images))
        plain.update(images)
        where.update(dict.fromkeys(images, f"s{step}"))
        if step % 3 == 0:
            gone = f"s{rng.randrange(step + 1)}"
            index.forget([Shard(gone, 0, 0, "")])
            plain = {key: value for key, value in plain.items() if where[key] != gone}
        content = digest(str(rng.randrange(60)))
        assert sorted(having(index, content)) == sorted(k for k, v in plain.items() if v.content == content)
    assert dict(index) == plain


def test_many_images_of_one_content_are_no_slower_to_look_up_than_few() -> None:
    looked_at = []

    class Nobody:
        def __contains__(self, key: object) -> bool:
            looked_at.append(key)
            return False

    index = Index()
    for part in range(3):
        index.learn(f"s{part}", shard({f"k{part}-{number}": image("x") for number in range(500)}))
        for _ in range(3):
            assert index.find(digest("x"), Nobody()) == "k0-0"
    assert len(looked_at) == 9  # one each
