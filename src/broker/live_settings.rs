//! The settings as they are now: what the broker was started with, under what clients have set
//! since. Whoever needs an option that may change asks each time; nobody keeps what it was told.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::settings::Settings;
use crate::metadata::image::{BROKER_RESOURCE, Image};

/// Settings that are replaced as a whole.
#[derive(Debug)]
pub struct LiveSettings {
    started: Arc<Settings>,
    now: watch::Sender<Arc<Settings>>,
}

impl LiveSettings {
    /// What the broker is started with; nobody has set anything yet.
    pub fn new(started: Arc<Settings>) -> LiveSettings {
        LiveSettings { now: watch::Sender::new(started.clone()), started }
    }

    /// What holds now.
    pub fn now(&self) -> Arc<Settings> {
        self.now.borrow().clone()
    }

    /// Tells of every change, for a task that sleeps.
    pub fn changes(&self) -> watch::Receiver<Arc<Settings>> {
        self.now.subscribe()
    }

    /// What would hold with the broker configs of this image.
    pub fn with(&self, image: &Image, node_id: i32) -> Settings {
        let on_all = image.configs_of(BROKER_RESOURCE, "");
        let on_this = image.configs_of(BROKER_RESOURCE, &node_id.to_string());
        self.started.with_live(&on_all, &on_this)
    }

    /// From now on these hold.
    pub fn replace(&self, settings: Settings) {
        self.now.send_replace(Arc::new(settings));
    }
}
