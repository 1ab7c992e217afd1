//! A log-linear histogram of nanoseconds: each octave is split into 2^BITS equal buckets.
//!
//! Relative width of a bucket is at most 2^-BITS, so a quantile's error is at most half of that when read
//! at the bucket's middle. Counts are integers, so merging is exact and does not depend on the order.
//! Buckets are kept from the octave of the least duration to that of the longest: a service that answers within three
//! octaves costs three. The scheme is that of HdrHistogram; ours because one generic code serves both precisions, and
//! its buckets are reused without allocation between intervals.

use serde::{Deserialize, Serialize};

/// About 0.8 % wide buckets: services and gates.
pub type LatencySketch = LogLinear<7>;
/// Three digits (0.1 % wide buckets): journeys.
pub type JourneySketch = LogLinear<10>;

/// Buckets that a search for a quantile passes over at once.
const STRETCH: usize = 64;

/// Counts of durations in nanoseconds; see the module's text. `BITS` from 1 to 16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Sparse", try_from = "Sparse")]
pub struct LogLinear<const BITS: u32> {
    /// Buckets from `first` on, whole octaves.
    counts: Vec<u64>,
    first: usize,
    count: u64,
    sum: u128,
    max: u64,
}

/// The stored form: bucket index and count of each bucket that is not empty.
#[derive(Serialize, Deserialize)]
struct Sparse {
    sum: String,
    max: u64,
    buckets: Vec<(u32, u64)>,
}

impl<const BITS: u32> Default for LogLinear<BITS> {
    fn default() -> Self {
        Self {
            counts: Vec::new(),
            first: 0,
            count: 0,
            sum: 0,
            max: 0,
        }
    }
}

impl<const BITS: u32> LogLinear<BITS> {
    const PAGE: usize = 1 << BITS;

    /// Bucket of a value: those below 2^BITS have one each; every octave above adds 2^BITS.
    #[inline(always)]
    fn bucket(value: u64) -> usize {
        let exponent = 63 - (value | Self::PAGE as u64).leading_zeros();
        let shift = exponent - BITS;
        ((shift as usize) << BITS) + (value >> shift) as usize
    }

    /// Middle of a bucket, in nanoseconds.
    fn middle(bucket: usize) -> u64 {
        let (octave, place) = (bucket >> BITS, bucket & (Self::PAGE - 1));
        if octave == 0 {
            return place as u64;
        }
        let shift = octave as u32 - 1;
        let low = ((Self::PAGE + place) as u64) << shift;
        low + ((1u64 << shift) >> 1)
    }

    /// Counts one duration.
    #[inline(always)]
    pub fn record(&mut self, nanoseconds: u64) {
        self.record_many(nanoseconds, 1);
    }

    /// Counts `times` equal durations.
    #[inline(always)]
    pub fn record_many(&mut self, nanoseconds: u64, times: u64) {
        *self.at(Self::bucket(nanoseconds)) += times;
        self.count += times;
        self.sum += u128::from(nanoseconds) * u128::from(times);
        self.max = self.max.max(nanoseconds);
    }

    /// The count of a bucket.
    #[inline(always)]
    fn at(&mut self, bucket: usize) -> &mut u64 {
        if bucket.wrapping_sub(self.first) >= self.counts.len() {
            self.reach(bucket);
        }
        &mut self.counts[bucket - self.first]
    }

    /// Makes room for a bucket.
    #[cold]
    fn reach(&mut self, bucket: usize) {
        let octave = bucket & !(Self::PAGE - 1);
        if self.counts.is_empty() {
            self.first = octave;
        }
        if octave < self.first {
            let more = self.first - octave;
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.first = octave;
        }
        let length = octave + Self::PAGE - self.first;
        if length > self.counts.len() {
            self.counts.resize(length, 0);
        }
    }

    /// Buckets that are not empty, with their counts, from the least on.
    fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        let buckets = self.counts.iter().zip(self.first..);
        buckets
            .filter(|(count, _)| **count > 0)
            .map(|(count, bucket)| (bucket, *count))
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.at(other.first);
        self.at(other.first + other.counts.len() - 1);
        let mine = &mut self.counts[other.first - self.first..];
        for (mine, theirs) in mine.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// Forgets all counts and keeps the buckets.
    pub fn clear(&mut self) {
        if self.count == 0 {
            return;
        }
        self.counts.fill(0);
        self.count = 0;
        self.sum = 0;
        self.max = 0;
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exactly; zero when empty.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Exact mean in nanoseconds; `None` when empty.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The `ratio` quantile in nanoseconds (smallest bucket whose cumulative count reaches
    /// `ceil(ratio * count)`, read at its middle); `None` when empty.
    #[must_use]
    pub fn quantile(&self, ratio: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let wanted = ((ratio * self.count as f64).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        for (stretch, first) in self
            .counts
            .chunks(STRETCH)
            .zip((self.first..).step_by(STRETCH))
        {
            // Most stretches are passed over as a whole.
            let within: u64 = stretch.iter().sum();
            if seen + within < wanted {
                seen += within;
                continue;
            }
            for (count, bucket) in stretch.iter().zip(first..) {
                seen += count;
                if seen >= wanted {
                    return Some(Self::middle(bucket).min(self.max));
                }
            }
        }
        Some(self.max)
    }

    /// How many were at most `nanoseconds`, by whole buckets (a bucket counts when its middle does).
    #[must_use]
    pub fn count_at_most(&self, nanoseconds: u64) -> u64 {
        let buckets = self.counts.iter().zip(self.first..);
        buckets
            .take_while(|(_, bucket)| Self::middle(*bucket) <= nanoseconds)
            .map(|(count, _)| count)
            .sum()
    }
}

impl<const BITS: u32> From<LogLinear<BITS>> for Sparse {
    fn from(sketch: LogLinear<BITS>) -> Self {
        let buckets = sketch.filled();
        let buckets = buckets
            .map(|(bucket, count)| (bucket as u32, count))
            .collect();
        Self {
            sum: sketch.sum.to_string(),
            max: sketch.max,
            buckets,
        }
    }
}

impl<const BITS: u32> TryFrom<Sparse> for LogLinear<BITS> {
    type Error = String;

    fn try_from(sparse: Sparse) -> Result<Self, String> {
        let mut sketch = Self {
            max: sparse.max,
            ..Self::default()
        };
        sketch.sum = sparse
            .sum
            .parse()
            .map_err(|_| format!("`{}` is not a sum", sparse.sum))?;
        for (index, count) in sparse.buckets {
            if index >> BITS > 64 {
                return Err(format!("bucket {index} lies beyond 2^64 ns"));
            }
            *sketch.at(index as usize) += count;
            sketch.count += count;
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slow twin: every value kept and sorted.
    fn exact_quantile(values: &mut [u64], ratio: f64) -> u64 {
        values.sort_unstable();
        let rank = ((ratio * values.len() as f64).ceil() as usize).clamp(1, values.len());
        values[rank - 1]
    }

    fn values(n: u64) -> Vec<u64> {
        (1..=n)
            .map(|i| (i * 2_654_435_761) % 4_000_000_007 + i % 90)
            .collect()
    }

    #[test]
    fn quantiles_are_within_half_a_bucket_of_the_sorted_values() {
        let mut all = values(20_000);
        let mut coarse = LatencySketch::default();
        let mut fine = JourneySketch::default();
        for value in &all {
            coarse.record(*value);
            fine.record(*value);
        }
        for ratio in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let exact = exact_quantile(&mut all, ratio) as f64;
            let error = |found: u64| (found as f64 - exact).abs() / exact;
            assert!(error(coarse.quantile(ratio).unwrap()) <= 0.5 / 128.0 + 1e-9);
            assert!(error(fine.quantile(ratio).unwrap()) <= 0.5 / 1024.0 + 1e-9);
        }
    }

    #[test]
    fn merging_in_any_order_equals_counting_all_at_once() {
        let all = values(3_000);
        let mut whole = LatencySketch::default();
        let mut parts = [
            LatencySketch::default(),
            LatencySketch::default(),
            LatencySketch::default(),
        ];
        for (index, value) in all.iter().enumerate() {
            whole.record(*value);
            parts[index % 3].record(*value);
        }
        let mut forward = LatencySketch::default();
        let mut backward = LatencySketch::default();
        parts.iter().for_each(|part| forward.merge(part));
        parts.iter().rev().for_each(|part| backward.merge(part));
        assert_eq!(forward, whole);
        assert_eq!(backward, whole);
    }

    #[test]
    fn a_stored_sketch_reads_back_equal() {
        let mut sketch = JourneySketch::default();
        values(500)
            .into_iter()
            .for_each(|value| sketch.record(value));
        let text = serde_json::to_string(&sketch).unwrap();
        let back: JourneySketch = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (back.count(), back.mean(), back.quantile(0.99)),
            (sketch.count(), sketch.mean(), sketch.quantile(0.99))
        );
    }

    #[test]
    fn an_empty_sketch_has_no_quantile_and_no_mean() {
        let mut sketch = LatencySketch::default();
        assert_eq!((sketch.quantile(0.5), sketch.mean()), (None, None));
        sketch.record(7);
        sketch.clear();
        assert_eq!(
            (sketch.quantile(0.5), sketch.mean(), sketch.count()),
            (None, None, 0)
        );
    }
}
