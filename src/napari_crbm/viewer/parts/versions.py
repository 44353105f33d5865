"""Check that the running napari is one that this plugin supports."""

from __future__ import annotations

import re

from napari_crbm.errors import CRBMError

#: Supported versions of napari: at least, and below. The extra "all" asks for the same.
OLDEST, BELOW = (0, 9), (0, 10)


def check_napari(version: str | None = None) -> None:
    """Refuse a napari that lacks what the layers of this plugin need.

    The plugin may be installed beside any napari; only the extra "all" brings a fitting one.

    Parameters
    ----------
    version : str, optional
        By default that of the installed napari.

    Raises
    ------
    CRBMError
        Says which version is needed, which is installed and how to change it.
    """
    if version is None:
        import napari

        version = str(napari.__version__)
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found and not OLDEST <= found < BELOW:
        oldest, below = (".".join(map(str, each)) for each in (OLDEST, BELOW))
        raise CRBMError(
            f"napari-crbm needs napari {oldest} (at least {oldest}, below {below}), but napari "
            f"{version} is running: install a fitting one with "
            f"pip install 'napari>={oldest},<{below}' and start napari again."
        )
