//! A virtual user: logs in, clicks, polls, leaves, returns, signs out; always
//! at a node that chance picks.

use std::time::Duration;

use crate::client::{Client, Holding, Reply, Send};
use crate::clock;
use crate::dice::Dice;
use crate::history::{Cookie, Kind, Moment, Times};

/// The longest that anybody is away who comes back in time.
const LONGEST_AWAY: Duration = Duration::from_secs(12);

/// How a user behaves.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// The times of the policy.
    pub times: Times,
    /// When to stop.
    pub until: Moment,
    /// What else they do than click and poll.
    pub temper: Temper,
    /// What they do at the end.
    pub closing: CloseReason,
}

/// What users do at the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// They leave their sessions to the reapers.
    WalkAway,
    /// They sign out.
    SignOut,
}

/// What users do beside clicking and polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Everything: signs out, leaves for too long, signs in over and over.
    Restless,
    /// Stays as long as the session lasts, so that an outage that costs a
    /// session is seen.
    Steady,
    /// Stays, and has an old copy of the token, which comes back some time.
    Careless,
}

/// Somebody with a browser.
#[derive(Debug)]
pub struct User {
    number: usize,
    client: Client,
    dice: Dice,
    habits: Habits,
    /// The tokens of the session, the last of which is the current one.
    tokens: Vec<(Moment, Holding)>,
}

impl User {
    /// Somebody who has not signed in yet.
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

    /// Lives until it is time to stop.
    pub async fn live(mut self) {
        while clock::now() < self.habits.until {
            let pause = match self.holding() {
                None => {
                    self.log_in(None).await;
                    self.dice.millis(50..300)
                }
                Some(holding) => {
                    self.act(holding).await;
                    self.dice.millis(30..250)
                }
            };
            self.pause(pause).await;
        }
        if self.habits.closing == CloseReason::SignOut
            && let Some(holding) = self.holding()
        {
            self.do_one(Kind::Logout, holding).await;
        }
    }

    async fn act(&mut self, holding: Holding) {
        let deed = self.dice.roll(100);
        match deed {
            0..=44 => self.do_one(Kind::Click, holding).await,
            45..=64 => self.do_one(Kind::Poll, holding).await,
            65..=69 => self.do_one(Kind::Status, holding).await,
            70..=72 => self.do_one(Kind::Extend, holding).await,
            73..=77 => self.do_one(Kind::Confirm, holding).await,
            78..=83 => self.do_two(Kind::Click, Kind::Click, holding).await,
            84..=86 => self.do_two(Kind::Confirm, Kind::Click, holding).await,
            87..=88 => self.leave_for_a_while(holding).await,
            _ if self.habits.temper == Temper::Careless => self.show_old_token().await,
            _ if self.habits.temper == Temper::Steady => self.do_one(Kind::Click, holding).await,
            89..=91 => self.leave_too_long(holding).await,
            92..=93 => self.log_in(Some(holding)).await,
            94..=95 => self.show_old_token().await,
            96..=97 => self.do_two(Kind::Logout, Kind::Click, holding).await,
            _ => self.do_one(Kind::Logout, holding).await,
        }
    }

    fn holding(&self) -> Option<Holding> {
        self.tokens.last().map(|(_, holding)| holding.clone())
    }

    async fn log_in(&mut self, over: Option<Holding>) {
        let old = over.clone();
        let reply = self.send(Kind::Login, over).await;
        if let (Some(token), Some(session)) = (reply.issued, reply.request.session) {
            let holding = Holding {
                session,
                generation: 0,
                token,
            };
            self.tokens = vec![(reply.request.received, holding)];
            if let Some(old) = old {
                self.send(Kind::Click, Some(old)).await;
            }
        }
    }

    async fn do_one(&mut self, kind: Kind, holding: Holding) {
        let reply = self.send(kind, Some(holding.clone())).await;
        self.follow(&holding, vec![reply]).await;
    }

    /// Two at once, at two nodes.
    async fn do_two(&mut self, one: Kind, other: Kind, holding: Holding) {
        let (first, second) = (self.node(), self.node());
        let send = |kind, node| {
            self.client.send(Send {
                user: self.number,
                node,
                kind,
                holding: Some(holding.clone()),
            })
        };
        let (one, other) = tokio::join!(send(one, first), send(other, second));
        self.follow(&holding, vec![one, other]).await;
    }

    /// Takes the tokens that came, and goes on without the session when it is
    /// over.
    async fn follow(&mut self, holding: &Holding, replies: Vec<Reply>) {
        let mut over = false;
        for reply in replies {
            let answer = reply.request.answer.as_ref();
            let gone = answer.is_some_and(|a| a.cookie == Cookie::Removed);
            let unknown = reply.request.reason() == Some("session_required");
            over |= gone || unknown || reply.request.end_reason().is_some();
            if let Some(token) = reply.issued {
                let next = Holding {
                    session: holding.session.clone(),
                    generation: self.tokens.len(),
                    token,
                };
                self.tokens.push((reply.request.received, next));
            }
        }
        if over {
            self.tokens.clear();
            // The dead stay dead, wherever one asks.
            self.send(Kind::Click, Some(holding.clone())).await;
            // And also where a copy was kept.
            let seen = self.habits.times.propagation + Duration::from_millis(5);
            tokio::time::sleep(seen).await;
            for kind in [Kind::Click, Kind::Poll] {
                self.send(kind, Some(holding.clone())).await;
            }
        }
    }

    /// Away for less than the idle timeout, and then back.
    async fn leave_for_a_while(&mut self, holding: Holding) {
        let times = self.habits.times;
        self.do_one(Kind::Click, holding).await;
        let most = times.idle.saturating_sub(times.granularity);
        let most = most.saturating_sub(times.touch_delay);
        let part = self.dice.millis(600..950);
        let away = most.min(LONGEST_AWAY).mul_f64(part.as_secs_f64());
        self.pause(away).await;
        if let Some(holding) = self.holding() {
            self.do_one(Kind::Click, holding).await;
        }
    }

    /// Away for longer than the idle timeout. The page goes on polling, which
    /// keeps nobody in.
    async fn leave_too_long(&mut self, holding: Holding) {
        let polls = self.dice.roll(2) == 0;
        let times = self.habits.times;
        let over = self.dice.millis(0..600);
        let back = clock::now() + times.idle + over;
        if self.habits.until < back {
            // Nobody would see what comes of it.
            return self.do_one(Kind::Click, holding).await;
        }
        while clock::now() < back {
            let left = back.saturating_sub(clock::now());
            self.pause(left.min(times.idle / 5)).await;
            if polls && self.holding().is_some() {
                self.do_one(Kind::Poll, holding.clone()).await;
            }
        }
        if self.holding().is_some() {
            self.do_one(Kind::Click, holding).await;
        }
    }

    /// A copy of a token that was replaced long ago comes back.
    async fn show_old_token(&mut self) {
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
        // The session must be over, which its current token is told.
        if let Some(holding) = self.holding() {
            self.do_one(Kind::Click, holding).await;
        }
    }

    async fn send(&mut self, kind: Kind, holding: Option<Holding>) -> Reply {
        let node = self.node();
        let user = self.number;
        self.client
            .send(Send {
                user,
                node,
                kind,
                holding,
            })
            .await
    }

    fn node(&mut self) -> usize {
        self.dice.index(self.client.nodes())
    }

    async fn pause(&self, time: Duration) {
        // Paces a virtual user; nothing is waited for.
        let left = self.habits.until.saturating_sub(clock::now());
        tokio::time::sleep(time.min(left)).await;
    }
}
