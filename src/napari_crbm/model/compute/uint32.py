"""Arithmetic on 32-bit integers that is not widened to 64 bits.

Numba widens every operation on 32-bit integers to 64 bits. A compiled loop then handles half as
many numbers at once, and processors without AVX-512 have no multiplication of that width. These
functions are single machine instructions on two numbers of one type. They discard overflow, and
shifts to the right fill with zeros.
"""

from __future__ import annotations

from typing import Any

from numba.extending import intrinsic


def _instruction(name: str) -> Any:
    """Return the LLVM instruction of this name, on two integers of one type."""

    @intrinsic
    def operation(_: Any, first: Any, second: Any) -> Any:
        if first != second:
            return None

        def code(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            return getattr(builder, name)(*arguments)

        return first(first, second), code

    return operation


add = _instruction("add")
multiply = _instruction("mul")
exclusive_or = _instruction("xor")
shift_right = _instruction("lshr")
