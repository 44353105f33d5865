"""Run the trainings of a sweep on Dask: on this machine's cores or a running scheduler."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from napari_crbm.analysis.selection.trial import run_trial
from napari_crbm.errors import CRBMError, install_extra
from napari_crbm.io.safety.replacing import reason
from napari_crbm.model import Control

_POLL_S = 0.5
# Time that running trainings have to write their checkpoints after a stop.
_GRACE_S = 60.0


@contextmanager
def connected(scheduler: str | None, n_workers: int) -> Iterator[Any]:
    """Open a Dask client of the scheduler at an address, or of a cluster on this machine.

    Raises
    ------
    CRBMError
        If `distributed` is missing or there is no scheduler at the address.
    """
    try:
        import dask
        from distributed import Client, LocalCluster, WorkerPlugin
    except ImportError as error:
        raise CRBMError(
            f"A Dask scheduler needs the library distributed: {install_extra('cluster')}."
        ) from error

    class IgnoreInterrupts(WorkerPlugin):
        """Ignore Ctrl-C in workers: they stop on request of the sweep and write a checkpoint."""

        def setup(self, worker: Any) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    if scheduler is None:
        with (
            # Each attempt continues from the last checkpoint, so a training may need many workers.
            dask.config.set({"distributed.scheduler.allowed-failures": 10}),
            _started(LocalCluster, n_workers) as cluster,
            # Computations of others in this process stay where they are.
            Client(cluster, set_as_default=False) as client,
            client.as_current(),
        ):
            client.register_plugin(IgnoreInterrupts())
            yield client
        return
    try:
        client = Client(scheduler, timeout=15, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CRBMError(
            f"There is no Dask scheduler at {scheduler}: start one, or check the address."
        ) from error
    with client, client.as_current():
        yield client


def _started(cluster: type[Any], n_workers: int) -> Any:
    """Start a Dask cluster on this machine that listens to this machine alone.

    Raises
    ------
    CRBMError
        If a worker ends before it is ready, as on a signal to all processes.
    """
    try:
        return cluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            # Without an address the scheduler's web server listens on port 8787,
            # dashboard or not. Port 0 is any free one.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        )
    except (RuntimeError, OSError, TimeoutError) as error:
        raise CRBMError(
            f"The workers of the sweep could not be started: {reason(error)}. Run the sweep again, "
            "with fewer workers at once if memory is short."
        ) from error


def completed(
    client: Any,
    tasks: list[tuple[Any, ...]],
    path: Path,
    folder: Path,
    checkpoint_s: float,
    control: Control,
) -> Iterator[None]:
    """Submit trainings and yield whenever some are finished, until all are.

    On a stop or Ctrl-C, running trainings write a checkpoint.

    Raises
    ------
    CRBMError
        If workers die again and again, or the scheduler is lost.
    """
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, wait
    from distributed.comm.core import CommClosedError

    folder = folder.resolve()
    stop_file = folder / f"stop-{uuid4().hex[:8]}"
    pending = {
        client.submit(run_trial, *task, path, folder, checkpoint_s, stop_file=stop_file, pure=False)
        for task in tasks
    }
    lost = False
    try:
        while pending and not control.stopped:
            try:
                done = wait(list(pending), timeout=_POLL_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            for future in done:
                try:
                    future.result()
                except KilledWorker as error:
                    raise CRBMError(
                        "Workers died again and again, perhaps for lack of memory: use fewer "
                        "workers at once. Finished trainings are kept; run the sweep again to go "
                        "on."
                    ) from error
            pending -= set(done)
            yield
    except (CommClosedError, CancelledError) as error:
        lost = True
        raise CRBMError(
            "The connection to the Dask scheduler was lost. Finished trainings and checkpoints are "
            "kept: start the scheduler again, and run the same command to go on."
        ) from error
    finally:
        if pending and not lost:
            _stop(client, pending, stop_file)


def _stop(client: Any, pending: set[Any], stop_file: Path) -> None:
    """Make running trainings write a checkpoint and end; trainings in the queue are dropped."""
    stop_file.touch()
    try:
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            # The training of a cancelled future would go on without a way to observe it.
            busy = {key for keys in client.processing().values() for key in keys}
            waiting = [future for future in pending if future.key not in busy]
            if waiting:
                client.cancel(waiting)
                pending = pending - set(waiting)
            if not pending or all(future.done() for future in pending):
                return
            time.sleep(0.1)
    finally:
        client.cancel(list(pending))
        stop_file.unlink(missing_ok=True)
