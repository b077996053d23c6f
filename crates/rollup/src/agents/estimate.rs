//! The improved raw estimator of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017
//! (arXiv:1702.01284), with its functions sigma and tau. It has no bias at any count, so that nothing is switched in the middle range.

use std::f64::consts::LN_2;

use super::HIGHEST;

/// The estimated number of distinct hashes that made these registers.
pub(super) fn distinct(registers: &[u8]) -> u64 {
    let mut with_rank = [0.0; HIGHEST as usize + 1];
    for rank in registers {
        with_rank[usize::from((*rank).min(HIGHEST))] += 1.0;
    }
    let [empty, middle @ .., full] = with_rank;
    let m = registers.len() as f64;
    let behind = middle.iter().rev().fold(m * tau(1.0 - full / m), |sum, n| 0.5 * (sum + n));
    (m * m / (2.0 * LN_2 * (behind + m * sigma(empty / m)))).round() as u64
}

/// What empty registers add: x + the sum over k of x^(2^k) * 2^(k-1). Below 1 the sum ends where it no longer grows.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum, mut before) = (1.0, x, f64::NAN);
    while sum != before {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    }
    sum
}

/// What full registers add: a third of 1 - x - the sum over k of (1 - x^(2^-k))^2 * 2^-k.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum, mut before) = (1.0, 1.0 - x, f64::NAN);
    while sum != before {
        x = x.sqrt();
        before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
    }
    sum / 3.0
}
