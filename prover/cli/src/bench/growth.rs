//! How a quantity grows with another: the exponent of a power law, fitted to logarithms by least squares.

/// `y = a x^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Law {
    /// The exponent.
    pub exponent: f64,
    /// Share of the variance of `log y` that the law explains, 0 to 1.
    pub r_squared: f64,
    /// Points it was fitted to.
    pub points: usize,
}

/// Fits a power law; `None` for fewer than two different `x`. Points that are not positive are left out.
pub fn fit(points: &[(f64, f64)]) -> Option<Law> {
    let logs: Vec<(f64, f64)> =
        points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| logs.iter().map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    if logs.len() < 2 || xx <= f64::EPSILON {
        return None;
    }
    let r_squared = if yy <= f64::EPSILON { 1.0 } else { xy * xy / (xx * yy) };
    Some(Law { exponent: xy / xx, r_squared, points: logs.len() })
}

impl Law {
    /// A sentence.
    pub fn sentence(&self, what: &str, with: &str) -> String {
        format!(
            "{what} grows as {with}^{:.2} (least squares over {} points, R² {:.3}).",
            self.exponent, self.points, self.r_squared
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_exponent_of_a_power_law() {
        let points: Vec<(f64, f64)> = [1.0, 10.0, 200.0].iter().map(|x: &f64| (*x, 3.0 * x.powf(0.8))).collect();
        let law = fit(&points).expect("a law");
        assert!((law.exponent - 0.8).abs() < 1e-9 && law.r_squared > 0.999_999);
        assert_eq!((fit(&[(1.0, 2.0)]), fit(&[(2.0, 1.0), (2.0, 3.0)]), fit(&[])), (None, None, None));
    }
}
