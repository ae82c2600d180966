//! Layouts: what they cost, which one a profile should have, and how one looks.
//!
//! | file | content |
//! |---|---|
//! | [`cost`] | the cost model, all coefficients in one table |
//! | [`solve`] | the search over layouts of a network |
//! | [`svg`] | a drawing of a layout |

pub mod cost;
pub mod solve;
pub mod svg;
