"""Fine-tuning: a backbone's graph as a torch module, trained from a classical head on, and written back."""
