"""Names of heads, for those that list them without loading what fits them."""

from __future__ import annotations

#: Heads that become a `LinearScorer`; fine-tuning starts from any of them.
LINEAR = ("logistic", "linear-svm", "ridge", "lda", "centroid")

#: All heads by name.
HEADS = (*LINEAR, "knn", "rbf-svm")
