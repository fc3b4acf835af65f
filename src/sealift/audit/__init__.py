"""Where an artifact runs, why not further, and what else is wrong with it.

Facts come from :mod:`sealift.binary`, are collected into an :class:`~.inventory.Inventory`, and are
judged: :mod:`~.platform` gives the verdict (the best platform tag and the reasons against better
ones), :mod:`~.rules` give findings.  Nothing here edits anything.
"""
