"""Words to a dataclass of options: the one place that runs tyro's parser."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import inspect
import re
from collections.abc import Generator, Iterator, Sequence
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_type_hints

from dlh.errors import UsageError

if TYPE_CHECKING:
    from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

Options = TypeVar("Options")


def parse(
    kind: type[Options], arguments: Sequence[str], *, prog: str, default: Options | None = None
) -> Options:
    """The options of a command.

    Args:
        kind: a dataclass; its docstring is the first part of the help, its fields' docstrings are
            the options'.
        arguments: the words after the command.
        prog: the command, for the usage line.
        default: an instance whose values are the defaults.

    Raises:
        UsageError: they are not understood (code "bad-options"); the message suggests what was
            perhaps meant.
        SystemExit: the help was asked for, and printed; or they are not understood in a way that
            tyro itself has told.
    """
    import tyro
    from tyro.constructors import ConstructorRegistry

    def refuse(event: Any) -> None:
        problem = _problem(event, kind, default)
        if problem is not None:
            raise UsageError(f"{problem}; see {prog} --help", code="bad-options")

    registry = ConstructorRegistry()
    registry.primitive_rule(_optional)
    more: dict[str, Any] = {} if default is None else {"default": default}
    with _failures_told_to(refuse), _paragraphs_joined():
        return tyro.cli(
            kind,
            prog=prog,
            description=inspect.getdoc(kind),
            args=list(arguments),
            registry=registry,
            **more,
        )


def _failures_told_to(refuse: Any) -> contextlib.AbstractContextManager[None]:
    # tyro tells a hook what failed, as values. The hook is no part of its public interface yet:
    # where it is not, tyro prints its own message in a box and exits with 2.
    try:
        from tyro._errors import on_parse_error
    except ImportError:
        return contextlib.nullcontext()
    return on_parse_error(refuse)


@contextlib.contextmanager
def _paragraphs_joined() -> Generator[None]:
    # tyro keeps the line breaks of a string below a field, because it looks for them before it
    # removes the indentation. The function is not public: without it the help is only less even.
    from tyro import _strings

    names, name = vars(_strings), "remove_single_line_breaks"
    before = names.get(name)
    if before is not None:
        names[name] = _joined
    try:
        yield
    finally:
        if before is not None:
            names[name] = before


def _joined(text: str) -> str:
    """A text with one line for each paragraph."""
    paragraphs = re.split(r"\n[ \t]*\n", text.strip())
    return "\n\n".join(re.sub(r"[ \t]*\n[ \t]*", " ", each) for each in paragraphs)


def _problem(event: Any, kind: type, default: Any) -> str | None:
    """What failed, in one line; None for a failure of another kind than those below."""
    match type(event).__name__:
        case "MissingArgs":
            names = [_option(missing.arg) for missing in event.missing_arguments]
            return f"{', '.join(names)} must be given"
        case "InvalidChoice":
            choices = ", ".join(event.choices)
            return f"{_option(event.argument)} is one of {choices}, found {event.value}"
        case "BadValue":
            return f"{_option(event.argument)} needs {event.argument.lowered.metavar}"
        case "UnrecognizedArgs":
            return f"unrecognized: {' '.join(event.tokens)}{_alike(event.tokens, kind, default)}"
        case "InstantiationFailure":
            reason = " ".join(str(event.message).split())
            if event.argument is None:
                return reason
            option, expected = _option(event.argument), event.argument.lowered.metavar
            if option == expected:  # an argument without a name
                return f"{option}: {reason}"
            return f"{option} takes {expected} ({reason})"
    return None


def _option(argument: Any) -> str:
    """How a person writes an option: --name, or what stands for it in the usage line."""
    flags = argument.lowered.name_or_flags
    return flags[0] if flags and flags[0].startswith("-") else argument.lowered.metavar


def _alike(tokens: Sequence[str], kind: type, default: Any) -> str:
    known = list(flags(kind, default))
    alike: dict[str, None] = {}
    for token in tokens:
        if token.startswith("-"):
            word = token.partition("=")[0].replace("_", "-")
            alike |= dict.fromkeys(difflib.get_close_matches(word, known, n=3, cutoff=0.7))
    return f" (did you mean {' or '.join(list(alike)[:3])}?)" if alike else ""


def flags(kind: type, default: Any, prefix: str = "--") -> Iterator[str]:
    """The options that a dataclass makes, and those of the dataclasses in it."""
    import tyro

    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):  # ty: ignore[invalid-argument-type]
        value = getattr(default, field.name, field.default)
        about = getattr(hints[field.name], "__metadata__", ())
        names = [more.name for more in about if getattr(more, "name", None)]
        name = prefix + (names[0] if names else field.name).replace("_", "-")
        if dataclasses.is_dataclass(value):
            yield from flags(type(value), value, f"{name}.")
        elif tyro.conf.Positional not in about:
            yield name


def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """``X | None`` is shown and read as X; the word None is understood too."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

    kinds = get_args(info.type)
    if info.type_origin not in (Union, UnionType) or len(kinds) != 2 or NoneType not in kinds:
        return None
    (kind,) = (each for each in kinds if each is not NoneType)
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kind, info.markers))
    if not isinstance(spec, PrimitiveConstructorSpec):
        return None  # tyro says what is wrong with the type
    return dataclasses.replace(
        spec,
        choices=None if spec.choices is None else (*spec.choices, "None"),
        instance_from_str=lambda words: (
            None if words == ["None"] else spec.instance_from_str(words)
        ),
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: (
            ["None"] if value is None else spec.str_from_instance(value)
        ),
    )
