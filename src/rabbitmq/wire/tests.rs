//! The screen against lapin's own parser.

use std::io::Cursor;

use lapin::{
    BasicProperties,
    protocol::basic::{gen_properties, parse_properties},
    types::{AMQPValue, FieldTable},
};
use proptest::prelude::*;

use super::{DAMAGE, header, screen::Screen, table};
use crate::rabbitmq::returns::{Fate, Likeness, Returns};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend((payload.len() as u32).to_be_bytes());
    frame.extend(payload);
    frame.push(0xCE);
    frame
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// Class, weight and size of the body, then what follows.
fn content_header(body: u64, properties: &[u8]) -> Vec<u8> {
    [&[0, 60, 0, 0], body.to_be_bytes().as_slice(), properties].concat()
}

fn encoded(properties: &BasicProperties) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 20];
    let written = gen_properties(properties)(Cursor::new(&mut buffer[..]).into());
    let (_, len) = written.expect("the buffer has room").into_inner();
    buffer.truncate(len as usize);
    buffer
}

/// What lapin reads, which it must be able to read to the end.
fn parsed(payload: &[u8]) -> BasicProperties {
    let (rest, properties) = parse_properties(&payload[12..]).expect("lapin can read it");
    assert!(rest.is_empty(), "lapin wants the frame to end here");
    properties
}

fn text<'a>(properties: &'a BasicProperties, header: &str) -> Option<&'a [u8]> {
    match properties.headers().as_ref()?.inner().get(header)? {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        _ => None,
    }
}

fn through(screen: &mut Screen, bytes: &[u8]) -> Vec<u8> {
    screen.feed(bytes);
    let mut out = vec![0; 1 << 20];
    let len = screen.read(&mut out);
    out.truncate(len);
    out
}

fn deliver(routing_key: &[u8]) -> Vec<u8> {
    [&[0, 60, 0, 60], short(b"tag").as_slice(), &[0; 8], &[0], &short(b"exchange"), &short(routing_key)]
        .concat()
}

/// The content of a table that nests `depth` levels below itself.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| [short(b"t").as_slice(), b"F", &long(&inner)].concat())
}

fn with_headers(table: &[u8]) -> Vec<u8> {
    content_header(5, &[&(1_u16 << 13).to_be_bytes(), long(table).as_slice()].concat())
}

#[test]
fn a_message_that_lapin_can_read_passes_untouched() {
    let mut headers = FieldTable::default();
    headers.insert("name".into(), AMQPValue::LongString("value".into()));
    let properties =
        BasicProperties::default().with_message_id("ü".into()).with_headers(headers).with_timestamp(7);
    let stream = [
        frame(METHOD, 1, &deliver("käse".as_bytes())),
        frame(HEADER, 1, &content_header(5, &encoded(&properties))),
        frame(BODY, 1, b"\xff\xfe\xfd\xfc\xfb"),
        frame(8, 0, b""),
    ]
    .concat();
    assert_eq!(through(&mut Screen::default(), &stream), stream);
}

#[test]
fn an_id_that_is_no_utf8_becomes_damage_with_its_bytes_kept() {
    let flags = (1_u16 << 7) | (1 << 3);
    let id = [0xff, b'x'];
    let payload = content_header(5, &[flags.to_be_bytes().as_slice(), &short(&id), &short(b"app")].concat());
    let mended = header::mend(&payload).expect("lapin cannot read it");
    let properties = parsed(&mended);
    assert_eq!(properties.message_id(), &None);
    assert_eq!(properties.app_id().as_ref().map(|id| id.as_str()), Some("app"));
    assert_eq!(text(&properties, DAMAGE), Some("message-id is not UTF-8".as_bytes()));
    assert_eq!(text(&properties, "x-consumer-original-message-id"), Some(id.as_slice()));
    assert_eq!(header::body_size(&mended), Some(5));
}

#[test]
fn the_name_of_a_header_that_is_no_utf8_is_damage() {
    let table = [short(b"\xff").as_slice(), b"t", &[1]].concat();
    let properties = parsed(&header::mend(&with_headers(&table)).expect("lapin cannot read it"));
    assert_eq!(text(&properties, DAMAGE), Some("the name of a header is not UTF-8".as_bytes()));
}

#[test]
fn a_table_of_any_depth_is_cut_without_recursing_into_it() {
    for depth in [33, 1_000, 21_000] {
        let payload = with_headers(&nested(depth));
        let mended = header::mend(&payload).expect("too deep");
        assert_eq!(mended.len(), payload.len());
        let properties = parsed(&mended);
        assert_eq!(text(&properties, DAMAGE), None, "only the depth is lost, nothing is damaged");
        assert!(table::is_readable(&mended[18..]));
    }
    assert!(header::mend(&with_headers(&nested(32))).is_none());
}

#[test]
fn what_is_no_properties_at_all_becomes_damage() {
    let unknown_type = [short(b"a").as_slice(), b"?"].concat();
    for payload in [
        Vec::new(),
        content_header(5, &[0xff, 0xff]),
        content_header(5, &[0, 0, 9]),
        with_headers(&unknown_type),
        with_headers(b"\x05abc"),
    ] {
        let properties = parsed(&header::mend(&payload).expect("lapin cannot read it"));
        assert!(text(&properties, DAMAGE).is_some(), "{payload:?}");
    }
}

#[test]
fn damage_never_outgrows_a_frame() {
    let big = [short(b"big").as_slice(), b"x", &long(&[7; 130_000])].concat();
    let flags = (1_u16 << 13) | (1 << 7);
    let payload =
        content_header(5, &[flags.to_be_bytes().as_slice(), &long(&big), &short(&[0xff; 255])].concat());
    let mended = header::mend(&payload).expect("lapin cannot read it");
    assert!(mended.len() <= payload.len());
    assert!(
        text(&parsed(&mended), DAMAGE).is_some_and(|damage| damage.ends_with(b"its headers did not fit"))
    );
}

#[test]
fn a_routing_key_that_is_no_utf8_costs_nothing_but_its_spelling() {
    let out = through(&mut Screen::default(), &frame(METHOD, 1, &deliver(b"a\xff")));
    assert_eq!(out, frame(METHOD, 1, &deliver("a\u{fffd}".as_bytes())));
    let out = through(&mut Screen::default(), &frame(METHOD, 1, &deliver(&[0xff; 255])));
    assert_eq!(out, frame(METHOD, 1, &deliver("\u{fffd}".repeat(85).as_bytes())));
}

#[test]
fn a_returned_message_is_kept_from_lapin_and_told_to_its_channel() {
    let returned =
        [&[0, 60, 0, 50, 1, 56], short(b"NO_ROUTE").as_slice(), &short(b""), &short(b"key")].concat();
    let properties = encoded(&BasicProperties::default().with_message_id("secret".into()));
    let ack = frame(METHOD, 1, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    let stream = [
        frame(METHOD, 1, &returned),
        frame(HEADER, 1, &content_header(6, &properties)),
        frame(BODY, 2, b"not this"),
        frame(BODY, 1, b"sec"),
        frame(BODY, 1, b"ret"),
        ack.clone(),
        frame(BODY, 1, b"another"),
    ]
    .concat();
    let expected = [frame(BODY, 2, b"not this"), ack, frame(BODY, 1, b"another")].concat();
    let returns = Returns::default();
    let tray = returns.open(1, 2);
    let [likeness, other] = [Some(b"secret".as_slice()), None].map(|id| Likeness::of(b"", b"key", id));
    assert!(tray.take(likeness, &"".into()) && tray.take(other, &"".into()));
    assert_eq!(through(&mut Screen::new(returns), &stream), expected);
    assert_eq!(tray.give(likeness), Fate::Returned("NO_ROUTE".to_owned()));
    assert_eq!(tray.give(other), Fate::Kept);
}

#[test]
fn a_returned_message_without_a_body_or_an_id_is_told_too() {
    let returned =
        [&[0, 60, 0, 50, 1, 56], short(b"NO_ROUTE").as_slice(), &short(b"x"), &short(b"\xff")].concat();
    let properties = encoded(&BasicProperties::default().with_app_id("app".into()));
    let ack = frame(METHOD, 1, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    let stream =
        [frame(METHOD, 1, &returned), frame(HEADER, 1, &content_header(0, &properties)), ack.clone()]
            .concat();
    let returns = Returns::default();
    let tray = returns.open(1, 2);
    let [likeness, other] = [None, Some(b"".as_slice())].map(|id| Likeness::of(b"x", b"\xff", id));
    assert!(tray.take(likeness, &"x".into()) && tray.take(other, &"x".into()));
    let mut screen = Screen::new(returns);
    let screened: Vec<u8> = stream.chunks(3).flat_map(|chunk| through(&mut screen, chunk)).collect();
    assert_eq!(screened, ack);
    assert_eq!(tray.give(likeness), Fate::Returned("NO_ROUTE".to_owned()));
    assert_eq!(tray.give(other), Fate::Kept);
}

#[test]
fn a_broker_of_another_version_passes() {
    let mut screen = Screen::default();
    assert_eq!(through(&mut screen, b"AMQP\0\x01\0\0"), b"AMQP\0\x01\0\0");
    assert_eq!(through(&mut screen, b"anything"), b"anything");
}

/// A stream of frames with properties that were good before one byte of them changed.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let header =
        (prop::option::of(".{0,9}"), prop::option::of("[a-z]{0,9}"), any::<Option<u64>>(), 0..40_usize);
    let spoilt =
        (header, any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(header, at, with)| {
            let (id, kind, timestamp, depth) = header;
            let mut properties = BasicProperties::default();
            if let Some(id) = id {
                properties = properties.with_message_id(id.as_str().into());
            }
            if let Some(kind) = kind {
                properties = properties.with_type(kind.as_str().into());
            }
            if let Some(timestamp) = timestamp {
                properties = properties.with_timestamp(timestamp);
            }
            let mut payload = content_header(3, &encoded(&properties));
            if depth > 0 {
                let table = long(&nested(depth));
                payload[12] |= 1 << 5;
                payload.splice(14..14, table);
            }
            if let Some(with) = with {
                let at = 12 + at.index(payload.len() - 12);
                payload[at] = with;
            }
            [frame(METHOD, 1, &deliver(b"key")), frame(HEADER, 1, &payload), frame(BODY, 1, b"\xff\0\xce")]
                .concat()
        });
    prop::collection::vec(spoilt, 1..6).prop_map(|frames| frames.concat())
}

/// The payloads of the frames of this kind.
fn payloads(mut stream: &[u8], kind: u8) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let [found, _, _, a, b, c, d, rest @ ..] = stream {
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if *found == kind {
            payloads.push(rest[..size].to_vec());
        }
        assert_eq!(rest[size], 0xCE);
        stream = &rest[size + 1..];
    }
    payloads
}

proptest! {
    /// Whatever a publisher put into a message, lapin can read it, and what it could read anyway is as it was.
    #[test]
    fn every_header_is_readable_and_none_changes_without_need(stream in any_stream(), cut in 1..40_usize) {
        let mut screen = Screen::default();
        let screened: Vec<u8> = stream.chunks(cut).flat_map(|chunk| through(&mut screen, chunk)).collect();
        prop_assert_eq!(payloads(&screened, METHOD), payloads(&stream, METHOD));
        prop_assert_eq!(payloads(&screened, BODY), payloads(&stream, BODY));
        let (before, after) = (payloads(&stream, HEADER), payloads(&screened, HEADER));
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            let properties = parsed(after);
            let was_readable = parse_properties(&before[12..]).is_ok_and(|(rest, _)| rest.is_empty());
            let changed = before != after;
            // What lies too deep is neither read nor judged.
            let deep = before.len() > 200;
            prop_assert!(was_readable || deep || text(&properties, DAMAGE).is_some(), "no word about it");
            prop_assert!(!was_readable || deep || !changed, "changed without need");
        }
    }
}
