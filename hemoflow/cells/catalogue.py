"""The cells hemoflow knows. Every number names its source; what was never measured is marked as assumed, with the
reason.

Patient tumor cells are much smaller than the cultured lines made from them (breast 12.4 against 18.4 um in the same
pipeline), and size decides arrest more than anything else: choose between "ctc-breast" and "mcf-7" knowingly. No
direct measurement of the membrane shear modulus or of the surface viscosity of a circulating tumor cell was found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hemoflow.cells.celltype import CellType, Parameter, required, unknown

MENDELAAR = "Mendelaar et al. 2021, Mol Oncol, doi:10.1002/1878-0261.12802"
FISCHER = "Fischer-Friedrich et al. 2014, Sci Rep 4:6213"
TSAI = "Tsai et al. 1993, Biophys J (power-law fluid)"
TRAN_SON_TAY = "Tran-Son-Tay et al. 1991, Biophys J 60:856"
URBANSKA = "Urbanska et al. 2020, Nat Methods, doi:10.1038/s41592-020-0818-8"
COUNTERS = "range of many cell-counter reports, no single paper"
FARIA = "Faria et al. 2008, Analyst 133:1498"
LAMMERDING = "Lammerding 2011, Compr Physiol; direction from Park et al. 2014, doi:10.1371/journal.pone.0085264"
RED_CELL_PIPETTE = "Evans 1983; Evans and Waugh 1977; Waugh and Evans 1979"

VOLUME_MODULUS = Parameter(
    None, "Pa", confidence="derived",
    note="numerical penalty, not a property of the cell: 5 times the larger of 2 T/a and 2 G/a",
)  # fmt: skip
FREE_AREA = Parameter(
    0.0, "N/m", low=0.0,
    note="folds hold more than 100 % extra membrane area (neutrophils, standard haematology values), so the total area "
    "is free; set it for what lies beyond area_reserve",
)  # fmt: skip
NO_LOCAL_AREA = Parameter(0.0, "N/m", low=0.0, note="the law resists changes of area by itself, or nothing does")
FOLDS = Parameter(
    1.0, "1", low=0.0, source="standard haematology values", confidence="assumed",
    note="neutrophils: folds allow more than 100 % apparent area increase; no value for tumor cells found. Without effect while "
    "area_modulus is 0",
)  # fmt: skip
ROUND = Parameter(1.0, "1", note="a sphere; the thickness of a discocyte is that of its shape")
NO_FOLDS = Parameter(0.0, "1", low=0.0, note="a smooth membrane")
NO_SPONTANEOUS_CURVATURE = Parameter(0.0, "1/m", note="no measurement; zero is the usual choice for a closed cortex")
NOT_USED = Parameter(0.0, "1", low=0.0, note="C of Skalak's and the Hookean law; the neo-Hookean law does not use it")
PRECEDENT_BENDING = Parameter(
    3.3e-18, "J", low=1.15e-19, high=3.3e-18,
    source="input of a published simulation, github.com/oiomm/hemocell_CTC_adhesion",
    note="not a measurement; a pure lipid bilayer has 1.8e-19 J. Small beside tension: kappa/(T a^2) is below 0.01",
)  # fmt: skip
BILAYER_LYSIS = Parameter(
    0.01, "N/m", 0.005, 0.012, RED_CELL_PIPETTE, "assumed",
    "measured on red cells; assumed for this cell because plasma membranes are lipid bilayers alike",
)  # fmt: skip


def _shear_modulus(tension: float) -> Parameter:
    return Parameter(
        0.0, "N/m", low=0.0, high=tension, source="model of Yeung and Evans 1989, Biophys J 56:139", confidence="assumed",
        note="no measurement found. The cortical shell, liquid core model: a cortex that flows and carries its tension alone; a "
        "larger value makes it elastic",
    )  # fmt: skip


TUMOR_TENSION = Parameter(
    2e-4, "N/m", 1e-4, 1e-3, FISCHER, "recalled",
    "measured on rounded HeLa cells between parallel plates (1.6e-3 in mitosis); taken as the band of carcinoma cells",
)  # fmt: skip
TUMOR_VISCOSITY = Parameter(
    130.0, "Pa s", 50.0, 500.0, TSAI, "assumed",
    "measured on neutrophils, at 1/s; HL60 cells seem to have half of it; no value for tumor cells found",
)  # fmt: skip
THINNING = Parameter(0.52, "1", source=TSAI, confidence="recalled", note="viscosity falls as rate^-b")
NEUTROPHIL_AT_REST = Parameter(
    150.0, "Pa s", 60.0, 500.0, TRAN_SON_TAY, "derived",
    "tension (2.4e-5 to 2.7e-5 N/m) over the ratio of tension to viscosity that recovery shows, 1.7e-7 m/s (verified). 60 by "
    "extrapolation to no deformation, Hochmuth et al. 1993; 500 in a pipette at 98 Pa, Tsai et al. 1993",
)  # fmt: skip
TUMOR_AT_REST = Parameter(
    150.0, "Pa s", 60.0, 500.0, TRAN_SON_TAY, "assumed", "derived for neutrophils; no value for tumor cells found"
)  # fmt: skip
TUMOR_NUCLEUS = Parameter(0.7, "1", 0.6, 0.85, LAMMERDING, "recalled", "patient cells at the high end of the range")
TUMOR_NUCLEUS_STIFFNESS = Parameter(5.0, "1", 2.0, 10.0, LAMMERDING, "recalled", "nucleus over cytoplasm")

_TUMOR = CellType(
    name="tumor",
    description="tumor cell with the mechanics of rounded carcinoma cells",
    diameter=required("m"),
    thickness_ratio=ROUND,
    cortical_tension=TUMOR_TENSION,
    shear_modulus=_shear_modulus(2e-4),
    area_dilation=NOT_USED,
    bending_modulus=PRECEDENT_BENDING,
    spontaneous_curvature=NO_SPONTANEOUS_CURVATURE,
    area_modulus=FREE_AREA,
    local_area_modulus=NO_LOCAL_AREA,
    area_reserve=FOLDS,
    volume_modulus=VOLUME_MODULUS,
    cytoplasm_viscosity=TUMOR_VISCOSITY,
    viscosity_thinning=THINNING,
    resting_viscosity=TUMOR_AT_REST,
    nucleus_diameter_ratio=TUMOR_NUCLEUS,
    nucleus_stiffness_ratio=TUMOR_NUCLEUS_STIFFNESS,
    youngs_modulus=unknown("Pa", "no measurement found"),
    membrane_viscosity=unknown("N s/m"),
    lysis_tension=BILAYER_LYSIS,
)


def _patient(name: str, tissue: str, diameter: float, low: float | None = None, high: float | None = None) -> CellType:
    size = Parameter(
        diameter, "m", low, high, MENDELAAR, "verified",
        "image median over patients, CellSearch cartridge, cells fixed"
        + ("" if low is None else "; the range is the band used for modelling, not a quantile"),
    )  # fmt: skip
    return replace(
        _TUMOR, name=name, description=f"circulating tumor cell from {tissue} cancer patients", diameter=size
    )


def _line(name: str, text: str, size: tuple[float, float, float], modulus: Parameter) -> CellType:
    low, middle, high = size
    diameter = Parameter(
        middle,
        "m",
        low,
        high,
        COUNTERS,
        "recalled",
        "in suspension; prefer the size measured in the experiment modelled",
    )
    return replace(_TUMOR, name=name, description=text, diameter=diameter, youngs_modulus=modulus)


_AFM = "adherent cells, atomic force microscopy; depends on tip, rate and depth"

_NEUTROPHIL_TENSION = Parameter(
    2.7e-5, "N/m", 2.4e-5, 3.5e-5, TSAI, "verified",
    "micropipette; 3.5e-5 in Evans and Yeung 1989, 2.4e-5 in Hochmuth et al. 1993, Biophys J 64:1596",
)  # fmt: skip

_NEUTROPHIL = replace(
    _TUMOR,
    name="neutrophil",
    description="passive human neutrophil in suspension",
    diameter=Parameter(8.4e-6, "m", 8e-6, 9e-6, "standard haematology values", "recalled"),
    cortical_tension=_NEUTROPHIL_TENSION,
    shear_modulus=_shear_modulus(2.7e-5),
    cytoplasm_viscosity=Parameter(
        130.0, "Pa s", 50.0, 500.0, TSAI, "recalled",
        "at 1/s; the range, 500 at 98 Pa to 50 at 882 Pa of aspiration, is verified",
    ),
    resting_viscosity=NEUTROPHIL_AT_REST,
    nucleus_diameter_ratio=Parameter(
        0.6, "1", 0.5, 0.65, "standard haematology values", "recalled", "lobed, about a fifth of the volume"
    ),
    nucleus_stiffness_ratio=unknown("1", "lobed nucleus; no ratio found"),
    membrane_viscosity=Parameter(
        0.1, "N s/m", None, None, "Drury and Dembo 2001, Biophys J, doi:10.1016/S0006-3495(01)75953-X", "verified",
        "surface dilatational viscosity at low rates, from a fit to aspiration; shear-thinning",
    ),
)  # fmt: skip

_HL60 = replace(
    _NEUTROPHIL,
    name="hl60",
    description="HL60 leukaemia cell in suspension, 300 mOsm",
    diameter=Parameter(
        13.15e-6, "m", 11.33e-6, 15.62e-6, URBANSKA, "verified",
        "median of 9734 control cells, from the raw volumes",
    ),
    cortical_tension=Parameter(
        2.7e-5, "N/m", 2.4e-5, 2e-4, TSAI, "assumed", "no value for HL60 found; that of its mature form, the neutrophil"
    ),
    cytoplasm_viscosity=Parameter(
        65.0, "Pa s", 50.0, 500.0, URBANSKA, "fitted",
        "to the median passage of 12 to 13 um cells through a slit, at 1/s; rests on the device's pressure, which was fitted with "
        "the neutrophil's viscosity to smaller cells: the data fix viscosity over pressure only",
    ),
    resting_viscosity=Parameter(
        75.0, "Pa s", 30.0, 500.0, URBANSKA, "fitted", "the neutrophil's times the factor of cytoplasm_viscosity, 0.5"
    ),
    nucleus_diameter_ratio=unknown("1"),
    nucleus_stiffness_ratio=unknown("1"),
    membrane_viscosity=unknown("N s/m"),
)  # fmt: skip

_NONE = Parameter(0.0, "N/m", note="absent in this model")
_NO_NUCLEUS: dict[str, Any] = {
    "cytoplasm_viscosity": unknown("Pa s", "the model has the viscosity of the fluid around it"),
    "viscosity_thinning": unknown("1", "not part of the model"),
    "resting_viscosity": unknown("Pa s", "the model has the viscosity of the fluid around it"),
    "nucleus_diameter_ratio": unknown("1", "the model has no nucleus"),
    "nucleus_stiffness_ratio": unknown("1", "the model has no nucleus"),
}
_ABSENT: dict[str, Any] = _NO_NUCLEUS | {
    "youngs_modulus": unknown("Pa", "not part of the model"),
    "membrane_viscosity": unknown("N s/m", "not part of the model"),
    "lysis_tension": unknown("N/m", "not part of the model"),
}

_CAPSULE = replace(
    _TUMOR,
    name="capsule",
    description="model capsule: an elastic membrane around a liquid, every modulus as given",
    law="skalak",
    cortical_tension=_NONE,
    shear_modulus=required("N/m", "surface shear modulus G"),
    area_dilation=Parameter(1.0, "1", low=0.0, note="C = 1, the value most papers on capsules use"),
    bending_modulus=Parameter(0.0, "J", low=0.0, note="a membrane without bending resistance unless given"),
    area_modulus=_NONE,
    area_reserve=NO_FOLDS,
    **_ABSENT,
)

_DROP = replace(
    _CAPSULE,
    name="drop",
    description="model drop: a constant surface tension and nothing else",
    law="none",
    bending="none",
    cortical_tension=required("N/m", "surface tension"),
    shear_modulus=_NONE,
)

_RED_CELL = replace(
    _TUMOR,
    name="red-cell",
    description="healthy human red cell, a biconcave discocyte at rest",
    shape="discocyte",
    law="skalak",
    diameter=Parameter(
        7.82e-6, "m", 7.0e-6, 8.2e-6, "Evans and Fung 1972, Microvasc Res 4:335", "recalled",
        "with the thickness of their mean shape: 94 um^3 and 134 um^2",
    ),
    cortical_tension=Parameter(0.0, "N/m", note="a red cell is flaccid: its membrane is free of tension at rest"),
    shear_modulus=Parameter(
        3.05e-6, "N/m", 2e-6, 1e-5, "Zavodszky et al. 2017, Front Physiol 8:563", "fitted",
        "to the diameters under tweezers at 50, 100 and 150 pN, with C below. Skalak's law on other data gave 2.4e-6 to 2.75e-6 "
        "(SD 0.5e-6; Dimitrakopoulos 2012, Phys Rev E)",
    ),
    area_dilation=Parameter(
        1.0, "1", 0.0, None, "Zavodszky et al. 2017, Front Physiol 8:563", "fitted",
        "with the shear modulus: larger values leave the stretched cell too wide. The whole area is held by area_modulus",
    ),
    bending_modulus=Parameter(
        2.4e-19, "J", 1.15e-19, 9e-19, "Fedosov, PMC3529161", "verified", "1.8e-19 by pipette buckling, Evans 1983"
    ),
    spontaneous_curvature=Parameter(0.0, "1/m", note="no measurement; zero is the usual choice"),
    area_modulus=Parameter(
        5e-4, "N/m", None, 0.5, RED_CELL_PIPETTE, "assumed",
        "measured: 0.45 (0.3 to 0.5), which would ask for time steps a thousand times shorter; this keeps the area within 1 % "
        "under tweezers",
    ),
    area_reserve=NO_FOLDS,
    membrane_viscosity=Parameter(
        5e-7, "N s/m", None, None, "Hochmuth and Hampel 1979, J Rheol 23:669, doi:10.1122/1.549540", "verified",
        "with a shear modulus of 4e-6 N/m; recovery in about 0.3 s",
    ),
    lysis_tension=Parameter(0.01, "N/m", 0.005, 0.012, RED_CELL_PIPETTE, "recalled"),
    **(_NO_NUCLEUS | {"youngs_modulus": unknown("Pa", "a membrane around a liquid has none")}),
)  # fmt: skip

_PLATELET = replace(
    _RED_CELL,
    name="platelet",
    description="resting platelet, a flat spheroid",
    shape="spheroid",
    diameter=Parameter(
        2.0e-6, "m", None, None, "Anvari et al. 2021, Sci Rep, doi:10.1038/s41598-021-94735-y", "verified",
        'a resting disc, "about two micrometers"',
    ),
    thickness_ratio=Parameter(0.25, "1", note="a disc of 0.5 um; no source was read for its thickness"),
    cortical_tension=Parameter(0.0, "N/m", note="no value found; its elasticity holds its shape"),
    shear_modulus=Parameter(
        8e-4, "N/m", 8e-5, 4e-3, "Radmacher et al. 1996, Biophys J 70:556", "assumed",
        "E h/3 for the modulus below and half of the thickness: a membrane as stiff as the solid body it stands for",
    ),
    area_dilation=Parameter(1.0, "1", low=0.0, note="as for the red cell"),
    bending_modulus=Parameter(
        3e-18, "J", note="E h^3/12 with h = 0.15 um; no measurement found. It keeps the rim from folding"
    ),
    area_modulus=_NONE,
    youngs_modulus=Parameter(
        1e4, "Pa", 1e3, 5e4, "Radmacher et al. 1996, Biophys J 70:556", "recalled", "spread platelets, atomic force microscopy"
    ),
    membrane_viscosity=unknown("N s/m"),
    lysis_tension=unknown("N/m"),
)  # fmt: skip

_TYPES = (
    _patient("ctc-breast", "breast", 12.4e-6, 10e-6, 15e-6),
    _patient("ctc-prostate", "prostate", 10.3e-6),
    _patient("ctc-colorectal", "colorectal", 7.5e-6),
    _patient("ctc-bladder", "bladder", 8.6e-6),
    _line(
        "mcf-7", "MCF-7 breast cancer line in suspension", (15e-6, 17e-6, 20e-6),
        Parameter(500.0, "Pa", 300.0, 1000.0, "Li et al. 2008, Biochem Biophys Res Commun", "recalled", _AFM),
    ),
    _line(
        "mda-mb-231", "MDA-MB-231 breast cancer line in suspension", (13e-6, 16e-6, 18e-6),
        Parameter(450.0, "Pa", 200.0, 700.0, "range over reports", "recalled", _AFM),
    ),
    _line(
        "pc-3", "PC-3 prostate cancer line in suspension", (16e-6, 18e-6, 21e-6),
        Parameter(1401.0, "Pa", 1239.0, 1563.0, FARIA, "recalled", _AFM),
    ),
    _line(
        "lncap", "LNCaP prostate cancer line in suspension", (14e-6, 17e-6, 19e-6),
        Parameter(287.0, "Pa", 235.0, 339.0, FARIA, "recalled", _AFM),
    ),
    _line(
        "du-145", "DU145 prostate cancer line in suspension", (14e-6, 17e-6, 20e-6),
        unknown("Pa", "no measurement found"),
    ),
    _HL60,
    _NEUTROPHIL,
    _RED_CELL,
    _PLATELET,
    _CAPSULE,
    _DROP,
)  # fmt: skip

CATALOGUE: dict[str, CellType] = {cell.name: cell for cell in _TYPES}
"""Every known cell type by the name used in case files. A type is made ready to build by `CellType.with_values`."""
