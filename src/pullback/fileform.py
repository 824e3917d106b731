"""The file form of programs: plain data, checked when read, without lines, paths or code."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from reprlib import repr as short
from types import MappingProxyType
from typing import Any

import numpy as np

from .avals import Aval, dtype_code
from .dims import Dim, Slice, parse_dim
from .errors import ProgramError, PullbackError
from .primitive import Literal
from .program import (
    BACKWARD,
    FORWARD,
    UPDATE,
    Argument,
    Atom,
    Equation,
    Program,
    Var,
    captured_default,
    primitive_named,
)
from .trees import Structure

FORMAT = "pullback-program"
VERSION = 1


def encode(program: Program) -> dict[str, Any]:
    """A program as data that JSON can hold."""
    names = program.names

    def atom(value: Atom) -> Any:
        return _encode_literal(value) if isinstance(value, Literal) else names[value]

    def var(value: Var) -> dict[str, Any]:
        return {
            "name": names[value],
            "hint": value.hint,
            "aval": _encode_aval(value.aval),
            "named": value.named,
            **({"cotangent_of": value.cotangent_of} if value.cotangent_of else {}),
        }

    return {
        "format": FORMAT,
        "version": VERSION,
        "name": program.name,
        "arguments": [[a.name, a.structure.to_json()] for a in program.arguments],
        "inputs": [var(value) for value in program.inputs],
        "equations": [
            {
                "out": var(equation.out),
                "primitive": equation.primitive.name,
                "inputs": [atom(value) for value in equation.inputs],
                "params": {key: _encode_param(v) for key, v in equation.params.items()},
                "stage": equation.stage,
            }
            for equation in program.equations
        ],
        "outputs": [atom(value) for value in program.outputs],
        "output_names": list(program.output_names),
        "result": program.result.to_json(),
        "conventions": list(program.conventions),
        "captured": {names[v]: _encode_default(value) for v, value in program.defaults.items()},
    }


def decode(data: Any) -> Program:
    """The program that `encode` described; raises `ProgramError` on anything else."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ProgramError("The data is not a Pullback program.")
    if data.get("version") != VERSION:
        version = short(data.get("version"))
        raise ProgramError(
            f"The program has file version {version}; this Pullback reads {VERSION}."
        )
    try:
        return _decode(data)
    except _DAMAGE as error:
        if isinstance(error, PullbackError):
            raise
        raise ProgramError(f"The program's file form is damaged: {short(error)}.") from error


_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def _decode(data: dict[str, Any]) -> Program:
    known: dict[str, Var] = {}

    def var(item: dict[str, Any]) -> Var:
        name = item["name"]
        if not (isinstance(name, str) and name.isidentifier()) or name in known:
            raise ProgramError(f"{short(name)} is no name for a new value of a program.")
        hint = item["hint"]
        if not (isinstance(hint, str) and hint.isidentifier()):
            raise ProgramError(f"{short(hint)} is no name for a value of a program.")
        of = item.get("cotangent_of", "")
        if not (isinstance(of, str) and (not of or of.isidentifier())):
            raise ProgramError(f"{short(of)} is no name for a value of a program.")
        known[name] = Var(_decode_aval(item["aval"]), hint, bool(item["named"]), of)
        return known[name]

    def atom(item: Any) -> Atom:
        if isinstance(item, dict):
            return _decode_literal(item)
        if item not in known:
            raise ProgramError(f"The program uses {short(item)} before it is computed.")
        return known[item]

    inputs = tuple(var(item) for item in data["inputs"])
    equations = []
    for item in data["equations"]:
        if item["stage"] not in (FORWARD, BACKWARD, UPDATE):
            raise ProgramError(f"{short(item['stage'])} is not a stage of a program.")
        operands = tuple(atom(operand) for operand in item["inputs"])
        params = {key: _decode_param(value) for key, value in item["params"].items()}
        primitive = primitive_named(item["primitive"])
        out = var(item["out"])
        equations.append(
            Equation(primitive, operands, MappingProxyType(params), out, item["stage"])
        )
    return Program(
        name=str(data["name"]),
        inputs=inputs,
        equations=tuple(equations),
        outputs=tuple(atom(item) for item in data["outputs"]),
        arguments=tuple(
            Argument(str(name), Structure.from_json(tree)) for name, tree in data["arguments"]
        ),
        result=Structure.from_json(data["result"]),
        output_names=tuple(map(_output_name, data["output_names"])),
        conventions=tuple(map(_convention, data["conventions"])),
        defaults=MappingProxyType(
            {known[name]: _decode_default(item) for name, item in data["captured"].items()}
        ),
    )


def _encode_aval(aval: Aval) -> list[Any]:
    code = "weak " * aval.weak + dtype_code(aval.dtype)
    return [code, *(dim if isinstance(dim, int) else str(dim) for dim in aval.shape)]


def _decode_aval(item: list[Any]) -> Aval:
    code, *dims = item
    weak = code.startswith("weak ")
    shape = tuple(dim if isinstance(dim, int) else parse_dim(dim) for dim in dims)
    return Aval(_decode_dtype(code.removeprefix("weak ")), shape, weak)


def _output_name(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ProgramError(f"{short(value)} is no name for an output of a program.")


def _convention(value: Any) -> str:
    """A text that may stand in a docstring of emitted source, which it must not end."""
    if isinstance(value, str) and value.isprintable() and not set(value) & {'"', "\\"}:
        return value
    raise ProgramError(f"{short(value)} is not a convention of a program.")


def _decode_dtype(code: str) -> Any:
    if not (isinstance(code, str) and re.fullmatch("[biuf][0-9]{1,2}", code)):
        raise ProgramError(f"{short(code)} is not a dtype that programs hold.")
    return np.dtype(code)


def _encode_number(value: Any) -> Any:
    """JSON has no infinities and no NaN; they are written as text."""
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _encode_literal(literal: Literal) -> dict[str, Any]:
    value = literal.value.item() if isinstance(literal.value, np.generic) else literal.value
    return {"literal": _encode_number(value), "aval": _encode_aval(literal.aval)}


def _decode_literal(item: dict[str, Any]) -> Literal:
    aval = _decode_aval(item["aval"])
    value = aval.dtype.type(item["literal"])
    return Literal(value.item() if aval.weak else value)


def _encode_default(value: Any) -> dict[str, Any]:
    return (
        _encode_array(value) if isinstance(value, np.ndarray) else _encode_literal(Literal(value))
    )


def _decode_default(item: dict[str, Any]) -> Any:
    return _decode_literal(item).value if "literal" in item else _decode_array(item)


def _encode_array(array: Any) -> dict[str, Any]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    text = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": dtype_code(array.dtype), "shape": list(array.shape), "base64": text}


def _decode_array(item: dict[str, Any]) -> Any:
    dtype = _decode_dtype(item["dtype"]).newbyteorder("<")
    flat = np.frombuffer(base64.b64decode(item["base64"], validate=True), dtype)
    return captured_default(flat.reshape(item["shape"]).astype(dtype.newbyteorder("=")))


def _encode_param(value: Any) -> Any:
    if isinstance(value, tuple):
        return {"tuple": [_encode_param(item) for item in value]}
    if isinstance(value, Slice):
        return {"slice": [_encode_param(v) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, Dim):
        return {"dim": str(value)}
    if isinstance(value, np.dtype):
        return {"dtype": dtype_code(value)}
    if isinstance(value, Program):
        return {"program": encode(value)}
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}
    return value


def _decode_param(value: Any) -> Any:
    if not isinstance(value, dict):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise ProgramError(f"{short(value)} is not a param of a primitive.")
    decoders: dict[str, Callable[[Any], Any]] = {
        "tuple": lambda items: tuple(_decode_param(item) for item in items),
        "slice": lambda bounds: Slice(*map(_decode_param, bounds)),
        "dim": parse_dim,
        "dtype": _decode_dtype,
        "program": decode,
        "float": float,
    }
    ((kind, content),) = value.items()
    return decoders[kind](content)
