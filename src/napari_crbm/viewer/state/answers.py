"""What docks have computed of the shown model, for docks that draw it again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from napari_crbm.analysis import Responses
    from napari_crbm.model import CRBM

# They go with the model.
_responses: WeakKeyDictionary[CRBM, Responses] = WeakKeyDictionary()


def keep_responses(model: CRBM, responses: Responses | None) -> None:
    """Keep the latest averages around events of a model; None forgets them."""
    if responses is None:
        _responses.pop(model, None)
    else:
        _responses[model] = responses


def responses_of(model: CRBM) -> Responses | None:
    """Return the latest averages around events of a model, if there are any."""
    return _responses.get(model)
