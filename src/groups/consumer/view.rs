//! A consumer group as it will be once the records of the current step are applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::catalog::TopicCatalog;
use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::metadata_hash::MetadataHash;
use crate::groups::consumer::records::{MemberMetadata, ResolvedRegex};
use crate::groups::visits::visit;
use crate::types::TopicId;

/// A member as it will be.
#[derive(Debug, Clone, Copy)]
pub struct MemberView<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it says of itself.
    pub metadata: &'a MemberMetadata,
    /// Its target assignment so far.
    pub target: &'a Assignment,
}

/// A group with the changes of a step.
#[derive(Debug)]
pub struct GroupView<'a> {
    /// The group.
    pub group: &'a ConsumerGroup,
    /// The members that are removed.
    pub gone: &'a BTreeSet<Arc<str>>,
    /// The member that is added or changed.
    pub changed: Option<MemberView<'a>>,
    /// The regular expressions that have been resolved.
    pub resolved: &'a [(String, ResolvedRegex)],
}

impl<'a> GroupView<'a> {
    /// Returns the members, by id.
    pub fn members(&self) -> Vec<MemberView<'a>> {
        let changed = self.changed;
        let stays = |id: &Arc<str>| {
            !self.gone.contains(id) && changed.is_none_or(|changed| *changed.id != **id)
        };
        let others = self.group.members().filter(|(id, _)| stays(id));
        let view = |(id, member): (&'a Arc<str>, &'a super::member::ConsumerMember)| MemberView {
            id,
            metadata: &member.metadata,
            target: &member.target,
        };
        let mut all: Vec<MemberView<'a>> = others.map(view).chain(changed).collect();
        all.sort_unstable_by_key(|member| member.id);
        all
    }

    /// Returns the topics that a regular expression matches.
    pub fn matches(&self, regex: &str) -> &[Arc<str>] {
        let fresh = self.resolved.iter().find(|(known, _)| known == regex);
        let known = || self.group.regexes().get(regex)?.resolved.as_ref();
        fresh.map(|(_, resolved)| resolved).or_else(known).map_or(&[], |found| &found.topics)
    }

    /// Returns the names to which a member is subscribed.
    pub fn subscription<'b>(
        &'b self,
        metadata: &'b MemberMetadata,
    ) -> impl Iterator<Item = &'b str> {
        let matched = metadata.regex().map_or(&[][..], |regex| self.matches(regex));
        let matched = matched.iter().map(|topic| &**topic);
        metadata.topic_names.iter().map(String::as_str).chain(matched).inspect(|_| visit())
    }

    /// Returns the topics of a member's subscription that exist.
    pub fn topics_of(
        &self,
        metadata: &MemberMetadata,
        catalog: &dyn TopicCatalog,
    ) -> BTreeSet<TopicId> {
        let names = self.subscription(metadata);
        names.filter_map(|name| catalog.named(name)).map(|topic| topic.id).collect()
    }

    /// Returns the hash of all subscribed topics: another one if the assignment may have to change.
    pub fn metadata_hash(&self, members: &[MemberView<'_>], catalog: &dyn TopicCatalog) -> i64 {
        // Most members have the subscription of the one before.
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut last: Option<&MemberMetadata> = None;
        for member in members {
            if last.is_some_and(|last| last.has_subscription_of(member.metadata)) {
                continue;
            }
            last = Some(member.metadata);
            names.extend(self.subscription(member.metadata));
        }
        let mut hash = MetadataHash::default();
        for name in names {
            visit();
            if let Some(topic) = catalog.named(name) {
                hash.add(name, topic);
            }
        }
        hash.finish()
    }

    /// Returns how many members prefer each assignor.
    pub fn votes(&self, members: &[MemberView<'a>]) -> BTreeMap<&'a str, usize> {
        let mut votes = BTreeMap::new();
        for assignor in members.iter().filter_map(|m| m.metadata.server_assignor.as_deref()) {
            *votes.entry(assignor).or_default() += 1;
        }
        votes
    }
}
