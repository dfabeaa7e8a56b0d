//! JSON in canonical form: one text for every way to write the same data.

use std::{cell::RefCell, ops::Range};

/// As deep as serde_json reads: data beyond it cannot be decoded either, and nobody's stack is at stake.
const MAX_DEPTH: usize = 127;

/// The byte 1 in each place of a word.
const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte of a word.
const HIGH: u64 = ONES << 7;

/// The largest buffer that is kept for the next text.
const KEPT: usize = 64 * 1024;

thread_local! {
    /// What one text needs and the next one needs again.
    static ROOM: RefCell<Room> = RefCell::default();
}

#[derive(Default)]
struct Room {
    out: Vec<u8>,
    open: Vec<Member>,
    order: Order,
    sorted: Vec<u8>,
}

impl Room {
    fn clear(&mut self) {
        let Self { out, open, order, sorted } = self;
        if out.capacity().max(sorted.capacity()).max(open.capacity()) > KEPT {
            *self = Self::default();
            return;
        }
        out.clear();
        open.clear();
        order.members.clear();
        order.objects.clear();
        sorted.clear();
    }
}

/// The canonical form of a JSON text: members sorted, white space out, characters escaped only where they must be,
/// numbers as they were written. `None` if it is no JSON (RFC 8259), or nested deeper than [`MAX_DEPTH`].
///
/// Members of the same name stay, in their order: which of them counts is the reader's choice, so all of them do.
pub(super) fn json<T>(data: &[u8], read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let input = std::str::from_utf8(data).ok()?.as_bytes();
    ROOM.with_borrow_mut(|room| {
        room.clear();
        room.out.reserve(input.len());
        let Room { out, open, order, sorted } = room;
        let mut reader = Reader { input, at: 0, out, open, order };
        reader.white_space();
        reader.value(MAX_DEPTH)?;
        reader.white_space();
        (reader.at == input.len()).then(|| read(order.apply(out, sorted)))
    })
}

/// One pass over the input; what it writes still has the members in the order they came in.
struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    /// The members read so far of all objects that are still open.
    open: &'a mut Vec<Member>,
    order: &'a mut Order,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.copy(b'{')?;
        let first = self.open.len();
        self.white_space();
        if self.peek()? != b'}' {
            self.member(depth)?;
            while self.another(b'}')? {
                self.member(depth)?;
            }
        }
        self.order.close(self.out, self.open, first);
        self.copy(b'}')
    }

    fn member(&mut self, depth: usize) -> Option<()> {
        let start = self.out.len();
        self.string()?;
        let name = start + 1..self.out.len() - 1;
        self.white_space();
        self.copy(b':')?;
        self.white_space();
        let moved = self.order.objects.len();
        self.value(depth)?;
        let moves_inside = self.order.objects.len() > moved;
        self.open.push(Member { name, text: start..self.out.len(), moves_inside });
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.copy(b'[')?;
        self.white_space();
        if self.peek()? != b']' {
            self.value(depth)?;
            while self.another(b']')? {
                self.value(depth)?;
            }
        }
        self.copy(b']')
    }

    /// Stands behind a comma, or in front of `end`.
    fn another(&mut self, end: u8) -> Option<bool> {
        self.white_space();
        if self.peek()? == end {
            return Some(false);
        }
        self.copy(b',')?;
        self.white_space();
        Some(true)
    }

    fn string(&mut self) -> Option<()> {
        self.copy(b'"')?;
        loop {
            let rest = self.input.get(self.at..)?;
            let plain = plain(rest)?;
            self.out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek()? {
                b'"' => return self.copy(b'"'),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.skip(b'\\')?;
        let escaped = self.peek()?;
        self.at += 1;
        let c = match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.code_point()?,
            _ => return None,
        };
        write_char(c, self.out);
        Some(())
    }

    /// A surrogate without its other half is no character, so this is no JSON to serde_json either.
    fn code_point(&mut self) -> Option<char> {
        let unit = self.unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit.into());
        }
        self.skip(b'\\')?;
        self.skip(b'u')?;
        char::decode_utf16([unit, self.unit()?]).next()?.ok()
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.input.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| {
            let digit = u16::try_from(char::from(digit).to_digit(16)?).ok()?;
            Some(unit << 4 | digit)
        })
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.skip_any(b"-");
        if !self.skip_any(b"0") {
            self.digits()?;
        }
        if self.skip_any(b".") {
            self.digits()?;
        }
        if self.skip_any(b"eE") {
            self.skip_any(b"+-");
            self.digits()?;
        }
        self.out.extend_from_slice(&self.input[start..self.at]);
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let rest = self.input.get(self.at..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.input.get(self.at..)?.starts_with(literal).then_some(())?;
        self.at += literal.len();
        self.out.extend_from_slice(literal);
        Some(())
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at += 1;
        Some(())
    }

    fn skip_any(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(found);
        found
    }

    fn copy(&mut self, byte: u8) -> Option<()> {
        self.skip(byte)?;
        self.out.push(byte);
        Some(())
    }
}

/// How many plain characters a string goes on with, in bytes: up to a quote, a backslash or a control character.
fn plain(rest: &[u8]) -> Option<usize> {
    let (words, tail) = rest.as_chunks();
    for (nth, word) in words.iter().enumerate() {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(nth * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    Some(words.len() * 8 + tail.iter().position(is_special)?)
}

/// The highest bit of the first special byte of a word, with bits above it that mean nothing; 0 if there is none.
///
/// A byte below `n` borrows from its highest bit when `n` is taken off, unless that bit was set. What it borrows from the
/// byte above can make that one look special, never one below.
fn special(word: u64) -> u64 {
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & HIGH
}

fn write_char(c: char, out: &mut Vec<u8>) {
    match c {
        '"' | '\\' => out.extend([b'\\', c as u8]),
        '\0'..='\u{1f}' => out.extend(format!("\\u{:04x}", u32::from(c)).bytes()),
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Where a member stands in the output.
#[derive(Clone)]
struct Member {
    /// Its name, without the quotes.
    name: Range<usize>,
    /// Name and value.
    text: Range<usize>,
    /// Whether an object in its value has members to move.
    moves_inside: bool,
}

/// The objects whose members did not come sorted.
#[derive(Default)]
struct Order {
    /// Their members, sorted.
    members: Vec<Member>,
    objects: Vec<Unsorted>,
}

struct Unsorted {
    /// From the first member to the last, as they came.
    text: Range<usize>,
    /// Which part of [`Order::members`] is its own.
    members: Range<usize>,
}

impl Order {
    /// Takes the members of an object that ends here off the stack, and keeps them if they have to move.
    fn close(&mut self, out: &[u8], open: &mut Vec<Member>, first: usize) {
        let members = &open[first..];
        if !members.is_sorted_by_key(|member| &out[member.name.clone()]) {
            let own = self.members.len()..self.members.len() + members.len();
            let text = members[0].text.start..out.len();
            self.members.extend_from_slice(members);
            self.members[own.clone()].sort_by_key(|member| &out[member.name.clone()]);
            self.objects.push(Unsorted { text, members: own });
        }
        open.truncate(first);
    }

    /// Writes all members to their places, each byte once, unless they are there.
    fn apply<'t>(&mut self, text: &'t [u8], sorted: &'t mut Vec<u8>) -> &'t [u8] {
        if self.objects.is_empty() {
            return text;
        }
        self.objects.sort_unstable_by_key(|object| object.text.start);
        sorted.reserve(text.len());
        self.write(text, 0..text.len(), sorted);
        sorted
    }

    fn write(&self, text: &[u8], mut part: Range<usize>, sorted: &mut Vec<u8>) {
        while let Some(object) = self.first_in(&part) {
            sorted.extend_from_slice(&text[part.start..object.text.start]);
            for (i, member) in self.members[object.members.clone()].iter().enumerate() {
                if i > 0 {
                    sorted.push(b',');
                }
                match member.moves_inside {
                    true => self.write(text, member.text.clone(), sorted),
                    false => sorted.extend_from_slice(&text[member.text.clone()]),
                }
            }
            part.start = object.text.end;
        }
        sorted.extend_from_slice(&text[part]);
    }

    /// The outermost unsorted object inside: one that begins with `part` would be the one that `part` is a member of.
    fn first_in(&self, part: &Range<usize>) -> Option<&Unsorted> {
        let next = self.objects.partition_point(|object| object.text.start <= part.start);
        self.objects.get(next).filter(|object| object.text.start < part.end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn canonical(text: impl AsRef<[u8]>) -> Option<String> {
        json(text.as_ref(), |text| String::from_utf8(text.to_vec()).expect("canonical JSON is text"))
    }

    #[test]
    fn members_are_sorted_at_every_level() {
        let text =
            r#" { "b" : [ { "y" : 1 , "x" : { "q":1,"p":2 } } , 3 ] , "" : null , "a b" : 0, "a" : {} } "#;
        let sorted = r#"{"":null,"a":{},"a b":0,"b":[{"x":{"p":2,"q":1},"y":1},3]}"#;
        assert_eq!(canonical(text).as_deref(), Some(sorted));
    }

    #[test]
    fn numbers_stay_as_written() {
        let text = "[1.0,1,1e2,100,-0,0.10,12345678901234567890123456789,1E400]";
        assert_eq!(canonical(text).as_deref(), Some(text));
    }

    #[test]
    fn a_character_has_one_spelling() {
        let text = r#"["\u00e9\/\b\u000A\"\\\ud83d\ude00\u007f"]"#;
        assert_eq!(canonical(text).as_deref(), Some("[\"é/\\u0008\\u000a\\\"\\\\😀\u{7f}\"]"));
        assert_eq!(canonical(r#"{"\u0062":1,"a":2}"#).as_deref(), Some(r#"{"a":2,"b":1}"#));
    }

    #[test]
    fn members_of_one_name_all_stay() {
        assert_eq!(canonical(r#"{"b":1,"a":2,"b":0}"#).as_deref(), Some(r#"{"a":2,"b":1,"b":0}"#));
        assert_ne!(canonical(r#"{"a":1,"a":2}"#), canonical(r#"{"a":2,"a":1}"#));
        assert_ne!(canonical(r#"{"a":1,"a":2}"#), canonical(r#"{"a":2}"#));
    }

    #[test]
    fn what_is_no_json_has_no_canonical_form() {
        let texts = [
            "",
            " ",
            "{",
            "[1",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "nul",
            "nulll",
            "true false",
            "\"a",
            "\"\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            "\u{feff}1",
            "'a'",
            "[1]]",
            "// 1",
            "NaN",
        ];
        for text in texts {
            assert_eq!(canonical(text), None, "{text}");
        }
        assert_eq!(canonical(b"\"\xff\""), None);
        assert_eq!(canonical(b"\"\xed\xa0\x80\""), None);
    }

    #[test]
    fn it_nests_as_deep_as_serde_json() {
        let nested =
            |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"b\":0,\"a\":", "}")] {
            let (deepest, too_deep) = (nested(open, close, MAX_DEPTH), nested(open, close, MAX_DEPTH + 1));
            assert!(canonical(&deepest).is_some() && serde_json::from_str::<Value>(&deepest).is_ok());
            assert!(canonical(&too_deep).is_none() && serde_json::from_str::<Value>(&too_deep).is_err());
            assert_eq!(canonical(nested(open, close, 100_000)), None);
            assert_eq!(canonical(open.repeat(100_000)), None);
        }
    }

    proptest! {
        #[test]
        fn a_run_of_plain_characters_ends_at_the_first_that_is_not(
            bytes in prop::collection::vec(prop_oneof![8 => any::<u8>(), 1 => prop::sample::select(vec![0x1f, 0x20, b'!', b'"', b'#', b'[', b'\\', b']', 0x80, 0xff])], 0..40)
        ) {
            let is_special = |byte: &u8| *byte < 0x20 || [b'"', b'\\'].contains(byte);
            prop_assert_eq!(plain(&bytes), bytes.iter().position(is_special));
        }
    }

    /// A JSON value that knows how to be written in many ways; its numbers are their text.
    #[derive(Clone, Debug, PartialEq)]
    enum Json {
        Literal(&'static str),
        Number(String),
        Text(String),
        Array(Vec<Json>),
        Object(BTreeMap<String, Json>),
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            prop::sample::select(vec!["true", "false", "null"]).prop_map(Json::Literal),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?".prop_map(Json::Number),
            any::<String>().prop_map(Json::Text),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                prop::collection::btree_map("[a-c\\\\\"é\n]{0,3}", inner, 0..6).prop_map(Json::Object),
            ]
        })
    }

    /// Random choices of spelling.
    struct Style(fastrand::Rng);

    impl Style {
        fn write(&mut self, json: &Json, out: &mut String) {
            self.space(out);
            match json {
                Json::Literal(text) => out.push_str(text),
                Json::Number(text) => out.push_str(text),
                Json::Text(text) => self.text(text, out),
                Json::Array(values) => {
                    self.list(('[', ']'), values, out, |style, value, out| style.write(value, out));
                }
                Json::Object(members) => {
                    let mut members: Vec<_> = members.iter().collect();
                    self.0.shuffle(&mut members);
                    self.list(('{', '}'), &members, out, |style, (name, value), out| {
                        style.text(name, out);
                        style.space(out);
                        out.push(':');
                        style.write(value, out);
                    });
                }
            }
            self.space(out);
        }

        fn list<T>(
            &mut self,
            (open, close): (char, char),
            items: &[T],
            out: &mut String,
            write: impl Fn(&mut Self, &T, &mut String),
        ) {
            out.push(open);
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                self.space(out);
                write(self, item, out);
            }
            self.space(out);
            out.push(close);
        }

        fn space(&mut self, out: &mut String) {
            for _ in 0..self.0.usize(..3) {
                out.push(*self.0.choice(&[' ', '\n', '\t', '\r']).expect("four choices"));
            }
        }

        fn text(&mut self, text: &str, out: &mut String) {
            out.push('"');
            for c in text.chars() {
                let short = "\"\\/\u{8}\u{c}\n\r\t".chars().position(|short| short == c);
                match short.and_then(|i| "\"\\/bfnrt".chars().nth(i)) {
                    Some(letter) if self.0.bool() => out.extend(['\\', letter]),
                    _ if c < ' ' || c == '"' || c == '\\' || self.0.u8(..4) == 0 => self.units(c, out),
                    _ => out.push(c),
                }
            }
            out.push('"');
        }

        fn units(&mut self, c: char, out: &mut String) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let digits = if self.0.bool() { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                out.push_str(&digits);
            }
        }
    }

    fn spelled(json: &Json, seed: u64) -> String {
        let mut out = String::new();
        Style(fastrand::Rng::with_seed(seed)).write(json, &mut out);
        out
    }

    proptest! {
        #[test]
        fn spelling_does_not_matter(json in any_json(), one: u64, other: u64) {
            let (one, other) = (spelled(&json, one), spelled(&json, other));
            let form = canonical(&one);
            prop_assert!(form.is_some(), "{}", one);
            prop_assert_eq!(&form, &canonical(&other));
            prop_assert_eq!(form.as_ref().and_then(canonical), form);
        }

        #[test]
        fn another_value_has_another_form((one, other) in (any_json(), any_json()), seed: u64) {
            let same = canonical(spelled(&one, seed)) == canonical(spelled(&other, seed));
            prop_assert_eq!(same, one == other);
        }

        #[test]
        fn one_changed_leaf_changes_the_form(json in any_json(), seed: u64) {
            let text = spelled(&json, seed);
            for changed in with_one_leaf_changed(&json) {
                prop_assert_ne!(canonical(&text), canonical(spelled(&changed, seed)));
            }
        }

        #[test]
        fn serde_json_agrees_on_what_is_json(
            json in any_json(),
            seed: u64,
            at: prop::sample::Index,
            edit in prop_oneof![Just(None), prop::sample::select(b"\"\\{}[],: 019.eE+-u\n\xc3\x80at".to_vec()).prop_map(Some)],
            insert: bool,
        ) {
            let mut text = spelled(&json, seed).into_bytes();
            let at = at.index(text.len());
            match (edit, insert) {
                (None, _) => drop(text.remove(at)),
                (Some(byte), true) => text.insert(at, byte),
                (Some(byte), false) => text[at] = byte,
            }
            agrees_with_serde_json(&text)?;
        }

        #[test]
        fn serde_json_agrees_on_noise(text in "[\\[\\]{}\",:\\\\ua0-9eE.+-]{0,12}") {
            agrees_with_serde_json(text.as_bytes())?;
        }
    }

    fn with_one_leaf_changed(json: &Json) -> Vec<Json> {
        match json {
            Json::Literal(_) => vec![Json::Number("7".to_owned())],
            Json::Number(text) => vec![Json::Text(text.clone())],
            Json::Text(text) => vec![Json::Text(format!("{text}\0")), Json::Text(format!(" {text}"))],
            Json::Array(values) => (0..values.len())
                .flat_map(|i| {
                    with_one_leaf_changed(&values[i]).into_iter().map(move |value| {
                        let mut values = values.clone();
                        values[i] = value;
                        Json::Array(values)
                    })
                })
                .collect(),
            Json::Object(members) => members
                .iter()
                .flat_map(|(name, value)| {
                    with_one_leaf_changed(value).into_iter().map(move |value| {
                        let mut members = members.clone();
                        members.insert(name.clone(), value);
                        Json::Object(members)
                    })
                })
                .collect(),
        }
    }

    /// Both refuse a text, or both read the same value. A number beyond `f64` is JSON, though serde_json has no room for it.
    fn agrees_with_serde_json(text: &[u8]) -> Result<(), TestCaseError> {
        let shown = String::from_utf8_lossy(text);
        match (json(text, <[u8]>::to_vec), serde_json::from_slice::<Value>(text)) {
            (Some(form), Ok(value)) => {
                prop_assert_eq!(serde_json::from_slice::<Value>(&form).ok(), Some(value), "{}", shown);
            }
            (None, Err(_)) => {}
            (Some(_), Err(error)) => {
                prop_assert!(error.to_string().contains("out of range"), "{}: {}", shown, error)
            }
            (None, Ok(_)) => prop_assert!(false, "refused: {}", shown),
        }
        Ok(())
    }
}
