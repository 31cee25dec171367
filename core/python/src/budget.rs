//! What a check may cost, and no more memory than there is.
//!
//! A budget of 4 GB on a machine that has 1 GB left would end in swapping, or in the kernel's choice of whom to kill. So
//! memory is capped by what the machine and each control group above this process still have.
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use splitbrain_checkers::search::Limits;
use splitbrain_checkers::txn::Bounds;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(free_memory, module)?)
}

/// Counted from the moment it was made.
#[derive(Clone, Copy)]
pub struct Budget {
    deadline: Instant,
    asked_bytes: usize,
    memory_bytes: usize,
}

impl Budget {
    pub fn new(seconds: f64, memory_bytes: usize) -> Self {
        let free = free_lately();
        let deadline = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
        // A tenth stays for everybody else, and for what estimates miss.
        Self { deadline, asked_bytes: memory_bytes, memory_bytes: memory_bytes.min(free - free / 10) }
    }

    pub fn limits(&self) -> Limits {
        Limits { deadline: self.deadline, memory_bytes: self.memory_bytes }
    }

    pub fn bounds(&self) -> Bounds {
        Bounds { deadline: self.deadline, memory_bytes: self.memory_bytes }
    }

    /// What to add where memory ran out, if that was sooner than the budget says.
    pub fn cap_text(&self) -> String {
        if self.memory_bytes == self.asked_bytes {
            return String::new();
        }
        let (given, asked) = (self.memory_bytes >> 20, self.asked_bytes >> 20);
        format!(" (the machine had only {given} MB to give, of the budget's {asked} MB)")
    }
}

/// How long it is believed what the machine has left: to ask takes longer than to judge a short history.
const BELIEVED_FOR: Duration = Duration::from_millis(100);

fn free_lately() -> usize {
    static KNOWN: Mutex<Option<(Instant, usize)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match *known {
        Some((at, free)) if at.elapsed() < BELIEVED_FOR => free,
        _ => {
            let free = free_memory(PathBuf::from("/")).unwrap_or(usize::MAX);
            *known = Some((Instant::now(), free));
            free
        }
    }
}

/// What the machine under `root` and every control group of this process still have; `None` if neither tells.
#[pyfunction]
pub fn free_memory(root: PathBuf) -> Option<usize> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let of_groups = groups.lines().flat_map(|line| free_in_groups(&root, line));
    free_in_machine(&root).into_iter().chain(of_groups).min()
}

fn free_in_machine(root: &Path) -> Option<usize> {
    field(&root.join("proc/meminfo"), "MemAvailable:").map(|kilobytes| kilobytes.saturating_mul(1024))
}

/// The names of limit, usage and reclaimable cache in the two versions of control groups.
const V1: (&str, &str, &str) = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
const V2: (&str, &str, &str) = ("memory.max", "memory.current", "inactive_file");

/// `line` is one of /proc/self/cgroup: `0::/a/b` (version 2), `4:memory:/a/b` (version 1).
fn free_in_groups(root: &Path, line: &str) -> Vec<usize> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let mounts: &[&str] = match controllers {
        "" => &["sys/fs/cgroup", "sys/fs/cgroup/unified"],
        _ if controllers.split(',').any(|name| name == "memory") => &["sys/fs/cgroup/memory"],
        _ => return Vec::new(),
    };
    let names = if controllers.is_empty() { V2 } else { V1 };
    // A group's parents limit it too. In a container the path may be the host's, and only the last of them be there.
    let parents = || Path::new(path.trim_start_matches('/')).ancestors();
    mounts
        .iter()
        .flat_map(|mount| parents().filter_map(move |group| free_in_group(&root.join(mount).join(group), names)))
        .collect()
}

/// A group without a limit tells none. Cache of files that nobody used lately is given back when it is needed.
fn free_in_group(folder: &Path, (limit, usage, cache): (&str, &str, &str)) -> Option<usize> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<usize>().ok();
    let used = number(usage)?.saturating_sub(field(&folder.join("memory.stat"), cache).unwrap_or(0));
    Some(number(limit)?.saturating_sub(used))
}

/// The number after a name at the beginning of a line.
fn field(file: &Path, name: &str) -> Option<usize> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
