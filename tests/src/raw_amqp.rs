//! A publisher that writes AMQP frames by hand, so that it can publish what no client library would.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use uuid::Uuid;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// A connection with one channel in confirm mode.
pub struct RawPublisher {
    stream: TcpStream,
}

impl RawPublisher {
    /// Connects to `amqp://user:password@host:port/%2f`.
    pub fn connect(url: &str) -> Self {
        let (login, rest) = url.trim_start_matches("amqp://").split_once('@').expect("user and password");
        let (user, password) = login.split_once(':').expect("a password");
        let host = rest.split('/').next().unwrap_or_default();
        let mut raw = Self { stream: TcpStream::connect(host).expect("RabbitMQ of the tests") };
        raw.stream.write_all(b"AMQP\x00\x00\x09\x01").expect("a protocol header");
        raw.expect(10, 10);
        let response = format!("\0{user}\0{password}");
        raw.method(0, 10, 11, &[&long(b""), &short(b"PLAIN"), &long(response.as_bytes()), &short(b"en_US")]);
        raw.expect(10, 30);
        raw.method(0, 10, 31, &[&8_u16.to_be_bytes(), &131_072_u32.to_be_bytes(), &0_u16.to_be_bytes()]);
        raw.method(0, 10, 40, &[&short(b"/"), &short(b""), &[0]]);
        raw.expect(10, 41);
        raw.method(1, 20, 10, &[&short(b"")]);
        raw.expect(20, 11);
        raw.method(1, 85, 10, &[&[0]]);
        raw.expect(85, 11);
        raw
    }

    /// Publishes a body with the properties as they are on the wire, flags first, and waits for the confirm.
    pub fn publish(&mut self, exchange: &str, routing_key: &[u8], properties: &[u8], body: &[u8]) {
        let names = [short(exchange.as_bytes()), short(routing_key)];
        self.method(1, 60, 40, &[&0_u16.to_be_bytes(), &names[0], &names[1], &[0]]);
        let size = (body.len() as u64).to_be_bytes();
        self.frame(HEADER, 1, &[&[0, 60, 0, 0], size.as_slice(), properties].concat());
        if !body.is_empty() {
            self.frame(BODY, 1, body);
        }
        self.expect(60, 80);
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[&[u8]]) {
        let payload = [&class.to_be_bytes(), method.to_be_bytes().as_slice(), &arguments.concat()].concat();
        self.frame(METHOD, channel, &payload);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = (payload.len() as u32).to_be_bytes();
        let frame = [&[kind], channel.to_be_bytes().as_slice(), &size, payload, &[0xCE]].concat();
        self.stream.write_all(&frame).expect("RabbitMQ reads");
    }

    /// Reads frames until this method comes; any other method is a mistake.
    fn expect(&mut self, class: u16, method: u16) {
        loop {
            let mut front = [0; 7];
            self.stream.read_exact(&mut front).expect("RabbitMQ answers");
            let size = u32::from_be_bytes([front[3], front[4], front[5], front[6]]) as usize;
            let mut payload = vec![0; size + 1];
            self.stream.read_exact(&mut payload).expect("a whole frame");
            if front[0] == METHOD {
                let found = (
                    u16::from_be_bytes([payload[0], payload[1]]),
                    u16::from_be_bytes([payload[2], payload[3]]),
                );
                assert_eq!(found, (class, method), "{}", String::from_utf8_lossy(&payload));
                return;
            }
        }
    }
}

/// A short string of any bytes.
pub fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).expect("at most 255 bytes")], bytes].concat()
}

/// Four bytes of length, then the bytes: a long string, a table, an array.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// Properties with nothing but a message id of any bytes.
pub fn with_id(id: &[u8]) -> Vec<u8> {
    [&(1_u16 << 7).to_be_bytes(), short(id).as_slice()].concat()
}

/// Properties with nothing but this table of headers and a message id that nothing else has.
pub fn with_headers(table: &[u8]) -> Vec<u8> {
    let id = Uuid::now_v7().to_string();
    [&((1_u16 << 13) | (1 << 7)).to_be_bytes(), long(table).as_slice(), &short(id.as_bytes())].concat()
}

/// A table that nests this many levels below itself.
pub fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| [short(b"t").as_slice(), b"F", &long(&inner)].concat())
}
