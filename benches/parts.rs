//! Parts of the core: `cargo bench --bench parts`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use cutover::engine::{EventList, Key, Purpose};
use cutover::model::{Discipline, ProcessorSpec};
use cutover::sketch::LatencySketch;
use cutover::units::{SimDuration, SimTime};
use cutover::world::data::request::processor::Processor;

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

/// The same with the returns of a million users, 1 to 10 seconds ahead.
fn users(criterion: &mut Criterion) {
    criterion.bench_function("event list, hold, a million users", |bencher| {
        let key = Key::root(1, 0, 0);
        let mut list = EventList::default();
        let think = |ordinal| SimDuration::from_seconds(1.0 + 9.0 * key.uniform(DRAW, ordinal));
        for user in 0..1_000_000u64 {
            list.push_far(SimTime::ZERO + think(user), 0, user as u32);
        }
        let mut ordinal = 1_000_000;
        bencher.iter(|| {
            let event = list.pop_before(SimTime::NEVER).expect("never empty");
            ordinal += 1;
            list.push_far(event.time + think(ordinal), 0, event.slot);
        });
    });
}

/// A job comes and a job ends, with about three jobs on four cores.
fn processors(criterion: &mut Criterion) {
    for (name, discipline) in [
        ("fifo", Discipline::Fifo),
        ("sharing", Discipline::ProcessorSharing),
    ] {
        criterion.bench_function(&format!("processor, {name}, a job"), |bencher| {
            let spec = ProcessorSpec {
                cores: 4,
                discipline,
                quota: None,
            };
            let mut processor = Processor::new(spec, 1.0, SimTime::ZERO);
            let (mut now, mut job) = (SimTime::ZERO, 0u32);
            let mut places = [0; 4];
            bencher.iter(|| {
                job = (job + 1) & 0xffff;
                now += SimDuration(350_000);
                if processor.is_timed() {
                    // Each job ends as the third one after it comes.
                    if processor.running().count() == 3 {
                        black_box(processor.finish(places[(job + 1) as usize % 4], now));
                    }
                    let started = processor.begin(job, SimDuration(1_050_000), now);
                    places[job as usize % 4] = started.map_or(0, |started| started.place);
                } else {
                    processor.add(job, SimDuration(1_000_000), now);
                    while processor.take_ended(now).is_some() {}
                    black_box(processor.next_end());
                }
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

criterion_group!(parts, hold, users, processors, draws, sketches);
criterion_main!(parts);
