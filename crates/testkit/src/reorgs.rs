//! Reorgs.
