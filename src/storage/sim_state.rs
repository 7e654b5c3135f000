//! The contents of a simulated disk: as processes see them, and as a power loss would leave them.
//!
//! **Invariant:** a node has at most one name (there are no hard links), and node numbers are never
//! reused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fastrand::Rng;

/// A file or a directory, by number.
pub(crate) type NodeId = usize;
/// A directory and a name in it.
pub(crate) type NameInDir = (NodeId, String);
type DirEntries = BTreeMap<NameInDir, NodeId>;

/// The unit in which a disk tears writes.
const SECTOR: usize = 512;

/// A change to a file that is not durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write { position: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { bytes, .. } if bytes.is_empty() => {}
            Change::Write { position, bytes } => {
                let end = position + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*position..end].copy_from_slice(bytes);
            }
            Change::Length(len) => to.resize(*len, 0),
        }
    }
}

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    /// The contents that readers see.
    pub seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Space is reserved up to this position, regardless of the length.
    reserved: u64,
}

impl Contents {
    /// Returns the space that the file takes, in bytes.
    pub fn footprint(&self) -> u64 {
        self.reserved.max(self.seen.len() as u64)
    }

    /// Reserves space up to `end`.
    pub fn reserve(&mut self, end: u64) {
        self.reserved = self.reserved.max(end);
    }

    /// Writes `bytes` at `position`; a gap before it is filled with zeros.
    pub fn write(&mut self, position: u64, bytes: Vec<u8>) {
        self.change(Change::Write { position: position as usize, bytes });
    }

    /// Flips a bit of the contents, durable or not: a fault of the medium, not a change by a
    /// process.
    pub fn flip(&mut self, position: usize, bit: u8) {
        let flip = |bytes: &mut Vec<u8>, at: usize| {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        };
        flip(&mut self.seen, position);
        flip(&mut self.durable, position);
        for change in &mut self.pending {
            if let Change::Write { position: from, bytes } = change
                && let Some(at) = position.checked_sub(*from)
            {
                flip(bytes, at);
            }
        }
    }

    /// Truncates, or extends with zeros.
    pub fn set_len(&mut self, len: u64) {
        self.reserved = 0;
        self.change(Change::Length(len as usize));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    /// Makes every change durable that is not already lost.
    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Applies a failed sync: each change is made durable or never will be. The kernel marks such
    /// pages clean, so no later sync retries them.
    pub fn lose_some(&mut self, rng: &mut Rng) {
        for change in self.pending.drain(..) {
            if rng.bool() {
                change.apply(&mut self.durable);
            }
        }
    }

    fn after_power_loss(&self, rng: &mut Rng) -> Vec<u8> {
        match rng.u8(0..4) {
            0 => self.durable.clone(),
            1 => self.with_first(self.pending.len()),
            2 => self.cut(rng),
            _ => self.torn(rng),
        }
    }

    fn with_first(&self, changes: usize) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        self.pending.iter().take(changes).for_each(|change| change.apply(&mut bytes));
        bytes
    }

    /// Returns the contents after some changes in order and a part of the next one.
    fn cut(&self, rng: &mut Rng) -> Vec<u8> {
        let whole = rng.usize(0..=self.pending.len());
        let mut bytes = self.with_first(whole);
        if let Some(Change::Write { position, bytes: written }) = self.pending.get(whole) {
            let written = written[..rng.usize(0..=written.len())].to_vec();
            Change::Write { position: *position, bytes: written }.apply(&mut bytes);
        }
        bytes
    }

    /// Returns the contents with the length after some change, and each sector old (or zero) or
    /// new.
    fn torn(&self, rng: &mut Rng) -> Vec<u8> {
        let new = self.with_first(self.pending.len());
        let len = match rng.bool() {
            true => new.len(),
            false => self.with_first(rng.usize(0..=self.pending.len())).len(),
        };
        let mut bytes = self.durable.clone();
        bytes.resize(len, 0);
        for sector in self.touched() {
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(len).min(new.len());
            if from < to && rng.bool() {
                bytes[from..to].copy_from_slice(&new[from..to]);
            }
        }
        bytes
    }

    fn touched(&self) -> BTreeSet<usize> {
        let mut sectors = BTreeSet::new();
        for change in &self.pending {
            if let Change::Write { position, bytes } = change {
                sectors.extend(position / SECTOR..(position + bytes.len()).div_ceil(SECTOR));
            }
        }
        sectors
    }
}

/// A change of names. Each takes effect as a whole or not at all.
#[derive(Debug, Clone)]
pub(crate) enum NameChange {
    /// A new node got a name.
    Made {
        /// Its location.
        at: NameInDir,
        /// The node.
        node: NodeId,
    },
    /// A node got another name; the node that had that name before has none now.
    Moved {
        /// Its old location.
        from: NameInDir,
        /// Its new location.
        to: NameInDir,
        /// The node.
        node: NodeId,
    },
    /// A node lost its name.
    Gone {
        /// Its old location.
        at: NameInDir,
        /// The node.
        node: NodeId,
    },
}

impl NameChange {
    fn node(&self) -> NodeId {
        match self {
            NameChange::Made { node, .. }
            | NameChange::Moved { node, .. }
            | NameChange::Gone { node, .. } => *node,
        }
    }

    fn touches(&self, dir: NodeId) -> bool {
        match self {
            NameChange::Made { at, .. } | NameChange::Gone { at, .. } => at.0 == dir,
            NameChange::Moved { from, to, .. } => from.0 == dir || to.0 == dir,
        }
    }

    /// Applies the change. Earlier changes may have been lost, so it assumes nothing about `names`.
    fn apply(&self, names: &mut DirEntries) {
        match self {
            NameChange::Made { at, node } => {
                names.insert(at.clone(), *node);
            }
            NameChange::Moved { from, to, node } => {
                names.retain(|_, named| named != node);
                names.remove(from);
                names.insert(to.clone(), *node);
            }
            NameChange::Gone { at, node } => {
                names.retain(|_, named| named != node);
                names.remove(at);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Node {
    File(Contents),
    Dir,
}

/// All files and directories.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    seen: DirEntries,
    durable: DirEntries,
    pending: Vec<NameChange>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree {
            nodes: vec![Node::Dir],
            seen: DirEntries::new(),
            durable: DirEntries::new(),
            pending: Vec::new(),
        }
    }
}

impl Tree {
    /// The root directory, which always exists.
    pub const ROOT: NodeId = 0;

    /// Adds a file without a name.
    pub fn add_file(&mut self) -> NodeId {
        self.nodes.push(Node::File(Contents::default()));
        self.nodes.len() - 1
    }

    /// Adds a directory without a name.
    pub fn add_dir(&mut self) -> NodeId {
        self.nodes.push(Node::Dir);
        self.nodes.len() - 1
    }

    /// Returns true for a directory.
    pub fn is_dir(&self, node: NodeId) -> bool {
        matches!(self.nodes[node], Node::Dir)
    }

    /// Returns the contents, if the node is a file.
    pub fn file(&self, node: NodeId) -> Option<&Contents> {
        match &self.nodes[node] {
            Node::File(contents) => Some(contents),
            Node::Dir => None,
        }
    }

    /// Returns the contents to modify, if the node is a file.
    pub fn file_mut(&mut self, node: NodeId) -> Option<&mut Contents> {
        match &mut self.nodes[node] {
            Node::File(contents) => Some(contents),
            Node::Dir => None,
        }
    }

    /// Returns the node of this name in a directory.
    pub fn child(&self, dir: NodeId, name: &str) -> Option<NodeId> {
        self.seen.get(&(dir, name.to_owned())).copied()
    }

    /// Returns the entries of a directory, by name.
    pub fn children(&self, dir: NodeId) -> impl Iterator<Item = (String, NodeId)> + '_ {
        let range = self.seen.range((dir, String::new())..(dir + 1, String::new()));
        range.map(|((_, name), node)| (name.clone(), *node))
    }

    /// Changes names, as processes see them.
    pub fn apply(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    /// Makes the changes of names in `dir` durable, and those that they depend on: the same nodes'
    /// earlier changes elsewhere.
    pub fn sync_names(&mut self, dir: NodeId) {
        let here = self.pending.iter().filter(|change| change.touches(dir));
        let nodes: BTreeSet<NodeId> = here.map(NameChange::node).collect();
        let all = std::mem::take(&mut self.pending);
        for change in all {
            if change.touches(dir) || nodes.contains(&change.node()) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }

    /// Makes everything durable.
    pub fn settle(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
        for node in &mut self.nodes {
            if let Node::File(contents) = node {
                contents.sync();
            }
        }
    }

    /// Returns the tree that a power loss leaves; all of it is durable.
    pub fn after_power_loss(&self, rng: &mut Rng) -> Tree {
        let mut names = self.durable.clone();
        let mood = rng.u8(0..4);
        for change in &self.pending {
            let survives = match mood {
                0 => false,
                1 => true,
                _ => rng.bool(),
            };
            if survives {
                change.apply(&mut names);
            }
        }
        let nodes = self.nodes.iter().map(|node| match node {
            Node::Dir => Node::Dir,
            Node::File(contents) => {
                let bytes = contents.after_power_loss(rng);
                Node::File(Contents { seen: bytes.clone(), durable: bytes, ..Contents::default() })
            }
        });
        let nodes = nodes.collect();
        Tree { nodes, seen: names.clone(), durable: names, pending: Vec::new() }
    }

    /// Returns every file's path and contents, by path.
    pub fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        self.walk(Tree::ROOT, Path::new("/"), &mut files);
        files
    }

    fn walk(&self, dir: NodeId, path: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
        for (name, node) in self.children(dir) {
            let path = path.join(name);
            match self.file(node) {
                Some(contents) => files.push((path, contents.seen.clone())),
                None => self.walk(node, &path, files),
            }
        }
    }
}
