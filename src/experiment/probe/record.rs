//! The flow plane with its commands recorded, and who is there at an instant.

use std::collections::BTreeMap;

use crate::model::{LinkFault, Warmup};
use crate::units::{ClusterId, ReplicaId, ServiceId, SimTime};
use crate::world::contract::{Advanced, Asked, Command, DataPlane, Seen, Stop};
use crate::world::data::flow::FlowPlane;

/// One replica as the commands have left it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Of which service.
    pub service: ServiceId,
    /// Where.
    pub cluster: ClusterId,
    /// Processing rate besides warming.
    pub speed: f64,
    /// While it is new.
    pub warmup: Option<Warmup>,
    /// Since when it accepts requests.
    pub ready: Option<SimTime>,
    /// Callers may choose it.
    pub listed: bool,
    /// It finishes what it started.
    pub draining: bool,
    /// Its machine is gone.
    pub crashed: bool,
    /// Chance that a request fails after its work.
    pub errors: f64,
}

/// Who is there, and how calls go.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    /// By id, those that are not gone.
    pub replicas: BTreeMap<ReplicaId, Known>,
    /// By service: the last routing that was set.
    pub routes: BTreeMap<u32, Command>,
    /// By hop: what is wrong with it.
    pub links: BTreeMap<usize, LinkFault>,
}

impl Roster {
    /// Follows one command.
    pub fn follow(&mut self, at: SimTime, command: &Command) {
        let mut change = |replica: ReplicaId, change: &dyn Fn(&mut Known)| {
            if let Some(known) = self.replicas.get_mut(&replica) {
                change(known);
            }
        };
        match *command {
            Command::AddReplica {
                replica,
                service,
                cluster,
                speed,
                warmup,
            } => {
                let known = Known {
                    service,
                    cluster,
                    speed,
                    warmup,
                    ready: None,
                    listed: false,
                    draining: false,
                    crashed: false,
                    errors: 0.0,
                };
                self.replicas.insert(replica, known);
            }
            Command::Ready { replica } => change(replica, &|known| {
                (known.ready, known.crashed) = (Some(at), false);
            }),
            Command::List { replica } => change(replica, &|known| known.listed = true),
            Command::Delist { replica } => change(replica, &|known| known.listed = false),
            Command::SetRate { replica, speed } => change(replica, &|known| known.speed = speed),
            Command::Drain { replica } => change(replica, &|known| known.draining = true),
            Command::Kill { replica } => {
                self.replicas.remove(&replica);
            }
            Command::Crash { replica } => change(replica, &|known| known.crashed = true),
            Command::SetErrors { replica, ratio } => {
                change(replica, &|known| known.errors = ratio);
            }
            Command::SetLink { hop, state } => {
                self.links.insert(hop, state);
            }
            Command::SetRouting { service, .. } => {
                self.routes.insert(service.0, command.clone());
            }
        }
    }
}

/// A flow plane whose commands are recorded.
pub struct Recording {
    /// The plane.
    pub flow: FlowPlane,
    now: SimTime,
    /// Who was there at the start of the log.
    base: Roster,
    log: Vec<(SimTime, Command)>,
}

impl Recording {
    /// Records from time zero.
    #[must_use]
    pub fn new(flow: FlowPlane) -> Self {
        Self {
            flow,
            now: SimTime::ZERO,
            base: Roster::default(),
            log: Vec::new(),
        }
    }

    /// Nobody will ask for what was before.
    pub fn forget_before(&mut self, earliest: SimTime) {
        let past = self.log.partition_point(|(at, _)| *at < earliest);
        for (at, command) in self.log.drain(..past) {
            self.base.follow(at, &command);
        }
    }

    /// Who was there just before the commands of that instant.
    #[must_use]
    pub fn roster_at(&self, instant: SimTime) -> Roster {
        let mut roster = self.base.clone();
        let past = self.log.iter().take_while(|(at, _)| *at < instant);
        for (at, command) in past {
            roster.follow(*at, command);
        }
        roster
    }

    /// Commands from an instant on, up to another.
    #[must_use]
    pub fn commands_between(&self, from: SimTime, until: SimTime) -> Vec<(SimTime, Command)> {
        let (first, last) = (
            self.log.partition_point(|(at, _)| *at < from),
            self.log.partition_point(|(at, _)| *at < until),
        );
        self.log[first..last].to_vec()
    }
}

impl DataPlane for Recording {
    fn advance(&mut self, until: SimTime) -> Result<Advanced, Stop> {
        let advanced = self.flow.advance(until)?;
        self.now = advanced.now;
        Ok(advanced)
    }

    fn command(&mut self, command: Command) {
        self.log.push((self.now, command.clone()));
        self.flow.command(command);
    }

    fn observe(&mut self, seen: &mut Seen) {
        self.flow.observe(seen);
    }

    fn pulse(&mut self, seen: &mut Seen, asked: Asked<'_>) {
        self.flow.pulse(seen, asked);
    }

    fn events(&self) -> u64 {
        self.flow.events()
    }
}
