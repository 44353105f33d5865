"""Time as an axis of the viewer: napari's own slider, and its play button, move the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_crbm.recording import Recording
from napari_crbm.viewer.jobs.runners import Later, at_once
from napari_crbm.viewer.layers.points import add_quietly
from napari_crbm.viewer.state.workspace import Workspace

#: Says in the list of layers what it is there for.
TIME = "Time slider"


class TimeAxis:
    """Keep the viewer's slider of time and the workspace's frame in step.

    napari has a slider for every axis that is not displayed and that some layer has. Neurons
    have no time, so a layer of two invisible points, in the first and in the last frame, has
    it for them. Removing that layer removes the slider, and nothing else.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    later : Later, optional
        At once by default. napari takes a third of a second to make a slider.
    """

    def __init__(self, viewer: Any, workspace: Workspace, later: Later = at_once) -> None:
        self.viewer = viewer
        self.workspace = workspace
        self.later = later
        self._moving = False
        self._step = 0
        workspace.recording_changed.connect(self._show_recording)
        workspace.frame_changed.connect(self._show_frame)
        viewer.dims.events.current_step.connect(self._on_step)
        self._show_recording()

    def _show_recording(self) -> None:
        recording = self.workspace.recording
        if TIME in self.viewer.layers:
            self._moving = True
            try:
                self.viewer.layers.remove(self.viewer.layers[TIME])
            finally:
                self._moving = False
        if recording is not None and recording.n_frames > 1:
            self.later(TIME, self._add(recording))

    def _add(self, recording: Recording) -> Iterator[None]:
        # The neurons are drawn first.
        yield
        self._moving = True
        try:
            centre = recording.coordinates.mean(axis=0)
            ends = [np.concatenate([[frame], centre]) for frame in (0, recording.n_frames - 1)]
            from napari.layers import Points

            layer = Points(
                np.array(ends),
                name=TIME,
                size=1.0,
                opacity=0.0,
                border_width=0,
                antialiasing=0,
                scale=(recording.frame_interval_s, 1.0, 1.0, 1.0),
                units=("s", "um", "um", "um"),
                axis_labels=("time", "z", "y", "x"),
            )
            # Kept out of the way: the neurons should be what a new user sees on top.
            add_quietly(self.viewer, self.viewer.layers.insert, 0, layer)
            self._step = self.workspace.frame or 0
            self.viewer.dims.set_current_step(0, self._step)
        finally:
            self._moving = False

    def _show_frame(self) -> None:
        frame = self.workspace.frame
        if frame is None or not self._has_time:
            return
        self._moving = True
        try:
            self.viewer.dims.set_current_step(0, frame)
        finally:
            self._moving = False

    def _on_step(self, _event: Any) -> None:
        if not self._has_time or self.viewer.dims.ndisplay >= self.viewer.dims.ndim:
            return
        # The event comes for any axis, and when layers come and go.
        before, self._step = self._step, int(self.viewer.dims.current_step[0])
        if not self._moving and self._step != before:
            self.workspace.choose_frame(self._step)

    @property
    def _has_time(self) -> bool:
        """Whether the first axis is ours: other layers may have more axes."""
        return TIME in self.viewer.layers and self.viewer.dims.ndim == self.viewer.layers[TIME].ndim
