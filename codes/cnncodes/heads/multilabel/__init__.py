"""Multi-label heads on CNN codes: 2-D arrays in, a probability of each label out.

Nothing is imported here: `cnncodes.heads.multilabel.scorers` predicts with numpy alone, and only the modules
that fit load scikit-learn.
"""
