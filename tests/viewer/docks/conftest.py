"""Tested without a canvas, but for tests that are marked with ``canvas``."""

from tests.viewer.without_canvas import viewer

__all__ = ["viewer"]
