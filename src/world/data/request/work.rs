//! Work on processors: how it starts, what ends it, and rates that change.

use crate::engine::Event;
use crate::units::SimTime;
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::processor::Started;

/// Work without a caller that waits is wanted all the same.
const WANTED: Flags = Flags::SETTLED.or(Flags::ASYNC);

impl RequestPlane {
    /// Puts a frame's demand on the processor of its replica.
    #[inline]
    pub(super) fn start_work(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        frame.link = NIL;
        if self.replicas[frame.home as usize].hosted {
            self.start_hosted(slot);
            return;
        }
        self.start_own_work(slot);
    }

    /// The same where the replica has a processor of its own; the frame's link is `NIL`.
    #[inline(always)]
    pub(super) fn start_own_work(&mut self, slot: u32) {
        let frame = &mut self.frames[slot];
        let processor = &mut self.processors[frame.home as usize];
        if processor.is_timed() {
            if let Some(started) = processor.begin(slot, frame.demand, self.now) {
                frame.tries = started.place;
                frame.link = self.events.push(started.end, rank::WORK_ENDED, slot);
            }
        } else {
            self.start_virtual_work(slot);
        }
    }

    /// A job that waited for a timed processor runs from now on.
    #[inline(always)]
    pub(super) fn job_started(&mut self, started: Started) {
        let frame = &mut self.frames[started.job];
        frame.tries = started.place;
        frame.link = self.events.push(started.end, rank::WORK_ENDED, started.job);
    }

    /// The same on a processor with virtual time.
    #[inline(never)]
    pub(super) fn start_virtual_work(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let index = frame.home;
        let processor = &mut self.processors[index as usize];
        if processor.is_preemptive() {
            let demand = frame.demand;
            let priority = self.priority_of_work(slot);
            self.processors[index as usize].add_urgent(slot, demand, priority, self.now);
            self.arm(index);
        } else {
            processor.add(slot, frame.demand, self.now);
            self.arm(index);
        }
    }

    /// Priority of the request that a frame works for.
    #[cold]
    pub(super) fn priority_of_work(&self, slot: u32) -> i32 {
        let mut at = slot;
        while self.frames[at].kind != FrameKind::Request {
            if self.frames[at].parent == NIL {
                return 0;
            }
            at = self.frames[at].parent;
        }
        self.priority(at)
    }

    /// Re-arms a processor's completion when its next one has changed.
    #[inline]
    fn arm(&mut self, index: u32) {
        let processor = &mut self.processors[index as usize];
        let next = processor.next_end();
        if next == Some(processor.armed.1) && processor.armed.0 != 0 {
            return;
        }
        processor.armed = match next {
            Some(at) => (self.events.push(at, rank::COMPLETED, index), at),
            None => (0, SimTime::NEVER),
        };
    }

    /// Takes a frame's job off its processor; what was done of it was done for nothing.
    pub(super) fn stop_work(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        if self.replicas[frame.home as usize].hosted {
            self.stop_hosted(slot);
            return;
        }
        let (demand, index) = (frame.demand, frame.home);
        let station = self.replicas[index as usize].station as usize;
        let processor = &mut self.processors[index as usize];
        let removed = processor.remove(slot, self.now);
        let done = removed
            .left
            .map_or(0, |left| demand.0.saturating_sub(left.0));
        self.accounts.stations[station].wasted_cpu_ns += done;
        if let Some(started) = removed.started {
            self.job_started(started);
        }
        if !self.processors[index as usize].is_timed() {
            self.arm(index);
        }
    }

    /// A processor finished at least one job, unless its completion was re-armed meanwhile.
    pub(super) fn on_completed(&mut self, event: Event) {
        let processor = &mut self.processors[event.slot as usize];
        if processor.armed.0 != event.sequence {
            return;
        }
        processor.armed = (0, SimTime::NEVER);
        let ended = processor.take_ended(self.now);
        self.arm(event.slot);
        if let Some(slot) = ended {
            self.work_ended(slot);
        }
    }

    /// A frame's `work` step is over.
    #[inline]
    pub(super) fn work_ended(&mut self, slot: u32) {
        if self.is_wasted(slot) {
            let frame = &self.frames[slot];
            let station = self.replicas[frame.home as usize].station as usize;
            self.accounts.stations[station].wasted_cpu_ns += frame.demand.0;
        }
        self.resumed.push(slot);
    }

    /// Whether nobody waits for what a frame does.
    fn is_wasted(&self, slot: u32) -> bool {
        let mut frame = &self.frames[slot];
        while frame.kind == FrameKind::Branch && frame.parent != NIL {
            frame = &self.frames[frame.parent];
            if frame.kind == FrameKind::Join {
                return self.is_wasted_below(frame);
            }
        }
        frame.kind == FrameKind::Request && frame.parent == NIL && !frame.flags.has(WANTED)
    }

    /// The same for the branches of a join: stragglers' work is of no use.
    #[cold]
    fn is_wasted_below(&self, join: &Frame) -> bool {
        if join.flags.has(Flags::SETTLED) || join.parent == NIL {
            return true;
        }
        self.is_wasted(join.parent)
    }

    /// Brings a replica's processing rate up to date (speed, warming).
    pub(super) fn update_rate(&mut self, replica: u32) {
        let home = &mut self.replicas[replica as usize];
        if home.hosted {
            return;
        }
        let (rate, index) = (home.rate(self.now), replica);
        let processor = &mut self.processors[index as usize];
        if processor.is_timed() && processor.would_change(rate) {
            for job in processor.running() {
                self.frames[job].link = NIL;
            }
        }
        processor.set_rate(rate, self.now);
        if !processor.is_timed() {
            self.arm(index);
        }
    }
}
