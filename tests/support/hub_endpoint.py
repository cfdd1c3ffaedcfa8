"""A Hugging Face Hub on this machine, as much of it as its own client needs to make, fill and read a repository."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """Repositories in memory; each commit holds all files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}
        """By repository: its commits, the last one last, with their files."""
        self.private: dict[str, bool] = {}
        self.tokens: set[str | None] = set()
        """Those that were sent along."""
        self.messages: list[str] = []


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """A Hub that serves until the block ends."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        hub, path = self.server, urlsplit(self.path).path
        hub.tokens.add(self.headers.get("authorization"))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            hub.private.setdefault(name, asked.get("private") or asked.get("visibility") == "private")
            hub.commits.setdefault(name, {})
            self._json({"url": f"{hub.address}/{name}", "name": name})
        elif found := re.fullmatch(r"/api/models/(.+/.+)/preupload/main", path):
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for f in json.loads(body)["files"]]  # fmt: skip
            self._json({"files": files})
        elif found := re.fullmatch(r"/api/models/(.+/.+)/commit/main", path):
            self._commit(found[1], [json.loads(line) for line in body.splitlines()])
        else:
            self._json({"error": "not found"}, 404)

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        hub = self.server
        held = dict(list(hub.commits[name].values())[-1]) if hub.commits[name] else {}
        for line in lines:
            if line["key"] == "file":
                held[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "header":
                hub.messages.append(line["value"]["summary"])
        sha = hashlib.sha1(json.dumps([len(hub.commits[name]), sorted(held)]).encode()).hexdigest()
        hub.commits[name][sha] = held
        self._json({"commitUrl": f"{hub.address}/{name}/commit/{sha}", "commitOid": sha, "hookOutput": ""})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.tokens.add(self.headers.get("authorization"))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            if (commit := self._find(found[1], found[2] or "main")) is None:
                return
            siblings = [{"rfilename": name} for name in self.server.commits[found[1]][commit]]
            self._json({"id": found[1], "modelId": found[1], "sha": commit, "siblings": siblings, "private": False,
                        "tags": [], "downloads": 0, "likes": 0})  # fmt: skip
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", path):
            if (commit := self._find(found[1], found[2])) is not None:
                files = self.server.commits[found[1]][commit].items()
                self._json([{"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                            for name, data in files])  # fmt: skip
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            if (commit := self._find(found[1], found[2])) is not None:
                self._file(self.server.commits[found[1]][commit][found[3]], commit)
        else:
            self._json({"error": "not found"}, 404)

    do_HEAD = do_GET

    def _find(self, name: str, revision: str) -> str | None:
        commits = self.server.commits.get(name) or {}
        if revision in commits or (revision == "main" and commits):
            return revision if revision in commits else list(commits)[-1]
        self._json({"error": "not found"}, 404, {"X-Error-Code": "RevisionNotFound" if commits else "RepoNotFound"})
        return None

    def _file(self, data: bytes, commit: str) -> None:
        etag = f'"{hashlib.sha1(data).hexdigest()}"'
        self._send(data, 200, {"ETag": etag, "X-Repo-Commit": commit, "Content-Type": "application/octet-stream"})

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass
