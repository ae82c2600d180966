//! Small helpers on gate expressions and columns.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::circuit::{Region, Value};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Column, Expression};

pub(crate) type Expr = Expression<Fr>;

/// A constant.
pub(crate) fn constant(value: u64) -> Expr {
    Expression::Constant(Fr::from(value))
}

/// `base^exponent` by squaring; equal subexpressions are shared by the evaluators.
pub(crate) fn power(base: &Expr, exponent: usize) -> Expr {
    match exponent {
        0 => Expression::Constant(Fr::ONE),
        1 => base.clone(),
        e => {
            let half = power(base, e / 2);
            let square = half.clone() * half;
            if e % 2 == 1 {
                square * base.clone()
            } else {
                square
            }
        }
    }
}

/// `terms[0] + base * terms[1] + base^2 * terms[2] + ...`.
pub(crate) fn horner(base: &Expr, terms: Vec<Expr>) -> Expr {
    terms.into_iter().rev().reduce(|sum, term| sum * base.clone() + term).unwrap_or_else(|| constant(0))
}

/// `terms[0] + 2^bits * terms[1] + ...`.
pub(crate) fn recompose(bits: u32, terms: Vec<Expr>) -> Expr {
    let scale = crate::field::power_of_two(bits);
    terms.into_iter().rev().reduce(|sum, term| sum * scale + term).unwrap_or_else(|| constant(0))
}

/// A code of 1 or 2: an expression that is 1 for 1 and 0 for 2.
pub(crate) fn is_one(code: &Expr) -> Expr {
    code.clone() * (constant(2) - code.clone())
}

/// A code of 1 or 2: an expression that is 0 for 1 and 2 for 2.
pub(crate) fn is_two(code: &Expr) -> Expr {
    code.clone() * (code.clone() - constant(1))
}

/// Assigns the first rows of a column.
pub(crate) fn put(region: &mut Region<'_, Fr>, column: Column<Advice>, values: &[Fr]) {
    for (row, value) in values.iter().enumerate() {
        region.assign_advice(column, row, Value::known(*value));
    }
}

/// Sum of expressions.
pub(crate) fn sum(terms: Vec<Expr>) -> Expr {
    terms.into_iter().reduce(|a, b| a + b).unwrap_or_else(|| constant(0))
}
