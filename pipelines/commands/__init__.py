"""One module a command: ``add_arguments(parser)`` and ``run(args) -> exit status``. Slow imports stand in functions.

Several commands share ``console`` (all that is said), ``arguments``, ``folder`` (what lies in a folder), ``outputs``
(what results are called), ``pairs`` (photos before and after surgery), ``case_options`` (whose photos they are, and the
case file), ``batch`` (the work on each photo) and ``drawn_face``.
"""
