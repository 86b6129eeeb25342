"""The cache: exact, shared by threads and processes, and honest about damage."""

from __future__ import annotations

import gc
import pickle
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cnncodes.errors import StoreError
from cnncodes.store import CodeCache


def code(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=7).astype(np.float32)


def test_codes_come_back_to_the_bit(tmp_path: Path) -> None:
    odd = np.array([np.nan, -0.0, np.inf, 1e-45], np.float32)
    CodeCache(tmp_path).put_many("s", "c", {"a": code(1), "odd": odd})
    found = CodeCache(tmp_path).get_many("s", "c", ["odd", "a", "missing", "a"])
    assert set(found) == {"a", "odd"}
    assert found["odd"].tobytes() == odd.tobytes() and found["odd"].dtype == np.float32
    assert found["a"].tobytes() == code(1).tobytes() and found["a"].flags.writeable


def test_space_content_and_view_are_all_part_of_the_key(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    cache.put_many("s", "c", {"v": code(1)})
    assert (
        cache.get_many("s2", "c", ["v"])
        == cache.get_many("s", "c2", ["v"])
        == cache.get_many("s", "c", ["w"])
        == {}
    )


def test_more_views_than_one_query_takes(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    cache.put_many("s", "c", {str(i): code(i) for i in range(1200)})
    assert len(cache.get_many("s", "c", [str(i) for i in range(1300)])) == 1200
    assert cache.get_many("s", "c", []) == {}


def test_threads_and_pickles_share_it(tmp_path: Path) -> None:
    cache = pickle.loads(pickle.dumps(CodeCache(tmp_path)))

    def work(i: int) -> bool:
        cache.put_many("s", str(i), {"v": code(i)})
        return cache.get_many("s", str(i), ["v"])["v"].tobytes() == code(i).tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100)))


def test_processes_share_it(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np; from cnncodes.store import CodeCache\n"
        "c = CodeCache(sys.argv[1]); n = sys.argv[2]\n"
        "for i in range(40): c.put_many('s', n + str(i), {'v': np.full(3, i, np.float32)})\n"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "new"), name]) for name in "abc"]
    assert [job.wait(60) for job in jobs] == [0, 0, 0]
    cache = CodeCache(tmp_path / "new")
    assert all(cache.get_many("s", f"{name}{i}", ["v"])["v"][0] == i for name in "abc" for i in range(40))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "codes.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match=r"codes\.sqlite is damaged.*Delete it"):
        CodeCache(tmp_path)


def test_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    for i in range(200):
        cache.put_many("s", str(i), {"v": np.zeros(1000, np.float32)})
    cache.close()
    file = tmp_path / "codes.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"codes\.sqlite is damaged"):
        CodeCache(tmp_path).get_many("s", "7", ["v"])


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="file"):
        CodeCache(tmp_path / "file" / "cache")


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_cache_that_nobody_needs_any_more_closes_its_file(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path)
    cache.put_many("space", "content", {"view": np.ones(3, np.float32)})
    connection = cache._connection
    del cache
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
