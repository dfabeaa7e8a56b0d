//! The ledger: an append-only file that outlives every process that writes into it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The process consumes.
    Ready,
    /// A handler was called.
    Start,
    /// The call is over, well or not.
    End,
}

impl Mark {
    const ALL: [(&'static str, Self); 3] =
        [("ready", Self::Ready), ("start", Self::Start), ("end", Self::End)];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, mark)| *mark == self).map_or("", |(word, _)| word)
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Ledger(File);

impl Ledger {
    /// Opens the file, creating it if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create(true).open(path).map(Self)
    }

    /// Appends one line, in one write: other processes' lines stay whole, and a kill leaves it there or not at all.
    pub fn write(&self, mark: Mark, consumer: &str, id: &str) {
        let line = format!("{} {} {consumer} {id}\n", mark.word(), std::process::id());
        (&self.0).write_all(line.as_bytes()).expect("the ledger takes a line");
    }
}

/// One line.
struct Entry<'l> {
    mark: Mark,
    pid: u32,
    consumer: &'l str,
    id: &'l str,
}

impl<'l> Entry<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let word = words.next()?;
        let (_, mark) = Mark::ALL.iter().find(|(known, _)| *known == word)?;
        let pid = words.next()?.parse().ok()?;
        Some(Self { mark: *mark, pid, consumer: words.next()?, id: words.next()? })
    }
}

/// The reading end, which remembers what it has read.
#[derive(Debug)]
pub struct Reader {
    file: File,
    partial: String,
    marks: BTreeMap<(u32, Mark), usize>,
    starts: BTreeMap<String, usize>,
    ended: BTreeMap<String, BTreeSet<String>>,
}

impl Reader {
    /// Reads a ledger from its beginning.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            partial: String::new(),
            marks: BTreeMap::new(),
            starts: BTreeMap::new(),
            ended: BTreeMap::new(),
        })
    }

    fn read(&mut self) {
        self.file.read_to_string(&mut self.partial).expect("the ledger can be read");
        let whole = self.partial.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.partial.split_off(whole);
        let lines = std::mem::replace(&mut self.partial, rest);
        lines.lines().for_each(|line| self.take(Entry::parse(line).expect("a line of the ledger")));
    }

    fn take(&mut self, entry: Entry<'_>) {
        *self.marks.entry((entry.pid, entry.mark)).or_default() += 1;
        if entry.mark == Mark::Start {
            *self.starts.entry(entry.id.to_owned()).or_default() += 1;
        }
        if entry.mark == Mark::End {
            self.ended.entry(entry.consumer.to_owned()).or_default().insert(entry.id.to_owned());
        }
    }

    /// How often a process wrote a mark.
    pub fn count(&mut self, pid: u32, mark: Mark) -> usize {
        self.read();
        self.marks.get(&(pid, mark)).copied().unwrap_or(0)
    }

    /// How often each event was begun, by whichever process and consumer.
    pub fn starts(&mut self) -> &BTreeMap<String, usize> {
        self.read();
        &self.starts
    }

    /// How many units a process has open: calls that started and did not end.
    pub fn open_units(&mut self, pid: u32) -> usize {
        self.count(pid, Mark::Start).saturating_sub(self.count(pid, Mark::End))
    }

    /// How many events of a consumer some process was through with.
    pub fn ended(&mut self, consumer: &str) -> usize {
        self.read();
        self.ended.get(consumer).map_or(0, BTreeSet::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_half_there_is_read_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let ledger = Ledger::open(&path).expect("a ledger");
        let mut reader = Reader::open(&path).expect("a reader");
        ledger.write(Mark::Start, "first", "a");
        (&ledger.0).write_all(b"end ").expect("half a line");
        assert_eq!(reader.open_units(std::process::id()), 1);
        (&ledger.0).write_all(format!("{} first a\n", std::process::id()).as_bytes()).expect("the rest");
        assert_eq!((reader.open_units(std::process::id()), reader.ended("first")), (0, 1));
    }
}
