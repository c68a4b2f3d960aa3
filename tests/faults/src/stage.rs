//! Two nodes, many users, and one fault.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, io, process};

use futures_util::future::join_all;

use crate::Result;
use crate::checker::ends;
use crate::client::Client;
use crate::clock;
use crate::history::{Event, Faults, History, Moment, Repeats, Times};
use crate::node::{Node, NodeSetup};
use crate::user::{CloseReason, Habits, Temper, User};

/// How often audit files are read.
const LOOK: Duration = Duration::from_millis(100);

/// The period of the timer that detects stalls of the machine.
const TICK: Duration = Duration::from_millis(50);

/// A timer this late means that the machine stood still.
const STALL: Duration = Duration::from_millis(500);

/// How late a reaper's pass may be on a busy machine.
const REAPERS: Duration = Duration::from_secs(5);

/// After this time a store has handed out again what was not acknowledged.
const AGAIN: Duration = Duration::from_secs(40);

/// The plan of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The run's name, for folders.
    pub name: &'static str,
    /// The URL of both nodes' store.
    pub store: String,
    /// Further flags of both nodes.
    pub flags: &'static [&'static str],
    /// The policy of both nodes.
    pub times: Times,
    /// The number of users.
    pub users: usize,
    /// How long the users stay.
    pub length: Duration,
    /// What the users do at the end.
    pub closing: CloseReason,
    /// The errors of the nodes' clocks.
    pub skews: [Option<&'static str>; 2],
    /// The number of nodes, one or two.
    pub nodes: usize,
}

/// Two nodes on one store, and their client.
#[derive(Debug)]
pub struct Stage {
    nodes: Vec<Node>,
    /// The reports of nodes that do not come back.
    kept: Vec<Vec<Event>>,
    client: Client,
    plan: Plan,
    /// Removed after the nodes.
    folder: Folder,
}

impl Stage {
    /// Starts the nodes.
    ///
    /// # Errors
    /// When a node does not start.
    pub async fn start(program: &Path, plan: Plan) -> Result<Self> {
        let folder = Folder::create(plan.name)?;
        let policy = folder.0.join("policy.toml");
        fs::write(&policy, policy_file(&plan.times))?;
        let setup = |number: usize| NodeSetup {
            program: program.to_owned(),
            folder: folder.0.clone(),
            name: format!("node-{number}"),
            store: plan.store.clone(),
            flags: plan.flags,
            policy: policy.clone(),
            skew: plan.skews.get(number).copied().flatten(),
        };
        let mut nodes = Vec::new();
        for number in 0..plan.nodes {
            nodes.push(Node::start(setup(number)).await?);
        }
        let client = Client::new(nodes.iter().map(Node::address).collect());
        Ok(Self {
            nodes,
            kept: Vec::new(),
            client,
            plan,
            folder,
        })
    }

    /// Returns by how many seconds the first node's clock is ahead of the
    /// second's.
    ///
    /// # Errors
    /// When a node gives no time.
    pub async fn clocks_apart(&self) -> Result<u64> {
        const DAY: u64 = 24 * 60 * 60;
        let known = |time: Option<u64>| time.ok_or("a node gives no time");
        let first = known(self.client.second_of_day(0).await)?;
        let second = known(self.client.second_of_day(1).await)?;
        Ok((first + DAY - second) % DAY)
    }

    /// Runs the users while `fault` happens.
    ///
    /// # Errors
    /// The error of `fault`.
    pub async fn play<F>(&self, fault: F) -> Result<Faults>
    where
        F: Future<Output = Result<Faults>>,
    {
        let until = clock::now() + self.plan.length;
        let users = (0..self.plan.users).map(|number| {
            let temper = match number % 5 {
                0 | 1 => Temper::Steady,
                2 => Temper::Careless,
                _ => Temper::Restless,
            };
            let times = self.plan.times;
            let habits = Habits {
                times,
                until,
                temper,
                closing: self.plan.closing,
            };
            let user = User::new(number, self.client.clone(), habits);
            tokio::spawn(user.live())
        });
        let users: Vec<_> = users.collect();
        let metronome = tokio::spawn(stalls(until));
        let mut faults = fault.await?;
        for user in join_all(users).await {
            user?;
        }
        faults.stalls = metronome.await?;
        if !faults.stalls.is_empty() {
            // An answer of the store may have been missed.
            faults.repeats = Repeats::Identical;
        }
        Ok(faults)
    }

    /// Waits until the end of every session is reported, and ends the nodes.
    /// Returns the history.
    ///
    /// # Errors
    /// When a node does not end in good order.
    pub async fn finish(self, faults: Faults, planted: Vec<String>) -> Result<History> {
        let again = match faults.repeats {
            Repeats::Never => Duration::ZERO,
            Repeats::Identical => AGAIN,
        };
        let bound = clock::now() + self.plan.times.idle + REAPERS + again;
        let mut history = History {
            requests: self.client.take_record(),
            planted,
            events: Vec::new(),
            faults,
            logs: Vec::new(),
        };
        loop {
            history.events = self.events()?;
            if all_reported(&history) || clock::now() >= bound {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        history.logs = self.nodes.iter().map(Node::last_words).collect();
        for node in self.nodes {
            node.end().await?;
        }
        drop(self.folder);
        Ok(history)
    }

    /// Takes a node out, to break it.
    ///
    /// # Panics
    /// When no node has this number.
    #[must_use]
    pub fn take_node(&mut self, number: usize) -> Node {
        self.nodes.remove(number)
    }

    /// Puts a node back that was taken out.
    pub fn return_node(&mut self, node: Node) {
        self.nodes.push(node);
    }

    /// Adds the reports of a node that does not come back.
    pub fn keep_events(&mut self, events: Vec<Event>) {
        self.kept.push(events);
    }

    /// Returns what the nodes have reported so far.
    ///
    /// # Errors
    /// When an audit file can't be read.
    pub fn events(&self) -> io::Result<Vec<Vec<Event>>> {
        let kept = self.kept.iter().cloned().map(Ok);
        kept.chain(self.nodes.iter().map(Node::events)).collect()
    }
}

/// Returns when the machine stood still, as shown by a late timer.
async fn stalls(until: Moment) -> Vec<(Moment, Moment)> {
    let mut stalls = Vec::new();
    let mut last = clock::now();
    while last < until {
        // The period of a timer, not a wait.
        tokio::time::sleep(TICK).await;
        let now = clock::now();
        if now.saturating_sub(last) > STALL {
            stalls.push((last, now));
        }
        last = now;
    }
    stalls
}

fn all_reported(history: &History) -> bool {
    let ends = history.ends();
    let created: BTreeSet<String> = ends::created(history);
    created
        .iter()
        .all(|session| ends.contains_key(session.as_str()) || ends::may_be_lost(history, session))
}

fn policy_file(times: &Times) -> String {
    let seconds = |time: Duration| time.as_secs();
    let (idle, absolute) = (seconds(times.idle), seconds(times.absolute));
    let granularity = seconds(times.granularity);
    format!(
        "[policy.default]\nidle = \"{idle}s\"\nabsolute = \"{absolute}s\"\nwarn = \"1s\"\n\
         granularity = \"{granularity}s\"\n\n\
         [policy.admin]\nidle = \"{idle}s\"\nabsolute = \"{absolute}s\"\nwarn = \"1s\"\n"
    )
}

/// A folder of this run, removed on drop.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create(name: &str) -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dwell-faults-{name}-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Returns the path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}
