//! Parts of the core: `cargo bench --bench parts`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use cutover::engine::{EventList, Key, Purpose};
use cutover::sketch::LatencySketch;
use cutover::units::{SimDuration, SimTime};

const DRAW: Purpose = Purpose::new("bench");

/// The hold model: pop the next event, push one an exponential time later.
fn hold(criterion: &mut Criterion) {
    for pending in [1_000u64, 100_000] {
        criterion.bench_function(&format!("event list, hold, {pending} pending"), |bencher| {
            let key = Key::root(1, 0, 0);
            let mut list = EventList::default();
            for slot in 0..pending {
                list.push(
                    SimTime((key.uniform(DRAW, slot) * 1e9) as u64),
                    0,
                    slot as u32 & 0xffff,
                );
            }
            let mut ordinal = pending;
            bencher.iter(|| {
                let event = list.pop_before(SimTime::NEVER).expect("never empty");
                ordinal += 1;
                let delay = SimDuration::from_seconds(-libm::log(key.uniform(DRAW, ordinal)));
                list.push(event.time + delay, 0, event.slot);
            });
        });
    }
}

fn draws(criterion: &mut Criterion) {
    criterion.bench_function("keyed exponential", |bencher| {
        let mut key = Key::root(1, 0, 0);
        bencher.iter(|| {
            key = key.call(7, 0, 0);
            black_box(-libm::log(key.uniform(DRAW, 0)))
        });
    });
}

fn sketches(criterion: &mut Criterion) {
    criterion.bench_function("sketch, record", |bencher| {
        let mut sketch = LatencySketch::default();
        let mut value = 1_000_000u64;
        bencher.iter(|| {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1)
                >> 34;
            sketch.record(black_box(value));
        });
    });
}

criterion_group!(parts, hold, draws, sketches);
criterion_main!(parts);
