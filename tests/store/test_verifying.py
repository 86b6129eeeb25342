"""Every fault in a dataset told by name, with what to do."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import fail, make, open_writer, write

from cnncodes.errors import StoreError
from cnncodes.store import Manifest, read_codes, verify_codes, verifying
from cnncodes.store.failing import explain_wrong_list
from cnncodes.store.locking import WriterLock, find_writer
from cnncodes.store.repairing import repair_codes
from cnncodes.store.schema import failures_table, to_parquet
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import examine_codes, find_problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = [make("a"), make("b", label=None, split=None), make("c", label="dog", split="test"), fail("f")]
    write(tmp_path / "x.codes", [*images, make("d"), fail("g")], shard_images=2)
    return tmp_path / "x.codes"


def test_a_sound_dataset_has_no_problems(path: Path) -> None:
    assert find_problems(path) == []


def damage(path: Path) -> str:
    file = path / "data" / "part-00000.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    return r"part-00000\.parquet is damaged, or the manifest is: its sha256"


def remove(path: Path) -> str:
    (path / "data" / "part-00001.parquet").unlink()
    return r"part-00001\.parquet is missing"


def put(path: Path) -> str:
    (path / "data" / "mine.parquet").write_bytes(b"")
    (path / "data" / "notes.txt").write_bytes(b"")
    return r"data/mine\.parquet and 1 more are none of cnncodes' files.*Move what is yours elsewhere"


def leave_over(path: Path) -> str:
    (path / "data" / "part-00009.parquet").write_bytes((path / "data" / "part-00000.parquet").read_bytes())
    return r"^data/part-00009\.parquet is named by no manifest.*`cnncodes embed` into this folder removes it"


def leave_unfinished(path: Path) -> str:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    return "did not come to its end"


def fail_what_is_stored(path: Path) -> str:
    (path / "failures.parquet").write_bytes(memoryview(to_parquet(failures_table([fail("a"), fail("f")]))))
    return r"failures\.parquet names 'a', whose codes are stored \(1 such images\)"


def damage_failures(path: Path) -> str:
    (path / "failures.parquet").write_bytes(b"no Parquet")
    return r"failures\.parquet is damaged.*delete this one file: no codes are lost"


def lose_failures(path: Path) -> str:
    (path / "failures.parquet").unlink()
    return r"failures\.parquet is missing, and the manifest names one that lists 2 images: which failed"


def exchange_failures(path: Path) -> str:
    (path / "failures.parquet").write_bytes(memoryview(to_parquet(failures_table([fail("p"), fail("q")]))))
    return r"failures\.parquet is another one, or damaged: its sha256 is \w{64}, and .* lists 2 images"


def rewrite(path: Path, change: Any, **shard_changes: Any) -> None:
    """Write a shard anew as if it had been written so in the first place."""
    file, manifest = path / "data" / "part-00000.parquet", json.loads((path / "manifest.json").read_text())
    table = change(pq.read_table(file))
    pq.write_table(table, file)
    data = file.read_bytes()
    facts = {"rows": len(table), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    manifest["shards"][0].update(facts | shard_changes)
    (path / "manifest.json").write_text(json.dumps(manifest))


def turn(path: Path) -> str:
    rewrite(path, lambda table: table.take(pa.array(range(len(table) - 1, -1, -1))))
    return r"part-00000\.parquet has its rows out of order, or one twice"


def double(path: Path) -> str:
    rewrite(path, lambda table: pa.concat_tables([table.slice(0, 1), table]))
    return r"part-00000\.parquet has its rows out of order, or one twice"


def share(path: Path) -> str:
    other = pq.read_table(path / "data" / "part-00001.parquet")
    rewrite(path, lambda table: pa.concat_tables([table, other]).sort_by("image"), images=3)
    return r"is in part-00000\.parquet and in part-00001\.parquet"


def miscount(path: Path) -> str:
    rewrite(path, lambda table: table, images=7)
    return r"manifest\.json is damaged: it says that part-00000\.parquet has 7 images\. It has \d"


def spoil(path: Path) -> str:
    def put_nan(table: pa.Table) -> pa.Table:
        rows = table.column("code").to_pylist()
        rows[0][3] = float("nan")
        position, field = table.schema.get_field_index("code"), table.schema.field("code")
        return table.set_column(position, field, pa.array(rows, field.type))

    rewrite(path, put_nan)
    return r"part-00000\.parquet has codes in 'code' that are not finite"


FAULTS = (
    *(damage, remove, put, leave_over, leave_unfinished, fail_what_is_stored, damage_failures),
    *(lose_failures, exchange_failures),
    *(turn, double, share, miscount, spoil),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_name_and_nothing_is_changed(path: Path, fault: Any) -> None:
    expected = fault(path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    problems = find_problems(path)
    assert len([line for line in problems if re.search(expected, line)]) == 1, problems
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_all_faults_are_told_at_once(path: Path) -> None:
    expected = [damage(path), remove(path), put(path)]
    assert len(find_problems(path)) == len(expected)


USES = (find_problems, summarize_codes, repair_codes, read_codes, verify_codes, lambda path: write(path, []))


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", ["manifest.json", "failures.parquet", "data/part-00000.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(path: Path, use: Any, name: str) -> None:
    (path / name).unlink()
    os.mkfifo(path / name)
    said = ""
    try:
        said = str(use(path))
    except StoreError as error:
        said = str(error)
    reads_all = name != "failures.parquet" or use not in (repair_codes, verify_codes)  # these do not need it
    assert (f"{path / name} is no regular file but a pipe" in said) == reads_all


def test_a_pipe_among_the_files_of_codes_is_named(path: Path) -> None:
    pipe = path / "data" / "part-00009.parquet"
    os.mkfifo(pipe)
    assert [f"{pipe} is no regular file" in problem for problem in find_problems(path)] == [True]
    for use in (repair_codes, lambda path: write(path, [])):
        with pytest.raises(StoreError, match="part-00009.parquet is no regular file"):
            use(path)


def test_what_is_no_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no codes dataset"):
        find_problems(tmp_path)


def test_deleting_damaged_failures_costs_only_their_memory(path: Path) -> None:
    damage_failures(path)
    for use in (read_codes, summarize_codes, lambda path: write(path, [])):
        with pytest.raises(StoreError, match=r"failures\.parquet is damaged.*delete this one file"):
            use(path)
    (path / "failures.parquet").unlink()
    with open_writer(path) as writer:
        assert len(writer.known) == 4 and not writer.failed
        writer.add(fail("f"))
    assert find_problems(path) == [] and len(read_codes(path).failures) == 1


@pytest.mark.parametrize("fault", [lose_failures, exchange_failures])
def test_the_next_job_writes_a_lost_list_of_failures_anew(path: Path, fault: Any) -> None:
    fault(path)
    assert not summarize_codes(path).failures_known
    write(path, [fail("f")])
    assert find_problems(path) == [] and summarize_codes(path).failures_known
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["failures"]  # as older ones are
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "failures.parquet").unlink()
    assert find_problems(path) == [] and summarize_codes(path).failures_known


def test_a_job_that_changes_the_failures_meanwhile_makes_no_problem(path: Path) -> None:
    manifest = Manifest.read(path)
    write(path, [fail("h")])
    assert explain_wrong_list(path, manifest) is None


def test_a_job_that_goes_on_is_not_disturbed_by_strange_files(path: Path) -> None:
    put(path)
    leave_over(path)
    (path / "data" / "part-00011.parquet").mkdir()
    write(path, [make("e")])
    names = {file.name for file in (path / "data").iterdir()}
    assert {"mine.parquet", "notes.txt", "part-00011.parquet"} <= names and "part-00009.parquet" not in names
    [problem] = find_problems(path)
    assert problem.startswith("data/mine.parquet and 2 more are none of cnncodes' files")


def test_while_a_job_is_writing_what_it_finished_is_compared(path: Path) -> None:
    with open_writer(path, shard_images=2) as writer:
        for key in "xy":
            writer.add(make(key))
        (path / "data" / "part-00099.parquet").write_bytes(b"half")  # as one that no manifest names yet
        found = examine_codes(path)
        assert found.writer == f"this very process, {os.getpid()} on host {socket.gethostname()}"
        assert found.problems == [] and found.shards == 4
        damage(path)
        assert len(find_problems(path)) == 1
    assert examine_codes(path).writer is None


def test_a_job_that_replaces_shards_meanwhile_makes_no_problem(path: Path, monkeypatch: Any) -> None:
    real, calls = verifying.load_shard, []

    def load(*given: Any) -> Any:
        if not calls:
            write(path, [make("a", size=11), make("c", size=11), fail("d")])
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(verifying, "load_shard", load)
    found = examine_codes(path)
    assert found.problems == [] and found.shards == len(list((path / "data").iterdir()))


def test_asking_who_writes_disturbs_no_writer(path: Path) -> None:
    asking = True

    def ask() -> None:
        while asking:
            find_writer(path)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(200):
            WriterLock(path).release()
    finally:
        asking = False
        thread.join()
