//! The signals of the daemon.
//!
//! SIGTERM, SIGINT, SIGQUIT and SIGHUP end it cleanly; a second one ends it at once, but for
//! SIGHUP, which a terminal that goes away may send twice. As for any program under `nohup`, and as
//! for Apache Kafka (the JVM leaves a signal that is ignored alone), SIGHUP does nothing if it was
//! ignored when the program began. SIGQUIT makes the JVM write its threads, and SIGUSR1 ends it;
//! here SIGUSR1 and SIGUSR2 do nothing.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP as a bit of a mask of signals.
const HANGUP_BIT: u64 = 1;

/// The signals that the process heeds.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Option<Signal>,
    /// What would end the process if it were not listened to.
    _unheeded: Vec<Signal>,
}

impl Signals {
    /// Begins to listen. SIGHUP is ignored if `ignores_hangup`, or if it was ignored before.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(ignores_hangup: bool) -> io::Result<Signals> {
        let mut unheeded =
            vec![signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?];
        let mut hangup = None;
        if !is_hangup_ignored() {
            let heard = signal(SignalKind::hangup())?;
            if ignores_hangup {
                unheeded.push(heard);
            } else {
                hangup = Some(heard);
            }
        }
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup,
            _unheeded: unheeded,
        })
    }

    /// Waits for a signal that ends the broker.
    pub async fn stop(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
            _ = hangup => {}
        }
    }

    /// Waits for a signal that ends a broker which is stopping already.
    pub async fn stop_at_once(mut self) {
        self.hangup = None;
        self.stop().await;
    }
}

/// Returns true if SIGHUP was ignored when the program began: `nohup` does that. Where there is no
/// /proc it cannot be told.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & HANGUP_BIT != 0)
}
