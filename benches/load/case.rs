//! The matrix of cases and their names.

use std::fmt;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;

/// The size of a batch that has room for one record of 100 bytes.
const SMALL_BATCH: usize = 256;

/// What is asked of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Produce,
    /// What was produced a moment ago, from the page cache.
    Fetch,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    pub op: Op,
    /// The most bytes of a batch.
    pub batch: usize,
    /// Bytes of a record's value.
    pub record: usize,
    pub acks: i16,
    pub fsync: bool,
    pub connections: usize,
    /// How many MiB of batches to move.
    pub mib: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: usize| match bytes {
            n if n >= MIB => format!("{}m", n / MIB),
            n if n >= KIB => format!("{}k", n / KIB),
            n => format!("{n}b"),
        };
        let (batch, record) = (size(self.batch), size(self.record));
        let durability = if self.fsync { "fsync" } else { "os" };
        match self.op {
            Op::Produce => write!(
                f,
                "produce/{batch}/{record}/acks{}/{durability}/c{}",
                self.acks, self.connections
            ),
            Op::Fetch => write!(f, "fetch/{batch}/{record}/c{}", self.connections),
        }
    }
}

const MAIN: Case = Case {
    op: Op::Produce,
    batch: 64 * KIB,
    record: KIB,
    acks: 1,
    fsync: false,
    connections: 10,
    mib: 1024,
};

/// What runs when nothing else is asked for.
pub fn core() -> Vec<Case> {
    let fetch = Case { op: Op::Fetch, ..MAIN };
    vec![
        MAIN,
        Case { connections: 1, ..MAIN },
        Case { connections: 500, ..MAIN },
        Case { acks: -1, ..MAIN },
        Case { batch: 16 * KIB, mib: 512, ..MAIN },
        Case { batch: MIB, mib: 512, ..MAIN },
        Case { record: 100, mib: 512, ..MAIN },
        Case { acks: -1, fsync: true, mib: 256, ..MAIN },
        Case { acks: -1, fsync: true, connections: 500, mib: 256, ..MAIN },
        fetch,
        Case { connections: 1, ..fetch },
        Case { connections: 500, ..fetch },
    ]
}

/// Every case there is; those of the core move as much here as there.
pub fn full() -> Vec<Case> {
    let mut cases = Vec::new();
    let connections = [1, 10, 500];
    for batch in [16 * KIB, 64 * KIB, MIB] {
        for record in [KIB, 100] {
            for fsync in [false, true] {
                for acks in [1, -1] {
                    let mib = if fsync && acks == -1 { 128 } else { 256 };
                    let case = Case { batch, record, acks, fsync, mib, ..MAIN };
                    cases.extend(connections.map(|connections| Case { connections, ..case }));
                }
            }
        }
        let case = Case { op: Op::Fetch, batch, mib: 512, ..MAIN };
        cases.extend(connections.map(|connections| Case { connections, ..case }));
    }
    // Small requests: what a request costs, not what its bytes cost.
    for (connections, mib) in [(1, 16), (100, 64)] {
        let small = Case { batch: SMALL_BATCH, record: 100, acks: -1, connections, mib, ..MAIN };
        cases.push(small);
    }
    let core = core();
    let as_in_core =
        |case: Case| core.iter().copied().find(|c| Case { mib: case.mib, ..*c } == case);
    let mut cases: Vec<Case> =
        cases.into_iter().map(|case| as_in_core(case).unwrap_or(case)).collect();
    for case in &mut cases {
        // At least some requests for each connection.
        case.mib = case.mib.max(2 * case.connections * case.batch / MIB);
    }
    cases
}
