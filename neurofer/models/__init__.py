"""Networks of the ``ann`` backend and their parts; made from plain arguments, never from a configuration."""
