//! The lab texts, a file for each: what they have people type, and programs that make the same
//! calls as theirs. `docs/labs.md` says which step is shown where.

mod day_2;
mod lab_1;
mod lab_2;
mod producers_consumers;
mod scenario_3;
mod student;
mod tunnel;
mod tutorial_2;
