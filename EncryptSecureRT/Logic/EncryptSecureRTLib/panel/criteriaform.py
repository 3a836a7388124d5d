"""The criteria of a comparison as widgets: a preset sets several of them, a change leaves it.

A choice goes into the parameter node at once, and comes back from there when a scene is loaded.
"""

from collections.abc import Callable
from typing import Any

from EncryptSecureRTLib.panel.criteria import CUSTOM, MODES, PRESETS, Criteria
from EncryptSecureRTLib.panel.words import _

_MODE_TITLES = (_("Certified"), _("Pass or fail"))
_MAXIMUM, _GIVEN = range(2)
_NORM_TITLES = (_("Maximum of the reference"), _("A dose of"))


class CriteriaForm:
    """The widgets of the section Criteria.

    Parameters
    ----------
    changed : called after each choice.
    """

    def __init__(self, ui: Any, changed: Callable[[], None]) -> None:
        self._ui, self._changed = ui, changed
        self._parameters: Any = None
        self._filling = False
        ui.presetComboBox.addItems([*(preset.title for preset in PRESETS), CUSTOM])
        ui.normComboBox.addItems(list(_NORM_TITLES))
        ui.modeComboBox.addItems(list(_MODE_TITLES))
        ui.presetComboBox.connect("currentIndexChanged(int)", self._preset_chosen)
        for box, field in (
            (ui.doseDifferenceSpinBox, "dosePercent"),
            (ui.dtaSpinBox, "dtaMm"),
            (ui.thresholdSpinBox, "thresholdPercent"),
            (ui.prescriptionSpinBox, "prescriptionGy"),
        ):
            self._tie(box, "valueChanged(double)", field, float)
        self._tie(ui.localGammaCheckBox, "toggled(bool)", "localGamma", bool)
        self._tie(ui.dvhCheckBox, "toggled(bool)", "dvh", bool)
        ui.normSpinBox.connect("valueChanged(double)", lambda _value: self._norm_chosen())
        ui.normComboBox.connect("currentIndexChanged(int)", lambda _place: self._norm_chosen())
        self._tie(ui.modeComboBox, "currentIndexChanged(int)", "gammaMode", MODES.__getitem__)
        self._show_what_depends()

    def _tie(self, widget: Any, signal: str, field: str, read: Callable[[Any], Any]) -> None:
        widget.connect(signal, lambda value: self._keep(**{field: read(value)}))

    # ---- both ways to the parameter node

    def connect_to(self, parameters: Any) -> None:
        """Show what a parameter node holds, and keep choices in it from now on; None lets go."""
        self._parameters = parameters
        self.show()

    def show(self) -> None:
        """Show what the parameter node holds."""
        ui, kept = self._ui, self._parameters
        if kept is None:
            return
        self._filling = True
        try:
            ui.doseDifferenceSpinBox.value = kept.dosePercent
            ui.dtaSpinBox.value = kept.dtaMm
            ui.thresholdSpinBox.value = kept.thresholdPercent
            ui.localGammaCheckBox.checked = kept.localGamma
            ui.normComboBox.currentIndex = _GIVEN if kept.normGy else _MAXIMUM
            if kept.normGy:
                ui.normSpinBox.value = kept.normGy
            known = kept.gammaMode in MODES  # a later version may know others
            ui.modeComboBox.currentIndex = MODES.index(kept.gammaMode) if known else -1
            ui.dvhCheckBox.checked = kept.dvh
            ui.prescriptionSpinBox.value = kept.prescriptionGy
        finally:
            self._filling = False
        self._show_what_depends()

    @property
    def criteria(self) -> Criteria:
        """What is chosen."""
        kept = self._parameters
        if kept is None:
            return Criteria()
        return Criteria(
            dose_percent=kept.dosePercent,
            dta_mm=kept.dtaMm,
            threshold_percent=kept.thresholdPercent,
            local=kept.localGamma,
            norm_gy=kept.normGy or None,
            mode=kept.gammaMode,
            dvh=kept.dvh,
            prescription_gy=kept.prescriptionGy or None,
        )

    def _keep(self, **values: Any) -> None:
        if self._parameters is None or self._filling:
            return
        for field, value in values.items():
            setattr(self._parameters, field, value)
        self._show_what_depends()
        self._changed()

    def _preset_chosen(self, place: int) -> None:
        if self._filling or not 0 <= place < len(PRESETS):
            return
        one = PRESETS[place]
        self._keep(
            dosePercent=one.dose_percent,
            dtaMm=one.dta_mm,
            thresholdPercent=one.threshold_percent,
            localGamma=one.local,
            normGy=0.0,
        )
        self.show()

    def _norm_chosen(self) -> None:
        ui = self._ui
        is_given = ui.normComboBox.currentIndex == _GIVEN
        self._keep(normGy=float(ui.normSpinBox.value) if is_given else 0.0)

    def _show_what_depends(self) -> None:
        """Show the preset that the numbers are, and only such fields as mean something."""
        ui, chosen = self._ui, self.criteria
        place = chosen.preset()
        was, self._filling = self._filling, True
        ui.presetComboBox.currentIndex = len(PRESETS) if place is None else place
        self._filling = was
        ui.normSpinBox.setVisible(chosen.norm_gy is not None)
        for widget in (ui.prescriptionLabel, ui.prescriptionSpinBox):
            widget.setVisible(chosen.dvh)
