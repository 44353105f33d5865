"""An array module that behaves like another device's: CuPy's rules, NumPy's arithmetic.

Its arrays are not NumPy's and do not turn into them by accident: mixing the two, handing one
to a kernel or asking NumPy to convert it raises, as it does with CuPy. Reductions give arrays
of no axes, whose value must be asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from napari_crbm.model.backends.array_backend import ArrayBackend

#: Names of all functions that were asked of the module.
asked: set[str] = set()


def _inside(value: Any) -> Any:
    if isinstance(value, DeviceArray):
        return value.data
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array reached the device without being put there")
    if isinstance(value, list | tuple):
        return type(value)(_inside(item) for item in value)
    if isinstance(value, slice):
        return slice(*(_inside(part) for part in (value.start, value.stop, value.step)))
    return value


def _outside(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return DeviceArray(np.asarray(value))
    if isinstance(value, list | tuple):
        return type(value)(_outside(item) for item in value)
    return value


class DeviceArray(NDArrayOperatorsMixin):
    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def __array__(self, *_args: Any, **_kwargs: Any) -> np.ndarray:
        raise TypeError("implicit conversion to a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None:
            kwargs["out"] = tuple(_inside(o) for o in out)
        result = getattr(ufunc, method)(*_inside(inputs), **kwargs)
        return out[0] if out is not None else _outside(result)

    def __array_function__(self, function: Any, _types: Any, args: Any, kwargs: Any) -> Any:
        asked.add(function.__name__)
        out = kwargs.get("out")
        result = function(*_inside(args), **{k: _inside(v) for k, v in kwargs.items()})
        return out if out is not None else _outside(result)

    def __getitem__(self, key: Any) -> DeviceArray:
        return DeviceArray(np.asarray(self.data[_inside(key)]))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.data[_inside(key)] = _inside(value)

    def __len__(self) -> int:
        return len(self.data)

    def __float__(self) -> float:
        return float(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.data, name)
        if name == "T":
            return DeviceArray(value)
        if not callable(value):
            return value
        return lambda *args, **kwargs: _outside(value(*_inside(args), **kwargs))


class Module:
    """NumPy's functions for such arrays; ``asarray`` is the only way in."""

    def __getattr__(self, name: str) -> Any:
        asked.add(name)
        function = getattr(np, name)
        return lambda *args, **kwargs: _outside(
            function(*_inside(args), **{k: _inside(v) for k, v in kwargs.items()})
        )

    @staticmethod
    def asarray(values: Any) -> DeviceArray:
        return values if isinstance(values, DeviceArray) else DeviceArray(np.array(values))


def get(values: Any) -> np.ndarray:
    assert isinstance(values, DeviceArray), "what is fetched must be on the device"
    return values.data.copy()


def backend() -> ArrayBackend:
    return ArrayBackend(Module(), get, lambda: None)
