"""`madeof serve`: what the command line lets through. Serving itself is in tests/serve/test_server.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from madeof.cli import serve
from madeof.cli.main import main
from madeof.serve.label_studio.options import LabelStudio
from madeof.serve.settings import Settings, limits


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of the services that would have run."""
    from madeof.inference import predictor
    from madeof.serve import app, server

    found: list[Settings] = []
    monkeypatch.delenv("MADEOF_TOKEN", raising=False)
    monkeypatch.setattr(predictor, "load", lambda *_, **__: None)
    monkeypatch.setattr(app, "create_app", lambda _, settings, __: found.append(settings))

    class Nothing:
        def __init__(self, *_: Any) -> None:
            pass

        def serve_on(self, _: Any) -> None:
            pass

    monkeypatch.setattr(server, "Server", Nothing)
    return found


def test_only_this_machine_by_default(served: list[Settings], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0"]) == 0
    assert served == [Settings()]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("madeof: listening on http://127.0.0.1:")
    assert "#token" not in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "box.lan", ""])
def test_others_need_a_token(served: list[Settings], capsys: pytest.CaptureFixture[str], host: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", "--host", host])
    assert raised.value.code == 2
    assert f"--host {host} lets others reach the service: give --token SECRET" in capsys.readouterr().err
    assert served == []


def test_others_with_a_token_or_without(
    served: list[Settings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["serve", "--port", "0", "--host", "0.0.0.0"]
    assert main([*line, "--token", "s3cret", "--allow-host", "Box.LAN"]) == 0
    assert main([*line, "--no-auth"]) == 0
    monkeypatch.setenv("MADEOF_TOKEN", "other")
    assert main(line) == 0
    assert main([*line, "--no-auth"]) == 0
    assert [each.token for each in served] == ["s3cret", None, "other", None]
    assert all(each.any_address for each in served)
    assert {"box.lan", "0.0.0.0", "localhost"} <= served[0].hosts
    assert "#token=s3cret (Ctrl-C ends it)" in capsys.readouterr().err


def test_loopback_addresses_are_this_machine(served: list[Settings]) -> None:
    for host in ("localhost", "127.0.0.2", "::1"):
        assert main(["serve", "--port", "0", "--host", host]) == 0
    assert not any(each.any_address for each in served)


def test_every_limit_is_an_option(served: list[Settings]) -> None:
    line = ["serve", "--port", "0"]
    for number, limit in enumerate(limits(), start=3):
        line += [f"--{limit.name.replace('_', '-')}", str(number)]
    assert main(line) == 0
    assert [getattr(served[0], limit.name) for limit in limits()] == list(range(3, 3 + len(limits())))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-body-mb", "nan"], "max_body_mb is nan; expected 0.001 to 4096"),
        (["--queue", "0"], "argument --queue: got '0'; expected a whole number from 1 to 100000"),
        (["--request-seconds", "-1"], "request_seconds is -1; expected 0.01 to 86400"),
        (["--token", ""], "the token is empty"),
        (["--token", "a", "--no-auth"], "not allowed with argument --token"),
        (["--port", "65536"], "argument --port: got '65536'; expected a whole number from 0 to 65535"),
    ],
)
def test_options_that_cannot_be(
    served: list[Settings], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", *options])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [each for each in sys.modules if each.startswith(("madeof.serve.app", "madeof.serve.server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve", "--port", "0"]) == 1
    said = "madeof: madeof serve needs packages that are not installed: run  pip install 'madeof[serve]'\n"
    assert capsys.readouterr().err == said


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    from madeof.serve.server import listen

    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err.startswith(
        f"madeof: cannot listen on 127.0.0.1, port {port} (Address already in use)"
    )


def test_the_help_needs_no_server() -> None:
    assert serve.add_parser
    import subprocess

    code = (
        "import sys\nfrom madeof.cli.main import make_parser\nmake_parser()\n"
        "print({'fastapi', 'numpy', 'uvicorn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_token_in_a_file(
    served: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n", encoding="utf-8")
    monkeypatch.setenv("MADEOF_TOKEN", "other")
    assert main(["serve", "--port", "0", "--host", "0.0.0.0", "--token-file", str(secret)]) == 0
    assert served[0].token == "s3cret"
    secret.write_text("\n", encoding="utf-8")
    for file, said in (
        (secret, "the token is empty"),
        (tmp_path / "none", "none cannot be read (No such file"),
    ):
        with pytest.raises(SystemExit) as raised:
            main(["serve", "--token-file", str(file)])
        assert raised.value.code == 2
        assert said in capsys.readouterr().err


def test_label_studio(served: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "its key")
    line = ["serve", "--port", "0", "--label-studio"]
    assert main(line) == 0
    assert main([*line, "--label-studio-photos", str(tmp_path), "--label-studio-photos", "."]) == 0
    assert main([*line, "--label-studio-url", "http://localhost:8080"]) == 0
    assert [each.label_studio for each in served] == [
        LabelStudio(),
        LabelStudio((tmp_path, Path())),
        LabelStudio((), "http://localhost:8080", "its key"),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--label-studio-photos", "."], "--label-studio-photos and --label-studio-url are for --label-studio"),
        (["--label-studio", "--label-studio-photos", "nowhere"], "there is no folder nowhere"),
        (["--label-studio", "--label-studio-url", "http://a"], "put the key of one into LABEL_STUDIO_API_KEY"),
        (
            ["--label-studio", "--label-studio-photos", ".", "--label-studio-url", "a"],
            "the address of Label Studio is a",
        ),
    ],
)
def test_label_studio_options_that_cannot_be(
    served: list[Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    with pytest.raises(SystemExit) as raised:
        main(["serve", *options])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err
