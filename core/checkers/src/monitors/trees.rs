//! Binary trees over an array, for questions about parts of it.
use std::ops::Range;

/// Numbers, each there or not, among which large ones are found.
pub struct Largest {
    /// The largest in each subtree; the leaves are the second half.
    nodes: Vec<Option<i64>>,
}

impl Largest {
    pub fn new(numbers: impl ExactSizeIterator<Item = Option<i64>>) -> Self {
        let leaves = numbers.len().next_power_of_two();
        let mut nodes = vec![None; leaves];
        nodes.extend(numbers);
        nodes.resize(2 * leaves, None);
        for node in (1..leaves).rev() {
            nodes[node] = nodes[2 * node].max(nodes[2 * node + 1]);
        }
        Self { nodes }
    }

    pub fn get(&self, at: usize) -> Option<i64> {
        self.nodes[self.nodes.len() / 2 + at]
    }

    pub fn set(&mut self, at: usize, number: Option<i64>) {
        let mut node = self.nodes.len() / 2 + at;
        self.nodes[node] = number;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
        }
    }

    /// The first place in `part` that holds at least `least`.
    pub fn find(&self, part: &Range<usize>, least: i64) -> Option<usize> {
        self.find_below(1, 0..self.nodes.len() / 2, part, least)
    }

    fn find_below(&self, node: usize, whole: Range<usize>, part: &Range<usize>, least: i64) -> Option<usize> {
        if self.nodes[node] < Some(least) || whole.end <= part.start || part.end <= whole.start {
            return None;
        }
        if whole.len() == 1 {
            return Some(whole.start);
        }
        let middle = whole.start + whole.len() / 2;
        self.find_below(2 * node, whole.start..middle, part, least)
            .or_else(|| self.find_below(2 * node + 1, middle..whole.end, part, least))
    }
}

/// How many intervals cover each place; places nothing covers any more are found, each once.
pub struct Cover {
    /// The smallest count in each subtree, without what was taken from all of a tree above it.
    least: Vec<i64>,
    /// What was taken from all of a subtree.
    taken: Vec<i64>,
}

/// No count: outside, or found before.
const GONE: i64 = i64::MAX / 2;

impl Cover {
    pub fn new(counts: &[i64]) -> Self {
        let leaves = counts.len().next_power_of_two();
        let mut least = vec![GONE; leaves];
        least.extend(counts);
        least.resize(2 * leaves, GONE);
        for node in (1..leaves).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self { least, taken: vec![0; 2 * leaves] }
    }

    /// Takes one interval away.
    pub fn uncover(&mut self, part: &Range<usize>) {
        self.uncover_below(1, 0..self.least.len() / 2, part);
    }

    fn uncover_below(&mut self, node: usize, whole: Range<usize>, part: &Range<usize>) {
        if whole.end <= part.start || part.end <= whole.start {
            return;
        }
        if part.start <= whole.start && whole.end <= part.end {
            self.least[node] -= 1;
            self.taken[node] += 1;
            return;
        }
        let middle = whole.start + whole.len() / 2;
        self.uncover_below(2 * node, whole.start..middle, part);
        self.uncover_below(2 * node + 1, middle..whole.end, part);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.taken[node];
    }

    /// Places in `part` that nothing covers, in order, and were not found before.
    pub fn uncovered(&mut self, part: &Range<usize>) -> Vec<usize> {
        let mut found = Vec::new();
        self.uncovered_below(1, 0..self.least.len() / 2, part, 0, &mut found);
        found
    }

    /// `taken`: from all of the trees above.
    fn uncovered_below(
        &mut self,
        node: usize,
        whole: Range<usize>,
        part: &Range<usize>,
        taken: i64,
        found: &mut Vec<usize>,
    ) {
        if self.least[node] > taken || whole.end <= part.start || part.end <= whole.start {
            return;
        }
        if whole.len() == 1 {
            self.least[node] = GONE;
            found.push(whole.start);
            return;
        }
        let (middle, below) = (whole.start + whole.len() / 2, taken + self.taken[node]);
        self.uncovered_below(2 * node, whole.start..middle, part, below, found);
        self.uncovered_below(2 * node + 1, middle..whole.end, part, below, found);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.taken[node];
    }
}
