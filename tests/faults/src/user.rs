//! A virtual user: logs in, clicks, polls, leaves, returns and signs out, each
//! time at a random node.

use std::time::Duration;

use crate::client::{Client, HeldToken, Reply, Send};
use crate::clock;
use crate::dice::Dice;
use crate::history::{Cookie, Kind, Moment, Times};

/// The longest absence of a user who comes back in time.
const LONGEST_AWAY: Duration = Duration::from_secs(12);

/// How a user behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// The policy's times.
    pub times: Times,
    /// When the user stops.
    pub until: Moment,
    /// What the user does besides clicking and polling.
    pub temper: Temper,
    /// What the user does at the end.
    pub closing: CloseReason,
}

/// What users do at the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// They leave; reapers end their sessions.
    WalkAway,
    /// They sign out.
    SignOut,
}

/// What users do besides clicking and polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Everything: signs out, leaves for too long, signs in over and over.
    Restless,
    /// Stays as long as the session lasts, so an outage that costs a session is
    /// noticed.
    Steady,
    /// Stays, and sends an old token at some time.
    Careless,
}

/// A virtual user.
#[derive(Debug)]
pub struct User {
    number: usize,
    client: Client,
    dice: Dice,
    habits: Habits,
    /// The tokens of the session; the last is current.
    tokens: Vec<(Moment, HeldToken)>,
}

impl User {
    /// Creates a user who has not signed in yet.
    #[must_use]
    pub fn new(number: usize, client: Client, habits: Habits) -> Self {
        Self {
            number,
            client,
            dice: Dice::new(number as u64 + 1),
            habits,
            tokens: Vec::new(),
        }
    }

    /// Acts until it is time to stop.
    pub async fn live(mut self) {
        while clock::now() < self.habits.until {
            let pause = match self.held() {
                None => {
                    self.log_in(None).await;
                    self.dice.millis(50..300)
                }
                Some(held) => {
                    self.act(held).await;
                    self.dice.millis(30..250)
                }
            };
            self.pause(pause).await;
        }
        if self.habits.closing == CloseReason::SignOut
            && let Some(held) = self.held()
        {
            self.do_one(Kind::Logout, held).await;
        }
    }

    async fn act(&mut self, held: HeldToken) {
        let choice = self.dice.roll(100);
        match choice {
            0..=44 => self.do_one(Kind::Click, held).await,
            45..=64 => self.do_one(Kind::Poll, held).await,
            65..=69 => self.do_one(Kind::Status, held).await,
            70..=72 => self.do_one(Kind::Extend, held).await,
            73..=77 => self.do_one(Kind::Confirm, held).await,
            78..=83 => self.do_two(Kind::Click, Kind::Click, held).await,
            84..=86 => self.do_two(Kind::Confirm, Kind::Click, held).await,
            87..=88 => self.leave_for_a_while(held).await,
            _ if self.habits.temper == Temper::Careless => self.send_old_token().await,
            _ if self.habits.temper == Temper::Steady => self.do_one(Kind::Click, held).await,
            89..=91 => self.leave_too_long(held).await,
            92..=93 => self.log_in(Some(held)).await,
            94..=95 => self.send_old_token().await,
            96..=97 => self.do_two(Kind::Logout, Kind::Click, held).await,
            _ => self.do_one(Kind::Logout, held).await,
        }
    }

    fn held(&self) -> Option<HeldToken> {
        self.tokens.last().map(|(_, held)| held.clone())
    }

    async fn log_in(&mut self, over: Option<HeldToken>) {
        let old = over.clone();
        let reply = self.send(Kind::Login, over).await;
        if let (Some(token), Some(session)) = (reply.issued, reply.request.session) {
            let held = HeldToken {
                session,
                generation: 0,
                token,
            };
            self.tokens = vec![(reply.request.received, held)];
            if let Some(old) = old {
                self.send(Kind::Click, Some(old)).await;
            }
        }
    }

    async fn do_one(&mut self, kind: Kind, held: HeldToken) {
        let reply = self.send(kind, Some(held.clone())).await;
        self.follow(&held, vec![reply]).await;
    }

    /// Sends two requests at once, at two nodes.
    async fn do_two(&mut self, one: Kind, other: Kind, held: HeldToken) {
        let (first, second) = (self.node(), self.node());
        let send = |kind, node| {
            self.client.send(Send {
                user: self.number,
                node,
                kind,
                held: Some(held.clone()),
            })
        };
        let (one, other) = tokio::join!(send(one, first), send(other, second));
        self.follow(&held, vec![one, other]).await;
    }

    /// Keeps new tokens, and drops a session that is over.
    async fn follow(&mut self, held: &HeldToken, replies: Vec<Reply>) {
        let mut over = false;
        for reply in replies {
            let answer = reply.request.answer.as_ref();
            let gone = answer.is_some_and(|a| a.cookie == Cookie::Removed);
            let unknown = reply.request.reason() == Some("session_required");
            over |= gone || unknown || reply.request.end_reason().is_some();
            if let Some(token) = reply.issued {
                let next = HeldToken {
                    session: held.session.clone(),
                    generation: self.tokens.len(),
                    token,
                };
                self.tokens.push((reply.request.received, next));
            }
        }
        if over {
            self.tokens.clear();
            // An ended session stays ended at every node,
            self.send(Kind::Click, Some(held.clone())).await;
            // and also where a copy was kept.
            let seen = self.habits.times.propagation + Duration::from_millis(5);
            tokio::time::sleep(seen).await;
            for kind in [Kind::Click, Kind::Poll] {
                self.send(kind, Some(held.clone())).await;
            }
        }
    }

    /// Leaves for less than the idle timeout, and returns.
    async fn leave_for_a_while(&mut self, held: HeldToken) {
        let times = self.habits.times;
        self.do_one(Kind::Click, held).await;
        let most = times.idle.saturating_sub(times.granularity);
        let most = most.saturating_sub(times.touch_delay);
        let part = self.dice.millis(600..950);
        let away = most.min(LONGEST_AWAY).mul_f64(part.as_secs_f64());
        self.pause(away).await;
        if let Some(held) = self.held() {
            self.do_one(Kind::Click, held).await;
        }
    }

    /// Leaves for longer than the idle timeout. The page may keep polling,
    /// which must not prolong the session.
    async fn leave_too_long(&mut self, held: HeldToken) {
        let polls = self.dice.roll(2) == 0;
        let times = self.habits.times;
        let over = self.dice.millis(0..600);
        let back = clock::now() + times.idle + over;
        if self.habits.until < back {
            // The run would end before the return.
            return self.do_one(Kind::Click, held).await;
        }
        while clock::now() < back {
            let left = back.saturating_sub(clock::now());
            self.pause(left.min(times.idle / 5)).await;
            if polls && self.held().is_some() {
                self.do_one(Kind::Poll, held.clone()).await;
            }
        }
        if self.held().is_some() {
            self.do_one(Kind::Click, held).await;
        }
    }

    /// Sends a token that was replaced long ago.
    async fn send_old_token(&mut self) {
        let Some((at, _)) = self.tokens.get(1) else {
            return;
        };
        let grace = self.habits.times.grace + Duration::from_millis(100);
        if clock::now() < *at + grace {
            return;
        }
        let Some((_, old)) = self.tokens.first().cloned() else {
            return;
        };
        self.send(Kind::Click, Some(old)).await;
        // The session must be over, as the current token shows.
        if let Some(held) = self.held() {
            self.do_one(Kind::Click, held).await;
        }
    }

    async fn send(&mut self, kind: Kind, held: Option<HeldToken>) -> Reply {
        let node = self.node();
        let user = self.number;
        self.client
            .send(Send {
                user,
                node,
                kind,
                held,
            })
            .await
    }

    fn node(&mut self) -> usize {
        self.dice.index(self.client.nodes())
    }

    async fn pause(&self, time: Duration) {
        // Paces a virtual user; not a wait.
        let left = self.habits.until.saturating_sub(clock::now());
        tokio::time::sleep(time.min(left)).await;
    }
}
