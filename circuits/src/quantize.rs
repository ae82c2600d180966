//! The one rounding rule and the one clamp that every integer rule of the product is built from.
//!
//! # Shapes
//! Plain signed integers; a *scale* `s` means that the integer `v` stands for the number `v / s`.
//!
//! # Rounding
//! `round_shift(v, s) = floor((v + 2^(s-1)) / 2^s)`: to the nearest integer, halves towards
//! plus infinity. It is the rule that a circuit can check with one remainder in `0..2^s`:
//! `v + 2^(s-1) = q * 2^s + remainder`.
//!
//! # Source
//! Own.

/// `v / 2^shift` rounded to the nearest integer, halves towards plus infinity.
///
/// `shift = 0` returns `v`. Exact for `|v| < 2^126` and `shift <= 126`, which profiles guarantee;
/// outside of that the sum saturates and the shift is taken as 126.
#[must_use]
pub fn round_shift(v: i128, shift: u32) -> i128 {
    match shift {
        0 => v,
        s => {
            let s = s.min(126);
            v.saturating_add(1i128 << (s - 1)) >> s
        }
    }
}

/// `v` limited to `low..=high`; `low` when the interval is empty.
#[must_use]
pub fn clamp(v: i128, low: i128, high: i128) -> i128 {
    v.min(high).max(low)
}

/// The largest signed integer of `bits` bits in two's complement: `2^(bits-1) - 1`.
#[must_use]
pub fn signed_max(bits: u32) -> i64 {
    (1i64 << bits.clamp(1, 63).saturating_sub(1)) - 1
}

/// The smallest signed integer of `bits` bits in two's complement: `-2^(bits-1)`.
#[must_use]
pub fn signed_min(bits: u32) -> i64 {
    -signed_max(bits) - 1
}

/// The largest unsigned integer of `bits` bits: `2^bits - 1`.
#[must_use]
pub fn unsigned_max(bits: u32) -> i64 {
    (1i64 << bits.min(62)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_towards_plus_infinity() {
        for (v, want) in [(7, 0), (8, 1), (23, 1), (24, 2), (-8, 0), (-9, -1), (-24, -1), (-25, -2)] {
            assert_eq!(round_shift(v, 4), want, "{v}");
        }
        assert_eq!(round_shift(-5, 0), -5);
        assert_eq!(round_shift(1, 1), 1);
        assert_eq!(round_shift(-1, 1), 0);
    }

    #[test]
    fn rounding_leaves_one_remainder_below_the_divisor() {
        for v in -1000i128..1000 {
            let remainder = v + 16 - round_shift(v, 5) * 32;
            assert!((0..32).contains(&remainder), "{v}");
        }
    }

    #[test]
    fn limits_of_the_integer_types() {
        assert_eq!((signed_min(16), signed_max(16), unsigned_max(12)), (-32768, 32767, 4095));
        assert_eq!((clamp(5, -3, 3), clamp(-5, -3, 3), clamp(2, -3, 3)), (3, -3, 2));
    }
}
