//! Partial orders of events as vector clocks.
use super::history::{SessionHistory, NONE};

/// Edges beside the order of sessions.
pub struct Order<'a> {
    history: &'a SessionHistory,
    /// Per event those that must come right before it for some reason.
    pub before: Vec<Vec<u32>>,
}

/// Per event and session: how many events of that session come before it, itself not counted.
pub struct Clocks {
    width: usize,
    counts: Vec<u32>,
}

impl Clocks {
    pub fn count(&self, event: u32, session: u32) -> u32 {
        self.counts[event as usize * self.width + session as usize]
    }

    /// Whether `a` comes before `b`.
    pub fn precedes(&self, history: &SessionHistory, a: u32, b: u32) -> bool {
        self.count(b, history.events[a as usize].session) > history.place(a)
    }
}

impl<'a> Order<'a> {
    pub fn new(history: &'a SessionHistory) -> Self {
        Self { history, before: vec![Vec::new(); history.events.len()] }
    }

    /// Adds what every event saw.
    pub fn with_reads(mut self) -> Self {
        for (index, event) in self.history.events.iter().enumerate() {
            self.before[index].extend(event.saw.filter(|&writer| writer != NONE));
        }
        self
    }

    /// The closure; a cycle if there is one.
    pub fn clocks(&self) -> Result<Clocks, Vec<u32>> {
        let width = self.history.sessions.len();
        let mut clocks = Clocks { width, counts: vec![0; width * self.history.events.len()] };
        let order = self.topological()?;
        for &event in &order {
            let place = self.history.place(event);
            let session = self.history.events[event as usize].session as usize;
            let row = event as usize * width;
            let previous = (place > 0).then(|| self.history.sessions[session][place as usize - 1]);
            for &other in self.before[event as usize].iter().chain(&previous) {
                let (own, from) = (self.history.events[other as usize].session as usize, other as usize * width);
                for column in 0..width {
                    clocks.counts[row + column] = clocks.counts[row + column].max(clocks.counts[from + column]);
                }
                let count = self.history.place(other) + 1;
                clocks.counts[row + own] = clocks.counts[row + own].max(count);
            }
        }
        Ok(clocks)
    }

    fn predecessors(&self, event: u32) -> impl Iterator<Item = u32> + '_ {
        let place = self.history.place(event) as usize;
        let session = &self.history.sessions[self.history.events[event as usize].session as usize];
        self.before[event as usize].iter().copied().chain((place > 0).then(|| session[place - 1]))
    }

    fn topological(&self) -> Result<Vec<u32>, Vec<u32>> {
        let size = self.history.events.len();
        let mut after: Vec<Vec<u32>> = vec![Vec::new(); size];
        let mut waiting = vec![0u32; size];
        for event in 0..size as u32 {
            for other in self.predecessors(event) {
                after[other as usize].push(event);
                waiting[event as usize] += 1;
            }
        }
        let mut ready: Vec<u32> = (0..size as u32).filter(|&event| waiting[event as usize] == 0).collect();
        let mut order = Vec::with_capacity(size);
        while let Some(event) = ready.pop() {
            order.push(event);
            for &next in &after[event as usize] {
                waiting[next as usize] -= 1;
                if waiting[next as usize] == 0 {
                    ready.push(next);
                }
            }
        }
        if order.len() == size {
            return Ok(order);
        }
        Err(self.cycle(&waiting))
    }

    /// Walks back from an event that never got ready until it meets itself.
    fn cycle(&self, waiting: &[u32]) -> Vec<u32> {
        let Some(start) = waiting.iter().position(|&count| count > 0) else { return Vec::new() };
        let mut seen = vec![false; waiting.len()];
        let mut path = vec![start as u32];
        loop {
            let at = path[path.len() - 1];
            seen[at as usize] = true;
            let Some(back) = self.predecessors(at).find(|&other| waiting[other as usize] > 0) else { return path };
            if seen[back as usize] {
                let from = path.iter().position(|&event| event == back).unwrap_or(0);
                let mut cycle = path.split_off(from);
                cycle.reverse();
                return cycle;
            }
            path.push(back);
        }
    }
}
