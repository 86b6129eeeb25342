"""Training a network further, from its ONNX file and back into the same file."""
