//! Watching: how long requests hold their slots, before and after their answer, how long marked groups of steps
//! take, and how long calls wait for a slot. Only scenarios with sections are watched; others pay nothing.

use crate::engine::hash64;
use crate::units::SimTime;
use crate::world::data::request::frame::Flags;
use crate::world::data::request::plane::RequestPlane;

/// Sections that may lie in one another within one frame.
pub const MAX_SECTIONS: usize = 4;

/// What a watched program notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// A request has its slot.
    Begun,
    /// A job is about to go to the processor.
    WorkBegins,
    /// It has come back.
    WorkEnded,
    /// A section begins, the `part`-th from outside.
    SectionBegins { part: u8 },
    /// It has ended.
    SectionEnds { part: u8, section: u32 },
}

/// Times of a frame of a watched scenario.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// When it had its slot.
    begun: SimTime,
    answered: SimTime,
    work: SimTime,
    /// Beginnings of the sections it is in, and seconds of waiting for the processor in each.
    sections: [(SimTime, f64); MAX_SECTIONS],
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            begun: SimTime::NEVER,
            answered: SimTime::NEVER,
            work: SimTime::NEVER,
            sections: [(SimTime::NEVER, 0.0); MAX_SECTIONS],
        }
    }
}

/// Count, sum and sum of squares of some times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
}

impl Tally {
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        self.sum += seconds;
        self.squares += seconds * seconds;
    }

    /// Mean; `None` when nothing was counted.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Variance; `None` when nothing was counted.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        let mean = self.mean()?;
        Some((self.squares / self.count as f64 - mean * mean).max(0.0))
    }
}

/// One marked group of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SectionSeen {
    /// From its first step to the end of its last.
    pub time: Tally,
    /// Seconds in it that jobs waited for the processor, or for their share of it, in all.
    pub waited: f64,
}

/// One endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EndpointSeen {
    /// From the slot to the answer.
    pub first: Tally,
    /// From the answer to the end of the slot, of all requests (0 where nothing follows).
    pub second: Tally,
}

/// What was seen since the plane was made, or since it was taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// By `SectionId`.
    pub sections: Vec<SectionSeen>,
    /// By `EndpointId`.
    pub endpoints: Vec<EndpointSeen>,
    /// By call site in the order in which programs name them (endpoints first, then journeys; the steps inside a
    /// `parallel` after its program): from the call to the slot; of calls that nobody waits for, to the answer.
    pub waits: Vec<Tally>,
}

impl RequestPlane {
    /// What was watched since the last time; empty unless the scenario has sections.
    pub fn take_watched(&mut self) -> Watched {
        let blank = Watched {
            sections: vec![SectionSeen::default(); self.scenario.sections.len()],
            endpoints: vec![EndpointSeen::default(); self.scenario.endpoints.len()],
            waits: vec![Tally::default(); self.programs.sites.len()],
        };
        std::mem::replace(&mut self.watched, blank)
    }

    /// Positions in `Watched::waits` of the call sites of this name.
    #[must_use]
    pub fn sites_named(&self, name: &str) -> Vec<usize> {
        let name = hash64(name);
        let sites = self.programs.sites.iter().enumerate();
        sites
            .filter(|(_, site)| site.name == name)
            .map(|(index, _)| index)
            .collect()
    }

    fn marks(&mut self, slot: u32) -> &mut Marks {
        let index = slot as usize;
        if self.marks.len() <= index {
            self.marks.resize(self.frames.slots(), Marks::default());
        }
        &mut self.marks[index]
    }

    /// The marks of one frame become those of another.
    pub(super) fn move_marks(&mut self, from: u32, to: u32) {
        if !self.scenario.sections.is_empty() {
            *self.marks(to) = *self.marks(from);
        }
    }

    /// A watched operation.
    pub(super) fn note(&mut self, slot: u32, note: Note) {
        let now = self.now;
        let frame = &self.frames[slot];
        let (since, site, demand) = (frame.since, frame.site, frame.demand);
        let is_async = frame.flags.has(Flags::ASYNC);
        let marks = self.marks(slot);
        match note {
            Note::Begun => {
                *marks = Marks {
                    begun: now,
                    ..Marks::default()
                };
                if !is_async {
                    self.watched.waits[site as usize].add(now.since(since).seconds());
                }
            }
            Note::WorkBegins => marks.work = now,
            Note::WorkEnded => {
                let waited = now.since(marks.work).seconds() - demand.seconds();
                for (begun, sum) in &mut marks.sections {
                    if *begun != SimTime::NEVER {
                        *sum += waited.max(0.0);
                    }
                }
            }
            Note::SectionBegins { part } => marks.sections[usize::from(part)] = (now, 0.0),
            Note::SectionEnds { part, section } => {
                let place = &mut marks.sections[usize::from(part)];
                let (begun, waited) = std::mem::replace(place, (SimTime::NEVER, 0.0));
                let seen = &mut self.watched.sections[section as usize];
                seen.time.add(now.since(begun).seconds());
                seen.waited += waited;
            }
        }
    }

    /// A request sends its answer.
    pub(super) fn note_answer(&mut self, slot: u32) {
        if self.scenario.sections.is_empty() {
            return;
        }
        let now = self.now;
        let frame = &self.frames[slot];
        let (since, site) = (frame.since, frame.site);
        let is_async = frame.flags.has(Flags::ASYNC);
        let marks = self.marks(slot);
        if marks.answered != SimTime::NEVER {
            return;
        }
        marks.answered = now;
        let begun = marks.begun;
        let endpoint = self.programs.sites[site as usize].endpoint;
        self.watched.endpoints[endpoint.index()]
            .first
            .add(now.since(begun).seconds());
        if is_async {
            self.watched.waits[site as usize].add(now.since(since).seconds());
        }
    }

    /// A request gives its slot back.
    pub(super) fn note_leave(&mut self, slot: u32) {
        if self.scenario.sections.is_empty() {
            return;
        }
        self.note_answer(slot);
        let now = self.now;
        let after = now.since(self.marks(slot).answered).seconds();
        let endpoint = self.programs.sites[self.frames[slot].site as usize].endpoint;
        self.watched.endpoints[endpoint.index()].second.add(after);
    }

    /// Names of the services that have requests in flight, for the error about time standing still.
    pub(super) fn services_in_flight(&self) -> String {
        let mut busy = vec![false; self.scenario.services.len()];
        for slot in 0..self.frames.slots() as u32 {
            if let Some(site) = self.programs.sites.get(self.frames[slot].site as usize) {
                busy[site.service.index()] = true;
            }
        }
        let names: Vec<_> = self
            .scenario
            .services
            .iter()
            .zip(busy)
            .filter(|pair| pair.1)
            .map(|pair| pair.0.name.as_str())
            .collect();
        names.join(", ")
    }
}
