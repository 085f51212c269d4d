"""What ``docs/gallery.md`` shows: a function for each figure, whose text stands on the page as the code that makes it.

The first line of a docstring is the title, the next paragraph says how to read the figure, and a last one, if it starts
with ``neurofer``, is the command that draws it too.
"""
