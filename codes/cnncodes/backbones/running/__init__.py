"""ONNX Runtime: found, started on its providers, run and timed."""
