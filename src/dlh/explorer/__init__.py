"""``dlh explore``: a page on this machine on which one video and its levels are looked into.

``app`` is the page, and the only module that knows gradio. What it shows is computed in
``dlh.analysis.exploration`` and drawn in ``dlh.reports.figures.exploration``.
"""
