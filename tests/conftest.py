"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# Time limits an example would measure how busy the machine is.
settings.register_profile("cnncodes", deadline=None, print_blob=True)
settings.load_profile("cnncodes")
