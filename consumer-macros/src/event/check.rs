//! The rules of an event.

use quote::ToTokens;
use syn::{Data, DataEnum, DataStruct, DeriveInput, ExprLit, Fields, Lit, LitInt, LitStr, Member, Type};

use super::{
    attr::{Attr, Mark, marks},
    model::{Event, Marked, Shape, Variant},
};
use crate::mistake::Mistakes;

/// AMQP's limit on the `type` property, a short string.
const LONGEST_TYPE: usize = 255;

/// The event that an item is, with whatever is wrong added to `mistakes`.
pub(crate) fn event<'a>(input: &'a DeriveInput, mistakes: &mut Mistakes) -> Option<Event<'a>> {
    let attr = Attr::parse(input, mistakes);
    generics(input, mistakes);
    let shape = match &input.data {
        Data::Struct(data) => structure(input, &attr, data, mistakes),
        Data::Enum(data) => enumeration(input, &attr, data, mistakes),
        Data::Union(union) => {
            mistakes
                .add(union.union_token, "an event is a struct or an enum: a union cannot be read from JSON");
            None
        }
    };
    Some(Event { ident: &input.ident, krate: attr.krate, shape: shape? })
}

fn generics(input: &DeriveInput, mistakes: &mut Mistakes) {
    if !input.generics.params.is_empty() {
        mistakes.add(
            &input.generics,
            "an event has no generics: one name and version stand for one schema, and its data outlives the delivery; \
             write a struct for each schema, with owned fields",
        );
    }
}

fn structure<'a>(
    input: &DeriveInput,
    attr: &Attr,
    data: &'a DataStruct,
    mistakes: &mut Mistakes,
) -> Option<Shape<'a>> {
    missing(input, attr, mistakes);
    let name = type_name(attr, mistakes);
    let version = version(attr, mistakes);
    if let Fields::Unit = data.fields {
        let text = format!(
            "an event has fields or braces: without them it would be written as `null`, and `{{}}` could not be read; \
             write `struct {} {{}}`",
            input.ident
        );
        mistakes.add(&input.ident, text);
    }
    let (id, key) = marked(&data.fields, mistakes);
    Some(Shape::Struct { name: name?, version: version?, id, key })
}

fn missing(input: &DeriveInput, attr: &Attr, mistakes: &mut Mistakes) {
    let text = match (attr.said("type"), attr.said("version")) {
        (true, true) => return,
        (false, true) => NO_TYPE,
        (true, false) => NO_VERSION,
        (false, false) => NEITHER,
    };
    mistakes.add(&input.ident, text);
}

const NO_TYPE: &str = "an event needs a type: the name that travels with every message and outlives a renamed struct; \
                       write `type = \"…\"` in `#[event(…)]`";
const NO_VERSION: &str = "an event needs a version: it says which schema the bytes have; write `version = 1` in \
                          `#[event(…)]`";
const NEITHER: &str = "an event needs a type and a version: they travel with every message and outlive a renamed \
                       struct; write `#[event(type = \"…\", version = 1)]`";

fn type_name(attr: &Attr, mistakes: &mut Mistakes) -> Option<LitStr> {
    let name = attr.name.clone()?;
    let text = name.value();
    if text.is_empty() {
        mistakes.add(
            &name,
            "an event's type is not empty: consumers choose by it; write `type = \"payment.captured\"`",
        );
    } else if text.len() > LONGEST_TYPE {
        let text = format!(
            "an event's type has at most {LONGEST_TYPE} bytes, this one has {}: AMQP's `type` property takes no more; \
             choose a shorter one",
            text.len()
        );
        mistakes.add(&name, text);
    } else if text.contains(is_blank) {
        let joined: Vec<_> = text.split(is_blank).filter(|word| !word.is_empty()).collect();
        let text = format!(
            "an event's type has no white space or control characters: other systems compare it byte by byte; write `{}`",
            joined.join(".")
        );
        mistakes.add(&name, text);
    }
    Some(name)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn version(attr: &Attr, mistakes: &mut Mistakes) -> Option<u32> {
    let literal = attr.version.as_ref()?;
    match number(literal) {
        Some(version) => Some(version),
        None => {
            mistakes.add(literal, "a version is a whole number from 1 to 4294967295: versions count up from the first; write `version = 1`");
            None
        }
    }
}

fn number(literal: &ExprLit) -> Option<u32> {
    let Lit::Int(int) = &literal.lit else { return None };
    let is_plain = |int: &LitInt| int.suffix().is_empty() || int.suffix() == "u32";
    int.base10_parse().ok().filter(|&version| version > 0 && is_plain(int))
}

/// The fields marked as id and as key.
fn marked<'a>(fields: &'a Fields, mistakes: &mut Mistakes) -> (Option<Marked<'a>>, Option<Marked<'a>>) {
    let (mut id, mut key) = (None, None);
    for (field, member) in fields.iter().zip(fields.members()) {
        for (mark, token) in marks(&field.attrs, mistakes) {
            let (place, twice) = match mark {
                Mark::Id => (&mut id, TWO_IDS),
                Mark::Key => (&mut key, TWO_KEYS),
            };
            match place {
                Some(_) => mistakes.add(token, twice),
                None => *place = Some(Marked { member: Member::clone(&member), ty: &field.ty }),
            }
        }
    }
    (id, key)
}

const TWO_IDS: &str = "an event has one id: it is what makes a second delivery a duplicate; mark one field, \
                       or join the parts in a field of their own";
const TWO_KEYS: &str = "an event has one key: events of one key are processed in order; mark one field, \
                        or join the parts in a field of their own";

fn enumeration<'a>(
    input: &DeriveInput,
    attr: &Attr,
    data: &'a DataEnum,
    mistakes: &mut Mistakes,
) -> Option<Shape<'a>> {
    if let Some(key) = ["type", "version"].iter().find_map(|key| attr.key(key)) {
        let text = "an enum of events has no type and version of its own: each variant's event brings its own; move \
                    them to the struct";
        mistakes.add(key, text);
    }
    if data.variants.is_empty() {
        let text = "an enum of events has at least one variant: nothing could ever be read into this one; \
                    write `Captured(PaymentCaptured)`";
        mistakes.add(&input.ident, text);
    }
    let variants: Vec<_> = data.variants.iter().filter_map(|each| variant(each, mistakes)).collect();
    same_twice(&variants, mistakes);
    Some(Shape::Enum(variants))
}

fn variant<'a>(variant: &'a syn::Variant, mistakes: &mut Mistakes) -> Option<Variant<'a>> {
    let fields = variant.fields.iter().flat_map(|field| &field.attrs);
    for attr in variant.attrs.iter().chain(fields).filter(|attr| attr.path().is_ident("event")) {
        let text = "`#[event(…)]` goes on the struct that the variant holds: the event is the same wherever it is \
                    consumed; move it there";
        mistakes.add(attr, text);
    }
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            Some(Variant { ident: &variant.ident, event: &fields.unnamed[0].ty })
        }
        _ => {
            let text = format!(
                "a variant holds one event: which one it is decides how the bytes are read; \
                 give it a struct that derives `Event`, `{}(…)`",
                variant.ident
            );
            mistakes.add(variant, text);
            None
        }
    }
}

fn same_twice(variants: &[Variant<'_>], mistakes: &mut Mistakes) {
    let text = |ty: &Type| ty.to_token_stream().to_string();
    for (i, variant) in variants.iter().enumerate() {
        if variants[..i].iter().any(|earlier| text(earlier.event) == text(variant.event)) {
            let text = "each variant holds another event: a message could not tell which of the two is meant; \
                        remove one of them";
            mistakes.add(variant.event, text);
        }
    }
}
