"""The page on a regressor: what it has instead of classes."""
