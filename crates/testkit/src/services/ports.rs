//! Ports that stay the same while brokers end and start again.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Blocks of ports end below the range from which the system takes the ports of outgoing connections, so that none of them
/// can sit on the port of a broker that is about to come back.
const FIRST: u16 = 20_000;
const SIZE: u16 = 200;
const BLOCKS: u16 = 60;

/// A block of ports that no other test uses.
#[derive(Debug)]
pub(super) struct Ports {
    first: u16,
    /// Listens while the block is in use: the system's own lock between processes, which no end of a process leaves behind.
    _guard: TcpListener,
}

impl Ports {
    /// The next block of which these ports are free, as distances from its first.
    pub(super) fn free(wanted: &[u16]) -> Self {
        // Every call looks further on, so that a block which did not work is not tried again at once.
        static CALLS: AtomicU16 = AtomicU16::new(0);
        let begin = std::process::id() % u32::from(BLOCKS);
        for _ in 0..BLOCKS {
            let call = CALLS.fetch_add(1, Ordering::Relaxed);
            let block = (begin as u16).wrapping_add(call) % BLOCKS;
            let first = FIRST + block * SIZE;
            let Some(guard) = listen(first + SIZE - 1) else { continue };
            if wanted.iter().all(|distance| listen(first + distance).is_some()) {
                return Self { first, _guard: guard };
            }
        }
        panic!("no block of ports between {FIRST} and {} is free", FIRST + BLOCKS * SIZE);
    }

    /// The first port.
    pub(super) fn first(&self) -> u16 {
        self.first
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}
