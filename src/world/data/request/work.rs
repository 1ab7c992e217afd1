//! Work on processors: how it starts, what ends it, and rates that change.

use crate::engine::Event;
use crate::units::SimTime;
use crate::world::data::request::frame::{FrameKind, NIL};
use crate::world::data::request::plane::{RequestPlane, rank};

impl RequestPlane {
    /// Puts a frame's demand on the processor of its replica.
    #[inline]
    pub(super) fn start_work(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let processor = self.replicas[frame.home as usize].processor;
        self.processors[processor as usize].add(slot, frame.demand, self.now);
        self.arm(processor);
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
    fn work_ended(&mut self, slot: u32) {
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
        }
        frame.kind == FrameKind::Request && frame.parent == NIL
    }

    /// Brings a replica's processing rate up to date (speed, warming).
    pub(super) fn update_rate(&mut self, replica: u32) {
        let home = &mut self.replicas[replica as usize];
        let (rate, processor) = (home.rate(self.now), home.processor);
        self.processors[processor as usize].set_rate(rate, self.now);
        self.arm(processor);
    }
}
