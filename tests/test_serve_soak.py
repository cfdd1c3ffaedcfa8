"""Tens of thousands of requests, a tenth of them bad: every answer is right, and no memory goes.

    pytest -m soak tests/test_serve_soak.py

A service that leaks must fail the same check, or it would prove nothing.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from serving import photo, regions
from test_serve_server import Process

_CLIENTS = 4
_MB = 1_000_000


class Load:
    """Mixed requests from several threads; a good one's answer must be that of its first time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._photos = [photo(seed, 40 + 8 * (seed % 5), 60 + 8 * (seed % 3)) for seed in range(15)]
        self._expected: dict[int, Any] = {}
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[Any] = []

    def run(self, count: int) -> None:
        """Send so many requests."""
        threads = [threading.Thread(target=self._client, args=(i, count // _CLIENTS)) for i in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def memory(self) -> float:
        """The service's resident memory, in bytes."""
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        _, data = self._ask(connection, "GET", "/metrics")
        connection.close()
        (line,) = [each for each in data.decode().splitlines() if each.startswith("process_resident_memory_bytes ")]
        return float(line.split()[1])

    def _client(self, number: int, count: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        for _ in range(count):
            if chance.random() < 0.1:
                self._bad(connection, chance)
            else:
                self._good(connection, chance)
        connection.close()

    def _good(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        which = chance.randrange(len(self._photos))
        status, data = self._ask(connection, "POST", "/v1/images", self._photos[which], "image/png")
        if status != 201:
            return
        asked = regions({"box": [5, 5, 30, 30]}, {"polygon": [[0, 0], [40, 0], [20, 39]]})
        path = f"/v1/images/{json.loads(data)['id']}/regions"
        status, data = self._ask(connection, "POST", path, json.dumps(asked).encode(), "application/json")
        if status == 200:
            told = json.loads(data)
            answers = [(each["material"], round(each["score"], 3)) for each in told["regions"]]
            with self._lock:
                if self._expected.setdefault(which, answers) != answers:
                    self.wrong.append((which, answers))

    def _bad(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        data = bytearray(chance.choice(self._photos))
        del data[chance.randrange(len(data)) :]
        kind = chance.choice(["image/png", "application/json", "multipart/form-data; boundary=x"])
        self._ask(
            connection, "POST", chance.choice(["/v1/images", "/v1/predict", "/v1/images/x/regions"]), bytes(data), kind
        )

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, bytes]:
        connection.request(method, path, body, {"Content-Type": kind})
        response = connection.getresponse()
        data = response.read()
        with self._lock:
            self.statuses[response.status] += 1
        return response.status, data


def growth(model: Path, count: int, *options: str) -> tuple[Load, float, float]:
    """Run a service; gives its load, its memory after the first tenth, and at the end."""
    with Process(model, "--threads", "1", "--queue", "100", *options) as served:
        load = Load(served.address)
        load.run(count // 10)
        before = load.memory()
        load.run(count - count // 10)
        after = load.memory()
    return load, before, after


@pytest.mark.soak
def test_memory_and_answers(tiny_model: Path) -> None:
    load, before, after = growth(tiny_model, 50_000, "--cache-images", "50")
    print(f"{before / _MB:.0f} MB after a tenth, {after / _MB:.0f} MB at the end; {dict(load.statuses)}")
    assert load.wrong == []
    assert set(load.statuses) <= {200, 201, 400, 404, 415, 422, 503}
    assert after < max(before * 1.05, before + 50 * _MB)


@pytest.mark.soak
def test_a_service_that_leaks_is_found_out(tiny_model: Path) -> None:
    """One that forgets no photo."""
    _, before, after = growth(tiny_model, 20_000, "--cache-images", "1000000", "--cache-mb", "1000000")
    assert after > max(before * 1.05, before + 50 * _MB)


def test_a_few_hundred(tiny_model: Path) -> None:
    """The same on each change, too short to tell of memory."""
    load, _, _ = growth(tiny_model, 200)
    assert load.wrong == []
    assert set(load.statuses) <= {200, 201, 400, 404, 415, 422}
    assert load.statuses[200] > 100
