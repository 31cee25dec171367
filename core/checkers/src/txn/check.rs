//! Judges the transactions of a history.
use std::time::{Duration, Instant};

use super::append::Lists;
use super::cycles::{cycles, Cycles, Effort};
use super::finding::{Dependencies, Finding};
use super::graph::Graph;
use super::history::{Dialect, Status, Txns};
use super::orders::{orders, Orders};
use super::register::Registers;
use super::story::{Evidence, Story, Told};
use super::versions::Assumptions;
use super::weak::{self, Weak};
use super::writes::Writes;
use crate::events::{Events, Malformed};

/// What a check may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub deadline: Instant,
    pub memory_bytes: usize,
}

impl Bounds {
    pub fn within(seconds: Duration, memory_bytes: usize) -> Self {
        Self { deadline: Instant::now() + seconds, memory_bytes }
    }

    fn is_over(&self) -> bool {
        Instant::now() > self.deadline
    }
}

/// Anomalies of one name that are told in full; all are counted.
pub const TOLD_MAX: usize = 16;

/// Walks of the search for witnesses of one class, over all components.
const STEPS_MAX: usize = 4_000_000;

/// What a history of transactions shows.
#[derive(Default)]
pub struct Report {
    pub told: Vec<Told>,
    /// Every anomaly found, by name, in the order in which names were found.
    pub counts: Vec<(&'static str, usize)>,
    /// Kinds of cycles that could be neither found nor excluded.
    pub undecided: Vec<&'static str>,
    /// Names of anomalies that the independent check of their witness did not confirm. One of the two is wrong.
    pub unconfirmed: Vec<&'static str>,
    /// Why the check ended early, if it did.
    pub stopped: Option<String>,
    pub txns: usize,
    pub ok: usize,
    pub info: usize,
    pub failed: usize,
    pub keys: usize,
    pub edges: usize,
    /// Transactions on cycles.
    pub entangled: usize,
}

impl Report {
    /// Adds anomalies with what their second judge made of them, and how many there are of each name. A name of which
    /// none was confirmed does not count.
    fn tell(
        &mut self,
        judged: impl Iterator<Item = (&'static str, Option<Told>)>,
        counts: impl IntoIterator<Item = (&'static str, usize)>,
    ) {
        let (from, doubted) = (self.told.len(), self.unconfirmed.len());
        for (name, told) in judged {
            match told {
                Some(told) => self.told.push(told),
                None => self.unconfirmed.push(name),
            }
        }
        for (name, count) in counts {
            let refused = self.unconfirmed[doubted..].iter().filter(|&&other| other == name).count();
            if refused == 0 || self.told[from..].iter().any(|told| told.name == name) {
                self.counts.push((name, count - refused.min(count)));
            }
        }
    }
}

/// Lists.
pub fn check_appends<E: Events>(events: &E, bounds: Bounds) -> Result<Report, Malformed> {
    let Some((txns, mut values)) = read(events, Dialect::Append, bounds)? else { return Ok(too_large()) };
    let writes = Writes::index(&txns)?;
    if bounds.is_over() {
        return Ok(too_late());
    }
    let mut lists = Lists::new(&txns, writes, &mut values);
    let (dependencies, texts) = lists.dependencies(values);
    let evidence = Evidence::Lists { longest: &lists.longest };
    let story = Story::new(events, &txns, &texts, evidence);
    Ok(judge(&txns, dependencies, orders(events, &txns), &story, bounds))
}

/// Registers; of a weak level, also by its axioms.
pub fn check_registers<E: Events>(
    events: &E,
    assume: Assumptions,
    level: Option<Weak>,
    bounds: Bounds,
) -> Result<Report, Malformed> {
    let Some((txns, values)) = read(events, Dialect::Register, bounds)? else { return Ok(too_large()) };
    let registers = Registers::new(&txns, Writes::index(&txns)?);
    if bounds.is_over() {
        return Ok(too_late());
    }
    let orders = orders(events, &txns);
    let processes: Vec<i64> = txns.invoke.iter().map(|&row| events.process(row as usize)).collect();
    let (dependencies, inferred) = registers.dependencies(&txns, &orders, &processes, assume);
    let texts = values.into_texts();
    let story =
        Story::new(events, &txns, &texts, Evidence::Registers { registers: &registers, order: inferred, assume });
    let answer = level.map(|level| weak::check(level, &txns, &registers, &orders, bounds.deadline, TOLD_MAX));
    let mut report = judge(&txns, dependencies, orders, &story, bounds);
    match answer {
        None => {}
        Some(None) => report.stopped = Some("out of time while what the level forces was computed".to_owned()),
        Some(Some(answer)) => {
            report.tell(answer.told.iter().map(|cycle| (cycle.name, story.weak_cycle(cycle))), answer.counts);
        }
    }
    Ok(report)
}

fn too_large() -> Report {
    Report { stopped: Some("out of memory before the first transaction was looked at".to_owned()), ..Report::default() }
}

fn too_late() -> Report {
    Report { stopped: Some("out of time before anomalies were looked for".to_owned()), ..Report::default() }
}

/// The transactions, unless what is made of them would not fit the memory.
pub(super) fn read<'a, E: Events>(
    events: &'a E,
    dialect: Dialect,
    bounds: Bounds,
) -> Result<Option<(Txns<'a>, crate::intern::Interner<'a>)>, Malformed> {
    // Measured: what is held for a transaction of a few micro-operations, at the worst moment.
    const BYTES_A_TXN: usize = 600;
    const BYTES_A_MOP: usize = 240;
    if events.len() / 2 * BYTES_A_TXN > bounds.memory_bytes {
        return Ok(None);
    }
    let read = Txns::read(events, dialect)?;
    Ok((read.0.mops.len() * BYTES_A_MOP <= bounds.memory_bytes).then_some(read))
}

fn judge<E: Events>(txns: &Txns, mut found: Dependencies, orders: Orders, story: &Story<E>, bounds: Bounds) -> Report {
    let count = |status| txns.status.iter().filter(|&&other| other == status).count();
    let mut report = Report {
        txns: txns.len(),
        ok: count(Status::Ok),
        info: count(Status::Info),
        failed: count(Status::Fail),
        keys: keys_used(txns),
        ..Report::default()
    };
    findings(std::mem::take(&mut found.findings), story, &mut report);
    found.edges.extend(orders.extra);
    report.edges = found.edges.len();
    let region = vec![0; txns.len()];
    let graph = Graph::new(txns.len() as u32, found.nodes, &found.edges, orders.process, orders.start, region);
    drop(found);
    let effort = Effort { deadline: bounds.deadline, witnesses_max: TOLD_MAX, steps_max: STEPS_MAX };
    if bounds.is_over() {
        report.stopped = Some("out of time before cycles were looked for".to_owned());
        return report;
    }
    match cycles(&graph, &effort) {
        None => report.stopped = Some("out of time while kinds of cycles were told apart".to_owned()),
        Some(cycles) => tell_cycles(cycles, story, &mut report),
    }
    report
}

fn keys_used(txns: &Txns) -> usize {
    let mut used = vec![false; txns.keys.len()];
    txns.mops.iter().for_each(|mop| used[mop.key as usize] = true);
    used.into_iter().filter(|&is_used| is_used).count()
}

fn findings<E: Events>(mut all: Vec<Finding>, story: &Story<E>, report: &mut Report) {
    all.sort_unstable();
    all.dedup();
    let groups = || all.chunk_by(|a, b| a.name == b.name);
    let writers = story.writers(groups().flat_map(|group| group.iter().take(TOLD_MAX)));
    for group in groups() {
        let told = |finding| story.confirm(finding, &writers).map(|finding| story.finding(&finding));
        let told = group.iter().take(TOLD_MAX).map(|finding| (finding.name, told(finding)));
        report.tell(told, [(group[0].name, group.len())]);
    }
}

fn tell_cycles<E: Events>(cycles: Cycles, story: &Story<E>, report: &mut Report) {
    report.tell(cycles.told.iter().map(|cycle| (cycle.name(), story.cycle(cycle))), cycles.counts);
    report.undecided = cycles.undecided;
    report.entangled = cycles.entangled;
}
