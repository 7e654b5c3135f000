//! What keeps a request from memory, and whether another one that gives way would help.

use std::net::IpAddr;

/// What a frame of this address and class lacks, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Shortage {
    /// Whose frame it is.
    pub address: IpAddr,
    /// Its class.
    pub class: usize,
    /// Of all memory.
    pub all: usize,
    /// Of what its class may have.
    pub of_class: usize,
    /// Of what its address may have in that class.
    pub of_address: usize,
}

impl Shortage {
    /// Returns true if nothing is lacking.
    pub fn is_over(&self) -> bool {
        self.all == 0 && self.of_class == 0 && self.of_address == 0
    }

    /// Notes that nothing is lacking any more.
    pub fn end(&mut self) {
        (self.all, self.of_class, self.of_address) = (0, 0, 0);
    }

    /// Returns true if less is lacking once this frame has left.
    pub fn is_less_without(&self, address: IpAddr, class: usize, held: usize) -> bool {
        let is_of_class = class == self.class;
        held > 0
            && (self.all > 0
                || is_of_class && self.of_class > 0
                || is_of_class && address == self.address && self.of_address > 0)
    }

    /// Notes that this frame leaves.
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
