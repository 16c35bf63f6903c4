"""From a lumen and its conditions to the fluid part of a model, in lattice units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.build.profile import developed
from hemoflow.build.thinning_profile import developed_thinning
from hemoflow.fluid.boundary import make_links
from hemoflow.fluid.collision import odd_relaxation_time
from hemoflow.fluid.inplace import make_slots
from hemoflow.fluid.lattice import DIRECTIONS, WEIGHTS
from hemoflow.fluid.layout import NodeLayout, make_layout
from hemoflow.fluid.solver import Fluid
from hemoflow.fluid.streaming import pull_table
from hemoflow.fluid.thinning import make_rate_table
from hemoflow.geometry.voxelise import Lumen
from hemoflow.rheology import CarreauYasuda

Array = NDArray[np.float64]
WallVelocity = Callable[[Array], Array]


@dataclass(frozen=True)
class Relaxation:
    """Even relaxation time (the viscosity) and the magic parameter; the BGK collision is magic = (tau - 1/2)^2.

    Where the viscosity depends on the shear rate, `law` is that dependence in lattice units and tau belongs to a fluid at rest.
    """

    tau: float
    magic: float = 0.1875
    law: CarreauYasuda | None = None

    @classmethod
    def thinning(cls, law: CarreauYasuda, magic: float = 0.1875) -> Relaxation:
        """That of a law in lattice units."""
        return cls(0.5 + 3.0 * law.zero_shear, magic, law)

    @property
    def viscosity(self) -> float:
        """Kinematic viscosity in lattice units."""
        return (self.tau - 0.5) / 3.0


@dataclass(frozen=True)
class Condition:
    """What an opening imposes: "pressure" (the drive is a density deviation) or "velocity" (the drive is the mean
    velocity into the lumen), the latter with a profile: "developed" for the opening's own shape, "parabolic" or "plug".
    `thinning`: law (Pa s, s) and mean speed (m/s) of a fluid whose developed profile depends on them."""

    kind: str
    profile: str = "developed"
    thinning: tuple[CarreauYasuda, float] | None = None


def assemble_fluid(
    lumen: Lumen,
    conditions: Mapping[int, Condition],
    relaxation: Relaxation,
    body_force: Array | None = None,
    wall_velocity: WallVelocity | None = None,
) -> tuple[Fluid, NodeLayout]:
    """Fluid and layout for a lumen.

    `conditions` by opening index; `body_force` (3,) in lattice units per drive of 1; `wall_velocity` maps positions
    (n, 3) in m on the wall to lattice velocities (n, 3). Populations take the current JAX float type. The tier,
    native or pure JAX, is chosen here.
    """
    crossing = lumen.position(lumen.nodes[lumen.link_node]) + lumen.spacing * (
        lumen.link_fraction[:, None] * DIRECTIONS[lumen.link_direction]
    )
    velocity = np.zeros((len(crossing), 3))
    wall = lumen.link_opening < 0
    if wall_velocity is not None and wall.any():
        velocity[wall] = wall_velocity(crossing[wall])
    pressure = np.zeros(len(crossing), bool)
    for k, condition in conditions.items():
        mine = lumen.link_opening == k
        if condition.kind == "pressure":
            pressure |= mine
        else:
            velocity[mine] = _inflow(lumen, k, crossing[mine], condition)
    normal = np.array([o.normal for o in lumen.openings] + [np.zeros(3)], float)[lumen.link_opening]
    links = make_links(
        lumen.link_node,
        lumen.link_direction,
        lumen.link_fraction,
        (lumen.link_opening, pressure, velocity, normal),
        lumen.neighbours,
    )
    real = jnp.result_type(float)
    force = np.zeros(3) if body_force is None else body_force
    fluid = Fluid(
        make_slots(lumen.neighbours, links) if native.in_use() else pull_table(lumen.neighbours),
        links,
        jnp.asarray(1.0 / relaxation.tau, real),
        jnp.asarray(1.0 / odd_relaxation_time(relaxation.tau, relaxation.magic), real),
        jnp.asarray(force, real),
        None if relaxation.law is None else make_rate_table(relaxation.law, relaxation.magic),
    )
    h = lumen.spacing
    layout = make_layout(
        lumen.nodes,
        -lumen.distance / h,
        lumen.band,
        np.where(lumen.beyond, -lumen.band_distance, lumen.band_distance) / h,
        (lumen.shape, lumen.periodic),
        native.in_use("stencil"),
    )
    return fluid, layout


def _inflow(lumen: Lumen, k: int, crossing: Array, condition: Condition) -> Array:
    """Velocity (n, 3) at the crossings of opening k for a mean velocity of 1 into the lumen."""
    opening = lumen.openings[k]
    mine = lumen.link_opening == k
    if condition.thinning is not None and condition.profile == "developed":
        shape = developed_thinning(lumen, k, crossing, *condition.thinning)
    else:
        shape = PROFILES[condition.profile](lumen, k, crossing)
    # A link carries 6 w c.u in a uniform flow, wherever it is cut: the sum over the opening is the flow rate on the lattice.
    direction = lumen.link_direction[mine]
    carried = 6.0 * WEIGHTS[direction] * (DIRECTIONS[direction] @ opening.normal)
    mean = float(np.sum(carried * shape)) * lumen.spacing**2 / opening.area
    return -np.outer(shape / mean, opening.normal)


def _parabolic(lumen: Lumen, k: int, crossing: Array) -> Array:
    """Parabola in the distance of the links' nodes to the wall: developed in a round opening, the same for every wall in any other."""
    depth = -lumen.distance[lumen.link_node[lumen.link_opening == k]]
    reach = max(lumen.openings[k].radius, float(np.max(depth, initial=0.0)))
    return depth * (2.0 * reach - depth)


PROFILES: Mapping[str, Callable[[Lumen, int, Array], Array]] = {
    "developed": developed,
    "parabolic": _parabolic,
    "plug": lambda lumen, k, crossing: np.ones(len(crossing)),
}
"""Velocity through opening k at the places (n, 3) where links cross it, but for a factor, by the name of the profile."""
