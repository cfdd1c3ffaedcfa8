"""The look for known vulnerabilities in continuous integration: what each outcome of pip-audit means."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "audit.py"


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(name: str, *ids: str) -> dict[str, Any]:
    vulns = [{"id": one, "fix_versions": ["2.0"], "aliases": [f"CVE-{one}"], "description": ""} for one in ids]
    return {"name": name, "version": "1.0", "vulns": vulns}


def skipped(name: str) -> dict[str, Any]:
    """As pip-audit 2.10.1 has it, behind a mirror without advisories too."""
    reason = f"Dependency not found on PyPI and could not be audited: {name} (1.0)"
    return {"name": name, "skip_reason": reason}


def out(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


# The last line of what pip-audit 2.10.1 said without a network.
NO_NAME = (
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.osv.dev', port=443): Max retries exceeded with "
    "url: /v1/query (Caused by NameResolutionError(\"HTTPSConnection(host='api.osv.dev', port=443): Failed to resolve "
    "'api.osv.dev' ([Errno -2] Name or service not known)\"))\n"
)
NO_SERVICE = "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\nERROR:pip_audit._cli:Tip: ...\n"


def test_a_finding_fails(audit: ModuleType) -> None:
    found = audit.judge("pypi", 1, out(package("a"), package("b", "PYSEC-1"), skipped("c")), "Found 1 known ...")
    assert found == (1, ("b 1.0: PYSEC-1, fixed in 2.0",))


def test_nothing_found_passes_and_says_how_much_was_looked_up(audit: ModuleType) -> None:
    found = audit.judge("pypi", 0, out(package("a"), package("b"), skipped("c")), "No known vulnerabilities found")
    assert found == (0, ("2 packages looked up at pypi, no known vulnerability; 1 it does not know",))


def test_a_mirror_that_knows_no_package_is_no_database(audit: ModuleType) -> None:
    found = audit.judge("pypi", 0, out(skipped("a"), skipped("b")), "No known vulnerabilities found")
    assert found.status is None
    assert "knows none of 2 packages" in found.lines[0]


@pytest.mark.parametrize("err", [NO_NAME, NO_SERVICE])
def test_no_network(audit: ModuleType, err: str) -> None:
    assert audit.judge("osv", 1, "", err) == (None, ("osv cannot be reached",))


@pytest.mark.parametrize(("status", "said"), [(1, "No module named pip_audit"), (2, "unrecognized arguments"), (0, "")])
def test_any_other_failure_fails(audit: ModuleType, status: int, said: str) -> None:
    found = audit.judge("pypi", status, "", f"one\n{said}\n" if said else "")
    assert found.status == 1
    assert said in found.lines[0]


def test_what_is_ignored_has_a_reason(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(len(reason) > 20 for reason in audit.IGNORED.values())
    monkeypatch.setitem(audit.IGNORED, "CVE-PYSEC-1", "only on other systems")
    assert audit.judge("pypi", 1, out(package("b", "PYSEC-1")), "").status == 0
    assert audit.judge("pypi", 1, out(package("b", "PYSEC-1", "PYSEC-2")), "").lines == (
        "b 1.0: PYSEC-2, fixed in 2.0",
    )


def test_pip_itself_is_not_ours(audit: ModuleType) -> None:
    assert audit.judge("pypi", 1, out(package("pip", "PYSEC-1"), package("a")), "").status == 0


class PipAudit:
    """In place of pip-audit: what each service says of the bad version, and of the environment."""

    def __init__(self, **says: tuple[str, str]) -> None:
        self.says = says
        self.asked: list[str] = []

    def __call__(self, command: list[str], **_: Any) -> Any:
        service = command[command.index("--vulnerability-service") + 1]
        self.asked.append(service)
        told = self.says[service]["--requirement" not in command]
        if told == "slow":
            raise subprocess.TimeoutExpired(command, 300)
        return subprocess.CompletedProcess(command, int("PYSEC" in told or not told), told, "" if told else NO_NAME)


BAD = out(package("jinja2", "PYSEC-0"))


@pytest.mark.parametrize(
    ("pypi", "osv", "status", "asked"),
    [
        ((BAD, out(package("b", "PYSEC-1"))), ("", ""), 1, ["pypi", "pypi"]),
        ((BAD, out(package("b"))), ("", ""), 0, ["pypi", "pypi"]),
        ((out(skipped("jinja2")), ""), (BAD, out(package("b", "PYSEC-1"))), 1, ["pypi", "osv", "osv"]),
        ((out(package("jinja2")), ""), (BAD, out(package("b"))), 0, ["pypi", "osv", "osv"]),
        (("", ""), ("slow", ""), 0, ["pypi", "osv"]),
    ],
)
def test_a_service_must_know_what_is_bad(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    pypi: tuple[str, str],
    osv: tuple[str, str],
    status: int,
    asked: list[str],
) -> None:
    pip_audit = PipAudit(pypi=pypi, osv=osv)
    monkeypatch.setattr(subprocess, "run", pip_audit)
    found = audit.audit()
    assert found.status == status
    assert pip_audit.asked == asked
    assert len(found.lines) == 1


def test_what_is_told_where_nothing_can_be_reached(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", PipAudit(pypi=("", ""), osv=("slow", "")))
    assert audit.audit().lines == (
        "not done: the advisory database cannot be reached (pypi cannot be reached; osv did not answer within 300 s)",
    )


def test_a_broken_pip_audit_fails(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "No module named x"))
    assert audit.audit() == (1, ("pip-audit failed (exit status 1): No module named x",))
