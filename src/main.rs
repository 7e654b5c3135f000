//! Choose the allocator, parse the arguments, run one command.

/// Gives pages back to the system soon after their last use.
#[cfg(feature = "jemalloc")]
mod allocator {
    use tikv_jemalloc_ctl::{Access, AsName, Result, background_thread, max_background_threads};

    #[global_allocator]
    static JEMALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    /// How long free pages are kept for the next one that wants some, ms. Shorter than a second
    /// costs processor time under load: frames are of pages that come and go.
    const DECAY_MS: isize = 1000;

    /// Makes pages go back also when nothing is allocated any more.
    pub fn give_back() -> Result<()> {
        // The arena that is there already, and those to come.
        for key in [&b"arena.0.dirty_decay_ms\0"[..], b"arenas.dirty_decay_ms\0"] {
            key.name().write(DECAY_MS)?;
        }
        for key in [&b"arena.0.muzzy_decay_ms\0"[..], b"arenas.muzzy_decay_ms\0"] {
            key.name().write(0_isize)?;
        }
        max_background_threads::write(1)?;
        background_thread::write(true)
    }
}

fn main() -> std::process::ExitCode {
    #[cfg(feature = "jemalloc")]
    if let Err(error) = allocator::give_back() {
        // As it is by default: pages go back as others are allocated.
        eprintln!("ottla: the allocator takes no orders ({error}): memory is given back later");
    }
    ottla::cli::run()
}
