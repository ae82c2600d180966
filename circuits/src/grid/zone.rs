//! Zones of a committed column, and runs of its rows.

/// Kind of a cell in the zone column of a committed column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Blinding and spare rows: 0.
    Tail,
    /// A cell that carries data: 1.
    Data,
    /// A cell that is forced to zero: 2.
    Padding,
}

impl Zone {
    /// The value in the zone column.
    pub fn code(self) -> u64 {
        match self {
            Zone::Tail => 0,
            Zone::Data => 1,
            Zone::Padding => 2,
        }
    }
}

/// Rows at regular distances: `used` rows from `first + stride * b` on, for `b` below `blocks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First row.
    pub first: usize,
    /// How often.
    pub blocks: usize,
    /// Rows from one beginning to the next.
    pub stride: usize,
    /// Rows each time.
    pub used: usize,
}

impl Run {
    /// Its rows, in order.
    pub fn rows(self) -> impl Iterator<Item = usize> {
        (0..self.blocks).flat_map(move |block| (0..self.used).map(move |row| self.first + block * self.stride + row))
    }
}
