"""Read pickled arrays and numbers without executing anything.

A pickle is a program for a small machine, and some of its instructions call functions
by name. Here those instructions only note down what was to be called; nothing that the
file names is ever looked up. Afterwards the notes that describe numpy arrays, numbers
and text are turned into values by the code below, and objects of the classes of other
programs into `Opaque`. Although nothing would be run, a file that names functions of
Python itself, which no data has a reason to, is refused with that name.
"""

from __future__ import annotations

import math
import pickle
import re
import sys
from collections.abc import Iterable
from typing import Any, BinaryIO, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError

_DEEPEST = 60
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_PLAIN_DTYPE = re.compile(r"[biufcUS]\d{1,6}")

# Python's own modules, those of version 2 included.
_PYTHON = sys.stdlib_module_names | {"__builtin__", "cPickle", "commands", "copy_reg", "popen2"}
# What data may name of them: all of a module, or some.
_OF_PYTHON: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(("collections", "datetime", "decimal", "fractions", "pathlib", "uuid")),
    **dict.fromkeys(("copyreg", "copy_reg"), frozenset({"_reconstructor", "__newobj__"})),
    **dict.fromkeys(
        ("builtins", "__builtin__"),
        frozenset(
            {
                *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int"),
                *("list", "long", "object", "range", "set", "slice", "str", "tuple", "unicode"),
            }
        ),
    ),
    "_codecs": frozenset({"encode"}),
    "argparse": frozenset({"Namespace"}),
    "time": frozenset({"struct_time"}),
    "types": frozenset({"SimpleNamespace"}),
}
_OF_NUMPY = re.compile(
    r"numpy\.(_?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)|dtype|ndarray"
    r"|dtypes\.\w+|random\.[\w.]+|ma\.core\.\w+|[a-z]+(8|16|32|64|128|256)|bool_?|str_|bytes_)"
)
# Functions of any library by which a file could bring another file to be executed.
_LOADERS = frozenset({"load", "loads", "read_pickle"})


class Opaque(NamedTuple):
    """Stand-in for an object whose class is not imported: class name and attributes."""

    name: str
    attributes: dict[str, Any]


class _Global(NamedTuple):
    module: str
    name: str


class _Refused(Exception):
    """The pickle names a function that no data needs."""


class _Call:
    """A call that the pickle asks for, recorded and not executed."""

    def __init__(self, what: Any, arguments: Any) -> None:
        self.what, self.arguments = what, arguments
        self.state: Any = None


# The machine in Python, whose instructions can be replaced; the one in C has none to replace.
_Machine: Any = pickle._Unpickler


class _Recorder(_Machine):  # type: ignore[misc]
    """An unpickler that records every call instead of executing it."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Machine.dispatch)

    def find_class(self, module: str, name: str) -> _Global:
        return _named(module, name)

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(f"it uses the extension {code}")

    def persistent_load(self, _identifier: Any) -> None:
        raise pickle.UnpicklingError("it refers to objects outside the file")

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = _call(self.stack[-1], arguments)

    def load_newobj_ex(self) -> None:
        named = self.stack.pop()
        arguments = self.stack.pop()
        self.stack[-1] = _call(self.stack[-1], (arguments, named))

    def load_inst(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self.append(_call(_named(module, name), self.pop_mark()))

    def load_obj(self) -> None:
        what, *arguments = self.pop_mark()
        self.append(_call(what, arguments))

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Call):
            raise pickle.UnpicklingError("it changes an object that is none")
        self.stack[-1].state = state

    def load_dict(self) -> None:
        _require_flat(self.stack[::2])
        _Machine.load_dict(self)

    def load_setitem(self) -> None:
        _require_flat(self.stack[-2:-1])
        _Machine.load_setitem(self)

    def load_setitems(self) -> None:
        _require_flat(self.stack[::2])
        _Machine.load_setitems(self)

    def load_additems(self) -> None:
        _require_flat(self.stack)
        _Machine.load_additems(self)

    def load_frozenset(self) -> None:
        _require_flat(self.stack)
        _Machine.load_frozenset(self)

    def load_bytearray8(self) -> None:
        # The original makes room for as much as the file claims to hold.
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_reduce
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.INST[0]] = load_inst
    dispatch[pickle.OBJ[0]] = load_obj
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.ADDITEMS[0]] = load_additems
    dispatch[pickle.FROZENSET[0]] = load_frozenset


def _named(module: str, name: str) -> _Global:
    """Record a function or class, if data may name it."""
    known = module.split(".", maxsplit=1)[0]
    if known in _PYTHON:
        names = _OF_PYTHON.get(known, frozenset())
        # A dot would lead on into what a module has imported.
        harmless = "." not in name if names is None else name in names
    elif known == "numpy":
        harmless = _OF_NUMPY.fullmatch(f"{module}.{name}") is not None
    else:
        harmless = name not in _LOADERS
    if not harmless:
        raise _Refused(f"{module}.{name}")
    return _Global(module, name)


def _require_flat(keys: Iterable[Any]) -> None:
    """Refuse nested tuples as keys, whose comparison can take exponential time."""
    for key in keys:
        if isinstance(key, tuple) and any(isinstance(part, tuple) for part in key):
            raise pickle.UnpicklingError("a key is a tuple of tuples")


def _call(what: Any, arguments: Any) -> Any:
    if not isinstance(what, _Global):
        raise pickle.UnpicklingError("it calls an object that is no function")
    if what == ("collections", "OrderedDict"):
        return {}
    if what.name == "bytes" and not arguments:
        # How old protocols write empty bytes.
        return b""
    return _Call(what, arguments)


def load(file: BinaryIO, name: str) -> Any:
    """Read one pickle from an open file.

    Parameters
    ----------
    file : binary file, at the start of the pickle
    name : str
        How the file is called in errors.

    Returns
    -------
    object
        Numbers, text, bytes, lists, tuples, dicts, sets and numpy arrays; `Opaque` for
        objects of any other class.

    Raises
    ------
    FormatError
        If it is damaged, or names something that no data has a reason to name.
    """
    try:
        return _Decoder().value(_Recorder(file, encoding="latin1").load())
    except (FormatError, KeyboardInterrupt):
        raise
    except _Refused as error:
        raise FormatError(
            f"{name} asks Python to use '{_shown(str(error))}', which no recording or model needs. "
            "It was not done, and the file is not opened: ask whoever made it, or delete it."
        ) from error
    except MemoryError as error:
        raise FormatError(
            f"{name} describes more data than this machine can hold: it is damaged."
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(
            f"{name} cannot be read: its pickled content is damaged or of an unknown kind "
            f"({reason})."
        ) from error


def _shown(text: str) -> str:
    """Shorten and escape text from a file for an error message."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return printable if len(printable) <= 80 else f"{printable[:77]}..."


def load_npy(path: Any) -> Any:
    """Read the object array of a ``.npy`` file, such as Suite2p's ``stat.npy``.

    Raises
    ------
    FormatError
        If there is no such file, or it holds something else.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            dtype = header(file)[2]
            if dtype.kind != "O":
                raise FormatError(f"{path.name} must hold a table of cells; found {dtype}.")
            return load(file, path.name)
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        # Damaged headers end in errors of several modules.
        reason = " ".join(str(error).split())
        raise FormatError(f"{path.name} is not a NumPy file, or is damaged ({reason}).") from error


class _Decoder:
    """Turn recorded calls into values; shared objects once, and no cycles."""

    def __init__(self) -> None:
        self._known: dict[int, Any] = {}
        self._open: set[int] = set()

    def value(self, item: Any) -> Any:
        if item is None or isinstance(item, bool | int | float | complex | str | bytes):
            return item
        key = id(item)
        if key in self._known:
            return self._known[key]
        if key in self._open or len(self._open) > _DEEPEST:
            raise ValueError("it contains itself, or is nested too deeply")
        self._open.add(key)
        self._known[key] = value = self._built(item)
        self._open.discard(key)
        return value

    def _built(self, item: Any) -> Any:
        match item:
            case _Global():
                return Opaque(f"{item.module}.{item.name}", {})
            case dict():
                return {self.value(key): self.value(each) for key, each in item.items()}
            case list():
                return [self.value(each) for each in item]
            case tuple():
                return tuple(self.value(each) for each in item)
            case set() | frozenset():
                return {self.value(each) for each in item}
            case _Call(what=_Global(module=module, name="_reconstruct")) if module in _MULTIARRAY:
                _, shape, dtype, fortran, content = _five(item.state)
                return self._array(content, dtype, shape, "F" if fortran else "C")
            case _Call(what=_Global(module=module, name="_frombuffer")) if module in _NUMERIC:
                content, dtype, shape, order = item.arguments
                return self._array(content, dtype, shape, order)
            case _Call(what=_Global(module=module, name="scalar")) if module in _MULTIARRAY:
                dtype, content = item.arguments
                return self._array(content, dtype, (), "C")[()]
            case _Call(what=_Global(module="builtins" | "__builtin__", name="set" | "frozenset")):
                (content,) = item.arguments
                values = self.value(content)
                _require_flat(values)
                return set(values)
            case _Call(what=_Global(module="_codecs", name="encode")):
                text, encoding = item.arguments
                if encoding != "latin1":
                    raise ValueError(f"bytes are written as {encoding}")
                return str(text).encode("latin1")
            case _Call():
                return self._opaque(item)
        raise ValueError(f"it holds a {type(item).__name__}")

    def _opaque(self, item: _Call) -> Opaque:
        what = item.what
        if what.name == "_reconstructor" and item.arguments:
            # How old protocols make any object: the class is the first argument.
            what = item.arguments[0]
        if not isinstance(what, _Global):
            raise ValueError("an object has no class")
        state = self.value(item.state) if isinstance(item.state, dict) else {}
        return Opaque(f"{what.module}.{what.name}", state)

    def _array(self, content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
        if not (
            isinstance(shape, tuple)
            and len(shape) <= 8
            and all(type(n) is int and n >= 0 for n in shape)
        ):
            raise ValueError("an array has no proper shape")
        if order not in ("C", "F"):
            raise ValueError("an array has an unknown order")
        size, kind = math.prod(shape), self._dtype(dtype)
        if kind is None:
            if not isinstance(content, list) or len(content) != size:
                raise ValueError(f"an array of {size} objects has another number of them")
            values = np.empty(size, dtype=object)
            for index, each in enumerate(content):
                values[index] = self.value(each)
            return values.reshape(shape, order=order)
        raw = self.value(content)
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(raw, bytes) or len(raw) != size * kind.itemsize:
            raise ValueError(f"an array of {size} {kind} values has another number of bytes")
        return np.frombuffer(raw, dtype=kind).reshape(shape, order=order)

    @staticmethod
    def _dtype(item: Any) -> np.dtype[Any] | None:
        """Return the dtype of plain values, None for Python objects."""
        if not (isinstance(item, _Call) and item.what == ("numpy", "dtype")):
            raise ValueError("an array has no proper type")
        spec = item.arguments[0]
        if spec in ("O8", "O4", "O"):
            return None
        if not isinstance(spec, str) or not _PLAIN_DTYPE.fullmatch(spec):
            raise ValueError(f"an array has values of type {spec!r}")
        byte_order, fields = "=", None
        if item.state is not None:
            byte_order, fields = item.state[1], item.state[2:5]
        if fields is not None and any(part is not None for part in fields):
            raise ValueError("an array has fields")
        if byte_order not in ("<", ">", "|", "="):
            raise ValueError("an array has an unknown byte order")
        if spec[0] in "US":
            # Stored as "U0" beside the real size, or with it.
            spec = f"{spec[0]}{_text_size(item.state, spec)}"
        return np.dtype(f"{byte_order}{spec}")


def _five(state: Any) -> tuple[Any, ...]:
    if not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("an array has no content")
    return state


def _text_size(state: Any, spec: str) -> int:
    width = int(spec[1:])
    if width == 0 and state is not None and isinstance(state[5], int):
        width = state[5] // (4 if spec[0] == "U" else 1)
    if width <= 0:
        raise ValueError("text has no width")
    return width
