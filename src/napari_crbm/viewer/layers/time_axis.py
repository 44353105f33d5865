"""Time axis of the viewer: napari's own slider and play button select the frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_crbm.recording import Recording
from napari_crbm.schematic import place_neurons
from napari_crbm.viewer.jobs.runners import Later, at_once
from napari_crbm.viewer.layers.points import add_quietly
from napari_crbm.viewer.state.workspace import Workspace

#: Name of the layer that makes napari show a slider of time.
TIME = "Time slider"


class TimeAxis:
    """Synchronise napari's slider of time with the frame of the workspace.

    napari shows a slider for every axis of a layer that is not displayed. Neurons have no
    time axis, so a layer of two invisible points, at the first and the last frame, provides
    it. Removing that layer removes only the slider.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    workspace : Workspace
    later : Later, optional
        Runs GUI work in pieces; at once by default. A slider takes napari 0.3 s.
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
            centre = place_neurons(recording).points.mean(axis=0)
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
            # At the bottom of the list: a new user should find the neurons on top.
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
        # napari emits the event for any axis, and when layers are added or removed.
        before, self._step = self._step, int(self.viewer.dims.current_step[0])
        if not self._moving and self._step != before:
            self.workspace.choose_frame(self._step)

    @property
    def _has_time(self) -> bool:
        """Whether the first axis is time: other layers may have more axes."""
        return TIME in self.viewer.layers and self.viewer.dims.ndim == self.viewer.layers[TIME].ndim
