"""The module's widgets and all that stands behind them; nothing else imports `qt` and `ctk`.

    phases, machine, state, events, reduce     what can happen and what it changes: pure, a table
    view, messages, validate, tasks, log       what is said and shown of it: pure
    criteria, compared, sheets                 what is asked of doses, and results as rows: pure
    session, runs, children, lines, steps      what is done: a child process, steps between events
    segmentation, sealing, series, facts       the scene's side of a job
    comparing, comparison, dosefacts, worst    the same of two doses
    pages, comparepage                         a task each: its fields, its order, its results
    widget, form, connection, render, ...      the widgets, which decide nothing

`slicer` and `vtk` are imported from `facts` downwards, `qt` in the last row alone.
"""
