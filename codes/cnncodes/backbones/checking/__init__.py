"""Whether a backbone is sound, and still the network that it was made from."""
