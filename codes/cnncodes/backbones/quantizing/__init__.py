"""Files of less precision: graphs of 8-bit and of 16-bit numbers."""
