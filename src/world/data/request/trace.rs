//! Spans of traced actions. Kept beside the frames by slot: a frame says with one bit whether it has any, so that
//! an action that is not traced pays for a test of that bit and no more.

use crate::engine::{Key, Purpose, hash64};
use crate::model::scenario::Traces;
use crate::units::{ClusterId, LoadId, ReplicaId, SimDuration, SimTime};
use crate::world::contract::Outcome;
use crate::world::data::request::frame::{Flags, State};
use crate::world::data::request::plane::RequestPlane;
use crate::world::spans::{Span, SpanKind};

const TRACE: Purpose = Purpose::new("trace");

/// No span.
const NONE: u32 = u32::MAX;

/// Spans that are open and that have ended.
pub struct Tracer {
    traces: Traces,
    /// Actions traced so far.
    actions: u64,
    /// By slot of a frame.
    of_frame: Vec<OfFrame>,
    open: Vec<Span>,
    free: Vec<u32>,
    /// Ended since the last look.
    pub ended: Vec<Span>,
}

/// Spans of one frame.
#[derive(Clone, Copy)]
struct OfFrame {
    /// The attempt that the frame is for its caller.
    call: u32,
    /// What the frame itself does: an action, a served request, a branch.
    own: u32,
    /// When it last stopped: what lies between is queueing, work or waiting, by its state.
    since: SimTime,
}

impl Tracer {
    /// Nothing traced yet.
    pub fn new(traces: Traces) -> Self {
        Self {
            traces,
            actions: 0,
            of_frame: Vec::new(),
            open: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn of_frame(&mut self, slot: u32) -> &mut OfFrame {
        let index = slot as usize;
        if self.of_frame.len() <= index {
            let none = OfFrame {
                call: NONE,
                own: NONE,
                since: SimTime::ZERO,
            };
            self.of_frame.resize(index + 1, none);
        }
        &mut self.of_frame[index]
    }

    fn begin(&mut self, trace: u64, id: u64, parent: u64, kind: SpanKind, now: SimTime) -> u32 {
        let span = Span {
            trace,
            id,
            parent,
            kind,
            start: now,
            end: now,
            outcome: Outcome::Ok,
            queued: SimDuration::ZERO,
            working: SimDuration::ZERO,
            demand: SimDuration::ZERO,
            waiting: SimDuration::ZERO,
        };
        if let Some(index) = self.free.pop() {
            self.open[index as usize] = span;
            return index;
        }
        self.open.push(span);
        (self.open.len() - 1) as u32
    }

    fn end(&mut self, index: u32, outcome: Outcome, now: SimTime) {
        if index == NONE {
            return;
        }
        let mut span = self.open[index as usize];
        (span.end, span.outcome) = (now, outcome);
        self.ended.push(span);
        self.free.push(index);
    }

    /// Trace and id of what a frame itself does.
    fn place(&mut self, slot: u32) -> (u64, u64) {
        let own = self.of_frame(slot).own;
        self.open
            .get(own as usize)
            .map_or((0, 0), |span| (span.trace, span.id))
    }
}

/// Identity of a span: that of its frame's key, told apart by what it stands for. Never 0.
fn identity(key: Key, what: &str) -> u64 {
    key.part(hash64(what)).0.max(1)
}

impl RequestPlane {
    /// Traces a share of the actions from now on.
    #[must_use]
    pub fn traced(mut self, traces: Traces) -> Self {
        self.tracer = Some(Box::new(Tracer::new(traces)));
        self
    }

    /// Spans that ended since the last call; empty when nothing is traced.
    pub fn take_spans(&mut self) -> Vec<Span> {
        self.tracer
            .as_mut()
            .map(|tracer| std::mem::take(&mut tracer.ended))
            .unwrap_or_default()
    }

    /// An action begins: traced, if its key says so.
    #[cold]
    pub(super) fn trace_action(&mut self, slot: u32, load: LoadId, user: u64, ordinal: u32) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let frame = &mut self.frames[slot];
        let sampled = frame.key.uniform(TRACE, 0) < tracer.traces.share;
        if !sampled || tracer.actions >= tracer.traces.most {
            return;
        }
        tracer.actions += 1;
        frame.flags.set(Flags::TRACED);
        let key = frame.key;
        let journey = self.users.journey_of(frame.home);
        let kind = SpanKind::Action {
            load,
            journey,
            user,
            ordinal,
        };
        let own = tracer.begin(key.0, identity(key, "action"), 0, kind, self.now);
        let now = self.now;
        let of_frame = tracer.of_frame(slot);
        (of_frame.own, of_frame.call, of_frame.since) = (own, NONE, now);
    }

    /// A traced frame sends an attempt.
    #[cold]
    pub(super) fn trace_call(&mut self, waiter: u32, slot: u32) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let frame = &mut self.frames[slot];
        frame.flags.set(Flags::TRACED);
        let site = &self.programs.sites[frame.site as usize];
        let kind = SpanKind::Call {
            edge: site.edge,
            endpoint: site.endpoint,
            attempt: self.frames[waiter].tries,
        };
        let key = self.frames[slot].key;
        let (trace, parent) = tracer.place(waiter);
        let call = tracer.begin(trace, identity(key, "call"), parent, kind, self.now);
        let of_frame = tracer.of_frame(slot);
        (of_frame.call, of_frame.own) = (call, NONE);
    }

    /// A traced request is taken in by its replica.
    #[cold]
    pub(super) fn trace_arrival(&mut self, slot: u32) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let frame = &self.frames[slot];
        let kind = SpanKind::Served {
            endpoint: self.programs.sites[frame.site as usize].endpoint,
            cluster: ClusterId(u32::from(frame.place) - 1),
            replica: ReplicaId(frame.home),
        };
        let call = tracer.of_frame(slot).call;
        let (trace, parent) = tracer
            .open
            .get(call as usize)
            .map_or((0, 0), |span| (span.trace, span.id));
        let id = identity(frame.key, "served");
        let own = tracer.begin(trace, id, parent, kind, self.now);
        let now = self.now;
        let of_frame = tracer.of_frame(slot);
        (of_frame.own, of_frame.since) = (own, now);
    }

    /// A traced branch begins.
    #[cold]
    pub(super) fn trace_branch(&mut self, parent: u32, slot: u32) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let frame = &mut self.frames[slot];
        frame.flags.set(Flags::TRACED);
        let id = identity(frame.key, "branch");
        let (trace, above) = tracer.place(parent);
        let own = tracer.begin(trace, id, above, SpanKind::Branch, self.now);
        let now = self.now;
        let of_frame = tracer.of_frame(slot);
        (of_frame.own, of_frame.call, of_frame.since) = (own, NONE, now);
    }

    /// A traced frame goes on: what it did since it stopped is known by its state.
    #[cold]
    pub(super) fn trace_goes_on(&mut self, slot: u32) {
        let Some(tracer) = &mut self.tracer else {
            return;
        };
        let now = self.now;
        let frame = &self.frames[slot];
        let of_frame = tracer.of_frame(slot);
        let (own, passed) = (of_frame.own, now.since(of_frame.since));
        of_frame.since = now;
        let Some(span) = tracer.open.get_mut(own as usize) else {
            return;
        };
        match frame.state {
            State::Working => {
                span.working += passed;
                span.demand += frame.demand;
            }
            State::Waiting => span.waiting += passed,
            // Before its first step: whatever time passed was spent in the waiting room.
            State::Queued | State::Admitted | State::Travelling => span.queued += passed,
            _ => {}
        }
    }

    /// What a traced frame itself does has ended.
    #[cold]
    pub(super) fn trace_end(&mut self, slot: u32, outcome: Outcome) {
        if self.frames[slot].state == State::Queued {
            self.trace_goes_on(slot);
        }
        if let Some(tracer) = &mut self.tracer {
            let own = std::mem::replace(&mut tracer.of_frame(slot).own, NONE);
            tracer.end(own, outcome, self.now);
        }
    }

    /// A traced attempt has ended for its caller.
    #[cold]
    pub(super) fn trace_call_end(&mut self, slot: u32, outcome: Outcome) {
        if let Some(tracer) = &mut self.tracer {
            let call = std::mem::replace(&mut tracer.of_frame(slot).call, NONE);
            tracer.end(call, outcome, self.now);
        }
    }

    /// A message takes the place of a traced request for its caller: its replica was stopped, unless it has answered.
    #[cold]
    pub(super) fn trace_killed(&mut self, slot: u32, messenger: u32) {
        self.trace_end(slot, Outcome::Killed);
        if let Some(tracer) = &mut self.tracer {
            let call = std::mem::replace(&mut tracer.of_frame(slot).call, NONE);
            let of_frame = tracer.of_frame(messenger);
            (of_frame.call, of_frame.own) = (call, NONE);
            self.frames[slot].flags.clear(Flags::TRACED);
        }
    }
}
