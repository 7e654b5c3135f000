//! What may still be created: which names are free, and how many more topics and partitions there
//! may be (`max.topics`, `max.partitions`).

use std::collections::{HashMap, HashSet};

use crate::config::topic_limits::TopicLimits;
use crate::metadata::image::Image;
use crate::metadata::store;
use crate::topics::change_error::{Cordoned, CreateError, TopicLimitReached};
use crate::topics::names::CONSUMER_OFFSETS;

/// The numbers of topics and partitions, and their limits.
#[derive(Debug, Clone, Copy)]
pub struct TopicCapacity {
    limits: TopicLimits,
    topics: usize,
    partitions: usize,
}

impl TopicCapacity {
    /// Counts the topics of an image, except the broker's own.
    pub fn of(image: &Image, limits: TopicLimits) -> TopicCapacity {
        let counted = image.topics.values().filter(|topic| is_counted(&topic.name));
        let (topics, partitions) = counted.fold((0, 0), |(topics, partitions), topic| {
            (topics + 1, partitions + usize::try_from(topic.partitions).unwrap_or(0))
        });
        TopicCapacity { limits, topics, partitions }
    }

    /// Checks that there may be new partitions at all.
    ///
    /// # Errors
    /// The data directory is cordoned.
    pub fn may_grow(&self) -> Result<(), Cordoned> {
        if self.limits.is_cordoned { Err(Cordoned) } else { Ok(()) }
    }

    /// Counts `partitions` more, of a new or an existing topic.
    ///
    /// # Errors
    /// The limits would be exceeded; then nothing is counted.
    pub fn take(
        &mut self,
        name: &str,
        is_new: bool,
        partitions: i32,
    ) -> Result<(), TopicLimitReached> {
        if !is_counted(name) {
            return Ok(());
        }
        let partitions = usize::try_from(partitions).unwrap_or(0);
        let topics = usize::from(is_new);
        if self.topics + topics > self.limits.topics && is_new {
            let (most, has) = (self.limits.topics, self.topics);
            return Err(TopicLimitReached {
                what: "topics",
                option: "max.topics",
                max: most,
                has,
                wanted: topics,
            });
        }
        if self.partitions + partitions > self.limits.partitions {
            let (most, has) = (self.limits.partitions, self.partitions);
            let option = "max.partitions";
            return Err(TopicLimitReached {
                what: "partitions",
                option,
                max: most,
                has,
                wanted: partitions,
            });
        }
        self.topics += topics;
        self.partitions += partitions;
        Ok(())
    }
}

/// Returns false for the offsets topic, which is exempt from the limits.
fn is_counted(name: &str) -> bool {
    name != CONSUMER_OFFSETS
}

/// The names of existing topics, and those reserved for new ones.
pub struct NameReservations<'a> {
    image: &'a Image,
    new: HashSet<String>,
    /// Names by themselves with every `.` as `_`; built on first use.
    flat: Option<HashMap<String, String>>,
    room: TopicCapacity,
}

impl<'a> NameReservations<'a> {
    /// Returns the reservations of an image: none yet.
    pub fn of(image: &'a Image, limits: TopicLimits) -> NameReservations<'a> {
        let room = TopicCapacity::of(image, limits);
        NameReservations { image, new: HashSet::new(), flat: None, room }
    }

    /// Reserves a name, with room for `partitions` partitions.
    ///
    /// # Errors
    /// The name is not free, the data directory is cordoned, or a limit is reached.
    pub fn take(&mut self, name: &str, partitions: i32) -> Result<(), CreateError> {
        self.is_free(name)?;
        self.room.may_grow()?;
        self.room.take(name, true, partitions)?;
        if let Some(flat) = self.flat.as_mut().filter(|_| may_collide(name)) {
            flat.insert(name.replace('.', "_"), name.to_owned());
        }
        self.new.insert(name.to_owned());
        Ok(())
    }

    /// Checks whether a name is free, regardless of the limits.
    ///
    /// # Errors
    /// It is not.
    pub fn is_free(&mut self, name: &str) -> Result<(), CreateError> {
        // Its directory must not be that of the metadata log.
        if name == store::TOPIC {
            return Err(CreateError::Reserved(name.to_owned()));
        }
        if self.image.topics.contains_key(name) || self.new.contains(name) {
            return Err(CreateError::Exists(name.to_owned()));
        }
        if !may_collide(name) {
            return Ok(());
        }
        let flatten = |name: &String| (name.replace('.', "_"), name.clone());
        let (topics, new) = (&self.image.topics, &self.new);
        let all = || topics.keys().chain(new).filter(|name| may_collide(name)).map(flatten);
        let flat = self.flat.get_or_insert_with(|| all().collect());
        match flat.get(&name.replace('.', "_")) {
            Some(existing) => {
                let (name, existing) = (name.to_owned(), existing.clone());
                Err(CreateError::Collides { name, existing })
            }
            None => Ok(()),
        }
    }
}

/// Returns false for a name with neither character, which collides with no other.
fn may_collide(name: &str) -> bool {
    name.contains(['.', '_'])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metadata::image::Topic;

    fn image(topics: &[(&str, i32)]) -> Image {
        let topic = |(name, partitions): &(&str, i32)| {
            let topic =
                Topic { name: (*name).to_owned(), partitions: *partitions, ..Topic::default() };
            ((*name).to_owned(), Arc::new(topic))
        };
        Image { topics: topics.iter().map(topic).collect(), ..Image::default() }
    }

    fn limits(topics: usize, partitions: usize) -> TopicLimits {
        TopicLimits {
            topics,
            partitions,
            auto_per_request: 1,
            auto_per_second: 1,
            is_cordoned: false,
        }
    }

    #[test]
    fn topics_and_partitions_are_taken_up_to_their_limits() {
        let image = image(&[("a", 3), (CONSUMER_OFFSETS, 50)]);
        let mut reservations = NameReservations::of(&image, limits(3, 10));
        assert!(matches!(reservations.take("b", 8), Err(CreateError::NoRoom(_))), "11 of 10");
        reservations.take("b", 6).unwrap();
        reservations.take("c", 1).unwrap();
        let error = reservations.take("d", 0).unwrap_err().to_string();
        assert_eq!(
            error,
            "The broker takes at most 3 topics and has 3; 1 more would exceed that. Delete topics, \
             or raise max.topics."
        );
        let mut room = TopicCapacity::of(&image, limits(1, 10));
        let error = room.take("a", false, 8).unwrap_err().to_string();
        assert!(error.contains("at most 10 partitions and has 3; 8 more"), "{error}");
        assert!(error.ends_with("raise max.partitions."), "{error}");
        room.take("a", false, 7).unwrap();
        room.take(CONSUMER_OFFSETS, false, 100).unwrap();
    }

    #[test]
    fn names_that_differ_by_a_dot_collide_with_old_and_new_ones() {
        let image = image(&[("a.b", 1)]);
        let mut reservations = NameReservations::of(&image, limits(10, 10));
        assert!(matches!(reservations.take("a_b", 1), Err(CreateError::Collides { .. })));
        reservations.take("c_d", 1).unwrap();
        assert!(matches!(reservations.is_free("c.d"), Err(CreateError::Collides { .. })));
        assert!(matches!(reservations.is_free("c_d"), Err(CreateError::Exists(_))));
    }
}
