//! Natural logarithms for drawing: the algorithm of `libm`'s `log` and `log1p` (fdlibm), bit for bit, for the only
//! arguments that drawing has. Without the cases that cannot occur it is inlined and has no branch, where a random
//! argument would be mispredicted every other time. The tests compare bits with `libm`.

use std::hint::select_unpredictable;

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const L1: f64 = 6.666_666_666_666_735e-1;
const L2: f64 = 3.999_999_999_940_942e-1;
const L3: f64 = 2.857_142_874_366_239e-1;
const L4: f64 = 2.222_219_843_214_978_4e-1;
const L5: f64 = 1.818_357_216_161_805e-1;
const L6: f64 = 1.531_383_769_920_937_3e-1;
const L7: f64 = 1.479_819_860_511_658_6e-1;

/// High word of the square root of one half, in place.
const ROOT_HALF: u64 = 0x3fe6_a09e << 32;
/// What makes the exponent change at the root of one half.
const TO_ROOT: u64 = (0x3ff0_0000 << 32) - ROOT_HALF;
const MANTISSA: u64 = (1 << 52) - 1;
const SIGN: u64 = 1 << 63;
/// Just above one less the root of one half, where fdlibm draws the line.
const NEAR: f64 = f64::from_bits(0x3fd2_bec5 << 32);

/// `ln(x)` for a normal `x` above 0.
#[inline]
#[must_use]
pub fn ln(x: f64) -> f64 {
    let (near_one, exponent) = reduce(x);
    series(f64::from_bits(near_one) - 1.0, 0.0, f64::from(exponent))
}

/// `ln(1 + x)` for `x` above -1 and below 0.
#[inline(always)]
#[must_use]
pub fn ln_one_plus(x: f64) -> f64 {
    let sum = 1.0 + x;
    let (near_one, exponent) = reduce(sum);
    // Near 1 there is nothing to reduce. All is chosen as whole numbers: a processor has moves on a condition for
    // these, and a branch would be taken at random.
    let near = x.to_bits() & !SIGN < NEAR.to_bits();
    let minuend = select_unpredictable(near, x.to_bits(), near_one);
    let subtrahend = select_unpredictable(near, 0, 1.0f64.to_bits());
    let exponent = select_unpredictable(near, 0, exponent);
    let lost = (x - (sum - 1.0)) / sum;
    let lost = lost.to_bits() & u64::from(near).wrapping_sub(1);
    series(
        f64::from_bits(minuend) - f64::from_bits(subtrahend),
        f64::from_bits(lost),
        f64::from(exponent),
    )
}

/// `x = y * 2^exponent` with `y` between the root of one half and the root of two: the bits of `y`.
#[inline(always)]
fn reduce(x: f64) -> (u64, i32) {
    let shifted = x.to_bits().wrapping_add(TO_ROOT);
    let exponent = (shifted >> 52) as i32 - 0x3ff;
    ((shifted & MANTISSA) + ROOT_HALF, exponent)
}

/// `ln(1 + f) + lost + exponent * ln(2)`, in fdlibm's order of operations.
#[inline(always)]
fn series(f: f64, lost: f64, exponent: f64) -> f64 {
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (L2 + w * (L4 + w * L6));
    let odd = z * (L1 + w * (L3 + w * (L5 + w * L7)));
    let r = odd + even;
    s * (half_square + r) + (exponent * LN2_LOW + lost) - half_square + f + exponent * LN2_HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniforms as keyed draws make them, dense at both ends, and those nearest to 0, to 1 and to the seams.
    fn uniforms() -> impl Iterator<Item = f64> {
        let unit = 1.0 / 9_007_199_254_740_992.0;
        let least = (0..2_000u64).map(move |i| (i as f64 + 0.5) * unit);
        let most = (0..2_000u64).map(move |i| ((1u64 << 53) - 1 - i) as f64 * unit);
        let spread = (1..400_000u64)
            .map(move |i| ((i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 + 0.5) * unit);
        let seams = [
            0.292_893_218_813_452_4,
            0.5,
            std::f64::consts::FRAC_1_SQRT_2,
            0.25,
        ]
        .into_iter()
        .flat_map(|seam| {
            (0..4_000u64).map(move |i| f64::from_bits(f64::to_bits(seam) - 2_000 + i))
        });
        let small = (1..1_000).map(|i| libm::exp(-0.03 * f64::from(i)));
        least.chain(most).chain(spread).chain(seams).chain(small)
    }

    #[test]
    fn both_have_the_bits_of_libm() {
        for u in uniforms().filter(|u| 0.0 < *u && *u < 1.0) {
            assert_eq!(ln(u).to_bits(), libm::log(u).to_bits(), "ln({u:e})");
            let (found, wanted) = (ln_one_plus(-u), libm::log1p(-u));
            assert_eq!(found.to_bits(), wanted.to_bits(), "ln(1 - {u:e})");
        }
    }
}
