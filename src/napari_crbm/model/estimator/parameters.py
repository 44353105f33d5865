"""Parameters of an estimator as scikit-learn expects them, without depending on it.

Training settings are parameters too; their descriptions come from `Settings`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar, Self, TypeVar

from napari_crbm.errors import ModelError
from napari_crbm.model.training.settings import Settings

_Class = TypeVar("_Class", bound=type)

_ENTRY = re.compile(r"^(\w+) : .+\n(?: +.+\n?)+", re.MULTILINE)


def with_settings(owner: _Class) -> _Class:
    """Add to the docstring the training settings that are parameters and not described yet."""
    if owner.__doc__ is None or Settings.__doc__ is None:
        return owner
    first, heading, rest = inspect.cleandoc(owner.__doc__).partition("\n\nAttributes\n")
    described = {entry[1] for entry in _ENTRY.finditer(first)}
    entries = [
        entry[0].rstrip()
        for entry in _ENTRY.finditer(Settings.__doc__)
        if entry[1] not in described
    ]
    owner.__doc__ = "\n".join([first, *entries]) + heading + rest
    return owner


class Parameters:
    """`get_params`, `set_params` and tags, from the parameters of ``__init__``.

    A subclass stores every parameter unchanged in an attribute of the same name. Parameters of
    any other name are refused at construction.
    """

    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls) -> None:
        # `__new__` would hide the parameters of `__init__` from inspection.
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        cls.__signature__ = inspect.Signature(parameters)

    def __new__(cls, *values: Any, **params: Any) -> Self:
        """Refuse unknown parameters before ``__init__`` does so with a traceback."""
        cls._require_known(params)
        return super().__new__(cls)

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names of all parameters of the constructor, sorted."""
        parameters = inspect.signature(cls.__init__).parameters.values()
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return sorted(p.name for p in parameters if p.kind in named and p.name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters by name.

        Parameters
        ----------
        deep : bool
            Has no effect, since no parameter is an estimator.
        """
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters and return the estimator; the next `fit` uses them.

        Raises
        ------
        ModelError
            If there is no parameter of that name.
        """
        self._require_known(params)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    @classmethod
    def _require_known(cls, names: Iterable[str]) -> None:
        known = cls.parameter_names()
        for name in names:
            if name not in known:
                near = get_close_matches(name, known, n=3)
                hint = (
                    f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(known)}."
                )
                raise ModelError(f"{cls.__name__} has no parameter '{name}'. {hint}")

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator to scikit-learn, which is imported only when it asks."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float32"]),
            input_tags=InputTags(sparse=True),
        )
