"""``dlh completion``: what a shell completes after ``dlh``: commands, presets, options, files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from dlh.cli.parse import flags
from dlh.cli.running import Command
from dlh.files.writing import Say

_SCRIPT = """{before}_dlh() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words=
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _dlh dlh"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True, kw_only=True)
class CompletionOptions:
    """Print a script that completes commands, presets and options in bash or zsh.

    examples:
        dlh completion bash > ~/.local/share/bash-completion/completions/dlh
        dlh completion zsh >> ~/.zshrc
    """

    shell: Annotated[Literal["bash", "zsh"], tyro.conf.Positional]
    """The shell that will read it."""


def completion(options: CompletionOptions, *, say: Say = print) -> None:
    """Print the script for a shell."""
    from dlh.cli import COMMANDS

    say(script(COMMANDS, options.shell))


def script(commands: Mapping[str, Command], shell: Literal["bash", "zsh"]) -> str:
    """The script; what it does not know is completed as the name of a file."""
    from dlh.cli import data, train

    below = "\n".join(_case(name, _options(one)) for name, one in data.COMMANDS.items())
    cases = [_case(name, _options(command)) for name, command in commands.items()]
    named = re.findall(r"^  (--[a-z-]+)", train.HELP, re.MULTILINE)
    cases.append(_case("train", [*train.PRESETS, "--resume", *named]))
    cases.append(
        f'data) words="{" ".join(data.COMMANDS)}"\n'
        f'[ "$COMP_CWORD" -eq 2 ] || case "${{COMP_WORDS[2]}}" in\n{below}\nesac ;;'
    )
    lines = "\n".join(case for case in cases if case).splitlines()
    return _SCRIPT.format(
        before=_ZSH if shell == "zsh" else "",
        commands=" ".join(commands),
        cases="\n".join(f"            {line}" for line in lines),
    )


def _options(command: Command) -> list[str]:
    kind = command.options()
    return [] if kind is None else list(flags(kind, None))


def _case(name: str, words: list[str]) -> str:
    return f'{name}) words="{" ".join(words)}" ;;' if words else ""
