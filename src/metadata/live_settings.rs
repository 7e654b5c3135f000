//! The settings in effect: those of the start, overridden by what clients have set since. Code that
//! needs a dynamic option asks each time and keeps no copy.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::group_config::DynamicGroupConfig;
use crate::config::settings::Settings;
use crate::metadata::image::{BROKER_RESOURCE, GROUP_RESOURCE, Image};

/// Settings that are replaced as a whole.
#[derive(Debug)]
pub struct LiveSettings {
    started: Arc<Settings>,
    now: watch::Sender<Arc<Settings>>,
}

impl LiveSettings {
    /// Returns the settings of the start, before any change.
    pub fn new(started: Arc<Settings>) -> LiveSettings {
        LiveSettings { now: watch::Sender::new(started.clone()), started }
    }

    /// Returns the settings in effect.
    pub fn now(&self) -> Arc<Settings> {
        self.now.borrow().clone()
    }

    /// Subscribes to changes, for a task that sleeps.
    pub fn changes(&self) -> watch::Receiver<Arc<Settings>> {
        self.now.subscribe()
    }

    /// Returns what the settings would be with the broker configs of this image.
    pub fn with(&self, image: &Image, node_id: i32) -> Settings {
        let on_all = image.configs_of(BROKER_RESOURCE, "");
        let on_this = image.configs_of(BROKER_RESOURCE, &node_id.to_string());
        self.started.with_live(&on_all, &on_this)
    }

    /// Returns the configuration in effect for a group.
    pub fn group(&self, image: &Image, group_id: &str) -> DynamicGroupConfig {
        self.now().group(&image.configs_of(GROUP_RESOURCE, group_id))
    }

    /// Puts these settings into effect.
    pub fn replace(&self, settings: Settings) {
        self.now.send_replace(Arc::new(settings));
    }
}
