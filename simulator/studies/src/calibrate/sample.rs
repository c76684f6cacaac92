//! Weighted samples: several recorded sites count the same, however many sessions each has.

/// Values with weights, in order of value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    values: Vec<(f64, f64)>,
}

impl Sample {
    /// Groups of values, each group with the same weight; empty groups count for nothing.
    pub fn pooled<'a>(groups: impl IntoIterator<Item = &'a Vec<f64>>) -> Self {
        let mut values = Vec::new();
        for group in groups {
            let weight = 1.0 / super::float_of(group.len().max(1));
            values.extend(group.iter().map(|&value| (value, weight)));
        }
        values.sort_by(|a: &(f64, f64), b| a.0.total_cmp(&b.0));
        let total: f64 = values.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut values {
            *weight /= total;
        }
        Self { values }
    }

    pub fn of(values: Vec<f64>) -> Self {
        Self::pooled([&values])
    }

    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value below which `share` (0 to 1) of the weight lies; 0 where there is none.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        for &(value, weight) in &self.values {
            below += weight;
            if below >= share {
                return value;
            }
        }
        self.values.last().map_or(0.0, |&(value, _)| value)
    }

    pub fn mean(&self) -> f64 {
        self.values.iter().map(|(value, weight)| value * weight).sum()
    }

    /// The largest gap between two cumulative distributions, 0 to 1.
    pub fn distance(&self, other: &Self) -> f64 {
        let (mut own, mut others) = (self.values.iter().peekable(), other.values.iter().peekable());
        let (mut below_own, mut below_other, mut largest) = (0.0_f64, 0.0_f64, 0.0_f64);
        loop {
            let next = match (own.peek(), others.peek()) {
                (Some(a), Some(b)) => a.0.min(b.0),
                (Some(a), None) => a.0,
                (None, Some(b)) => b.0,
                (None, None) => return largest,
            };
            while let Some((_, weight)) = own.next_if(|(value, _)| *value <= next) {
                below_own += weight;
            }
            while let Some((_, weight)) = others.next_if(|(value, _)| *value <= next) {
                below_other += weight;
            }
            largest = largest.max((below_own - below_other).abs());
        }
    }
}

/// How the order of one goes with the order of the other, −1 to 1 (Spearman's); 0 where either does not vary.
pub fn rank_correlation(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |pick: fn(&(f64, f64)) -> f64| {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&a, &b| pick(&pairs[a]).total_cmp(&pick(&pairs[b])));
        let mut ranks = vec![0.0; pairs.len()];
        for (rank, &place) in order.iter().enumerate() {
            ranks[place] = super::float_of(rank);
        }
        ranks
    };
    let (first, second) = (ranks(|pair| pair.0), ranks(|pair| pair.1));
    let mean = super::float_of(pairs.len().saturating_sub(1)) / 2.0;
    let (mut product, mut square) = (0.0, 0.0);
    for (a, b) in first.iter().zip(&second) {
        product += (a - mean) * (b - mean);
        square += (a - mean) * (a - mean);
    }
    if square > 0.0 { product / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_the_largest_gap_and_groups_weigh_the_same() {
        let one = Sample::of(vec![1.0, 2.0, 3.0, 4.0]);
        assert!(one.distance(&one) < 1e-12);
        let above = Sample::of(vec![5.0, 6.0]);
        assert!((one.distance(&above) - 1.0).abs() < 1e-12, "nothing in common");
        let half = Sample::of(vec![3.0, 4.0]);
        assert!((one.distance(&half) - 0.5).abs() < 1e-12);
        let pooled = Sample::pooled([&vec![1.0; 100], &vec![9.0]]);
        assert!((pooled.mean() - 5.0).abs() < 1e-9, "{}", pooled.mean());
        assert!((pooled.quantile(0.4) - 1.0).abs() < 1e-12 && (pooled.quantile(0.6) - 9.0).abs() < 1e-12);
    }

    #[test]
    fn ranks_go_together_or_against_each_other() {
        let rising: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), f64::from(i * i))).collect();
        let falling: Vec<(f64, f64)> = rising.iter().map(|(a, b)| (*a, -b)).collect();
        assert!((rank_correlation(&rising) - 1.0).abs() < 1e-12);
        assert!((rank_correlation(&falling) + 1.0).abs() < 1e-12);
    }
}
