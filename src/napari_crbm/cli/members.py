"""The option ``--members``, shared by all commands that use the members of assemblies."""

from __future__ import annotations

from collections.abc import Callable

from napari_crbm.cli.generated import with_declared
from napari_crbm.declarations import declared
from napari_crbm.model.members.settings import MemberSettings


def with_members(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option ``--members``.

    The command has a parameter ``definition``, which receives it for
    `napari_crbm.cli.pairing.open_pair`.
    """
    return with_declared("definition", declared(MemberSettings))(command)
