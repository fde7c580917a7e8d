"""``dlh analyse``: sections 4.3 and 4.4 and appendix C.3 of the paper, for any run and any data.

``subject`` what is analysed; ``held_out`` on which clips; ``compute`` the numbers; ``futures``
those of sampled futures; ``numbers`` analysis.json; ``pictures`` the figures; ``page``
analysis.html, with its ``captions`` and what the paper ``printed``; ``command`` all of it in order.
"""
