//! The rules of the function around its parameters.

use proc_macro2::Span;
use syn::{Error, GenericArgument, PathArguments, ReturnType, Safety, Signature, Type};

use super::super::model::Function;
use crate::mistake::Mistakes;

/// A plain `async fn`: no other qualifiers, no generics.
pub(super) fn plain(sig: &Signature, mistakes: &mut Mistakes) {
    if sig.asyncness.is_none() {
        let text = "a consumer is an `async fn`: its statements wait for the database; write `async fn`";
        mistakes.add(sig.fn_token, text);
    }
    if let Some(constness) = &sig.constness {
        mistakes
            .add(constness, "a consumer is not `const`: it works on a database, at run time; remove `const`");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        let text = "a consumer is not `unsafe`: the runtime calls it, and has nothing to promise; \
                    put the unsafe part in a block inside";
        mistakes.add(token, text);
    }
    if let Some(abi) = &sig.abi {
        mistakes.add(abi, "a consumer has Rust's own ABI: the runtime calls it, not C; remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        mistakes.add(
            variadic,
            "a consumer names all its parameters: each is filled from the delivery; remove `...`",
        );
    }
    generics(sig, mistakes);
}

fn generics(sig: &Signature, mistakes: &mut Mistakes) {
    let text = "a consumer has no generics: it is one consumer of one queue, and nobody would choose the types; \
                write the types out, and `'_` or nothing for lifetimes";
    if !sig.generics.params.is_empty() {
        mistakes.add(&sig.generics.params, text);
    } else if let Some(clause) = &sig.generics.where_clause {
        mistakes.add(clause, text);
    }
}

/// One `#[consumer]` on one function.
pub(super) fn once(function: &Function, mistakes: &mut Mistakes) {
    for attr in function.other_consumers() {
        let text = "one function is one consumer of one queue: its name is the scope of deduplication; \
                    write a second function that calls this one";
        mistakes.add(attr, text);
    }
}

/// The return type, which must be written.
pub(super) fn output<'a>(sig: &'a Signature, mistakes: &mut Mistakes) -> Option<&'a Type> {
    let text = "a consumer returns `Result<(), E>`: `Ok` = decided, the unit commits; `Err` = could not decide, it \
                rolls back";
    match &sig.output {
        ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => {
            mistakes.add(ty, format!("{text}; name the error's type"));
            None
        }
        ReturnType::Type(_, ty) => Some(ty),
        ReturnType::Default => {
            mistakes.push(Error::new(end(sig), format!("{text}; write `-> Result<(), E>`")));
            None
        }
    }
}

/// Where the return type would stand.
fn end(sig: &Signature) -> Span {
    sig.paren_token.span.close()
}

/// The `E` of `Result<(), E>`, or the whole type where an alias hides it.
pub(super) fn error(output: &Type) -> &Type {
    let Type::Path(path) = output else { return output };
    let Some(PathArguments::AngleBracketed(args)) = path.path.segments.last().map(|last| &last.arguments)
    else {
        return output;
    };
    match args.args.iter().nth(1) {
        Some(GenericArgument::Type(error)) => error,
        _ => output,
    }
}
