"""What things are made of: how a struck object rings, what it looks like and what captions call it.

Frequencies in Hz, times in seconds. The numbers come from the physics of bars, plates and membranes (mode ratios of a
free bar 1 : 2.76 : 5.40 : 8.93, of an ideal drum skin 1 : 1.59 : 2.14 ...), not from measured objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]

SIZES: Final = (0.7, 1.4)
"""The smallest and the largest object of a material, relative to a middle one, across and in height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One material. `f0_hz`: the lowest mode of its largest object, and of its smallest. `t60_s` is the decay of that
    mode; higher modes decay faster by (f0/f)^`damping_slope`.

    `contact_s` is how long the stick stays on the object (long = dull), `noise_share` the burst's share of the peak.
    """

    name: str
    adjective: str
    objects: tuple[str, ...]
    shape: str  # a name of `drawing.SHAPES`
    colours: tuple[Colour, ...]
    verbs: tuple[str, ...]
    f0_hz: tuple[float, float]
    ratios: tuple[float, ...]
    t60_s: tuple[float, float]
    damping_slope: float
    tilt: float
    contact_s: float
    noise_share: float
    noise_band_hz: tuple[float, float]
    noise_decay_s: float

    def pitch_hz(self, size: float) -> float:
        """Returns the lowest mode of an object of a size, log-linear over `SIZES`: large objects are low."""
        smallest, largest = SIZES
        height = math.log(largest / size) / math.log(largest / smallest)
        low_hz, high_hz = self.f0_hz
        return low_hz * (high_hz / low_hz) ** height


WOOD: Final = Material(
    name="wood",
    adjective="wooden",
    objects=("table", "door", "box", "board", "crate"),
    shape="box",
    colours=((150, 98, 52), (176, 124, 70), (120, 74, 40)),
    verbs=("knock", "tap", "hit", "strike"),
    f0_hz=(180.0, 420.0),
    ratios=(1.0, 2.57, 3.4, 4.95, 6.9, 9.2),
    t60_s=(0.12, 0.22),
    damping_slope=0.6,
    tilt=0.45,
    contact_s=0.0010,
    noise_share=0.40,
    noise_band_hz=(700.0, 5000.0),
    noise_decay_s=0.010,
)
METAL: Final = Material(
    name="metal",
    adjective="metal",
    objects=("pipe", "railing", "can", "pot", "bar"),
    shape="bar",
    colours=((150, 158, 168), (118, 128, 142), (184, 178, 160)),
    verbs=("hit", "strike", "bang", "tap"),
    f0_hz=(420.0, 1100.0),
    ratios=(1.0, 1.51, 2.76, 3.9, 5.40, 7.1, 8.93),
    t60_s=(0.9, 1.6),
    damping_slope=0.55,
    tilt=0.22,
    contact_s=0.0003,
    noise_share=0.25,
    noise_band_hz=(1500.0, 7000.0),
    noise_decay_s=0.006,
)
GLASS: Final = Material(
    name="glass",
    adjective="glass",
    objects=("bottle", "jar", "vase", "bowl"),
    shape="vessel",
    colours=((150, 214, 222), (120, 200, 170), (170, 200, 240)),
    verbs=("tap", "clink", "hit", "strike"),
    f0_hz=(1300.0, 2600.0),
    ratios=(1.0, 1.04, 2.32, 3.1, 4.25),
    t60_s=(0.45, 0.85),
    damping_slope=0.7,
    tilt=0.5,
    contact_s=0.0002,
    noise_share=0.18,
    noise_band_hz=(3000.0, 7500.0),
    noise_decay_s=0.004,
)
CERAMIC: Final = Material(
    name="ceramic",
    adjective="ceramic",
    objects=("plate", "mug", "tile", "dish"),
    shape="plate",
    colours=((232, 226, 214), (206, 218, 232), (236, 210, 190)),
    verbs=("tap", "hit", "strike", "knock"),
    f0_hz=(800.0, 1500.0),
    ratios=(1.0, 1.83, 2.65, 3.72, 4.8),
    t60_s=(0.20, 0.36),
    damping_slope=0.6,
    tilt=0.4,
    contact_s=0.0003,
    noise_share=0.30,
    noise_band_hz=(2000.0, 7000.0),
    noise_decay_s=0.005,
)
PLASTIC: Final = Material(
    name="plastic",
    adjective="plastic",
    objects=("bucket", "bin", "tub", "container"),
    shape="vessel",
    colours=((206, 52, 60), (52, 96, 206), (238, 184, 40)),
    verbs=("hit", "tap", "beat", "knock"),
    f0_hz=(240.0, 560.0),
    ratios=(1.0, 1.72, 2.5, 3.9, 5.2),
    t60_s=(0.07, 0.12),
    damping_slope=0.4,
    tilt=0.6,
    contact_s=0.0016,
    noise_share=0.5,
    noise_band_hz=(400.0, 3000.0),
    noise_decay_s=0.014,
)
SKIN: Final = Material(
    name="skin",
    adjective="hand",
    objects=("drum",),
    shape="drum",
    colours=((148, 40, 44), (44, 110, 84), (70, 60, 140)),
    verbs=("beat", "hit", "strike", "tap"),
    f0_hz=(75.0, 165.0),
    ratios=(1.0, 1.59, 2.14, 2.30, 2.65, 2.92, 3.16, 3.50),
    t60_s=(0.35, 0.6),
    damping_slope=0.8,
    tilt=0.3,
    contact_s=0.0028,
    noise_share=0.22,
    noise_band_hz=(300.0, 2500.0),
    noise_decay_s=0.012,
)
STONE: Final = Material(
    name="stone",
    adjective="stone",
    objects=("slab", "brick", "step", "wall"),
    shape="stone",
    colours=((112, 112, 108), (140, 128, 116), (92, 98, 104)),
    verbs=("hit", "strike", "tap", "knock"),
    f0_hz=(1500.0, 2900.0),
    ratios=(1.0, 1.37, 1.9, 2.4),
    t60_s=(0.035, 0.06),
    damping_slope=0.3,
    tilt=0.3,
    contact_s=0.0002,
    noise_share=0.6,
    noise_band_hz=(1500.0, 7500.0),
    noise_decay_s=0.006,
)
CARDBOARD: Final = Material(
    name="cardboard",
    adjective="cardboard",
    objects=("box", "carton", "tube"),
    shape="box",
    colours=((198, 164, 118), (182, 146, 98), (214, 186, 146)),
    verbs=("hit", "tap", "beat", "knock"),
    f0_hz=(105.0, 210.0),
    ratios=(1.0, 1.9, 2.7, 3.8),
    t60_s=(0.06, 0.09),
    damping_slope=0.3,
    tilt=0.5,
    contact_s=0.0030,
    noise_share=0.65,
    noise_band_hz=(150.0, 1600.0),
    noise_decay_s=0.022,
)

MATERIALS: Final = {m.name: m for m in (WOOD, METAL, GLASS, CERAMIC, PLASTIC, SKIN, STONE, CARDBOARD)}
