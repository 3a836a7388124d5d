"""The first panel: what this version does and how a script calls it.

It has no button, because nothing here could be pressed that works already.
"""

from typing import Any

import qt
from slicer.i18n import tr as _

EXAMPLE = """\
from EncryptSecureRT import EncryptSecureRTLogic
logic = EncryptSecureRTLogic()
result = logic.segment(ctFolder="protected/ct", outputFolder="results",
                       url="https://worker.site:8443", homeFolder="home",
                       structures=["body", "lung_left"], progress=print)
print(result)
"""


def _label(text: str, name: str) -> qt.QLabel:
    label = qt.QLabel(text)
    label.wordWrap = True
    label.objectName = name
    return label


def fill_panel(layout: Any) -> tuple[object, ...]:
    """Add the widgets to the module's layout and return them, to be kept by the caller."""
    about = _label(
        _(
            "This version segments a protected CT series from a script, in a worker that has"
            " proved which code it runs. The form for it is not there yet, and results are files"
            " that are not loaded into the scene. Prepare the series and the home folder with the"
            " command line: encryptsecurert enroll, then encryptsecurert protect."
        ),
        "aboutLabel",
    )
    call = _label(_("In the Python console:"), "exampleLabel")
    example = qt.QPlainTextEdit(EXAMPLE)
    example.readOnly = True
    example.objectName = "exampleText"
    warning = _label(_("Not a medical device."), "warningLabel")
    widgets = (about, call, example, warning)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return widgets
