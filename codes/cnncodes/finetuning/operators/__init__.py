"""What ONNX's operators are in torch: one small function an operator."""
