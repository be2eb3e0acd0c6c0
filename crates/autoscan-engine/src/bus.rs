//! Events for those who look on: what of the queue, the targets and the triggers changed. However much goes on, a topic is
//! told a few times a second; nobody waits for a listener, and a listener that was away learns that it missed something.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::name::Name;
use autoscan_core::ports::StoreError;
use autoscan_core::scan::ScanId;
use autoscan_core::time::SteadyTime;
use serde::Serialize;
use tokio::sync::watch;

use crate::ports::Ports;
use crate::wakeup::Wakeup;
use crate::worker::{SAFETY_NET, Worker};

/// What happens within this time is one event of a topic…
const BEAT: Duration = Duration::from_millis(300);
/// … or within this time for each listener, so that thousands of open pages take nothing away from webhooks: an event is a
/// write to each of them…
const BEAT_PER_LISTENER: Duration = Duration::from_millis(1);
/// … but never more than this.
const LONGEST_BEAT: Duration = Duration::from_secs(2);
/// Events that are kept for listeners that were away for a moment.
const KEPT: usize = 512;
/// Scans or names that one event names.
const NAMED: usize = 20;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Scans came, started, were told, seen or dropped.
    Scan,
    /// A target's lane changed.
    Target,
    /// A trigger received something.
    Trigger,
    /// The config changed.
    Config,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 4] = [Self::Scan, Self::Target, Self::Trigger, Self::Config];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Target => "target",
            Self::Trigger => "trigger",
            Self::Config => "config",
        }
    }
}

/// The number of an event. Numbers of another run are never taken for those of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusEventId {
    run: u64,
    number: u64,
}

impl fmt::Display for BusEventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:x}-{}", self.run, self.number)
    }
}

impl FromStr for BusEventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (run, number) = text.split_once('-').ok_or(())?;
        let run = u64::from_str_radix(run, 16).map_err(|_not_hex| ())?;
        Ok(Self { run, number: number.parse().map_err(|_no_number| ())? })
    }
}

/// An event: what changed since the last one of its topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BusEvent {
    /// Its number.
    #[serde(skip)]
    pub id: BusEventId,
    /// What it is about.
    #[serde(skip)]
    pub topic: Topic,
    /// The scans that changed, some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<ScanId>,
    /// The targets or triggers that changed, some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// Whether others changed too.
    pub more: bool,
}

/// What a listener gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusMessage {
    /// An event: what changed since the last one of its topic.
    Event(Arc<BusEvent>),
    /// It missed some: what it shows must be looked up afresh. Events after this number follow.
    Gap(BusEventId),
}

/// What is gathered for the next beat.
#[derive(Default)]
struct Gathered {
    scans: Vec<ScanId>,
    names: Vec<Name>,
    more: bool,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.scans.is_empty() && self.names.is_empty() && !self.more
    }

    fn add_scan(&mut self, scan: ScanId) {
        if self.scans.len() < NAMED {
            if !self.scans.contains(&scan) {
                self.scans.push(scan);
            }
        } else {
            self.more = true;
        }
    }

    fn add_name(&mut self, name: &Name) {
        if self.names.contains(name) {
            return;
        }
        if self.names.len() < NAMED {
            self.names.push(name.clone());
        } else {
            self.more = true;
        }
    }
}

#[derive(Default)]
struct Board {
    gathered: [Gathered; Topic::ALL.len()],
    published: VecDeque<Arc<BusEvent>>,
}

/// Where events are gathered and published.
pub(crate) struct Bus {
    run: u64,
    board: Mutex<Board>,
    /// Woken when there is something to tell.
    wakeup: Arc<Wakeup>,
    /// The number of the last event.
    last: watch::Sender<u64>,
}

impl Bus {
    /// A bus without events. `run` is another number in every run.
    pub(crate) fn new(run: u64) -> Self {
        Self { run, board: Mutex::default(), wakeup: Arc::new(Wakeup::new()), last: watch::Sender::new(0) }
    }

    /// These scans changed.
    pub(crate) fn scans(&self, scans: impl IntoIterator<Item = ScanId>) {
        self.gather(Topic::Scan, |gathered| scans.into_iter().for_each(|scan| gathered.add_scan(scan)));
    }

    /// Scans changed that need no names.
    pub(crate) fn many_scans(&self) {
        self.gather(Topic::Scan, |gathered| gathered.more = true);
    }

    /// This target or trigger changed.
    pub(crate) fn name(&self, topic: Topic, name: &Name) {
        self.gather(topic, |gathered| gathered.add_name(name));
    }

    /// Everything of a topic may have changed.
    pub(crate) fn whole(&self, topic: Topic) {
        self.gather(topic, |gathered| gathered.more = true);
    }

    fn gather(&self, topic: Topic, add: impl FnOnce(&mut Gathered)) {
        let mut board = self.board();
        let gathered = &mut board.gathered[topic as usize];
        let was_empty = gathered.is_empty();
        add(gathered);
        let rings = was_empty && !gathered.is_empty();
        drop(board);
        if rings {
            self.wakeup.wake();
        }
    }

    /// Tells what was gathered.
    fn tell(&self) {
        let mut board = self.board();
        let mut number = *self.last.borrow();
        for topic in Topic::ALL {
            let gathered = std::mem::take(&mut board.gathered[topic as usize]);
            if gathered.is_empty() {
                continue;
            }
            number += 1;
            let Gathered { scans, names, more } = gathered;
            let event = BusEvent { id: BusEventId { run: self.run, number }, topic, scans, names, more };
            board.published.push_back(Arc::new(event));
        }
        let forget = board.published.len().saturating_sub(KEPT);
        board.published.drain(..forget);
        drop(board);
        self.last.send_replace(number);
    }

    fn has_news(&self) -> bool {
        self.board().gathered.iter().any(|gathered| !gathered.is_empty())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first event after this number, or that it is gone.
    fn after(&self, number: u64) -> Option<BusMessage> {
        let board = self.board();
        let newest = board.published.back()?;
        if newest.id.number <= number {
            return None;
        }
        let back = usize::try_from(newest.id.number - number).unwrap_or(usize::MAX);
        match board.published.len().checked_sub(back) {
            Some(at) => board.published.get(at).cloned().map(BusMessage::Event),
            None => Some(BusMessage::Gap(newest.id)),
        }
    }
}

/// How long is gathered for so many listeners.
fn beat(listeners: usize) -> Duration {
    let listeners = u32::try_from(listeners).unwrap_or(u32::MAX);
    BEAT.max(BEAT_PER_LISTENER.saturating_mul(listeners)).min(LONGEST_BEAT)
}

/// Publishes events at every beat at which there are some.
pub(crate) struct BusWorker {
    bus: Arc<Bus>,
    ports: Arc<Ports>,
    /// When what is gathered is published.
    beat: Option<SteadyTime>,
}

impl BusWorker {
    pub(crate) fn new(bus: Arc<Bus>, ports: Arc<Ports>) -> Self {
        Self { bus, ports, beat: None }
    }
}

#[async_trait]
impl Worker for BusWorker {
    fn wakeup(&self) -> Arc<Wakeup> {
        Arc::clone(&self.bus.wakeup)
    }

    fn while_failing(&self) -> String {
        "open pages are not told what changes".to_owned()
    }

    async fn step(&mut self) -> Result<Duration, StoreError> {
        let now = self.ports.steady();
        match self.beat {
            Some(beat) if beat > now => return Ok(beat.since(now)),
            Some(_) => {
                self.beat = None;
                self.bus.tell();
            }
            None if self.bus.has_news() => {
                let beat = beat(self.bus.last.receiver_count());
                self.beat = Some(now + beat);
                return Ok(beat);
            }
            None => {}
        }
        Ok(SAFETY_NET)
    }
}

/// Somebody who looks on. It costs a number, and holds nobody up.
pub struct Listener {
    bus: Arc<Bus>,
    woken: watch::Receiver<u64>,
    /// The number of what was heard last.
    heard: u64,
    /// Whether it begins with a gap.
    missed: bool,
}

impl Listener {
    /// The number after which this listener hears.
    pub fn at(&self) -> BusEventId {
        BusEventId { run: self.bus.run, number: self.heard }
    }

    /// What comes next. A call that is given up loses nothing.
    pub async fn next(&mut self) -> BusMessage {
        loop {
            self.woken.borrow_and_update();
            if let Some(heard) = self.ready() {
                return heard;
            }
            if self.woken.changed().await.is_err() {
                // The bus is held by this listener: it cannot go.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Listener {
    /// What can be heard without waiting.
    fn ready(&mut self) -> Option<BusMessage> {
        if std::mem::take(&mut self.missed) {
            return Some(BusMessage::Gap(self.at()));
        }
        let heard = self.bus.after(self.heard)?;
        self.heard = match &heard {
            BusMessage::Event(event) => event.id.number,
            BusMessage::Gap(id) => id.number,
        };
        Some(heard)
    }
}

impl Bus {
    /// Listens to events: those after `since`, or from now on. A number that is too old, or of another run, begins with a
    /// gap.
    pub(crate) fn listen(self: &Arc<Self>, since: Option<BusEventId>) -> Listener {
        let woken = self.last.subscribe();
        let last = *woken.borrow();
        let known = since.is_none_or(|since| since.run == self.run && since.number <= last);
        let heard = since.filter(|_| known).map_or(last, |since| since.number);
        Listener { bus: Arc::clone(self), woken, heard, missed: !known }
    }

    /// The number of the last event.
    pub(crate) fn last(&self) -> BusEventId {
        BusEventId { run: self.run, number: *self.last.borrow() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_written() {
        let id = BusEventId { run: 0x00ab_cdef, number: 17 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "17", "x-17", "ab-", "ab-x", "-", "ab-17-1"] {
            assert_eq!(wrong.parse::<BusEventId>(), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn a_beat_grows_with_those_who_listen() {
        let millis = [0, 1, 300, 1_000, 5_000].map(|listeners| beat(listeners).as_millis());
        assert_eq!(millis, [300, 300, 300, 1_000, 2_000]);
    }

    #[test]
    fn news_are_kept_up_to_a_number() {
        let bus = Bus::new(1);
        for _ in 0..KEPT + 10 {
            bus.many_scans();
            bus.tell();
        }
        assert_eq!(bus.board().published.len(), KEPT);
        let newest = u64::try_from(KEPT + 10).unwrap();
        assert_eq!(bus.after(9), Some(BusMessage::Gap(BusEventId { run: 1, number: newest })));
        assert!(matches!(bus.after(10), Some(BusMessage::Event(event)) if event.id.number == 11));
        assert!(matches!(bus.after(newest - 1), Some(BusMessage::Event(event)) if event.id.number == newest));
        assert_eq!(bus.after(newest), None);
    }

    #[test]
    fn a_beat_names_a_bounded_number_of_scans_each_once() {
        let bus = Bus::new(1);
        for scan in (0..1000).chain(0..1000) {
            bus.scans([ScanId(scan)]);
        }
        bus.tell();
        let Some(BusMessage::Event(event)) = bus.after(0) else { panic!("nothing was told") };
        assert_eq!(event.scans, (0..20).map(ScanId).collect::<Vec<_>>());
        assert!(event.more);
        assert_eq!(bus.after(1), None);
    }
}
