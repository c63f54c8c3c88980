//! Finds free TCP ports on the loopback address.
//!
//! Out: a port that nobody listened on a moment ago. It does not reserve the port: who starts a
//! server on it must be ready to try another one.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which Linux takes the ports of outgoing connections (32768 and up), so
/// that the port of a server that is down for a moment is not given to somebody's connection.
const FIRST: u16 = 16_000;
const NUM_PORTS: u16 = 16_000;
const NUM_TRIES: u16 = 200;

/// A port on 127.0.0.1 that is free now.
pub fn free_port() -> io::Result<u16> {
    let start = random();
    (0..NUM_TRIES)
        .map(|step| FIRST + start.wrapping_add(step) % NUM_PORTS)
        .find(|port| is_free(*port))
        .map_or_else(any_port, Ok)
}

/// Whether a server could listen on this port of 127.0.0.1 now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn any_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// A number that differs between the processes of one test run: the standard library seeds each
/// hasher at random.
fn random() -> u16 {
    let bytes = RandomState::new()
        .hash_one(std::process::id())
        .to_le_bytes();
    u16::from_le_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    }
}
