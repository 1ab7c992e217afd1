//! Matching and minutes by hand; the whole experiment on real and on hand-made worlds.

use std::sync::atomic::AtomicBool;

use crate::experiment::collector::{Collector, MinuteCount};
use crate::experiment::driver::{Journal, MemoryJournal, Options, Quiet, run, run_on};
use crate::experiment::matching::{LATE, Matcher, NEVER_ISSUED, NOT_ANSWERED};
use crate::experiment::minutes::Minutes;
use crate::experiment::replication::{Play, Stage};
use crate::experiment::result::{StopReason, Verdict};
use crate::model::sample::{
    add_journey, add_open_load, add_service, add_users, cluster, empty, set_links, work,
};
use crate::model::scenario::Fidelity;
use crate::model::{
    Assertion, Comparator, Condition, Discipline, Distribution, MetricScope, MetricTerm,
    Replications, Scenario, Sum, Value,
};
use crate::units::{JourneyId, LoadId, SimDuration, SimTime};
use crate::world::contract::{ActionRecord, ActionsSeen, Luck, Outcome, Seen, Stop};
use crate::world::recorder::{ControlSeen, Recorder};

const OK: Outcome = Outcome::Ok;

fn small() -> Scenario {
    let mut scenario = empty(SimDuration::from_secs(600));
    scenario.clusters = vec![cluster("source"), cluster("target")];
    set_links(&mut scenario, 0.001);
    let steps = vec![work(Distribution::exponential(0.01))];
    let endpoint = add_service(&mut scenario, "shop", 2, Discipline::Fifo, steps);
    let journey = add_journey(&mut scenario, "buy", endpoint, SimDuration::from_secs(1));
    add_open_load(&mut scenario, "visitors", 20.0, journey);
    scenario
}

fn closed() -> Scenario {
    let mut scenario = small();
    let think = Distribution::constant(9.0);
    scenario.loads.clear();
    add_users(&mut scenario, "members", 5, think, JourneyId(0));
    scenario
}

fn at(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_seconds(seconds)
}

fn record(user: u64, ordinal: u32, outcome: Outcome, issued: f64, ended: f64) -> ActionRecord {
    ActionRecord {
        load: LoadId(0),
        journey: JourneyId(0),
        user,
        ordinal,
        outcome,
        issued: at(issued),
        ended: at(ended),
        left: false,
    }
}

#[test]
fn only_what_the_twin_served_and_the_run_did_not_is_lost() {
    let scenario = small();
    let mut matcher = Matcher::new(&scenario);
    // The limit is 1 s. User 0: good in both; 1: failed; 2: late; 3: bad in the twin too; 4: hangs at the end;
    // 5: issued half a second before the end.
    matcher.add_run(&[
        record(0, 0, OK, 10.0, 10.1),
        record(1, 0, Outcome::Timeout, 70.0, 75.0),
        record(2, 0, OK, 80.0, 81.5),
        record(3, 0, Outcome::Error, 90.0, 90.1),
    ]);
    matcher.add_twin(&[
        record(0, 0, OK, 10.0, 10.1),
        record(1, 0, OK, 70.0, 70.2),
        record(2, 0, OK, 80.0, 80.2),
        record(3, 0, Outcome::Error, 90.0, 90.2),
        record(4, 0, OK, 300.0, 300.2),
        record(5, 0, OK, 599.5, 599.7),
    ]);
    assert_eq!(matcher.held(), 2);
    let (losses, users) = matcher.finish(at(600.0));
    let causes = losses[0].causes;
    assert_eq!(causes[Outcome::Timeout as usize], 1.0);
    assert_eq!((causes[LATE], causes[NOT_ANSWERED]), (1.0, 1.0));
    assert_eq!(causes[Outcome::Error as usize], 0.0);
    assert_eq!((losses[0].total(), losses[0].users, users), (3.0, 3, 3));
    // Placed by the run's end: both early ones ended in the second minute.
    assert_eq!(losses[0].within(at(60.0), at(120.0)), 2.0);
}

#[test]
fn a_user_who_is_merely_slower_has_lost_nothing() {
    let scenario = closed();
    let mut matcher = Matcher::new(&scenario);
    matcher.add_run(&[record(0, 0, OK, 0.0, 0.9), record(0, 1, OK, 9.9, 10.8)]);
    let twin = [
        record(0, 0, OK, 0.0, 0.1),
        record(0, 1, OK, 9.1, 9.2),
        record(0, 2, OK, 18.2, 18.3),
    ];
    matcher.add_twin(&twin);
    let (losses, users) = matcher.finish(at(19.0));
    assert_eq!((losses[0].total(), users), (0.0, 0));
}

#[test]
fn a_user_who_was_held_was_kept_from_actions_at_its_own_pace() {
    let scenario = closed();
    let mut matcher = Matcher::new(&scenario);
    // The twin acts every 10 s (4 ends at 40.0: a pace of 10 s). The run's first action hangs for 21 s, 20 s
    // beyond the limit: it is lost itself; the next is still being thought about; two good ones were meant.
    matcher.add_run(&[record(0, 0, Outcome::Timeout, 0.0, 21.0)]);
    matcher.add_twin(&[
        record(0, 0, OK, 0.0, 1.0),
        record(0, 1, OK, 10.0, 10.5),
        record(0, 2, OK, 20.0, 20.5),
        record(0, 3, OK, 30.0, 40.0 - 9.5),
    ]);
    let (losses, users) = matcher.finish(at(30.6));
    assert_eq!(losses[0].causes[Outcome::Timeout as usize], 1.0);
    // Held 20 s at a pace of 30.5 / 4 = 7.625 s is 2.62 actions; of the tail two come after the one that the
    // user was about to issue.
    assert_eq!(losses[0].causes[NEVER_ISSUED], 2.0);
    assert_eq!(users, 1);
}

#[test]
fn a_user_who_left_because_of_a_bad_action_was_kept_from_all_the_rest() {
    let scenario = closed();
    let mut matcher = Matcher::new(&scenario);
    let gone = ActionRecord {
        left: true,
        ..record(0, 0, Outcome::Timeout, 0.0, 5.0)
    };
    matcher.add_run(&[gone]);
    matcher.add_twin(&[
        record(0, 0, OK, 0.0, 0.1),
        record(0, 1, OK, 10.0, 10.1),
        record(0, 2, Outcome::Error, 20.0, 20.1),
        record(0, 3, OK, 30.0, 30.1),
    ]);
    let (losses, users) = matcher.finish(at(40.0));
    // The failed one, and the two that the twin served; what failed in the twin too is not lost.
    assert_eq!(losses[0].causes[Outcome::Timeout as usize], 1.0);
    assert_eq!((losses[0].causes[NEVER_ISSUED], users), (2.0, 1));
}

#[test]
fn a_minute_breaches_when_it_burns_faster_and_has_evidence() {
    // Target 99 %, burn limit 14.4: of 200 actions more than 28.8 must be bad. 100 are evidence.
    let scenario = small();
    let mut run = Collector::new(&scenario, &[], false);
    let count = |ended, met| {
        vec![MinuteCount {
            ended,
            good: met,
            met: vec![met],
            ..MinuteCount::default()
        }]
    };
    run.minutes.insert(0, count(200, 172));
    run.minutes.insert(1, count(200, 171));
    run.minutes.insert(2, count(99, 0));
    run.minutes.insert(3, count(100, 0));
    let mut minutes = Minutes::new(&scenario);
    minutes.judge(&scenario, &mut run, None, at(240.0));
    assert_eq!(minutes.breaches[0], [1, 3]);
    assert_eq!(minutes.evidence[0], 3);
    assert_eq!(minutes.breaches_within(None, at(60.0), at(180.0)), 1);
}

/// A world in which every tenth second one action ends, good or not as the replication's number says.
struct Fake {
    now: SimTime,
    luck: Luck,
}

struct Fakes;

impl Play for Fake {
    fn advance_to(&mut self, until: SimTime, collector: &mut Collector<'_>) -> Result<(), Stop> {
        let mut seen = Seen {
            full: true,
            start: self.now,
            end: until,
            actions: vec![ActionsSeen::default()],
            ..Seen::default()
        };
        let actions = &mut seen.actions[0];
        let number = (until.since(self.now).seconds() / 10.0) as u64;
        let bad = u64::from(self.luck.replication) % 3;
        actions.issued = number;
        actions.ended[0] = number - bad;
        actions.ended[1] = bad;
        actions.good = number - bad;
        actions.objectives_met = vec![number - bad];
        actions
            .latency
            .record_many(100_000_000 + 7 * self.now.0 % 1_000, number);
        collector.interval(&seen, &ControlSeen::default());
        self.now = until;
        Ok(())
    }

    fn events(&self) -> u64 {
        1
    }
}

impl Stage for Fakes {
    fn open<'s>(
        &self,
        _scenario: &'s Scenario,
        luck: Luck,
        _migrate: bool,
        _records: bool,
    ) -> Box<dyn Play + 's> {
        Box::new(Fake {
            now: SimTime::ZERO,
            luck,
        })
    }
}

fn asserting(mut scenario: Scenario, limit: f64) -> Scenario {
    let term = MetricTerm {
        name: "error_ratio".to_owned(),
        subject: None,
        scope: MetricScope::default(),
    };
    scenario.assertions = vec![Assertion {
        text: "error_ratio < LIMIT".to_owned(),
        place: "here:1".to_owned(),
        condition: Condition::Compare(
            Sum::Value(Value::Metric(term)),
            Comparator::Less,
            Sum::Value(Value::Number(limit)),
        ),
        confidence: Some(0.95),
        because: None,
    }];
    scenario
}

fn text(
    scenario: &Scenario,
    threads: usize,
    journal: &mut dyn Journal,
    stage: Option<&dyn Stage>,
) -> String {
    let cancel = AtomicBool::new(false);
    let options = Options { threads };
    let result = match stage {
        Some(stage) => run_on(stage, scenario, options, journal, &Quiet, &cancel),
        None => run(scenario, options, journal, &Quiet, &cancel),
    };
    serde_json::to_string(&result).expect("plain data")
}

#[test]
fn threads_and_interruptions_leave_no_trace() {
    let mut scenario = asserting(small(), 0.5);
    scenario.run.replications = Replications::Fixed(9);
    let mut whole = MemoryJournal::default();
    let wanted = text(&scenario, 1, &mut whole, Some(&Fakes));
    for threads in [2, 8] {
        let found = text(
            &scenario,
            threads,
            &mut MemoryJournal::default(),
            Some(&Fakes),
        );
        assert_eq!(found, wanted, "{threads} threads");
    }
    // Resumed from any part of the journal, through its stored form.
    for kept in [vec![0], vec![4, 1], vec![8, 7, 0, 3]] {
        let stored: Vec<_> = kept
            .iter()
            .map(|number| {
                whole
                    .kept
                    .iter()
                    .find(|r| r.replication == *number)
                    .expect("kept")
            })
            .map(|replication| serde_json::to_string(replication).expect("plain data"))
            .collect();
        let kept = stored
            .iter()
            .map(|line| serde_json::from_str(line).expect("what was written"))
            .collect();
        let found = text(&scenario, 2, &mut MemoryJournal { kept }, Some(&Fakes));
        assert_eq!(found, wanted);
    }
}

#[test]
fn real_worlds_give_the_same_bytes_for_any_number_of_threads() {
    for fidelity in [Fidelity::Request, Fidelity::Flow] {
        let mut scenario = small();
        scenario.run.fidelity = fidelity;
        scenario.run.replications = Replications::Fixed(4);
        let wanted = text(&scenario, 1, &mut MemoryJournal::default(), None);
        assert!(wanted.contains("\"replication\":3"));
        for threads in [2, 8] {
            let found = text(&scenario, threads, &mut MemoryJournal::default(), None);
            assert_eq!(found, wanted, "{fidelity:?}, {threads} threads");
        }
    }
}

#[test]
fn an_assertion_passes_fails_or_stays_undecided_at_its_confidence() {
    // Bad actions a minute of 6 are 0, 1, 2, 0, ..: error ratios 0, 1/6, 1/3 with mean 1/6.
    let verdict = |limit: f64| {
        let mut scenario = asserting(small(), limit);
        scenario.run.replications = Replications::Fixed(9);
        let cancel = AtomicBool::new(false);
        let options = Options { threads: 1 };
        let mut journal = MemoryJournal::default();
        let result = run_on(&Fakes, &scenario, options, &mut journal, &Quiet, &cancel);
        (result.assertions[0].verdict, result.assertions[0].fails_run)
    };
    assert_eq!(verdict(0.5), (Verdict::Pass, false));
    assert_eq!(verdict(0.01), (Verdict::Fail, true));
    assert_eq!(verdict(0.17), (Verdict::Undecided, true));
}

#[test]
fn precision_stops_at_the_same_replication_for_any_number_of_threads() {
    let mut scenario = asserting(small(), 0.5);
    scenario.run.replications = Replications::Precision {
        ratio: 0.5,
        max: 100,
    };
    let runs = |threads| {
        let cancel = AtomicBool::new(false);
        let mut journal = MemoryJournal::default();
        let options = Options { threads };
        run_on(&Fakes, &scenario, options, &mut journal, &Quiet, &cancel)
    };
    let one = runs(1);
    assert_eq!(one.stop, StopReason::Precision);
    assert!(one.replications.len() >= 10 && one.replications.len() < 100);
    assert_eq!(one, runs(8));
}

#[test]
fn a_cancelled_experiment_keeps_nothing_half_done() {
    let scenario = small();
    let cancel = AtomicBool::new(true);
    let options = Options { threads: 2 };
    let result = run(
        &scenario,
        options,
        &mut MemoryJournal::default(),
        &Quiet,
        &cancel,
    );
    assert_eq!(result.stop, StopReason::Cancelled);
    assert!(result.replications.is_empty());
}
