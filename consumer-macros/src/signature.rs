//! The rules of a function around its parameters: a plain `async fn`.

use proc_macro2::Span;
use syn::{Error, GenericArgument, PathArguments, ReturnType, Safety, Signature, Type};

use crate::{function::Function, mistake::Mistakes};

/// How the rules speak of a function.
pub(crate) struct Words {
    /// `a consumer`
    pub(crate) one: &'static str,
    /// Why it is `async`.
    pub(crate) waits: &'static str,
    /// Why it is not `const`.
    pub(crate) runs: &'static str,
    /// Where its parameters come from.
    pub(crate) filled: &'static str,
    /// Why it has no generics.
    pub(crate) single: &'static str,
    /// Why it has no second attribute.
    pub(crate) once: &'static str,
    /// What it returns, and what that means.
    pub(crate) returns: &'static str,
    /// The return type to write.
    pub(crate) output: &'static str,
}

impl Words {
    /// No other qualifiers, no generics, one attribute of ours.
    pub(crate) fn plain(&self, function: &Function, mistakes: &mut Mistakes) {
        let (one, sig) = (self.one, &function.sig);
        if sig.asyncness.is_none() {
            mistakes.add(sig.fn_token, format!("{one} is an `async fn`: {}; write `async fn`", self.waits));
        }
        if let Some(constness) = &sig.constness {
            mistakes.add(constness, format!("{one} is not `const`: {}; remove `const`", self.runs));
        }
        if let Safety::Unsafe(token) = &sig.safety {
            let text = format!(
                "{one} is not `unsafe`: the runtime calls it, and has nothing to promise; put the unsafe part in a block \
                 inside"
            );
            mistakes.add(token, text);
        }
        if let Some(abi) = &sig.abi {
            let text = format!("{one} has Rust's own ABI: the runtime calls it, not C; remove `extern`");
            mistakes.add(abi, text);
        }
        if let Some(variadic) = &sig.variadic {
            let text =
                format!("{one} names all its parameters: each is filled from {}; remove `...`", self.filled);
            mistakes.add(variadic, text);
        }
        self.generics(sig, mistakes);
        function.others().for_each(|attr| mistakes.add(attr, self.once));
    }

    fn generics(&self, sig: &Signature, mistakes: &mut Mistakes) {
        let text = format!(
            "{} has no generics: {}, and nobody would choose the types; write the types out, and `'_` or nothing for \
             lifetimes",
            self.one, self.single
        );
        if !sig.generics.params.is_empty() {
            mistakes.add(&sig.generics.params, text);
        } else if let Some(clause) = &sig.generics.where_clause {
            mistakes.add(clause, text);
        }
    }

    /// The return type, which must be written.
    pub(crate) fn output<'a>(&self, sig: &'a Signature, mistakes: &mut Mistakes) -> Option<&'a Type> {
        let text = self.returns;
        match &sig.output {
            ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => {
                mistakes.add(ty, format!("{text}; name the error's type"));
                None
            }
            ReturnType::Type(_, ty) => Some(ty),
            ReturnType::Default => {
                let text = format!("{text}; write `-> {}`", self.output);
                mistakes.push(Error::new(end(sig), text));
                None
            }
        }
    }
}

/// Where the return type would stand.
fn end(sig: &Signature) -> Span {
    sig.paren_token.span.close()
}

/// The `E` of `Result<T, E>`, or the whole type where an alias hides it.
pub(crate) fn error(output: &Type) -> &Type {
    argument(output, 1).unwrap_or(output)
}

/// The `F` of `Result<BatchFailures<F>, E>`, or as much of it as is written.
pub(crate) fn failure(output: &Type) -> &Type {
    let returned = argument(output, 0).unwrap_or(output);
    argument(returned, 0).unwrap_or(returned)
}

/// One of the types that a type is generic over.
fn argument(ty: &Type, position: usize) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(args) = &path.path.segments.last()?.arguments else { return None };
    match args.args.iter().nth(position)? {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    }
}
