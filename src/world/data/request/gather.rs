//! Branches that need not all be waited for: copies, quorums, stragglers.
//!
//! A `Join` frame stands between the branches and what waits for them. It is settled when enough branches have
//! succeeded, or so many failed that enough no longer can; the branches that still run are stragglers: they go on to
//! their end, their results are of no use, and a request keeps its slot until they have ended.

use crate::engine::Purpose;
use crate::world::data::request::execute::ordinal;
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::RequestPlane;
use crate::world::data::request::program::Run;

const FANOUT: Purpose = Purpose::new("fanout");
/// Most branches of one step.
const MOST: f64 = 65_535.0;

impl RequestPlane {
    /// Starts the branches of a plan; false when there is nothing to wait for.
    pub(super) fn gather(&mut self, slot: u32, branches: Run, plan: u32) -> bool {
        let plan = self.programs.gathers[plan as usize];
        let repeat = self.frames.repeat(slot);
        let frame = &self.frames[slot];
        let (key, home, place) = (frame.key, frame.home, frame.place);
        let copies = plan.fanout.map_or(1.0, |(distribution, draw)| {
            let base = ordinal(draw, repeat);
            self.programs.laws[distribution as usize]
                .sample(|part| key.uniform(FANOUT, base + u64::from(part)))
        });
        let most = (MOST / f64::from(branches.count.max(1))).floor();
        let copies = (copies + 0.5).clamp(0.0, most) as u32;
        let all = copies * branches.count;
        let needed = plan.join.map_or(all, |join| join.min(all));
        if needed == 0 {
            return false;
        }
        let waiter = &mut self.frames[slot];
        (waiter.state, waiter.link) = (State::Joining, NIL);
        let mut join = Frame::new(FrameKind::Join, key, slot, 0, self.now);
        (join.home, join.place) = (home, place);
        join.state = State::Joining;
        join.pending = all as u16;
        let join = self.frames.insert(join);
        self.frames.cold_mut(join).needed = needed;
        if self.tracks_branches {
            self.link_branch(slot, join);
        }
        // Pushed in reverse: the first branch runs first.
        for copy in (0..copies).rev() {
            for index in branches.range().rev() {
                self.branch_of(join, index, repeat, copy);
            }
        }
        true
    }

    /// Starts one branch of a join.
    fn branch_of(&mut self, join: u32, index: usize, repeat: u64, copy: u32) {
        let (name, start) = self.programs.branches[index];
        let frame = &self.frames[join];
        let (home, place, slot) = (frame.home, frame.place, frame.parent);
        let key = frame.key.call(name, repeat, 0);
        let key = if copy == 0 {
            key
        } else {
            key.nth(u64::from(copy))
        };
        let mut branch = Frame::new(FrameKind::Branch, key, join, start, self.now);
        (branch.home, branch.place) = (home, place);
        let branch = self.frames.insert(branch);
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_branch(slot, branch);
        }
        if self.tracks_branches {
            self.link_branch(join, branch);
        }
        if self.tracks_deadlines {
            self.set_deadline(branch, self.deadline(slot));
        }
        self.resumed.push(branch);
    }

    /// A branch of a join has ended.
    pub(super) fn end_gathered(&mut self, join: u32, failed: bool) {
        let frame = &mut self.frames[join];
        frame.pending -= 1;
        let (left, cause) = (u32::from(frame.pending), frame.outcome);
        let (parent, gone) = (frame.parent, frame.state == State::Gone);
        if frame.flags.has(Flags::SETTLED) {
            if left == 0 {
                self.frames.remove(join);
                self.straggled(parent);
            }
            return;
        }
        if gone {
            // Its replica was stopped: what waited for it is dropped with the last branch.
            if left == 0 {
                self.frames.remove(join);
                self.drop_gone(parent);
            }
            return;
        }
        let cold = self.frames.cold_mut(join);
        cold.needed -= u32::from(!failed);
        let needed = cold.needed;
        if needed > 0 && needed <= left {
            return;
        }
        if self.tracks_branches {
            self.unlink_branch(parent, join);
        }
        if self.frames[join].flags.has(Flags::DEGRADED) {
            self.frames[parent].flags.set(Flags::DEGRADED);
        }
        if left == 0 {
            self.frames.remove(join);
        } else {
            self.keep_for_stragglers(join);
        }
        if needed == 0 {
            self.resumed.push(parent);
        } else {
            self.fail(parent, cause);
        }
    }

    /// What waited for a join goes on; its request keeps the slot until the last straggler has ended.
    fn keep_for_stragglers(&mut self, join: u32) {
        let request = self.request_of(join);
        let frame = &mut self.frames[join];
        frame.flags.set(Flags::SETTLED);
        frame.parent = request;
        if request != NIL {
            self.frames.cold_mut(request).stragglers += 1;
            self.frames[request].flags.set(Flags::DETACHED);
        }
    }

    /// The last straggler of a join has ended.
    fn straggled(&mut self, request: u32) {
        if request == NIL {
            return;
        }
        let cold = self.frames.cold_mut(request);
        cold.stragglers -= 1;
        if cold.stragglers == 0 && self.frames[request].state == State::Lingering {
            self.leave(request);
        }
    }

    /// A request is stopped: its stragglers run on without its slot. Looks at every frame, if there are any.
    pub(super) fn let_stragglers_go(&mut self, request: u32) {
        if self
            .frames
            .cold(request)
            .is_none_or(|cold| cold.stragglers == 0)
        {
            return;
        }
        for slot in 0..self.frames.slots() as u32 {
            let frame = &mut self.frames[slot];
            if frame.kind == FrameKind::Join
                && frame.parent == request
                && frame.state != State::Free
            {
                frame.parent = NIL;
            }
        }
    }
}
