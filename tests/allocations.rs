//! The request plane takes no memory for an event once it is warm: counted by an allocator of this test's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cutover::model::Scenario;
use cutover::units::{ClusterId, ReplicaId, ServiceId, SimTime};
use cutover::world::contract::{Command, DataPlane, Luck};
use cutover::world::data::request::RequestPlane;

struct Counting;

static TAKEN: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn scenario(file: &str, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let checked = cutover::scenario::check(&path, None, &sets, None);
    checked.scenario.expect("the benchmark is a right scenario")
}

/// Plays for `warm` seconds, then for `seconds` more; returns the events and the allocations of the latter.
fn play(scenario: &Scenario, warm: u64, seconds: u64) -> (u64, u64) {
    let luck = Luck {
        seed: 1,
        replication: 0,
        stage: 0,
    };
    let mut plane = RequestPlane::new(scenario, luck, false);
    let mut id = 0;
    for (index, service) in scenario.services.iter().enumerate() {
        for _ in 0..service.placed[0].replicas {
            let replica = ReplicaId(id);
            plane.command(Command::AddReplica {
                replica,
                service: ServiceId::from_index(index),
                cluster: ClusterId(0),
                speed: 1.0,
                warmup: None,
            });
            plane.command(Command::Ready { replica });
            plane.command(Command::List { replica });
            id += 1;
        }
    }
    let second = 1_000_000_000;
    plane.advance(SimTime(warm * second)).expect("no limit");
    let before = (plane.events(), TAKEN.load(Ordering::Relaxed));
    plane
        .advance(SimTime((warm + seconds) * second))
        .expect("no limit");
    (
        plane.events() - before.0,
        TAKEN.load(Ordering::Relaxed) - before.1,
    )
}

/// What is left are buffers that double when a queue is longer than ever, and sketch pages for a latency an octave
/// above any before: a few in a run, whatever its length. One test, so that nothing else allocates meanwhile.
#[test]
fn an_event_takes_no_memory_once_the_plane_is_warm() {
    for (file, sets, warm, seconds) in [
        ("benches/w4.yaml", &[][..], 10, 10),
        (
            "benches/w4.yaml",
            &["defaults.service.cpu={cores: 4, discipline: processor-sharing}"][..],
            10,
            5,
        ),
        ("benches/w3.yaml", &[][..], 20, 20),
    ] {
        let (events, taken) = play(&scenario(file, sets), warm, seconds);
        assert!(events > 500_000, "{file}: only {events} events");
        assert!(
            taken <= 40,
            "{file}: {taken} allocations in {events} events"
        );
    }
}
