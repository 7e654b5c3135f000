//! The topics of regular expressions, which the caller has looked for (Kafka's
//! `TopicRegexResolver`).

use std::collections::BTreeSet;

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::consumer::planning::Planning;
use crate::groups::consumer::questions::ResolvedRegexes;
use crate::groups::consumer::records::ConsumerRecord;
use crate::groups::consumer::view::GroupView;
use crate::groups::records::Record;
use crate::groups::step::Step;
use crate::machine::Ticket;

impl Groups {
    /// Takes over which topics regular expressions match.
    pub(crate) fn resolve_regexes(
        &mut self,
        now: Now,
        ticket: Ticket<ResolvedRegexes>,
        resolved: ResolvedRegexes,
        step: &mut Step,
    ) {
        let ResolvedRegexes { group: id, regexes, assignment_interval_ms } = resolved;
        self.with_group(&id, |groups, group| {
            let Some(state) = group.consumer.as_deref_mut() else { return };
            let refresh_ms = groups.rules.consumer.regex_refresh_ms;
            let mut news = Vec::new();
            let mut records = Vec::new();
            let mut bumps = false;
            for (regex, resolved) in regexes {
                let Some(known) = state.regexes().get(&regex).filter(|r| r.members > 0) else {
                    continue;
                };
                let before = known.resolved.as_ref();
                let is_same = before.is_some_and(|before| before.topics == resolved.topics);
                if is_same && before.is_some_and(|before| !before.is_older(now, refresh_ms)) {
                    state.note_checked(&regex, resolved.version);
                    continue;
                }
                let growth = resolved.bytes().saturating_sub(before.map_or(0, |b| b.bytes()));
                if groups.has_room_in_consumer_group(state, growth).is_err() {
                    continue;
                }
                bumps |= !is_same;
                records.push(ConsumerRecord::Regex(regex.clone(), Some(resolved.clone())));
                news.push((regex, resolved));
            }
            let view =
                GroupView { group: state, gone: &BTreeSet::new(), changed: None, resolved: &news };
            if bumps {
                let planning = Planning {
                    view: &view,
                    catalog: &*groups.catalog,
                    assignors: &groups.rules.consumer.assignors,
                    interval_ms: assignment_interval_ms,
                };
                records.extend(planning.plan(now, true).records);
            }
            let record = |record| Record::Consumer { group: id.clone(), record };
            step.records.extend(records.into_iter().map(record));
        });
        step.confirm(ticket, ());
    }
}
