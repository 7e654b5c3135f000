//! How much memory a request lacks, and whether evicting another one would help.

use std::net::IpAddr;

/// What a frame of this address and class lacks, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Shortage {
    /// The frame's address.
    pub address: IpAddr,
    /// The frame's class.
    pub class: usize,
    /// Lacking in the whole budget.
    pub all: usize,
    /// Lacking in the share of its class.
    pub of_class: usize,
    /// Lacking in the share of its address in that class.
    pub of_address: usize,
}

impl Shortage {
    /// Returns true if nothing is lacking.
    pub fn is_over(&self) -> bool {
        self.all == 0 && self.of_class == 0 && self.of_address == 0
    }

    /// Sets all shortages to zero.
    pub fn end(&mut self) {
        (self.all, self.of_class, self.of_address) = (0, 0, 0);
    }

    /// Returns true if evicting this frame would reduce a shortage.
    pub fn is_less_without(&self, address: IpAddr, class: usize, held: usize) -> bool {
        let is_of_class = class == self.class;
        held > 0
            && (self.all > 0
                || is_of_class && self.of_class > 0
                || is_of_class && address == self.address && self.of_address > 0)
    }

    /// Deducts an evicted frame.
    pub fn left(&mut self, address: IpAddr, class: usize, held: usize) {
        self.all = self.all.saturating_sub(held);
        if class == self.class {
            self.of_class = self.of_class.saturating_sub(held);
            if address == self.address {
                self.of_address = self.of_address.saturating_sub(held);
            }
        }
    }
}
