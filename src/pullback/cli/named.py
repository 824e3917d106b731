"""Named things with settings, written as one word: adam, leaky-relu:slope=0.1, warmup:steps=9."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import NoneType
from typing import Any, get_args, get_origin

from ..errors import UsageError, nearest
from .files import FORM, is_of_file

Registry = Mapping[str, Callable[..., Any]]
Parameters = Mapping[str, inspect.Parameter]
OfFile = Callable[[str, str], Any]


@dataclass(frozen=True)
class Own:
    """A setting that has an option of its own.

    Attributes:
        option: The option.
        value: What was given there; None leaves the default.
    """

    option: str
    value: Any


def one_of(option: str, word: str, allowed: Iterable[str]) -> str:
    """The word, when it is allowed; else `UsageError` with the allowed ones and the nearest."""
    choices = list(allowed)
    if word in choices:
        return word
    hint = nearest(word.lower(), choices)
    question = f" (did you mean {hint.split()[-1].strip('?')}?)" if hint else ""
    raise UsageError(f"{option} {word!r}: allowed are {', '.join(choices)}{question}.")


def made(
    option: str,
    text: str,
    registry: Registry,
    own: Mapping[str, Own] | None = None,
    of_file: OfFile | None = None,
) -> Any:
    """What a word such as rmsprop:centered=true:decay=0.9 stands for.

    Args:
        option: The option that the word was given to, for messages.
        text: A name, and settings behind colons. Which there are, and whether each is a number,
            a word, true or false, says the signature of what the name stands for. A setting that
            is itself of the registry comes last: warmup:steps=10:then=cosine:period=100.
        registry: What makes the thing, by name.
        own: Settings that have an option of their own.
        of_file: What makes the thing of a function of the user's own, FILE.py:NAME; None where
            there can be none. See `Files.making`.

    Raises:
        UsageError: When there is no such name or setting, or its value is not allowed.

    Example:
        >>> from pullback.optim import OPTIMIZERS
        >>> made("--optimizer", "rmsprop:centered=true:decay=0.9", OPTIMIZERS)
        RMSProp(learning_rate=0.01, decay=0.9, centered=True)
    """
    name, _, settings = text.partition(":")
    if of_file is not None and name not in registry and is_of_file(text):
        return of_file(option, text)
    choices = [*registry] if of_file is None else [*registry, FORM]
    make = registry[one_of(option, name, choices)]
    return called(f"{option} {name}", make, settings, own or {}, registry, of_file)


def called(
    what: str,
    make: Callable[..., Any],
    settings: str,
    own: Mapping[str, Own] | None = None,
    registry: Registry | None = None,
    of_file: OfFile | None = None,
) -> Any:
    """`make` called with settings such as patience=5:factor=0.5; see `made`."""
    own = own or {}
    parameters = inspect.signature(make, eval_str=True).parameters
    taken = {n: o.value for n, o in own.items() if n in parameters and o.value is not None}
    free = {name: p for name, p in parameters.items() if name not in own}
    nested = partial(made, registry=registry or {}, of_file=of_file)
    given = _parsed(what, settings, free, own, nested)
    for name, parameter in free.items():
        if parameter.default is parameter.empty and name not in given:
            raise UsageError(f"{what}: it needs {name}, such as {what.split()[-1]}:{name}=0.001.")
    try:
        return make(**taken, **given)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from None


def _parsed(
    what: str,
    text: str,
    free: Parameters,
    own: Mapping[str, Own],
    nested: Callable[[str, str], Any],
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    while text:
        part, _, text = text.partition(":")
        name, equals, value = part.partition("=")
        if name in own:
            raise UsageError(f"{what}: {name} has an option of its own, {own[name].option}.")
        if name not in free or not equals:
            raise UsageError(_no_setting(what, part, name, free))
        if name in given:
            raise UsageError(f"{what}: {name} is given twice.")
        if get_origin(free[name].annotation) is Callable:
            value, text = f"{value}:{text}" if text else value, ""
            given[name] = nested(f"{what}: {name}", value)
        else:
            given[name] = _converted(f"{what}: {name}={value!r}", value, free[name].annotation)
    return given


def _no_setting(what: str, part: str, name: str, free: Parameters) -> str:
    if not free:
        return f"{what} has no settings, so {part!r} cannot follow it."
    settings = ", ".join(f"{known}{_default(p)}" for known, p in free.items())
    if name in free:
        return f"{what}: write a value behind {name}, as in {name}=...; allowed are {settings}."
    return f"{what} has no setting {name!r}; it has {settings}.{nearest(name, list(free))}"


def _default(parameter: inspect.Parameter) -> str:
    """How the default is written: =0.01; nothing where there is none."""
    default = parameter.default
    if default is parameter.empty or callable(default):
        return ""
    return f"={default:g}" if isinstance(default, float) else f"={str(default).lower()}"


def _converted(what: str, value: str, annotation: Any) -> Any:
    """The text as a value of the annotated type."""
    kinds = get_args(annotation) or (annotation,)
    if NoneType in kinds and value == "none":
        return None
    (kind,) = [kind for kind in kinds if kind is not NoneType]
    convert, allowed = _KINDS[kind]
    try:
        return convert(value)
    except (KeyError, ValueError):
        more = " or none" if NoneType in kinds else ""
        raise UsageError(f"{what}: it must be {allowed}{more}.") from None


_KINDS: dict[type, tuple[Callable[[str], Any], str]] = {
    float: (float, "a number"),
    int: (int, "a whole number"),
    bool: ({"true": True, "false": False}.__getitem__, "true or false"),
    str: (str, "a word"),
}
"""How the text of a setting becomes a value, by the type that its annotation names."""
