//! The experiment: replications in parallel, kept in a journal, folded in the order of their numbers.
//!
//! Which thread played a replication, and when, leaves no trace in the result: replications are taken in order
//! of their number, the stop rule looks at contiguous prefixes only, and what lies beyond is thrown away.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;

use sha2::{Digest, Sha256};

use crate::experiment::bins::bin_width;
use crate::experiment::estimate::{metric_rows, series_rows};
use crate::experiment::judge::Judge;
use crate::experiment::replication::{Real, Stage, play};
use crate::experiment::result::{ExperimentResult, ReplicationResult, StopReason};
use crate::experiment::terms::{term_text, terms};
use crate::model::{MetricTerm, Replications, Scenario};
use crate::world::contract::Luck;

/// Replications before a precision is judged for the first time.
pub const FIRST_LOOK: usize = 10;

/// How to run; nothing here changes results.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads, at least one.
    pub threads: usize,
}

/// Keeps finished replications so that an interrupted experiment can go on.
pub trait Journal {
    /// Those kept so far, in any order.
    fn load(&mut self) -> Vec<ReplicationResult>;

    /// Keeps one.
    ///
    /// # Errors
    /// It could not be kept, in words.
    fn store(&mut self, replication: &ReplicationResult) -> Result<(), String>;
}

/// A journal in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    /// What was kept.
    pub kept: Vec<ReplicationResult>,
}

impl Journal for MemoryJournal {
    fn load(&mut self) -> Vec<ReplicationResult> {
        self.kept.clone()
    }

    fn store(&mut self, replication: &ReplicationResult) -> Result<(), String> {
        self.kept.push(replication.clone());
        Ok(())
    }
}

/// Is told how far the experiment is, from any thread.
pub trait Progress: Sync {
    /// Share of the horizon, 0 to 1, that one replication has played.
    fn advanced(&self, replication: u32, share: f64);
    /// `done` of at most `most` replications are finished.
    fn finished(&self, done: u32, most: u32);
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {
    fn advanced(&self, _replication: u32, _share: f64) {}
    fn finished(&self, _done: u32, _most: u32) {}
}

/// Runs the scenario's experiment; on `cancel` it ends with what is finished.
pub fn run(
    scenario: &Scenario,
    options: Options,
    journal: &mut dyn Journal,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> ExperimentResult {
    run_on(&Real, scenario, options, journal, progress, cancel)
}

/// The same on worlds that `stage` makes.
pub fn run_on(
    stage: &dyn Stage,
    scenario: &Scenario,
    options: Options,
    journal: &mut dyn Journal,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> ExperimentResult {
    let terms = terms(scenario);
    let mut folded = Folded::new(scenario, &terms);
    for replication in journal.load() {
        folded.take(replication);
    }
    let journal_failed = play_rest(
        stage,
        scenario,
        &terms,
        options,
        journal,
        progress,
        cancel,
        &mut folded,
    );
    folded.result(journal_failed)
}

/// Replications in order, and when to stop.
struct Folded<'a> {
    scenario: &'a Scenario,
    terms: &'a [MetricTerm],
    most: u32,
    waiting: BTreeMap<u32, ReplicationResult>,
    done: Vec<ReplicationResult>,
    stop: Option<StopReason>,
}

impl<'a> Folded<'a> {
    fn new(scenario: &'a Scenario, terms: &'a [MetricTerm]) -> Self {
        let most = match scenario.run.replications {
            Replications::Fixed(number) => number,
            Replications::Precision { max, .. } => max,
        };
        Self {
            scenario,
            terms,
            most,
            waiting: BTreeMap::new(),
            done: Vec::new(),
            stop: (most == 0).then_some(StopReason::Replications),
        }
    }

    fn has(&self, replication: u32) -> bool {
        (replication as usize) < self.done.len() || self.waiting.contains_key(&replication)
    }

    fn take(&mut self, replication: ReplicationResult) {
        if self.has(replication.replication) {
            return;
        }
        self.waiting.insert(replication.replication, replication);
        while self.stop.is_none()
            && let Some(next) = self.waiting.remove(&(self.done.len() as u32))
        {
            if let Some(reason) = &next.stopped {
                self.stop = Some(StopReason::Failed(format!(
                    "replication {}: {reason}",
                    next.replication
                )));
                return;
            }
            self.done.push(next);
            self.stop = self.stop_here();
        }
    }

    fn stop_here(&self) -> Option<StopReason> {
        let is_last = self.done.len() as u32 >= self.most;
        match self.scenario.run.replications {
            Replications::Fixed(_) => is_last.then_some(StopReason::Replications),
            Replications::Precision { ratio, .. } => {
                let judge = Judge {
                    scenario: self.scenario,
                    terms: self.terms,
                    replications: &self.done,
                };
                if self.done.len() >= FIRST_LOOK && judge.is_precise(ratio) {
                    Some(StopReason::Precision)
                } else {
                    is_last.then_some(StopReason::MaxReplications)
                }
            }
        }
    }

    fn result(self, journal_failed: Option<String>) -> ExperimentResult {
        let confidence = self.scenario.run.confidence;
        let judge = Judge {
            scenario: self.scenario,
            terms: self.terms,
            replications: &self.done,
        };
        let stop = match journal_failed {
            Some(reason) => StopReason::Failed(reason),
            None => self.stop.unwrap_or(StopReason::Cancelled),
        };
        ExperimentResult {
            scenario: self.scenario.name.clone(),
            seed: self.scenario.run.seed,
            confidence,
            stop,
            metrics: metric_rows(&self.done, confidence),
            terms: self
                .terms
                .iter()
                .map(|term| term_text(term, self.scenario))
                .collect(),
            assertions: judge.all(),
            bin: bin_width(self.scenario),
            series: series_rows(&self.done, confidence),
            digest: digest(&self.done),
            replications: self.done,
        }
    }
}

/// SHA-256 of the replications as JSON, in hex.
#[must_use]
pub fn digest(replications: &[ReplicationResult]) -> String {
    let mut hash = Sha256::new();
    for replication in replications {
        let text = serde_json::to_vec(replication).expect("results are plain data");
        hash.update(&text);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Plays what is missing; a sentence when the journal could not keep a replication.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one experiment, passed on once"
)]
fn play_rest(
    stage: &dyn Stage,
    scenario: &Scenario,
    terms: &[MetricTerm],
    options: Options,
    journal: &mut dyn Journal,
    progress: &dyn Progress,
    cancel: &AtomicBool,
    folded: &mut Folded,
) -> Option<String> {
    let missing: Vec<u32> = (0..folded.most)
        .filter(|number| !folded.has(*number))
        .collect();
    if folded.stop.is_some() || missing.is_empty() {
        return None;
    }
    progress.finished(folded.done.len() as u32, folded.most);
    let next = AtomicU32::new(0);
    // Set when no more replications are wanted: the stop rule held, or somebody asked to stop.
    let halt = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel::<ReplicationResult>();
    let sender = Mutex::new(sender);
    let mut failed = None;
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, missing.len()) {
            let sender = sender.lock().expect("no thread panics with it").clone();
            let (next, halt, missing) = (&next, &halt, &missing);
            scope.spawn(move || {
                while !halt.load(Ordering::Relaxed) && !cancel.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(&number) = missing.get(at) else {
                        return;
                    };
                    let luck = Luck {
                        seed: scenario.run.seed,
                        replication: number,
                        stage: 0,
                    };
                    let told = |share| {
                        progress.advanced(number, share);
                        if cancel.load(Ordering::Relaxed) {
                            halt.store(true, Ordering::Relaxed);
                        }
                    };
                    let Some(result) = play(stage, scenario, terms, luck, halt, &told) else {
                        return;
                    };
                    if sender.send(result).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for result in receiver {
            if failed.is_none()
                && let Err(reason) = journal.store(&result)
            {
                failed = Some(reason);
                halt.store(true, Ordering::Relaxed);
            }
            folded.take(result);
            progress.finished(folded.done.len() as u32, folded.most);
            if folded.stop.is_some() {
                halt.store(true, Ordering::Relaxed);
            }
        }
    });
    failed
}
