"""`connect` and `disconnect` by C++ signature: `button.connect("clicked(bool)", function)`.

The signature decides which arguments the function gets, `"clicked()"` none. One that the object
does not have is an error at once. PySide6 calls the same two names itself, with other arguments,
when a script writes `button.clicked.connect(function)`: those calls go through as they are.
"""

import re
import weakref
from typing import Any

from PySide6 import QtCore

_native_connect: Any = QtCore.QObject.connect
_native_disconnect: Any = QtCore.QObject.disconnect
_normalised: Any = QtCore.QMetaObject.normalizedSignature
# Signals of the stand-ins carry Python objects where Slicer's carry these.
_VTK_TYPES = re.compile(r"\b(vtkMRMLNode\*|vtkMRMLScene\*|vtkObject\*|vtkIdType)")
_SIGNAL_MARK = "2"  # what the SIGNAL macro of Qt puts in front


def connect(reference: "weakref.ref[Any]", *arguments: Any) -> Any:
    """Connect a signal of the object to a callable, or to a slot of another object by signature.

    Raises
    ------
    ValueError
        The object has no signal of that signature.
    """
    sender = _alive(reference)
    match arguments:
        case (str(signature), receiver) if callable(receiver) and _is_plain(signature):
            _native_connect(sender, _native_form(sender, signature), receiver)
            return True
        case (str(signature), QtCore.QObject() as receiver, str(slot)) if _is_plain(signature):
            method = getattr(receiver, slot.partition("(")[0])
            _native_connect(sender, _native_form(sender, signature), method)
            return True
    return _native_connect(*arguments)


def disconnect(reference: "weakref.ref[Any]", *arguments: Any) -> Any:
    """Undo `connect`; return whether there was something to undo.

    Without a callable every receiver of the signal is let go.
    """
    sender = _alive(reference)
    match arguments:
        case (str(signature), receiver) if callable(receiver) and _is_plain(signature):
            return _native_disconnect(sender, _native_form(sender, signature), receiver)
        case (str(signature),) if _is_plain(signature):
            return _native_disconnect(sender, _native_form(sender, signature), None, None)
    return _native_disconnect(*arguments)


def _alive(reference: "weakref.ref[Any]") -> Any:
    sender = reference()
    if sender is None:
        raise ReferenceError("nobody holds the object whose signal is meant")
    return sender


def _is_plain(signature: str) -> bool:
    return not signature[:1].isdigit()


def _native_form(sender: Any, signature: str) -> str:
    form = _VTK_TYPES.sub("PyObject", _normalised(signature).data().decode())
    if sender.metaObject().indexOfSignal(form) < 0:
        kind = sender.metaObject().className()
        raise ValueError(f"{kind} has no signal {signature!r}; give its full C++ signature")
    return _SIGNAL_MARK + form
