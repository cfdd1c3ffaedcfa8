"""Tens of thousands of requests, a tenth of them bad: every answer is right, and no memory goes.

    pytest -m soak tests/serve/test_soak.py                 all of it
    pytest -m soak tests/serve/test_soak.py -k "20000"      the shorter one

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
from server_process import Process
from serving import mask, photo, regions

_CLIENTS = 4
_BAD = 0.23  # of the turns; a good one is two requests and a half, so of all requests it is a tenth
_MB = 1_000_000
_JSON, _FORM = "application/json", "multipart/form-data; boundary=x"
_STATUSES = {200, 201, 400, 404, 405, 413, 415, 422, 503}
_ASKED = regions({"box": [5, 5, 30, 30]}, {"polygon": [[0, 0], [40, 0], [20, 39]]})


class Load:
    """Mixed requests from several threads; a good one's answer must be that of its first time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._photos = [photo(seed, 40 + 8 * (seed % 5), 60 + 8 * (seed % 3)) for seed in range(15)]
        self._masks = [mask(40 + 8 * (seed % 5), 60 + 8 * (seed % 3)) for seed in range(15)]
        self._until = self._round = 0
        self._expected: dict[tuple[str, int], Any] = {}
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[Any] = []

    def run(self, count: int) -> None:
        """Send so many more requests."""
        self._until += count
        self._round += 1
        threads = [threading.Thread(target=self._client, args=(self._round * _CLIENTS + i,)) for i in range(_CLIENTS)]
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

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        while sum(self.statuses.values()) < self._until:
            if chance.random() < _BAD:
                self._bad(connection, chance)
            else:
                self._good(connection, chance)
        connection.close()

    def _good(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        which, kind = chance.randrange(len(self._photos)), chance.choices(["image", "predict", "other"], [6, 2, 1])[0]
        if kind == "other":
            self._ask(
                connection, "GET", chance.choice(["/v1/materials", "/v1/model", "/healthz", "/openapi.json", "/"])
            )
            return
        if kind == "predict":
            parts = {"photo": self._photos[which], "mask": self._masks[which], "regions": json.dumps(_ASKED).encode()}
            status, data = self._ask(connection, "POST", "/v1/predict", _form(parts), _FORM)
            self._compare((kind, which), status, data)
            return
        status, data = self._ask(connection, "POST", "/v1/images", self._photos[which], "image/png")
        if status != 201:
            return
        path = f"/v1/images/{json.loads(data)['id']}"
        for _ in range(chance.randrange(1, 4)):
            status, data = self._ask(connection, "POST", f"{path}/regions", json.dumps(_ASKED).encode(), _JSON)
            self._compare((kind, which), status, data)
        if chance.random() < 0.2:
            status, data = self._ask(connection, "POST", f"{path}/select", b'{"points": [[20, 20]]}', _JSON)
            self._compare(("select", which), status, data)

    def _compare(self, question: tuple[str, int], status: int, data: bytes) -> None:
        """Hold an answer against the first one to the same question. Another photo may have needed the room."""
        if status not in (200, 404, 503):
            self.wrong.append((question, status, data))
        if status == 200:
            told = json.loads(data)
            found = (
                [(each["material"], round(each["score"], 3)) for each in told["regions"]] if "regions" in told else told
            )
            with self._lock:
                if self._expected.setdefault(question, found) != found:
                    self.wrong.append((question, found))

    def _bad(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        photo, noise = chance.choice(self._photos), chance.randbytes(chance.randrange(3000))
        too_many = json.dumps(regions(*[{"box": [0, 0, 9, 9]}] * 1001)).encode()
        path, body, kind = chance.choice(
            [
                ("/v1/images", photo[: chance.randrange(len(photo))], "image/png"),
                ("/v1/images", photo, _JSON),
                ("/v1/predict", _form({"photo": photo[: chance.randrange(len(photo))]}), _FORM),
                ("/v1/predict", _form({"photo": photo, "regions": b"[" * 1000}), _FORM),
                ("/v1/predict", _form({"photo": photo, "regions": too_many}), _FORM),
                ("/v1/predict", _form({"photo": photo, "mask": photo}), _FORM),
                ("/v1/predict", noise, _FORM),
                ("/v1/predict", _form({"photo": photo})[:-9], _FORM),
                ("/v1/images/x/regions", json.dumps(_ASKED).encode(), _JSON),
                ("/v1/images/x/select", noise, "image/png"),
                ("/v1/nothing", noise, _JSON),
            ]
        )
        status, data = self._ask(connection, "POST", path, body, kind)
        if status < 400:
            self.wrong.append((path, status, data))

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, bytes]:
        connection.request(method, path, body, {"Content-Type": kind})
        response = connection.getresponse()
        data = response.read()
        with self._lock:
            self.statuses[response.status] += 1
        return response.status, data


def _form(parts: dict[str, bytes]) -> bytes:
    lines = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts.items()
    ]
    return b"".join([*lines, b"--x--\r\n"])


def soak(model: Path, counts: list[int], *options: str) -> tuple[Load, list[float]]:
    """Run a service and send it requests: the load, and the memory each time that so many more were answered."""
    with Process(model, "--threads", "1", "--queue", "100", *options) as served:
        load = Load(served.address)
        memory = []
        for count in counts:
            load.run(count)
            memory.append(load.memory())
    print(f"{[round(each / _MB) for each in memory]} MB after {counts}; {dict(sorted(load.statuses.items()))}")
    return load, memory


def grows(memory: list[float]) -> bool:
    """Whether from the first to the last is more than it may be: 5% and 50 MB from the middle on."""
    return memory[-1] > min(memory[0] * 1.05, memory[0] + 50 * _MB)


@pytest.mark.soak
@pytest.mark.parametrize("count", [20_000, 50_000])
def test_memory_and_answers(tiny_model: Path, count: int) -> None:
    load, memory = soak(tiny_model, [1000, count // 2 - 1000, count // 2], "--cache-images", "50")
    assert load.wrong == []
    assert set(load.statuses) <= _STATUSES
    assert sum(load.statuses.values()) >= count
    assert memory[-1] < 1.1 * memory[0]
    assert not grows(memory[1:])


@pytest.mark.soak
def test_a_service_that_leaks_is_found_out(tiny_model: Path) -> None:
    """One that forgets no photo."""
    _, memory = soak(tiny_model, [1000, 2000, 2000], "--cache-images", "1000000", "--cache-mb", "1000000")
    assert memory[-1] > 1.1 * memory[0]
    assert grows(memory[1:])


@pytest.mark.slow
def test_a_few_hundred(tiny_model: Path) -> None:
    """The same on each change, too short to tell of memory."""
    load, _ = soak(tiny_model, [400])
    assert load.wrong == []
    assert set(load.statuses) <= _STATUSES
    assert load.statuses[200] > 150
    assert load.statuses[422] > 3
