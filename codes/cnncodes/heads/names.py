"""Names of heads, for those that list them without loading what fits them."""

from __future__ import annotations

#: Heads that become a `LinearScorer`; fine-tuning starts from any of them.
LINEAR = ("logistic", "linear-svm", "ridge", "lda", "centroid")

#: Heads by what they cost, the cheapest first: by prediction, then by training. All linear ones predict by
#: one product of the code with a row a class; "knn" compares with each training row, "rbf-svm" with many of
#: them, and takes time with their square in training.
BY_COST = ("centroid", "ridge", "lda", "logistic", "linear-svm", "knn", "rbf-svm")

#: All heads by name.
HEADS = (*LINEAR, "knn", "rbf-svm", "auto")

#: Heads that predict numbers, by name.
REGRESSION_HEADS = ("ridge", "knn", "kernel-ridge")

#: Heads that say of each of several labels whether an image has it, by name.
MULTILABEL_HEADS = ("logistic", "ridge", "knn")
