//! Two nodes, many users, and one thing that goes wrong.

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

/// How often audit files are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often the machine shows that it goes on.
const TICK: Duration = Duration::from_millis(50);

/// How long it may take for that.
const STALL: Duration = Duration::from_millis(500);

/// How late a reaper may pass, on a busy machine.
const REAPERS: Duration = Duration::from_secs(5);

/// How late a store hands out again what was not acknowledged.
const AGAIN: Duration = Duration::from_secs(40);

/// What a run is about.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name, for folders.
    pub name: &'static str,
    /// The store of both nodes.
    pub store: String,
    /// More flags of both.
    pub flags: &'static [&'static str],
    /// The policy of both.
    pub times: Times,
    /// How many users there are.
    pub users: usize,
    /// How long they stay.
    pub length: Duration,
    /// What users do at the end.
    pub closing: CloseReason,
    /// By how much the nodes' clocks are off.
    pub skews: [Option<&'static str>; 2],
}

/// Two nodes on one store, and a client.
#[derive(Debug)]
pub struct Stage {
    nodes: Vec<Node>,
    /// What nodes reported that are gone for good.
    kept: Vec<Vec<Event>>,
    client: Client,
    plan: Plan,
    /// Removed after the nodes are gone.
    folder: Folder,
}

impl Stage {
    /// Starts the nodes.
    ///
    /// # Errors
    /// When they do not start.
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
        let nodes = vec![Node::start(setup(0)).await?, Node::start(setup(1)).await?];
        let client = Client::new(nodes.iter().map(Node::address).collect());
        Ok(Self {
            nodes,
            kept: Vec::new(),
            client,
            plan,
            folder,
        })
    }

    /// By how many seconds the clock of the first node is ahead of the
    /// second's.
    ///
    /// # Errors
    /// When a node does not tell the time.
    pub async fn clocks_apart(&self) -> Result<u64> {
        const DAY: u64 = 24 * 60 * 60;
        let tells = |time: Option<u64>| time.ok_or("a node does not tell the time");
        let first = tells(self.client.second_of_day(0).await)?;
        let second = tells(self.client.second_of_day(1).await)?;
        Ok((first + DAY - second) % DAY)
    }

    /// Lets the users live while `fault` does what it does.
    ///
    /// # Errors
    /// What went wrong with `fault`.
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
            // The store was not waited for long enough.
            faults.repeats = Repeats::Identical;
        }
        Ok(faults)
    }

    /// Waits until every session's end is reported, ends the nodes, and gives
    /// the history.
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

    /// Takes a node out, to do something to it.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn take_node(&mut self, number: usize) -> Node {
        self.nodes.remove(number)
    }

    /// Puts a node that was taken out back.
    pub fn return_node(&mut self, node: Node) {
        self.nodes.push(node);
    }

    /// Adds what a node had reported that does not come back.
    pub fn keep_events(&mut self, events: Vec<Event>) {
        self.kept.push(events);
    }

    /// What the nodes have reported so far.
    ///
    /// # Errors
    /// When an audit file can't be read.
    pub fn events(&self) -> io::Result<Vec<Vec<Event>>> {
        let kept = self.kept.iter().cloned().map(Ok);
        kept.chain(self.nodes.iter().map(Node::events)).collect()
    }
}

/// When the machine stood still: a tick came much too late.
async fn stalls(until: Moment) -> Vec<(Moment, Moment)> {
    let mut stalls = Vec::new();
    let mut last = clock::now();
    while last < until {
        // Ticks; nothing is waited for.
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

/// A folder of this run, removed at its end.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dwell-faults-{name}-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}
