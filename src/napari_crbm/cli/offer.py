"""Offer the commands that open a file of unknown layout with the guessed profile."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from napari_crbm.cli.console import say


def offer_profile(path: Path, arguments: Sequence[str]) -> None:
    """Print what the arrays of a file seem to be, and the commands that use this guess.

    Parameters
    ----------
    path : path
        The file that could not be opened.
    arguments : sequence of str
        What was typed after ``napari-crbm``.
    """
    from napari_crbm.io.models.autosave import free_name
    from napari_crbm.io.unknown.offer import described, doubted, offered

    if "--profile" in arguments:
        return
    profile = offered(path)
    if profile is not None:
        say(described(path, profile))
        say("If that is right, write it as a profile and use it; if not, edit the profile first:")
    elif (why := doubted(path)) is not None:
        say(why)
        say("If it is activity after all, write a profile, name it there, and use it:")
    else:
        return
    name = str(free_name(Path(f"{path.stem}.profile.json")))
    say(f"  {shlex.join(['napari-crbm', 'info', str(path), '--save-profile', name])}")
    say(f"  {shlex.join(['napari-crbm', *arguments, '--profile', name])}")
