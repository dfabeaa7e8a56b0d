//! The rules of a classified error.

use syn::{
    Attribute, Data, DataEnum, DeriveInput, Fields, GenericArgument, Ident, Member, PathArguments, Type,
};

use super::{
    attr::{self, Attr},
    model::{Case, Cause, Failure, Says},
};
use crate::mistake::Mistakes;

/// The error that an item is, with whatever is wrong added to `mistakes`.
pub(crate) fn error<'a>(input: &'a DeriveInput, mistakes: &mut Mistakes) -> Option<Failure<'a>> {
    let attr = Attr::parse(&input.attrs, mistakes);
    let cases = match &input.data {
        Data::Enum(data) => {
            class_of_an_enum(&attr, mistakes);
            variants(data, mistakes)
        }
        Data::Struct(data) => vec![structure(input, attr.says, &data.fields, mistakes)],
        Data::Union(union) => {
            mistakes.add(
                union.union_token,
                "an error is an enum or a struct: a union does not know what it holds",
            );
            return None;
        }
    };
    Some(Failure { ident: &input.ident, generics: &input.generics, krate: attr.krate, cases })
}

fn class_of_an_enum(attr: &Attr, mistakes: &mut Mistakes) {
    for entry in attr.entries.iter().filter(|entry| entry.key != "crate") {
        let text = format!(
            "`{}` goes on a variant: on the enum it would also catch the variants added later; mark each one",
            entry.key
        );
        mistakes.add(&entry.key, text);
    }
}

fn variants<'a>(data: &'a DataEnum, mistakes: &mut Mistakes) -> Vec<Case<'a>> {
    let case = |variant: &'a syn::Variant| {
        marks_on_fields(&variant.fields, "variant", mistakes);
        let says = attr::variant(&variant.attrs, mistakes);
        let says = says.or_else(|| cause(&variant.attrs, &variant.fields).map(Says::Cause));
        Case { variant: Some(&variant.ident), says: says.unwrap_or(Says::Transient) }
    };
    data.variants.iter().map(case).collect()
}

fn structure<'a>(
    input: &'a DeriveInput,
    says: Option<Says<'static>>,
    fields: &'a Fields,
    mistakes: &mut Mistakes,
) -> Case<'a> {
    marks_on_fields(fields, "struct", mistakes);
    let marked = input.attrs.iter().any(|attr| attr.path().is_ident("classify"));
    let says = says.or_else(|| cause(&input.attrs, fields).map(Says::Cause));
    if says.is_none() && !marked {
        let text = "an error struct says its class or has a cause to ask: without either, deriving `Classify` changes \
                    nothing; write `#[classify(permanent)]`, or mark a field `#[source]`";
        mistakes.add(&input.ident, text);
    }
    Case { variant: None, says: says.unwrap_or(Says::Transient) }
}

fn marks_on_fields(fields: &Fields, owner: &str, mistakes: &mut Mistakes) {
    let attrs = fields.iter().flat_map(|field| &field.attrs);
    for attr in attrs.filter(|attr| attr.path().is_ident("classify")) {
        let text =
            format!("`#[classify(…)]` goes on the {owner}: it speaks of the whole error; move it there");
        mistakes.add(attr, text);
    }
}

/// The field that holds the cause, found as thiserror finds it.
fn cause<'a>(attrs: &[Attribute], fields: &'a Fields) -> Option<Cause<'a>> {
    let has = |attrs: &[Attribute], name: &str| attrs.iter().any(|attr| attr.path().is_ident(name));
    let named_source = |member: &Member| matches!(member, Member::Named(name) if name == "source");
    let transparent = fields.len() == 1 && attrs.iter().any(is_transparent);
    let members = fields.iter().zip(fields.members());
    let mut marked =
        members.clone().filter(|(field, _)| has(&field.attrs, "source") || has(&field.attrs, "from"));
    let mut others = members.filter(|(_, member)| transparent || named_source(member));
    let (field, member) = marked.next().or_else(|| others.next())?;
    let inner = in_option(&field.ty);
    Some(Cause { member, ty: inner.unwrap_or(&field.ty), optional: inner.is_some() })
}

fn is_transparent(attr: &Attribute) -> bool {
    attr.path().is_ident("error") && attr.parse_args::<Ident>().is_ok_and(|ident| ident == "transparent")
}

fn in_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(args) = &last.arguments else { return None };
    args.args.iter().find_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
