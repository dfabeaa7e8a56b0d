//! Lifetimes that a signature leaves out, given a name.

use syn::{
    GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments, PathSegment, Type, TypeFnPtr,
    TypeReference, visit_mut::VisitMut,
};

/// The type with `lifetime` wherever it says `'_` or nothing.
pub(crate) fn named(ty: &Type, lifetime: &Lifetime) -> Type {
    let mut ty = ty.clone();
    Name(lifetime).visit_type_mut(&mut ty);
    ty
}

struct Name<'a>(&'a Lifetime);

impl VisitMut for Name<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.0.clone();
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        reference.lifetime.get_or_insert_with(|| self.0.clone());
        syn::visit_mut::visit_type_reference_mut(self, reference);
    }

    // `async fn` refuses a transaction without its lifetime: one answer to that is enough.
    fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
        if let PathArguments::AngleBracketed(args) = &mut segment.arguments
            && segment.ident == "Transaction"
            && !args.args.iter().any(|arg| matches!(arg, GenericArgument::Lifetime(_)))
        {
            args.args.insert(0, GenericArgument::Lifetime(self.0.clone()));
        }
        syn::visit_mut::visit_path_segment_mut(self, segment);
    }

    // Inside `fn(&T)` and `Fn(&T)` a lifetime left out belongs to the call.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
}
