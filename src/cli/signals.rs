//! The signals of the daemon.
//!
//! SIGTERM, SIGINT, SIGQUIT and SIGHUP stop it cleanly. A second one ends it immediately, except
//! SIGHUP, which a closing terminal may send twice. As for any program under `nohup`, and as for
//! Apache Kafka (the JVM does not handle ignored signals), SIGHUP has no effect if it was ignored
//! when the program started. SIGQUIT makes the JVM print its threads, and SIGUSR1 ends it; here
//! SIGUSR1 and SIGUSR2 have no effect.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::platform;

/// The signals that the process handles.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Option<Signal>,
    /// Signals that would end the process if they were not handled.
    _unheeded: Vec<Signal>,
}

impl Signals {
    /// Installs the handlers. SIGHUP is ignored with `ignores_hangup`, or if it was ignored before.
    ///
    /// # Errors
    /// The operating system's.
    pub fn listen(ignores_hangup: bool) -> io::Result<Signals> {
        let mut unheeded =
            vec![signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?];
        let mut hangup = None;
        if !platform::is_hangup_ignored() {
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

    /// Waits for a signal that stops the broker.
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

    /// Waits for a signal that ends a broker that is already stopping.
    pub async fn stop_at_once(mut self) {
        self.hangup = None;
        self.stop().await;
    }
}
