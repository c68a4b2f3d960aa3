//! Runs a history twice: through the code and through the naive model.

use std::collections::HashMap;
use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{
    Clock, EndReason, NewSession, Outcome, Resolved, ResolvedSession, RouteMark, SessionState,
    Settlement, Token, Verdict, seconds,
};

use crate::naive::{Naive, POLICIES, policy_set};
use dwell_test_support::{World, now};

/// Addresses with two allowances: in the office and elsewhere.
const OFFICE: &str = "10.1.1.1";
const CAFE: &str = "203.0.113.7";

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Advance(u32),
    /// Sets the clock back.
    SetBack(u32),
    Login,
    /// A request of one session: active or not, from the office or not.
    Request {
        which: usize,
        active: bool,
        office: bool,
    },
    /// A request whose answer takes a while.
    Slow {
        which: usize,
        millis: u32,
    },
    Logout {
        which: usize,
    },
    Rotate {
        which: usize,
    },
    Reap,
    Policy(usize),
}

pub(crate) struct Run {
    world: World,
    policy: usize,
    tokens: Vec<Token>,
    naive: Vec<Naive>,
    /// The latest time that the clock has shown.
    latest: u64,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self {
            world: World::with(policy_set(0)),
            policy: 0,
            tokens: Vec::new(),
            naive: Vec::new(),
            latest: 0,
        }
    }

    fn at(&self) -> u64 {
        self.world.clock.now().as_millis()
    }

    /// The state that the session layer would make.
    fn state(&self, token: &Token, office: bool) -> Option<SessionState> {
        let loaded = now(self.world.memory.load(token.key())).unwrap();
        let resolved = match loaded.state {
            Lookup::Found(record) => Resolved::Session(ResolvedSession {
                record,
                now: loaded.now,
                presented: token.presented(),
                token_state: TokenState::Current { confirm: false },
            }),
            Lookup::Ended(ended) => Resolved::Tombstone(ended, loaded.now),
            Lookup::Missing => return None,
        };
        let manager = self.world.manager.clone();
        let state = SessionState::new(manager, self.world.policies(), resolved);
        state.locate(if office { OFFICE } else { CAFE }.parse().ok());
        Some(state)
    }

    fn login(&mut self) {
        let state = self.world.anonymous();
        state.locate(CAFE.parse().ok());
        self.tokens
            .push(now(state.start(NewSession::new("alice"))).unwrap());
        let at = self.at();
        self.naive.push(Naive {
            created: at,
            absolute: POLICIES[self.policy].2,
            activity: vec![(at, false, self.policy)],
            ended: None,
        });
    }

    fn request(&mut self, which: usize, active: bool, office: bool, takes: u64) {
        let Some(token) = self.tokens.get(which).cloned() else {
            return;
        };
        let at = self.at();
        let expected = self.naive[which].refusal(at, Some(office), self.policy);
        let state = self
            .state(&token, office)
            .expect("tombstones outlive the test");
        if !active {
            state.mark_route(RouteMark::Passive);
        }
        let verdict = state.decide();
        assert_eq!(verdict, state.decide(), "deciding twice gives the same");
        match (verdict, expected) {
            (Verdict::Live(deadlines), None) => {
                assert!(deadlines.nearest > deadlines.now);
                let absolute = self.naive[which].created + self.naive[which].absolute;
                assert!(deadlines.absolute.as_millis() <= absolute);
            }
            (Verdict::Ended(reason), Some(expected)) => {
                assert_eq!(reason, expected);
                // A poll ends nothing (law L18).
                if active {
                    self.naive[which].ended = Some(expected);
                }
            }
            (got, expected) => panic!("{got:?} instead of {expected:?}"),
        }
        self.world.clock.advance(Duration::from_millis(takes));
        match state.settle(Outcome::Answered(200)) {
            Settlement::Nothing => {}
            Settlement::StoreWrites => {
                now(state.commit(Outcome::Answered(200))).unwrap();
            }
            Settlement::Touch(touch) => {
                assert!(active && expected.is_none());
                now(self.world.memory.touch(touch.key, touch.touch)).unwrap();
            }
        }
        if active && expected.is_none() {
            let answered = self.at();
            self.naive[which].touch(at, answered, office, self.policy);
        }
    }

    fn logout(&mut self, which: usize) {
        let Some(token) = self.tokens.get(which) else {
            return;
        };
        let ended = now(self
            .world
            .manager
            .end_session(token.key(), EndReason::SignedOut))
        .unwrap();
        assert_eq!(ended, self.naive[which].ended.is_none());
        // A session that had run out has ended for that reason.
        let ran_out = self.naive[which].refusal(self.at(), None, self.policy);
        let reason = ran_out.unwrap_or(EndReason::SignedOut);
        self.naive[which].ended.get_or_insert(reason);
    }

    fn rotate(&mut self, which: usize) {
        let Some(token) = self.tokens.get(which).cloned() else {
            return;
        };
        let state = self
            .state(&token, false)
            .expect("tombstones outlive the test");
        let before = self.world.find(token.key());
        let alive = matches!(state.decide(), Verdict::Live(_));
        assert_eq!(now(state.rotate()).is_ok(), alive);
        if let (true, Some(before)) = (alive, before) {
            let after = self.world.find(token.key()).unwrap();
            let deadlines =
                |f: &dwell_core::Facts| (f.idle_deadline, f.absolute_deadline, f.last_active_at);
            assert_eq!(
                deadlines(&before.facts),
                deadlines(&after.facts),
                "a rotation moves no deadline"
            );
        }
    }

    fn reap(&mut self) {
        now(self.world.reap());
        let at = self.at();
        // The reaper may be a second late, never early.
        for (naive, token) in self.naive.iter_mut().zip(&self.tokens) {
            if self.world.find(token.key()).is_none() && naive.ended.is_none() {
                let expected = naive.refusal(at, None, self.policy);
                assert!(expected.is_some(), "reaped before its time");
                naive.ended = expected;
            }
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match *step {
            Step::Advance(millis) => self
                .world
                .clock
                .advance(Duration::from_millis(millis.into())),
            Step::SetBack(millis) => {
                self.latest = self.latest.max(self.at());
                let by = Duration::from_millis(millis.into());
                self.world.clock.set(self.world.clock.now() - by);
            }
            Step::Login => self.login(),
            Step::Request {
                which,
                active,
                office,
            } => self.request(which, active, office, 0),
            Step::Slow { which, millis } => self.request(which, true, false, millis.into()),
            Step::Logout { which } => self.logout(which),
            Step::Rotate { which } => self.rotate(which),
            Step::Reap => self.reap(),
            Step::Policy(ix) => {
                self.policy = ix;
                self.world.manager.policies().replace(policy_set(ix));
            }
        }
    }

    /// Every session ends once, with one event and the expected reason.
    pub(crate) fn finish(mut self) {
        // Three hours after everything, even if the clock was set back.
        let behind = self.latest.saturating_sub(self.at());
        let rest = Duration::from_millis(behind + 10_800_000);
        self.world.clock.advance(rest);
        self.reap();
        // After a change of policies the reaper may be a second late.
        self.world.clock.advance(seconds(1));
        self.reap();
        let mut ends: HashMap<_, Vec<EndReason>> = HashMap::new();
        for event in self.world.ends() {
            ends.entry(event.session.unwrap().to_string())
                .or_default()
                .push(event.reason.unwrap());
        }
        for (naive, token) in self.naive.iter().zip(&self.tokens) {
            let reference = dwell_core::SessionRef::of(token.key()).to_string();
            let reasons = ends.remove(&reference).unwrap_or_default();
            assert_eq!(reasons, [naive.ended.unwrap()], "{naive:?}");
            assert!(self.world.find(token.key()).is_none());
        }
        assert!(ends.is_empty());
    }
}
