"""Pickles that would create a file if anything in them were executed, by the trick they use."""

from __future__ import annotations

import argparse
import builtins
import functools
import importlib
import operator
import os
import pickle
import pickletools
import runpy
import struct
import subprocess
import sys
import timeit
from pathlib import Path
from typing import NamedTuple

import numpy as np

MODULE = os.name if os.name != "posix" else "posix"


class Trick(NamedTuple):
    """``named`` is what the refusal must name; a ``real`` one works on Python's own reader."""

    data: bytes
    named: str
    real: bool = True


class Calls:
    """Pickles as the call of a function; nested ones as the call of what a call returns."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call

    def __call__(self):
        raise AssertionError("only so that pickle takes it for a function")


def text(value: str) -> bytes:
    """An instruction that puts text on the stack."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def tricks(canary: Path) -> dict[str, Trick]:
    """All tricks, each of which would create ``canary``."""
    command = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').close()"
    system = f"{MODULE}.system"
    glob = f"c{MODULE}\nsystem\n".encode()
    script = canary.with_suffix(".py")
    script.write_text(code)
    evil_file = canary.with_suffix(".npy")
    np.save(evil_file, np.array([Calls(exec, code)], dtype=object), allow_pickle=True)
    imported = Calls(importlib.import_module, "os")
    found = {
        f"reduce, protocol {p}": Trick(pickle.dumps(Calls(os.system, command), p), system)
        for p in range(6)
    }
    calls = {
        "exec": (Calls(exec, code), "builtins.exec"),
        "eval": (Calls(eval, code), "builtins.eval"),
        "subprocess.Popen": (Calls(subprocess.call, ["touch", str(canary)]), "subprocess.call"),
        "subprocess.check_output": (
            Calls(subprocess.check_output, ["touch", str(canary)]),
            "subprocess.check_output",
        ),
        "os.popen": (Calls(os.popen, command), "os.popen"),
        "open": (Calls(open, str(canary), "w"), "open"),
        "import, getattr": (
            Calls(Calls(getattr, Calls(builtins.__import__, "os"), "system"), command),
            "builtins.getattr",
        ),
        "partial": (Calls(functools.partial(os.system, command)), "functools.partial"),
        "reduced to partial": (
            Calls(Calls(functools.partial, os.system, command)),
            "functools.partial",
        ),
        "attrgetter": (
            Calls(Calls(operator.attrgetter("system"), imported), command),
            "operator.attrgetter",
        ),
        "methodcaller": (
            Calls(operator.methodcaller("system", command), imported),
            "operator.methodcaller",
        ),
        "map in a list": (Calls(list, Calls(map, os.system, [command])), "builtins.map"),
        "runpy": (Calls(runpy.run_path, str(script)), "runpy.run_path"),
        "timeit": (Calls(timeit.timeit, code, "pass", timeit.default_timer, 1), "timeit.timeit"),
        "nested pickle": (Calls(pickle.loads, pickle.dumps(Calls(exec, code))), "_pickle.loads"),
        "deep in containers": ({"a": [(1, {"b": Calls(exec, code)})]}, "builtins.exec"),
        "array of objects": (np.array([Calls(exec, code)], dtype=object), "builtins.exec"),
        "attribute of an object": (argparse.Namespace(a=Calls(exec, code)), "builtins.exec"),
        "numpy.load": (Calls(np.load, str(evil_file), None, True), "numpy.load"),
    }
    found |= {name: Trick(pickle.dumps(value), named) for name, (value, named) in calls.items()}
    state = b"(X\x0c\x00\x00\x00__setstate__" + glob + b"d"
    found |= {
        "global": Trick(glob + b"(" + text(command) + b"tR.", system),
        "inst": Trick(b"(" + text(command) + f"i{MODULE}\nsystem\n.".encode(), system),
        "obj": Trick(b"(" + glob + text(command) + b"o.", system),
        "newobj": Trick(b"\x80\x02" + glob + text(command) + b"\x85\x81.", system, False),
        "newobj_ex": Trick(
            b"\x80\x04csubprocess\nPopen\n" + text(command) + b"\x85}\x92.",
            "subprocess.Popen",
            False,
        ),
        "stack global": Trick(
            b"\x80\x04" + text(MODULE) + text("system") + b"\x93" + text(command) + b"\x85R.",
            system,
        ),
        "stack global out of the memo": Trick(
            b"\x80\x04" + text("system") + b"\x940" + text(MODULE) + b"\x940h\x01h\x00\x93"
            b"\x94" + text(command) + b"\x85R.",
            system,
        ),
        "dotted name": Trick(
            b"\x80\x04" + text("pathlib") + text("os.system") + b"\x93" + text(command) + b"\x85R.",
            "pathlib.os.system",
            sys.version_info < (3, 13),
        ),
        "setstate": Trick(
            b"\x80\x02cargparse\nNamespace\n)\x81" + state + b"b" + text(command) + b"b.", system
        ),
        "protocol announced late": Trick(b"]" + glob + text(command) + b"\x85R\x80\x05a.", system),
        "after much harmless": Trick(
            b"]" + b"(I1\nI2\nla" * 500 + glob + text(command) + b"\x85Ra.", system
        ),
        "in a frame": Trick(
            pickletools.optimize(pickle.dumps(Calls(os.system, command), 4)), system
        ),
        "extension": Trick(b"\x80\x02\x82\x01" + text(command) + b"\x85R.", "extension 1", False),
        "extension, 4 bytes": Trick(b"\x80\x02\x84\xff\x00\x00\x00.", "extension 255", False),
        "persistent": Trick(b"P" + command.encode() + b"\n.", "outside the file", False),
        "persistent, binary": Trick(text(command) + b"Q.", "outside the file", False),
        "torch": Trick(
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
            b"FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00tR.",
            "outside the file",
            False,
        ),
        "torch.load": Trick(b"ctorch\nload\n(" + text("x.pt") + b"tR.", "torch.load", False),
        "joblib.load": Trick(b"cjoblib\nload\n(" + text("x") + b"tR.", "joblib.load", False),
        "f2py": Trick(
            b"cnumpy.f2py.crackfortran\ngetlincoef\n(" + text(code) + b"}tR.",
            "numpy.f2py.crackfortran.getlincoef",
            False,
        ),
        "numpy's own exec": Trick(
            b"cnumpy.testing._private.utils\nrunstring\n(" + text(code) + b"}tR.",
            "numpy.testing._private.utils.runstring",
        ),
    }
    return found
