//! What a chain's events may say of lanes. A gateway is believed about its own ends alone: a lane's messages count from its
//! source, its deliveries and what follows them from its destination, and a lane is its ends' only if its id is what they
//! make. No I/O.

mod fold;
mod provenance;

pub use fold::{FoldError, LaneFold, Place, sign_points_between};
pub use provenance::{Foreign, Gateway, Lanes, Pair};
