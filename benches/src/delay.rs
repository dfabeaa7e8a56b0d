//! A network for the database: passes bytes on after a while, in both directions, and loses no throughput by it.
//!
//! It runs in a process of its own, so that its CPU time is nobody's, and on one thread that looks at all connections at once:
//! `poll` is the one wait that is as precise as this needs.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    num::NonZeroU64,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    thread::set_current_timer_slack,
};

/// Bytes taken at once.
const READ: usize = 64 << 10;
/// Chunks that wait in one direction before no more are read, as a network's window does.
const WINDOW: usize = 4_096;

/// A proxy in a process of its own; it ends with whoever holds this.
#[derive(Debug)]
pub struct Delay {
    child: Child,
    address: String,
}

impl Delay {
    /// Starts one in front of a server, given as host and port.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub fn start(upstream: &str, rtt: Duration) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["delay", upstream]).arg(rtt.as_micros().to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("is piped")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().to_owned() })
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has ended by itself, or cannot be helped.
        let _ = self.child.wait();
    }
}

/// What the process does: prints its address, then relays until its standard input ends.
///
/// # Errors
/// When it cannot listen.
pub fn serve(upstream: &str, rtt: Duration) -> Result<()> {
    // Otherwise Linux wakes us up to 50 µs late, to save power.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (stdin, mut pairs) = (io::stdin(), Vec::<Pair>::new());
    loop {
        let mut fds = vec![PollFd::new(&stdin, PollFlags::IN), PollFd::new(&listener, PollFlags::IN)];
        fds.extend(pairs.iter().flat_map(Pair::fds));
        let wait = pairs.iter().filter_map(Pair::due).min();
        let wait = wait.map(|due| due.saturating_duration_since(Instant::now()));
        poll(&mut fds, wait.map(timespec).as_ref())?;
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready[0] {
            return Ok(());
        }
        for (pair, ready) in pairs.iter_mut().zip(ready[2..].chunks(2)) {
            pair.step(ready, rtt / 2);
        }
        pairs.retain(|pair| !pair.is_over());
        if ready[1] {
            pairs.push(Pair::connect(listener.accept()?.0, upstream)?);
        }
    }
}

fn timespec(wait: Duration) -> Timespec {
    Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
}

/// A client and its server.
struct Pair {
    ends: [TcpStream; 2],
    /// What comes from each end.
    lines: [Line; 2],
}

/// What is on its way in one direction.
#[derive(Default)]
struct Line {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    /// The sender sends no more.
    ended: bool,
    /// The receiver was told, or is gone.
    closed: bool,
    /// The receiver takes nothing right now.
    full: bool,
}

impl Pair {
    fn connect(client: TcpStream, upstream: &str) -> io::Result<Self> {
        let ends = [client, TcpStream::connect(upstream)?];
        for end in &ends {
            end.set_nodelay(true)?;
            end.set_nonblocking(true)?;
        }
        Ok(Self { ends, lines: Default::default() })
    }

    fn fds(&self) -> impl Iterator<Item = PollFd<'_>> {
        (0..2).map(|from| {
            let mut wants = PollFlags::empty();
            wants.set(PollFlags::IN, self.lines[from].takes_more());
            wants.set(PollFlags::OUT, self.lines[1 - from].full);
            PollFd::from_borrowed_fd(self.ends[from].as_fd(), wants)
        })
    }

    /// When something has to go on.
    fn due(&self) -> Option<Instant> {
        self.lines.iter().filter(|line| !line.full).filter_map(Line::due).min()
    }

    fn step(&mut self, ready: &[bool], delay: Duration) {
        for (from, ready) in ready.iter().enumerate() {
            let [source, target] = [&self.ends[from], &self.ends[1 - from]];
            if *ready && self.lines[from].takes_more() {
                self.lines[from].read(source, Instant::now() + delay);
            }
            self.lines[from].write(target);
        }
    }

    fn is_over(&self) -> bool {
        self.lines.iter().all(|line| line.closed)
    }
}

impl Line {
    fn takes_more(&self) -> bool {
        !self.ended && self.chunks.len() < WINDOW
    }

    fn due(&self) -> Option<Instant> {
        self.chunks.front().map(|(due, _)| *due)
    }

    fn read(&mut self, mut source: &TcpStream, due: Instant) {
        let mut bytes = vec![0; READ];
        match source.read(&mut bytes) {
            Ok(length @ 1..) => {
                bytes.truncate(length);
                self.chunks.push_back((due, bytes));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The end, or a connection that is gone: no bytes say so, in their turn.
            _ => {
                self.ended = true;
                self.chunks.push_back((due, Vec::new()));
            }
        }
    }

    fn write(&mut self, mut target: &TcpStream) {
        self.full = false;
        while let Some((_, bytes)) = self.chunks.front_mut().filter(|(due, _)| *due <= Instant::now()) {
            if bytes.is_empty() {
                let _ = target.shutdown(Shutdown::Write);
                self.closed = true;
                self.chunks.clear();
                return;
            }
            match target.write(bytes) {
                Ok(length) if length < bytes.len() => drop(bytes.drain(..length)),
                Ok(_) => drop(self.chunks.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.full = true;
                    return;
                }
                Err(_) => {
                    (self.ended, self.closed) = (true, true);
                    self.chunks.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (TcpStream, Pair, TcpStream) {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
        let front = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = TcpStream::connect(front.local_addr().expect("bound")).expect("connects");
        let address = upstream.local_addr().expect("bound").to_string();
        let pair = Pair::connect(front.accept().expect("a client").0, &address).expect("connects");
        (client, pair, upstream.accept().expect("a proxy").0)
    }

    #[test]
    fn bytes_come_whole_and_late() {
        const DELAY: Duration = Duration::from_millis(5);
        let (mut client, mut pair, mut server) = pair();
        server.set_nonblocking(true).expect("a socket");
        client.write_all(b"select").expect("written");
        let (begun, mut came) = (Instant::now(), Vec::<u8>::new());
        while came.len() < 6 {
            pair.step(&[true, true], DELAY);
            let mut bytes = [0; 16];
            if let Ok(length) = server.read(&mut bytes) {
                came.extend(&bytes[..length]);
            }
        }
        assert_eq!(came, b"select");
        assert!(begun.elapsed() >= DELAY);
    }

    #[test]
    fn an_end_reaches_the_other_side_after_what_was_sent() {
        let (mut client, mut pair, mut server) = pair();
        client.write_all(b"bye").expect("written");
        drop(client);
        while !pair.lines[0].closed {
            pair.step(&[true, true], Duration::ZERO);
        }
        let mut came = Vec::new();
        server.read_to_end(&mut came).expect("an end");
        assert_eq!(came, b"bye");
    }
}
