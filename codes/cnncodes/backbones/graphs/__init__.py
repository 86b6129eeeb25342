"""ONNX graphs: how they are wired, and what is made of one: other layers, maps, means that stay."""
