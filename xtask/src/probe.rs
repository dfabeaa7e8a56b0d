//! Whether a server answers in its own protocol, which an open port alone does not tell.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

/// Somebody accepts connections, for servers that have nothing to say unasked.
pub(crate) fn listens(port: u16) -> bool {
    connect(port).is_some()
}

/// PostgreSQL asks who is there; while it starts or recovers it sends an error instead.
pub(crate) fn postgres(port: u16, user: &str) -> bool {
    answer::<1>(port, &postgres_startup(user)).is_some_and(|kind| kind == *b"R")
}

/// MariaDB speaks first: a packet of protocol 10.
pub(crate) fn mysql(port: u16) -> bool {
    answer::<5>(port, &[]).is_some_and(|packet| packet[4] == 10)
}

/// RabbitMQ opens its port last and answers the header with a method frame on channel 0.
pub(crate) fn amqp(port: u16) -> bool {
    answer::<3>(port, b"AMQP\0\0\x09\x01").is_some_and(|frame| frame == [1, 0, 0])
}

fn postgres_startup(user: &str) -> Vec<u8> {
    const PROTOCOL_3_0: u32 = 196_608;
    let body = [b"user\0", user.as_bytes(), b"\0database\0postgres\0\0"].concat();
    let length = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), &PROTOCOL_3_0.to_be_bytes(), body.as_slice()].concat()
}

fn answer<const N: usize>(port: u16, greeting: &[u8]) -> Option<[u8; N]> {
    let mut stream = connect(port)?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(greeting).ok()?;
    let mut answer = [0; N];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

fn connect(port: u16) -> Option<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_packet_counts_itself() {
        let packet = postgres_startup("consumer");
        assert_eq!(packet[..4], u32::try_from(packet.len()).expect("short").to_be_bytes());
    }
}
