"""What every walk needs: nothing of the person is touched, and nothing goes wrong unseen."""

from __future__ import annotations

import threading

import pytest

from tests.viewer.conftest import own_files  # noqa: F401


@pytest.fixture
def failures(monkeypatch):
    """Everything that went wrong without anybody being told: must stay empty."""
    from napari.utils.notifications import NotificationSeverity, notification_manager

    found = []

    def heard(notification):
        if notification.severity >= NotificationSeverity.WARNING:
            found.append(f"shown to the person: {notification.message}")

    notification_manager.notification_ready.connect(heard)
    monkeypatch.setattr(
        threading, "excepthook", lambda args: found.append(f"in a thread: {args.exc_value!r}")
    )
    yield found
    notification_manager.notification_ready.disconnect(heard)
