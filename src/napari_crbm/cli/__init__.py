"""The command line: one module per command, each a thin layer over the library."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

EXIT_ERROR = 1
EXIT_BUG = 70


def main() -> None:
    """Run ``napari-crbm``; print errors as one sentence, and for bugs how to report them."""
    from napari_crbm.cli.signals import Stopped, stop_on_signals

    # Before all imports, which take a second.
    stop_on_signals()
    try:
        _run()
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(stopped.exit_code)


def _without_lost_signals(app: Callable[[], object]) -> None:
    from napari_crbm.cli.signals import received

    try:
        app()
    except Exception as error:
        if (stopped := received()) is not None:
            raise stopped from error
        raise


def _run() -> None:
    try:
        _run_with_libraries()
    except Exception as error:
        from napari_crbm.errors import OUT_OF_MEMORY, lacks_memory

        if not lacks_memory(error):
            raise
        # Without the libraries that print in colours: they may be what did not fit.
        print(f"Error: {OUT_OF_MEMORY}", file=sys.stderr)
        sys.exit(EXIT_ERROR)


def _run_with_libraries() -> None:
    from napari_crbm.cli.app import app
    from napari_crbm.cli.console import complain, warn, write_any_text
    from napari_crbm.cli.offer import offer_profile
    from napari_crbm.errors import CRBMError, UnknownLayout, lacks_memory, refusal

    write_any_text()
    # Warnings are sentences for the user, who does not need the place in the code.
    warnings.showwarning = lambda message, *_, **__: warn(str(message))
    try:
        _without_lost_signals(app)
    except CRBMError as error:
        complain(str(error))
        if isinstance(error, UnknownLayout) and error.path is not None:
            offer_profile(error.path, sys.argv[1:])
        sys.exit(EXIT_ERROR)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_ERROR)
    except Exception as error:
        if lacks_memory(error):
            raise
        if isinstance(error, OSError):
            complain(refusal(error))
            sys.exit(EXIT_ERROR)
        import traceback

        from napari_crbm import __version__

        traceback.print_exc()
        complain(
            f"This is a bug in napari-crbm {__version__}. Please report it to the developers, with "
            "the lines above and the command you ran."
        )
        sys.exit(EXIT_BUG)
