//! Hedging: further tries before the first has failed (gRPC proposal A6, "Hedging Policy").
//!
//! The first try goes out at once, one more each time the delay has passed without an answer. A non-fatal failure
//! sends the next at once; an answer or a fatal failure ends the call and cancels what is open.

use crate::model::retry::PushBack;
use crate::units::{SimDuration, SimTime};

/// A hedging policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hedge {
    /// Time without an answer after which one more try is sent.
    pub after: SimDuration,
    /// Tries besides the first.
    pub max: u32,
}

/// How one hedged call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hedging {
    /// Tries sent.
    pub sent: u32,
    /// Tries without an end.
    pub open: u32,
    /// When the next is due, if one is to come.
    pub next_at: Option<SimTime>,
    stopped: bool,
}

/// What to do after something happened to a hedged call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HedgeStep {
    /// Send one more try now.
    Send,
    /// Wait for what is open, or due.
    Wait,
    /// The call fails: nothing is open and nothing is to come.
    Fail,
}

impl Hedging {
    /// The first try was sent at `now`.
    #[must_use]
    pub fn start(rule: Hedge, now: SimTime) -> Self {
        let mut state = Self {
            sent: 0,
            open: 0,
            next_at: None,
            stopped: false,
        };
        state.send(rule, now);
        state
    }

    fn send(&mut self, rule: Hedge, now: SimTime) {
        self.sent += 1;
        self.open += 1;
        self.next_at = self.more(rule).then(|| now + rule.after);
    }

    fn more(&self, rule: Hedge) -> bool {
        !self.stopped && self.sent <= rule.max
    }

    /// The delay is over. `allowed`: whether a token bucket or budget lets one more go (if not, none will follow).
    pub fn due(&mut self, rule: Hedge, allowed: bool, now: SimTime) -> HedgeStep {
        self.next_at = None;
        self.stopped |= !allowed;
        if self.more(rule) {
            self.send(rule, now);
            HedgeStep::Send
        } else {
            self.rest()
        }
    }

    /// A try failed with a non-fatal outcome.
    pub fn failed(
        &mut self,
        rule: Hedge,
        push_back: Option<PushBack>,
        allowed: bool,
        now: SimTime,
    ) -> HedgeStep {
        self.open -= 1;
        match push_back {
            Some(PushBack::Stop) => {
                (self.stopped, self.next_at) = (true, None);
                self.rest()
            }
            Some(PushBack::After(pause)) if self.more(rule) && allowed => {
                self.next_at = Some(now + pause);
                HedgeStep::Wait
            }
            _ => self.due(rule, allowed, now),
        }
    }

    fn rest(&self) -> HedgeStep {
        if self.open == 0 && self.next_at.is_none() {
            HedgeStep::Fail
        } else {
            HedgeStep::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Hedge = Hedge {
        after: SimDuration::from_millis(500),
        max: 3,
    };

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(ms)
    }

    #[test]
    fn tries_go_out_half_a_second_apart_up_to_four() {
        let mut state = Hedging::start(RULE, at(0));
        for ms in [500, 1000, 1500] {
            assert_eq!(state.next_at, Some(at(ms)));
            assert_eq!(state.due(RULE, true, at(ms)), HedgeStep::Send);
        }
        assert_eq!((state.sent, state.open, state.next_at), (4, 4, None));
        for _ in 0..3 {
            assert_eq!(state.failed(RULE, None, true, at(1600)), HedgeStep::Wait);
        }
        assert_eq!(state.failed(RULE, None, true, at(1600)), HedgeStep::Fail);
    }

    #[test]
    fn a_failure_sends_the_next_at_once_and_the_delay_starts_again() {
        let mut state = Hedging::start(RULE, at(0));
        assert_eq!(state.due(RULE, true, at(500)), HedgeStep::Send);
        assert_eq!(state.failed(RULE, None, true, at(700)), HedgeStep::Send);
        assert_eq!(state.next_at, Some(at(1200)));
    }

    #[test]
    fn a_push_back_delays_the_next_or_forbids_it() {
        let mut state = Hedging::start(RULE, at(0));
        let after = Some(PushBack::from_milliseconds(Some(2000)));
        assert_eq!(state.failed(RULE, after, true, at(100)), HedgeStep::Wait);
        assert_eq!(state.next_at, Some(at(2100)));
        assert_eq!(state.due(RULE, true, at(2100)), HedgeStep::Send);
        assert_eq!(state.next_at, Some(at(2600)));
        let step = state.failed(RULE, Some(PushBack::Stop), true, at(2200));
        assert_eq!((step, state.next_at), (HedgeStep::Fail, None));
    }

    #[test]
    fn an_empty_bucket_lets_no_hedge_go() {
        let mut state = Hedging::start(RULE, at(0));
        assert_eq!(state.due(RULE, false, at(500)), HedgeStep::Wait);
        assert_eq!(state.failed(RULE, None, true, at(600)), HedgeStep::Fail);
    }
}
