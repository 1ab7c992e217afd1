//! Running programs: operations, branches, the processor, and how a frame ends.

use crate::engine::{Event, Purpose};
use crate::units::{ReplicaId, SimDuration};
use crate::world::contract::{Notice, Outcome};
use crate::world::data::request::frame::{Flags, Frame, FrameKind, NIL, State};
use crate::world::data::request::plane::{RequestPlane, rank};
use crate::world::data::request::program::{Op, Run};

pub(super) const STEP: Purpose = Purpose::new("step");
const FAILS: Purpose = Purpose::new("fails");

impl RequestPlane {
    /// Runs a frame's program until it has to wait or ends.
    #[inline(never)]
    pub(super) fn execute(&mut self, mut slot: u32) {
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_goes_on(slot);
        }
        loop {
            let frame = &mut self.frames[slot];
            let (key, pc) = (frame.key, frame.pc);
            match self.programs.ops[pc as usize] {
                Op::Work { demand, draw } => {
                    let demand = SimDuration::from_seconds(self.draw(slot, demand, draw));
                    let frame = &mut self.frames[slot];
                    frame.pc = pc + 1;
                    frame.state = State::Working;
                    frame.demand = demand;
                    self.start_work(slot);
                    return;
                }
                Op::Wait { time, draw } => {
                    let time = SimDuration::from_seconds(self.draw(slot, time, draw));
                    let ends = self.events.push(self.now + time, rank::WAITED, slot);
                    let frame = &mut self.frames[slot];
                    frame.pc = pc + 1;
                    (frame.state, frame.link) = (State::Waiting, ends);
                    return;
                }
                Op::Call { site, to } => {
                    frame.pc = pc + 1;
                    self.call(slot, site, to);
                    return;
                }
                Op::Fork { branches } => {
                    frame.pc = pc + 1;
                    if branches.count > 0 {
                        self.fork(slot, branches);
                        return;
                    }
                }
                Op::Gather { branches, plan } => {
                    frame.pc = pc + 1;
                    if self.gather(slot, branches, plan) {
                        return;
                    }
                }
                Op::Async { site } => {
                    frame.pc = pc + 1;
                    self.send_async(slot, site);
                }
                Op::Forward { site } => {
                    frame.pc = pc + 1;
                    slot = self.forward(slot, site);
                    if self.yields(slot) {
                        self.go_on_later(slot);
                        return;
                    }
                }
                Op::Reply { bytes } => {
                    frame.pc = pc + 1;
                    slot = self.reply(slot, bytes);
                    if self.yields(slot) {
                        self.go_on_later(slot);
                        return;
                    }
                }
                Op::Look { cache, miss, draw } => {
                    let uniform = key.uniform(STEP, ordinal(draw, self.frames.repeat(slot)));
                    let hit = self.look_up(slot, cache, uniform);
                    self.frames[slot].pc = if hit { pc + 1 } else { miss };
                }
                Op::Resolve { service, target } => {
                    let ask = self.must_resolve(slot, service);
                    self.frames[slot].pc = if ask { pc + 1 } else { target };
                }
                Op::Resolved { service } => {
                    frame.pc = pc + 1;
                    self.resolved(slot, service);
                }
                Op::Connected => {
                    self.answer_connect(slot);
                    return;
                }
                Op::Note(note) => {
                    frame.pc = pc + 1;
                    self.note(slot, note);
                }
                Op::Choose { targets, draw } => {
                    let uniform = key.uniform(STEP, ordinal(draw, self.frames.repeat(slot)));
                    let targets = &self.programs.targets[targets.range()];
                    let chosen = targets
                        .iter()
                        .find(|target| uniform < target.0)
                        .or(targets.last());
                    self.frames[slot].pc = chosen.expect("a choice has options").1;
                }
                Op::Skip {
                    chance,
                    target,
                    draw,
                } => {
                    let uniform = key.uniform(STEP, ordinal(draw, self.frames.repeat(slot)));
                    self.frames[slot].pc = if uniform < chance { pc + 1 } else { target };
                }
                Op::Jump { target } => frame.pc = target,
                Op::LoopStart {
                    level,
                    times,
                    end,
                    draw,
                } => {
                    let times = self.draw(slot, times, draw);
                    let times = (times + 0.5).clamp(0.0, 1e6) as u32;
                    self.frames.cold_mut(slot).loops[usize::from(level)] = (0, times);
                    self.frames[slot].pc = if times == 0 { end } else { pc + 1 };
                }
                Op::LoopEnd { level, body } => {
                    let turn = &mut self.frames.cold_mut(slot).loops[usize::from(level)];
                    turn.0 += 1;
                    let again = turn.0 < turn.1;
                    if !again {
                        *turn = (0, 0);
                    }
                    self.frames[slot].pc = if again { body } else { pc + 1 };
                }
                Op::End => {
                    self.end(slot);
                    return;
                }
            }
        }
    }

    /// A variate for a frame's operation.
    #[inline]
    fn draw(&self, slot: u32, distribution: u32, draw: u32) -> f64 {
        let key = self.frames[slot].key;
        let base = ordinal(draw, self.frames.repeat(slot));
        self.programs.laws[distribution as usize]
            .sample(|part| key.uniform(STEP, base + u64::from(part)))
    }

    fn fork(&mut self, slot: u32, branches: Run) {
        let repeat = self.frames.repeat(slot);
        let frame = &mut self.frames[slot];
        let (key, home, place) = (frame.key, frame.home, frame.place);
        let traced = frame.flags.has(Flags::TRACED);
        (frame.state, frame.link) = (State::Joining, NIL);
        frame.pending = branches.count as u16;
        frame.flags.clear(Flags::FAILED);
        // Pushed in reverse: the first branch runs first.
        for index in branches.range().rev() {
            let (name, start) = self.programs.branches[index];
            let key = key.call(name, repeat, 0);
            let mut branch = Frame::new(FrameKind::Branch, key, slot, start, self.now);
            (branch.home, branch.place) = (home, place);
            let branch = self.frames.insert(branch);
            if traced {
                self.trace_branch(slot, branch);
            }
            if self.tracks_branches {
                self.link_branch(slot, branch);
            }
            if self.tracks_deadlines {
                self.set_deadline(branch, self.deadline(slot));
            }
            self.resumed.push(branch);
        }
    }

    /// A program came to its end.
    fn end(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        match frame.kind {
            FrameKind::Action => self.end_action(slot, answered(frame.flags)),
            FrameKind::Branch => self.end_branch(slot, false),
            FrameKind::Request => self.end_request(slot, self.own_outcome(slot)),
            FrameKind::Join => unreachable!("a join has no program"),
        }
    }

    /// How a request ends when nothing that it waited for has failed.
    pub(super) fn own_outcome(&self, slot: u32) -> Outcome {
        let frame = &self.frames[slot];
        let ratio = self.programs.sites[frame.site as usize].error_ratio;
        let besides = self.faults.errors(frame.home);
        let fails = (ratio > 0.0 && frame.key.uniform(FAILS, 0) < ratio)
            || (besides > 0.0 && frame.key.uniform(FAILS, 1) < besides);
        if fails {
            Outcome::Error
        } else {
            answered(frame.flags)
        }
    }

    /// What a frame waited for failed: it fails too.
    pub(super) fn fail(&mut self, slot: u32, cause: Outcome) {
        match self.frames[slot].kind {
            FrameKind::Action => self.end_action(slot, cause),
            FrameKind::Branch => {
                let parent = self.frames[slot].parent;
                if parent != NIL {
                    self.frames[parent].outcome = cause;
                }
                self.end_branch(slot, true);
            }
            FrameKind::Request => self.end_request(slot, Outcome::Error),
            FrameKind::Join => unreachable!("a join calls nobody"),
        }
    }

    pub(super) fn end_branch(&mut self, slot: u32, failed: bool) {
        let parent = self.frames[slot].parent;
        if self.frames[slot].flags.has(Flags::TRACED) {
            let outcome = if failed { Outcome::Error } else { Outcome::Ok };
            self.trace_end(slot, outcome);
        }
        if self.tracks_branches {
            self.unlink_branch(parent, slot);
        }
        let degraded = self.frames[slot].flags.has(Flags::DEGRADED);
        self.frames.remove(slot);
        let frame = &mut self.frames[parent];
        if degraded {
            frame.flags.set(Flags::DEGRADED);
        }
        if frame.kind == FrameKind::Join {
            self.end_gathered(parent, failed);
            return;
        }
        frame.pending -= 1;
        if failed {
            frame.flags.set(Flags::FAILED);
        }
        if frame.pending > 0 {
            return;
        }
        if frame.state == State::Gone {
            self.drop_gone(parent);
        } else if frame.flags.has(Flags::FAILED) {
            let cause = frame.outcome;
            self.fail(parent, cause);
        } else {
            self.resumed.push(parent);
        }
    }

    /// A request has its answer: frees its slot and sends the reply.
    fn end_request(&mut self, slot: u32, outcome: Outcome) {
        if self.frames[slot].flags.has(Flags::TRACED) {
            self.trace_end(slot, outcome);
        }
        let frame = &mut self.frames[slot];
        if frame.flags.has(Flags::DETACHED) {
            self.end_detached(slot, outcome);
            return;
        }
        frame.outcome = outcome;
        let (home, since) = (frame.home, frame.since);
        let replica = &mut self.replicas[home as usize];
        let station = replica.station as usize;
        self.accounts.left(station, since, self.now, false);
        self.note_leave(slot);
        self.release_slot(home);
        self.send_reply(slot);
    }

    /// Frees a worker slot: the next waiting request takes it.
    pub(super) fn release_slot(&mut self, home: u32) {
        let replica = &mut self.replicas[home as usize];
        replica.in_slots -= 1;
        replica.served += 1;
        if replica.warming {
            self.update_rate(home);
        }
        let mut next = self.leave_queue(home);
        if next.is_none() && self.replicas[home as usize].special {
            next = self.next_specially(home);
        }
        if let Some(next) = next {
            self.frames[next].state = State::Admitted;
            let replica = &mut self.replicas[home as usize];
            replica.in_slots += 1;
            if replica.yields {
                self.go_on_later(next);
            } else {
                self.resumed.push(next);
            }
            return;
        }
        let replica = &self.replicas[home as usize];
        if replica.draining && replica.in_flight() == 0 {
            self.notices.push_back(Notice::Drained {
                replica: ReplicaId(home),
            });
        }
    }

    /// The next request to leave a replica's queue; those that were stopped while they waited are freed.
    fn leave_queue(&mut self, home: u32) -> Option<u32> {
        loop {
            let queue = &mut self.replicas[home as usize].queue;
            let next = queue.first;
            if next == NIL {
                return None;
            }
            queue.first = self.frames[next].link;
            if queue.first == NIL {
                queue.last = NIL;
            }
            self.frames[next].link = NIL;
            if self.frames[next].state != State::Gone {
                queue.length -= 1;
                return Some(next);
            }
            self.frames.remove(next);
        }
    }

    /// Sends the answer of a request (or of what stands for it) back to its caller.
    pub(super) fn send_reply(&mut self, slot: u32) {
        let frame = &self.frames[slot];
        let well = matches!(frame.outcome, Outcome::Ok | Outcome::Degraded);
        let bytes = if well && frame.parent != NIL {
            self.programs.sites[frame.site as usize].reply_bytes
        } else {
            0
        };
        self.send_answer(slot, bytes);
    }

    /// Sends an answer of this size, nothing of it unless all is well.
    pub(super) fn send_answer(&mut self, slot: u32, bytes: u64) {
        let frame = &mut self.frames[slot];
        if frame.parent == NIL {
            if frame.flags.has(Flags::ASYNC) {
                self.count_async(slot, self.frames[slot].outcome);
            }
            self.forget_outstanding(slot);
            self.release_connection(slot);
            self.frames.remove(slot);
            return;
        }
        frame.state = State::Replying;
        let (from, to) = (
            usize::from(frame.place),
            usize::from(self.frames[self.frames[slot].parent].place),
        );
        let frame = &self.frames[slot];
        let site = &self.programs.sites[frame.site as usize];
        let bytes = if matches!(frame.outcome, Outcome::Ok | Outcome::Degraded) {
            bytes
        } else {
            0
        };
        let hop = self.hop(from, to);
        self.accounts.edge_carried(site.edge, hop, bytes);
        self.travel(slot, from, to, bytes, rank::REPLIED);
    }

    /// A `wait` step is over.
    pub(super) fn on_waited(&mut self, event: Event) {
        let slot = event.slot;
        if self.frames[slot].link != event.sequence {
            return;
        }
        self.frames[slot].link = NIL;
        if self.frames[slot].state == State::Gone {
            self.drop_gone(slot);
        } else {
            self.resumed.push(slot);
        }
    }
}

/// How a frame ends whose calls have all been answered, or given up for a fallback.
#[inline]
pub(super) fn answered(flags: Flags) -> Outcome {
    if flags.has(Flags::DEGRADED) {
        Outcome::Degraded
    } else {
        Outcome::Ok
    }
}

/// First ordinal of a draw: parts of one draw lie next to each other, passes through loops far apart.
#[inline]
pub(super) fn ordinal(draw: u32, repeat: u64) -> u64 {
    (repeat << 16 | u64::from(draw)) << 6
}
