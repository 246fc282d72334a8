"""One module a command: ``add_arguments(parser)`` and ``run(args) -> exit status``. Slow imports stand in functions.

Several commands share ``console`` (all that is said), ``arguments``, ``batch`` (photos of a folder) and ``drawn_face``.
"""
