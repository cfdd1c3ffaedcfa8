"""Looks up the packages of this environment among known vulnerabilities, with pip-audit.

Exit status 0: none is known, or the advisory database cannot be reached, which is said in one line. 1: one is known, or
pip-audit itself failed.

pip-audit ends with 1 for a finding and for an error alike. And behind a mirror of PyPI that has no advisories it finds
no package at all, skips them all, and ends with 0 as if all were well. So its JSON and its errors are looked at here,
and each service is first asked about a version that is known to be bad.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

SERVICES = ("pypi", "osv")
IGNORED: dict[str, str] = {}
"""Advisories that are no matter here: id -> why not."""
NOT_OURS = ("pip", "setuptools")  # of whoever made the environment
_BAD = "jinja2==2.4.1"
_SECONDS = 300
_NO_NETWORK = re.compile(
    r"Could not connect to|not redirecting properly|Your network may be blocking|your network may be blocking"
    r"|ConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|ProxyError|SSLError|HTTPError|ServiceError"
)


class Verdict(NamedTuple):
    """What one service says."""

    status: int | None
    """The exit status; None where it cannot be reached."""
    lines: tuple[str, ...]
    """What to tell."""


def judge(service: str, status: int, out: str, err: str) -> Verdict:
    """What a run of pip-audit says.

    Args:
        service: that was asked.
        status: its exit status.
        out: its standard output, JSON or nothing.
        err: its standard error.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (err.strip().splitlines() or ["it says nothing"])[-1][:300]
        if status and _NO_NETWORK.search(err):
            return Verdict(None, (f"{service} cannot be reached",))
        return Verdict(1, (f"pip-audit failed (exit status {status}): {last}",))
    packages = [one for one in packages if one["name"].lower() not in NOT_OURS]
    found = [
        f"{one['name']} {one['version']}: {each['id']}, fixed in {', '.join(each['fix_versions']) or 'no version yet'}"
        for one in packages
        for each in one.get("vulns", ())
        if not IGNORED.keys() & {each["id"], *each.get("aliases", ())}
    ]
    if found:
        return Verdict(1, tuple(found))
    looked_up = sum("vulns" in one for one in packages)
    if not looked_up:
        return Verdict(None, (f"{service} knows none of {len(packages)} packages",))
    unknown = len(packages) - looked_up
    told = f"{looked_up} packages looked up at {service}, no known vulnerability"
    return Verdict(0, (told + (f"; {unknown} it does not know" if unknown else ""),))


def run(service: str, *what: str) -> Verdict:
    """Run pip-audit on this environment, or on what further arguments say."""
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", "--format", "json", "--timeout", "15"]
    command += ["--vulnerability-service", service, *(what or ("--local", "--skip-editable"))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Verdict(None, (f"{service} did not answer within {_SECONDS} s",))
    return judge(service, done.returncode, done.stdout, done.stderr)


def probe(service: str) -> Verdict:
    """What a service says of a version that has known vulnerabilities; it takes a second, all of the packages minutes.

    Its status is 1 where the service can be relied on, and None where it cannot.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(f"{_BAD}\n")
        file.flush()
        verdict = run(service, "--no-deps", "--disable-pip", "--requirement", file.name)
    if verdict.status == 0:
        return Verdict(None, (f"{service} knows nothing against {_BAD}: it is no advisory database",))
    return verdict


def audit(services: Sequence[str] = SERVICES) -> Verdict:
    """The first verdict of a service that can be reached."""
    silent: list[str] = []
    for service in services:
        verdict = probe(service)
        if verdict.status == 1:
            if not verdict.lines[0].startswith(_BAD.partition("=")[0]):
                return verdict  # pip-audit itself failed
            verdict = run(service)
        if verdict.status is not None:
            return verdict
        silent += verdict.lines
    return Verdict(0, (f"not done: the advisory database cannot be reached ({'; '.join(silent)})",))


if __name__ == "__main__":
    verdict = audit()
    for line in verdict.lines:
        print(f"pip-audit: {line}", file=sys.stderr)
    sys.exit(verdict.status)
