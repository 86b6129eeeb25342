"""The page on several labels an image: what it has instead of classes."""
