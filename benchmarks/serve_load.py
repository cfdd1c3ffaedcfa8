"""The service under load, on loopback: requests/s and latencies at 1, 8 and 32 clients, and at four times too many.

    python benchmarks/serve_load.py [--seconds 10] [--model DIR] [--litserve] [--options "--workers 2 --threads 1"]

The clients are threads of this process on the same machine, so that their work is part of what is measured. With
`--litserve` the same model is measured in LitServe with its default settings, in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from common import machine

import madeof

DEMO = Path(madeof.__file__).parent / "demo" / "coffee.jpg"  # 600 x 400
REGIONS = b'{"regions": [{"box": [10, 20, 110, 220]}]}'
CLIENTS = (1, 8, 32)
OVERLOAD = 4
Address = tuple[str, int]
Ask = Callable[[http.client.HTTPConnection], int]

LITSERVE = """
import sys
import litserve
import madeof
from madeof.regions import Region

class Api(litserve.LitAPI):
    def setup(self, device):
        self.predictor = madeof.load(sys.argv[2] or None)

    def decode_request(self, request):
        return request["photo"].file.read()

    def predict(self, data):
        size = self.predictor.set_image(data).size
        return self.predictor.predict([Region.from_box("box 0", (10, 20, 110, 220), size)])[0].top()

    def encode_response(self, top):
        return {"top": top}

if __name__ == "__main__":
    litserve.LitServer(Api()).run(port=int(sys.argv[1]), generate_client_file=False, log_level="error")
"""


@dataclass
class Measured:
    """What some clients saw."""

    seconds: float
    statuses: list[int] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)

    def times(self, status: int | None = None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Milliseconds of the answers with this status; None is any 2xx."""
        wanted = (lambda s: 200 <= s < 300) if status is None else (lambda s: s == status)
        return (
            np.array([t for s, t in zip(self.statuses, self.taken, strict=True) if wanted(s)] or [float("nan")]) * 1e3
        )

    def row(self, name: str) -> str:
        """A row of the table."""
        good = self.times()
        count = int(np.isfinite(good).sum())
        p50, p95, p99 = np.percentile(good, (50, 95, 99))
        failed = len(self.statuses) - count
        return f"| {name} | {count / self.seconds:.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {failed} |"


def form(photo: bytes) -> tuple[bytes, str]:
    """The body of a photo and a box, and its media type."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        + photo,
        b'--x\r\nContent-Disposition: form-data; name="regions"\r\n\r\n' + REGIONS,
    ]
    return b"\r\n".join(parts) + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def poster(path: str, body: bytes, kind: str) -> Ask:
    """What sends one request and gives its status."""

    def ask(connection: http.client.HTTPConnection) -> int:
        connection.request("POST", path, body, {"Content-Type": kind})
        response = connection.getresponse()
        response.read()
        return response.status

    return ask


def closed(address: Address, ask: Ask, clients: int, seconds: float) -> Measured:
    """Each client asks again as soon as it is answered."""
    started = time.perf_counter()
    return _run(address, ask, clients, lambda: itertools.repeat(0.0), started, started + seconds)


def open_loop(address: Address, ask: Ask, rate: float, seconds: float, clients: int = 128) -> Measured:
    """So many requests a second come, whatever becomes of those before them."""
    started = time.perf_counter()
    numbers = itertools.count()

    def moments() -> Iterator[float]:
        while True:
            yield started + next(numbers) / rate

    return _run(address, ask, clients, moments, started, started + seconds)


def _run(
    address: Address, ask: Ask, clients: int, moments: Callable[[], Iterator[float]], started: float, until: float
) -> Measured:
    result, lock = Measured(0.0), threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection(*address, timeout=120)
        for moment in moments():
            if max(moment, time.perf_counter()) >= until:
                break
            time.sleep(max(0.0, moment - time.perf_counter()))
            begun = time.perf_counter()
            try:
                status = ask(connection)
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with lock:
                result.statuses.append(status)
                result.taken.append(time.perf_counter() - begun)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.perf_counter() - started
    return result


@contextmanager
def serving(model: Path | None, options: str) -> Iterator[Address]:
    """`madeof serve` in a process of its own."""
    line = [sys.executable, "-m", "madeof", "serve", "--port", "0", *shlex.split(options)]
    line += ["--model", str(model)] if model else []
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"http://([^:]+):(\d+)/", first)
        try:
            if not found:
                raise SystemExit(first)
            yield found[1], int(found[2])
        finally:
            process.terminate()


@contextmanager
def litserving(model: Path | None, folder: Path) -> Iterator[Address]:
    """The same model in LitServe, with its defaults."""
    script = folder / "litserve_server.py"
    script.write_text(LITSERVE)
    address = "127.0.0.1", 8765
    with subprocess.Popen(
        [sys.executable, str(script), str(address[1]), str(model or "")], start_new_session=True
    ) as process:
        try:
            until = time.monotonic() + 120
            while not _healthy(address):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("LitServe does not start")
                time.sleep(0.5)
            yield address
        finally:
            os.killpg(process.pid, 15)


def _healthy(address: Address) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def add_image(address: Address, photo: bytes) -> str:
    """The path of the regions of an encoded photo."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request("POST", "/v1/images", photo, {"Content-Type": "image/jpeg"})
    name = json.loads(connection.getresponse().read())["id"]
    connection.close()
    return f"/v1/images/{name}/regions"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default: 10)")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--photo", type=Path, default=DEMO)
    parser.add_argument("--options", default="", help="more options of madeof serve, in one text")
    parser.add_argument("--litserve", action="store_true", help="measure the same model in LitServe too")
    options = parser.parse_args()
    photo = options.photo.read_bytes()
    body, kind = form(photo)
    predict = poster("/v1/predict", body, kind)
    head = "| | requests/s | p50 ms | p95 ms | p99 ms | not answered |\n|---|---|---|---|---|---|"
    print(f"{machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n\n{head}", flush=True)
    with serving(options.model, options.options) as address:
        closed(address, predict, 4, 2.0)  # warm
        best = 0.0
        for clients in CLIENTS:
            found = closed(address, predict, clients, options.seconds)
            best = max(best, len(found.times()) / found.seconds)
            print(found.row(f"a photo and a region, {clients} clients"), flush=True)
        regions = poster(add_image(address, photo), REGIONS, "application/json")
        for clients in CLIENTS:
            found = closed(address, regions, clients, options.seconds)
            print(found.row(f"a region of an encoded photo, {clients} clients"), flush=True)
        found = open_loop(address, predict, OVERLOAD * best, options.seconds)
        refused, other = found.statuses.count(503), [s for s in found.statuses if s not in (200, 503)]
        print(found.row(f"a photo and a region, {OVERLOAD * best:.0f} requests/s ({OVERLOAD} times too many)"))
        print(
            f"\nOf {len(found.statuses)} requests {refused / len(found.statuses):.0%} got 503, after "
            f"{np.median(found.times(503)):.0f} ms (median; p99 {np.percentile(found.times(503), 99):.0f} ms); "
            f"other failures: {len(other)}"
        )
    if options.litserve:
        import tempfile

        print(f"\nLitServe\n\n{head}", flush=True)
        with tempfile.TemporaryDirectory() as folder, litserving(options.model, Path(folder)) as address:
            peer = poster("/predict", body, kind)
            closed(address, peer, 4, 2.0)
            for clients in CLIENTS:
                found = closed(address, peer, clients, options.seconds)
                print(found.row(f"a photo and a region, {clients} clients"), flush=True)


if __name__ == "__main__":
    main()
