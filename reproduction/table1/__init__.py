"""Table 1: who predicts furthest? Worlds x models x seeds under one protocol, on equal terms.

``cells`` has the list: which model on which world, at which size. ``terms`` gives every model the
same core-hours, of which three short trials choose the learning rate, or the same training frames.
``work`` trains what has no run yet and scores it through :mod:`reproduction.comparison`; ``page``
writes table1.md.
"""
