"""From where on figures are said to tell little, or a difference to be clear: for text and pages alike."""

from __future__ import annotations

#: Groups, or images without any, below which the bootstrap holds the truth clearly less often than it says.
FEW_GROUPS = 10

#: Images below which figures tell little: of a class, the interval of its recall is a quarter wide even where
#: all are right; of a label, average precision is too high; of numbers, one that is far off moves them all.
FEW_IMAGES = 10

#: P-value of a test below which a difference is called clear.
LEVEL = 0.05

#: Share of truths that intervals of predicted numbers hold, where nothing else is asked for.
COVERAGE = 0.9
