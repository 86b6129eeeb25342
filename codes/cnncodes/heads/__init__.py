"""Classical classifiers, and regression (`cnncodes.heads.regression`), on CNN codes: 2-D arrays in.

Nothing is imported here: `cnncodes.heads.linear` scores with numpy alone, and only the modules that fit
(`estimator`, `selection`) load scikit-learn.
"""
