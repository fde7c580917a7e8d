"""The trainings behind docs/results, each run once, and the page that they make.

``catalogue`` which there are; ``driver`` runs what has no record yet; ``record`` a finished run as
a small JSON; ``aggregate`` all records as one; ``marks`` what the page is held against;
``results_page`` and ``course`` the page and its curves; ``publish`` a run as a shipped model;
``sweep`` several likelihood stds; ``studies`` one question each.
"""
