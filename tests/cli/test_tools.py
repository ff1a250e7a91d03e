"""The list of the tools fits their modules."""

import subprocess
import sys
from argparse import ArgumentParser, Namespace
from unittest.mock import Mock

import pytest
from rich.console import Console

from patchlearn.cli.main import main
from patchlearn.cli.tools import TOOLS

LOADED = "from patchlearn.cli.tools import TOOLS; import argparse, sys; {}; print(*sys.modules)"


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_declares_its_options_and_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb = ArgumentParser()
    TOOLS[name].declare(verb)
    assert verb.description
    assert len(verb._actions) > 1
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"usage: patchlearn {name}" in shown
    assert " ".join(verb.description.split())[:40] in shown


def test_every_tool_is_in_the_list_of_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {tool.help}" in shown for name, tool in TOOLS.items())


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_does_the_work_of_its_module(name: str, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    tool, work, options = TOOLS[name], Mock(return_value=["a.png: damaged"]), Namespace()
    monkeypatch.setattr(f"patchlearn.cli.{tool.module}.{tool.work}", work)
    assert tool.use(options, console) == ["a.png: damaged"]
    work.assert_called_once_with(options, console)


def test_a_tool_loads_its_own_module_only() -> None:
    program = LOADED.format("TOOLS['convert'].declare(argparse.ArgumentParser())")
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    modules = {tool.module for tool in TOOLS.values()}
    assert {name for name in modules if f"patchlearn.cli.{name}" in done.stdout.split()} == {"convert"}
