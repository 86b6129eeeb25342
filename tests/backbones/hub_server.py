"""A hub on this machine, its repositories in folders: the routes that the hub's own client asks for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

#: What git and the hub hash by its own rules; larger files go to the large store, with a sha256.
SMALL = 4096


class Hub:
    """Repositories by ``owner/repo``, each a folder at one commit.

    Attributes
    ----------
    damaged : set of str
        Names of files that are sent with other bytes than are listed.
    requests : list of str
        What was asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.folders: dict[str, Path] = {}
        self.licences: dict[str, str] = {}
        self.damaged: set[str] = set()
        self.requests: list[str] = []

    def add(self, name: str, folder: Path, licence: str = "mit") -> None:
        """Put a folder on the hub."""
        self.folders[name], self.licences[name] = folder, licence

    def commit(self, name: str) -> str:
        """Return the commit: it follows from the files' bytes."""
        parts = [f"{path}{_digest(self.folders[name] / path)}" for path in self.files(name)]
        return hashlib.sha1("".join(parts).encode()).hexdigest()

    def files(self, name: str) -> list[str]:
        """Return the names of a repository's files."""
        folder = self.folders[name]
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def describe(self, name: str) -> dict[str, Any]:
        """Return what the hub says of a repository."""
        return {
            "id": name,
            "modelId": name,
            "sha": self.commit(name),
            "tags": [f"license:{self.licences[name]}"],
            "siblings": [_describe(self.folders[name], path) for path in self.files(name)],
        }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _describe(folder: Path, name: str) -> dict[str, Any]:
    data = (folder / name).read_bytes()
    found: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": _blob(data)}
    if len(data) > SMALL:
        found["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return found


def _make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
            hub.requests.append(f"{self.command} {self.path}")
            if parts[:2] == ["api", "models"]:
                self._describe("/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
            elif len(parts) > 4 and parts[2] == "resolve":
                self._send_file("/".join(parts[:2]), parts[3], "/".join(parts[4:]), body)
            else:
                self._send(404, b"")

        def _knows(self, name: str, revision: str) -> bool:
            if name not in hub.folders:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            elif revision not in ("main", hub.commit(name)):
                self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            else:
                return True
            return False

        def _describe(self, name: str, revision: str) -> None:
            if self._knows(name, revision):
                self._send(200, json.dumps(hub.describe(name)).encode(), {"Content-Type": "application/json"})

        def _send_file(self, name: str, revision: str, file: str, body: bool) -> None:
            if not self._knows(name, revision):
                return
            path, commit = hub.folders[name] / file, {"X-Repo-Commit": hub.commit(name)}
            if not path.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound", **commit})
                return
            data = path.read_bytes()
            large = len(data) > SMALL
            etag = hashlib.sha256(data).hexdigest() if large else _blob(data)
            if file in hub.damaged:
                data = data[:-1] + bytes([data[-1] ^ 1])
            self._send(200, data, {"ETag": f'"{etag}"', **commit}, body)

        def _send(
            self, status: int, data: bytes, headers: dict[str, str] | None = None, body: bool = True
        ) -> None:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body and self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub on a port of its own."""
    hub = Hub("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_environment(url: str, home: Path) -> dict[str, str]:
    """Return the variables of a process that sees that hub alone, and keeps what it fetches below `home`."""
    # A test for one of these must not pass because the machine has another.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    return {
        **kept,
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "CNNCODES_HOME": str(home / "cnncodes"),
        "NO_PROXY": "127.0.0.1",
    }
