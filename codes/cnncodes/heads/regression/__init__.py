"""Regression on CNN codes: 2-D arrays in, numbers out.

Nothing is imported here: `cnncodes.heads.regression.scorers` predicts with numpy alone, and only the modules
that fit load scikit-learn.
"""
