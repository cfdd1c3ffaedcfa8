"""The container files: what they copy exists, nobody is root, their command lines are ours, nothing more is allowed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from madeof.cli.main import make_parser

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def stages() -> list[list[tuple[str, str]]]:
    """The same, stage by stage."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def last(word: str) -> str:
    return [rest for found, rest in stages()[-1] if found == word][-1]


@pytest.fixture
def service() -> dict[str, Any]:
    """The service of the compose file."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]["madeof"]
    return found


def test_bases_are_slim_and_pinned() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert set(bases) == {"python:${PYTHON}-slim-${DEBIAN}"}
    arguments = dict(rest.split("=") for word, rest in instructions() if word == "ARG")
    assert re.fullmatch(r"3\.1[1-9]", arguments["PYTHON"])  # the patches of that are wanted
    assert arguments["DEBIAN"] == "trixie"


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"  # all but what is named after it
    kept = {line.removeprefix("!").rstrip("/") for line in ignored if line.startswith("!")}
    copied = [rest for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    sources = [source.rstrip("/") for rest in copied for source in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in kept, f"{source} is ignored"
    # What the wheel is built of, as pyproject says.
    assert {"pyproject.toml", "src", "README.md", "LICENSE", "NOTICE"} <= set(sources)


def test_nobody_is_root_and_nothing_is_built_in_the_last_stage() -> None:
    final = stages()[-1]
    words = [word for word, _ in final]
    user = last("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # numbers: runAsNonRoot can tell
    assert words.index("USER") < words.index("CMD" if "CMD" in words else "ENTRYPOINT")
    run = " ".join(rest for word, rest in final if word == "RUN")
    for tool in ("apt-get", "gcc", "build-essential", "curl", "pip wheel"):
        assert tool not in run
    assert "--no-index" in run  # only the wheels of the first stage


def test_the_command_line_is_ours() -> None:
    entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
    assert entry == ["madeof", "serve"]
    options = make_parser().parse_args([*entry[1:], *command])
    assert options.host == "0.0.0.0"
    assert f"{options.port}" == last("EXPOSE")
    assert options.token is None  # it comes from the environment or a secret: arguments can be read by others
    assert not options.no_auth


def test_health_is_asked_with_what_is_in_the_image() -> None:
    check = last("HEALTHCHECK")
    command = json.loads(check[check.index("CMD") + 3 :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert f"127.0.0.1:{last('EXPOSE')}/readyz" in command[2]


def test_no_secret_is_in_the_image() -> None:
    names = [rest for word, rest in instructions() if word in ("ENV", "ARG") if re.search("TOKEN|KEY|SECRET", rest)]
    assert names == []


def test_the_service_may_do_nothing_else(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"]
    assert service["mem_limit"]
    assert service["pids_limit"] > 0
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_service_s_command_line_is_ours(service: dict[str, Any]) -> None:
    more = "--label-studio --label-studio-url http://label-studio:8080"  # as docs/label-studio.md has it
    assert more in (ROOT / "docs" / "label-studio.md").read_text(encoding="utf-8")
    both = [service["command"].replace("${MADEOF_OPTIONS:-}", some) for some in ("", more)]
    options, _ = [make_parser().parse_args(["serve", *shlex.split(line)]) for line in both]
    assert options.host == "0.0.0.0"
    assert options.token is None
    assert options.token_file == f"/run/secrets/{service['secrets'][0]}"
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert set(service["secrets"]) <= set(compose["secrets"])


def test_label_studio_is_only_there_where_it_is_asked_for() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    both = {name: one.get("profiles") for name, one in compose["services"].items()}
    assert both == {"madeof": None, "label-studio": ["label-studio"]}
    assert re.fullmatch(r"heartexlabs/label-studio:\d+\.\d+\.\d+", compose["services"]["label-studio"]["image"])
