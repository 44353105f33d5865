"""Errors a scientist can act on.

Every message names the file or object, the field, what was found and what to
do. The command line and the viewer catch `CRBMError` and show its text alone;
any other exception is a bug and is shown with how to report it.
"""

import errno
from collections.abc import Mapping
from pathlib import Path
from string import Formatter


def refusal(error: OSError) -> str:
    """Return a sentence for an error of the operating system: no permission, a full disk."""
    where = "A file" if error.filename is None else str(error.filename)
    why = (error.strerror or str(error)).rstrip(".")
    return (
        f"{where} cannot be read or written: {why}. See that the place is there, that you may use "
        "it and that there is room."
    )


#: What to say when the system has no memory left.
OUT_OF_MEMORY = "There is not enough memory for this. Close other programs, or use fewer neurons."


def lacks_memory(error: BaseException) -> bool:
    """Return whether memory ran out, which the loader of libraries reports as other errors."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    found: BaseException | None = error
    while found is not None:
        if any(words in str(found) for words in _NOT_LOADED):
            return True
        found = found.__cause__ or found.__context__
    return False


#: What the loader of shared libraries says when memory ends.
_NOT_LOADED = ("failed to map segment", "annot allocate memory", "cannot map zero-fill pages")


def install_extra(extra: str) -> str:
    """Return how to install an optional dependency, as a clause for a message."""
    return (
        f"install the extra '{extra}' (in the folder with the sources of napari-crbm run: "
        f'python -m pip install ".[{extra}]")'
    )


class CRBMError(Exception):
    """Base of everything this package raises on purpose."""


class RecordingError(CRBMError, ValueError):
    """A recording contradicts itself or cannot be used as it is."""


class NotBinary(RecordingError):
    """Activity has values other than zeros and ones."""


class FormatError(CRBMError, ValueError):
    """A file does not have the content that its reader expects.

    Control characters in the message, which come from the file, are shown as escape sequences.
    """

    def __str__(self) -> str:
        """Return the message on one line."""
        return "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
            for each in super().__str__()
        )


class UnknownLayout(FormatError):
    """No reader recognises the layout of a file; a profile can describe it.

    Parameters
    ----------
    message : str
    path : Path, optional
        The file.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class FieldNotFound(UnknownLayout, RecordingError):
    """A reader looks for a field by its name and finds none of the names it knows."""


class SeveralRecordings(FormatError):
    """A file holds several recordings, of which one has to be chosen.

    Parameters
    ----------
    message : str
    groups : tuple of str
        What can be chosen, as the option ``group``.
    """

    def __init__(self, message: str, groups: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.groups = groups


class ModelError(CRBMError, ValueError):
    """A model, its parameters or its settings make no sense together."""


class LabelError(CRBMError, ValueError):
    """A name, tag, note, colour or group of neurons cannot be used."""


class SettingError(ModelError, RecordingError):
    """A setting has a wrong type, is out of its range or contradicts another.

    Parameters
    ----------
    template : str
        The sentence, with the names of settings and further words in braces. A setting may
        have a value: ``{n_test_blocks:0}`` reads ``n_test_blocks=0`` in Python and
        ``--test-blocks 0`` on the command line.
    words : mapping of str to str, optional
        The further words. What remains in braces are names of settings.
    """

    def __init__(self, template: str, words: Mapping[str, str] | None = None) -> None:
        super().__init__(template, words)
        self.template = template
        self.words = dict(words or {})

    def __str__(self) -> str:
        return self.naming({})

    @property
    def settings(self) -> tuple[str, ...]:
        """Python names of the settings in the message."""
        found = (field for _, field, _, _ in Formatter().parse(self.template) if field)
        return tuple(field for field in found if field not in self.words)

    def naming(self, names: Mapping[str, str]) -> str:
        """The sentence with settings called as a form or the command line calls them."""
        parts = []
        for text, field, value, _ in Formatter().parse(self.template):
            parts.append(text)
            if field in self.words:
                parts.append(self.words[field])
            elif field and value:
                python = f"{field}={value}"
                option = f"{names[field]} {value}" if field in names else python
                parts.append(names.get(python, option))
            elif field:
                parts.append(names.get(field, field))
        return "".join(parts)


class NotTrained(ModelError, AttributeError):
    """An attribute or method needs a trained model."""


class TrainingStopped(CRBMError):
    """A training was stopped before it had a result."""


class TrainingDiverged(CRBMError, RuntimeError):
    """Training produced values that are not numbers, or weights that explode."""


class TrainingCollapsed(CRBMError, RuntimeError):
    """The penalty has driven the weights to zero: the model learns nothing."""
