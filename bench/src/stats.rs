//! Medians and percentiles.

/// The middle of some figures; zero of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The median of `of` less `reference`, round by round: a slow moment of the
/// machine meets both and goes out.
pub fn median_difference(of: &[f64], reference: &[f64]) -> f64 {
    let differences: Vec<f64> = of.iter().zip(reference).map(|(a, b)| a - b).collect();
    median(&differences)
}

/// The median of `of` in proportion to `reference`, round by round.
pub fn median_ratio(of: &[f64], reference: &[f64]) -> f64 {
    let ratios: Vec<f64> = of.iter().zip(reference).map(|(a, b)| a / b).collect();
    median(&ratios)
}

/// The figure that `per_mille` of a thousand do not exceed; `sorted` upwards.
pub fn percentile(sorted: &[u64], per_mille: usize) -> u64 {
    let ix = sorted.len() * per_mille / 1_000;
    let last = sorted.len().saturating_sub(1);
    sorted.get(ix.min(last)).copied().unwrap_or_default()
}

/// A count as a figure to calculate with.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn figure(count: usize) -> f64 {
    count as f64
}
