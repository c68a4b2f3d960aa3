//! Arbitrary histories against a naive model, which keeps everything that
//! ever happened and works out each answer anew.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use dwell_core::engine::{TokenVerdict, next_touch};
use dwell_core::store::{Lookup, SessionStore, Touched};
use dwell_core::{
    Activity, Admission, Clock, EndReason, NewSession, Outcome, Policy, PolicySet, Presented,
    PresentedSession, RouteMark, SessionHandle, SessionKey, Settlement, Timestamp, Token, Verdict,
    engine, minutes, seconds,
};
use proptest::prelude::*;
use support::{World, now};

/// What a network allows: office, elsewhere.
const OFFICE: &str = "10.1.1.1";
const CAFE: &str = "203.0.113.7";

#[derive(Clone, Debug)]
enum Step {
    Advance(u32),
    Login,
    /// A request of one of the sessions: active or not, from the office or not.
    Request {
        which: usize,
        active: bool,
        office: bool,
    },
    /// A request that is answered only after a while.
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..6_usize;
    let step = prop_oneof![
        4 => (0..120_000_u32).prop_map(Step::Advance),
        1 => (300_000..1_200_000_u32).prop_map(Step::Advance),
        2 => Just(Step::Login),
        8 => (which.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(which, active, office)| Step::Request { which, active, office }),
        2 => (which.clone(), 0..900_000_u32).prop_map(|(which, millis)| Step::Slow { which, millis }),
        1 => which.clone().prop_map(|which| Step::Logout { which }),
        1 => which.prop_map(|which| Step::Rotate { which }),
        2 => Just(Step::Reap),
        1 => (0..3_usize).prop_map(Step::Policy),
    ];
    prop::collection::vec(step, 1..120)
}

/// Idle, office idle and absolute timeout in milliseconds.
const POLICIES: [(u64, u64, u64); 3] = [
    (600_000, 1_200_000, 3_600_000),
    (300_000, 400_000, 1_800_000),
    (1_800_000, 3_000_000, 7_200_000),
];
/// Stated, so that all three sets have the same.
const GRANULARITY: u64 = 5_000;

fn policy_set(ix: usize) -> PolicySet {
    let (idle, office, absolute) = POLICIES[ix];
    let ms = Duration::from_millis;
    let policy = Policy::named("default")
        .idle(ms(idle))
        .absolute(ms(absolute));
    PolicySet::builder(policy.granularity(ms(GRANULARITY)))
        .network("office", ["10.0.0.0/8"], ms(office))
        .build()
        .unwrap()
}

/// A session of the model: what happened to it, and nothing worked out.
#[derive(Clone, Debug)]
struct Naive {
    created: u64,
    absolute: u64,
    /// Recorded activity: when, from the office or not, under which policy.
    activity: Vec<(u64, bool, usize)>,
    ended: Option<EndReason>,
}

impl Naive {
    fn idle_of(office: bool, policy: usize) -> u64 {
        let (idle, at_office, _) = POLICIES[policy];
        if office { at_office } else { idle }
    }

    /// Why a request at `at` must be refused, if it must.
    fn refusal(&self, at: u64, office: Option<bool>, policy: usize) -> Option<EndReason> {
        if let Some(reason) = self.ended {
            return Some(reason);
        }
        let (last, last_office, last_policy) = *self.activity.last().unwrap();
        let mut idle = last + Self::idle_of(last_office, last_policy);
        idle = idle.min(last + Self::idle_of(last_office, policy));
        if let Some(office) = office {
            idle = idle.min(last + Self::idle_of(office, policy));
        }
        let absolute = (self.created + self.absolute).min(self.created + POLICIES[policy].2);
        if at < idle && at < absolute {
            None
        } else if absolute <= idle {
            Some(EndReason::AbsoluteTimeout)
        } else {
            Some(EndReason::IdleTimeout)
        }
    }

    /// Activity of a request that came at `at` and was answered at `answered`.
    fn touch(&mut self, at: u64, answered: u64, office: bool, policy: usize) {
        let (last, last_office, last_policy) = *self.activity.last().unwrap();
        let recorded = last + Self::idle_of(last_office, last_policy);
        let alive =
            self.ended.is_none() && answered < recorded && answered < self.created + self.absolute;
        if alive && at >= last + GRANULARITY {
            self.activity.push((at, office, policy));
        }
    }
}

struct Run {
    world: World,
    policy: usize,
    tokens: Vec<Token>,
    naive: Vec<Naive>,
}

impl Run {
    fn new() -> Self {
        Self {
            world: World::new(policy_set(0)),
            policy: 0,
            tokens: Vec::new(),
            naive: Vec::new(),
        }
    }

    fn at(&self) -> u64 {
        self.world.clock.now().as_millis()
    }

    /// The handle that the session layer would make.
    fn handle(&self, token: &Token, office: bool) -> Option<SessionHandle> {
        let loaded = now(self.world.store.load(token.key())).unwrap();
        let presented = match loaded.state {
            Lookup::Found(record) => Presented::Session(PresentedSession {
                record,
                now: loaded.now,
                token: Some(token.clone()),
                standing: TokenVerdict::Current { confirm: false },
            }),
            Lookup::Ended(ended) => Presented::Tombstone(ended, loaded.now),
            Lookup::Missing => return None,
        };
        let manager = self.world.manager.clone();
        let handle = SessionHandle::new(manager, self.world.policies(), presented);
        handle.locate(if office { OFFICE } else { CAFE }.parse().ok());
        Some(handle)
    }

    fn login(&mut self) {
        let handle = self.world.anonymous();
        handle.locate(CAFE.parse().ok());
        self.tokens
            .push(now(handle.start(NewSession::new("alice"))).unwrap());
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
        let handle = self
            .handle(&token, office)
            .expect("tombstones outlive the test");
        if !active {
            handle.mark_route(RouteMark::Passive);
        }
        let admission = handle.decide();
        assert_eq!(admission, handle.decide(), "deciding twice gives the same");
        match (admission, expected) {
            (Admission::Session(Verdict::Live(deadlines)), None) => {
                assert!(deadlines.nearest > deadlines.now);
                let absolute = self.naive[which].created + self.naive[which].absolute;
                assert!(deadlines.absolute.as_millis() <= absolute);
            }
            (Admission::Session(Verdict::Ended(reason)), Some(expected)) => {
                assert_eq!(reason, expected);
                self.naive[which].ended = Some(expected);
            }
            (got, expected) => panic!("{got:?} instead of {expected:?}"),
        }
        self.world.clock.advance(Duration::from_millis(takes));
        match handle.settle(Outcome::Answered(200)) {
            Settlement::Nothing => {}
            Settlement::Chores => {
                now(handle.do_chores(Outcome::Answered(200))).unwrap();
            }
            Settlement::Touch(touch) => {
                assert!(active && expected.is_none());
                now(self.world.store.touch(touch.key, touch.activation)).unwrap();
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
        self.naive[which].ended.get_or_insert(EndReason::SignedOut);
    }

    fn rotate(&mut self, which: usize) {
        let Some(token) = self.tokens.get(which).cloned() else {
            return;
        };
        let handle = self
            .handle(&token, false)
            .expect("tombstones outlive the test");
        let before = self.world.find(token.key());
        let alive = matches!(handle.decide(), Admission::Session(Verdict::Live(_)));
        assert_eq!(now(handle.rotate()).is_ok(), alive);
        if let (true, Some(before)) = (alive, before) {
            let after = self.world.find(token.key()).unwrap();
            let deadlines =
                |f: &dwell_core::Facts| (f.idle_deadline, f.absolute_deadline, f.last_active_at);
            assert_eq!(
                deadlines(&before.facts),
                deadlines(&after.facts),
                "a rotation moves nothing"
            );
        }
    }

    fn reap(&mut self) {
        self.world.reap();
        let at = self.at();
        // The reaper looks once a second has passed, so never too early.
        for (naive, token) in self.naive.iter_mut().zip(&self.tokens) {
            if self.world.find(token.key()).is_none() && naive.ended.is_none() {
                let expected = naive.refusal(at, None, self.policy);
                assert!(expected.is_some(), "reaped before its time");
                naive.ended = expected;
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Advance(millis) => self
                .world
                .clock
                .advance(Duration::from_millis(millis.into())),
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
    fn finish(mut self) {
        self.world.clock.advance(Duration::from_millis(10_800_000));
        self.reap();
        // After a change of policies the reaper looks a second later.
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

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn l12_histories_agree_with_the_naive_model(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        run.finish();
    }

    #[test]
    fn l06_a_tighter_policy_never_makes_a_deadline_later(
        ago in 0..500_000_u64,
        pause in 0..500_000_u64,
        provider in prop::option::of(0..5_000_000_u64),
        tight in 0..3_usize,
    ) {
        let loose = World::new(policy_set(2));
        let mut facts = loose.record(1, "alice").facts;
        facts.longest_pause = Duration::from_millis(pause);
        facts.provider_deadline = provider.map(|ms| facts.created_at + Duration::from_millis(ms));
        let at = facts.created_at + Duration::from_millis(ago);
        let before = loose.judge().verdict(&facts, at);
        loose.manager.policies().replace(policy_set(tight));
        let after = loose.judge().verdict(&facts, at);
        match (before.deadlines(), after.deadlines()) {
            (Some(before), Some(after)) => {
                prop_assert!(after.nearest <= before.nearest);
                prop_assert!(after.absolute <= before.absolute);
            }
            (None, Some(_)) => prop_assert!(false, "revived"),
            _ => {}
        }
    }

    #[test]
    fn l03_no_touch_passes_the_absolute_end(
        touches in prop::collection::vec((0..9_000_000_u64, 0..9_000_000_u64), 0..50),
    ) {
        let world = World::new(policy_set(0));
        let mut facts = world.record(1, "alice").facts;
        let (start, absolute) = (facts.created_at, facts.absolute_deadline);
        let network = world.policies().find_network(None);
        for (at, now) in touches {
            let (at, now) = (start + Duration::from_millis(at), start + Duration::from_millis(now));
            let before = facts;
            let activation = engine::activation(&world.policies(), &facts, network, at);
            let touched = facts.touch(activation, now);
            prop_assert!(touched != Touched::Recorded || now < absolute);
            prop_assert!(facts.last_active_at >= before.last_active_at);
            prop_assert!(facts.last_active_at <= now.max(before.last_active_at));
            prop_assert_eq!(facts.absolute_deadline, absolute);
            let ends = matches!(world.judge().verdict(&facts, absolute), Verdict::Ended(_));
            prop_assert!(ends);
        }
    }

    #[test]
    fn n15_nobody_who_stays_active_is_thrown_out_before_one_granularity(
        gaps in prop::collection::vec(0..600_000_u64, 1..60),
    ) {
        let world = World::new(policy_set(0));
        let mut facts = world.record(1, "alice").facts;
        let network = world.policies().find_network(None);
        let mut at = facts.created_at;
        for gap in gaps {
            let (previous, next) = (at, at + Duration::from_millis(gap));
            if next >= facts.absolute_deadline {
                break;
            }
            let ended = matches!(world.judge().verdict(&facts, next), Verdict::Ended(_));
            // Thrown out only if the pause was as long as idle − granularity.
            let idle = minutes(10) - seconds(5);
            prop_assert!(!ended || next - previous >= idle);
            if ended {
                break;
            }
            at = next;
            let due = next_touch(&world.policies(), &facts, network, Activity::Active, at);
            if let Some(activation) = due {
                prop_assert_eq!(facts.touch(activation, at), Touched::Recorded);
            }
        }
    }

    #[test]
    fn n49_no_key_but_the_right_one_finds_a_session(bytes in any::<[u8; 16]>()) {
        let world = World::new(policy_set(0));
        let record = world.start(1, "alice");
        let key = SessionKey::from_bytes(bytes);
        prop_assume!(key != record.key);
        prop_assert!(world.find(key).is_none());
        prop_assert_eq!(world.store.len(), 1, "a look-up that fails writes nothing");
        let _: Timestamp = record.facts.created_at;
    }
}
