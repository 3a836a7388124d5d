"""The module's widgets; the only place that imports `qt` and `ctk`.

As yet there is `first`, a panel that says what works and how a script calls it, and `selftest`,
the checks of the module's self test. The panel with a form, an Apply button and results will be a
function of one state, with that state's table in a module without widgets.
"""
