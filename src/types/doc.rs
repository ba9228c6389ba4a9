//! Docs that carry a signature: `name(signature)\n--\n\ndoc`.

const END_OF_SIGNATURE: &str = ")\n--\n\n";

/// Splits `doc` of the object called `name` into `__text_signature__` and
/// `__doc__`. `name` may be dotted: its last part counts.
pub fn split<'a>(name: &str, doc: &'a str) -> (Option<&'a str>, Option<&'a str>) {
    let short = name.rsplit('.').next().unwrap_or(name);
    let signature = doc
        .strip_prefix(short)
        .filter(|rest| rest.starts_with('('))
        .and_then(|rest| rest.find(END_OF_SIGNATURE).map(|end| (rest, end)));
    let (signature, body) = match signature {
        Some((rest, end)) => (Some(&rest[..=end]), &rest[end + END_OF_SIGNATURE.len()..]),
        None => (None, doc),
    };
    (signature, (!body.is_empty()).then_some(body))
}

/// The `__doc__` part of [`split`], empty when there is none.
pub fn without_signature(name: &str, doc: &str) -> String {
    split(name, doc).1.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn signature_and_doc_part() {
        assert_eq!(
            split("f", "f($self, x, /)\n--\n\nAdds."),
            (Some("($self, x, /)"), Some("Adds."))
        );
        assert_eq!(split("m.C", "C(x)\n--\n\n"), (Some("(x)"), None));
    }

    #[test]
    fn what_is_no_signature_stays_doc() {
        assert_eq!(split("f", "f(x) -> int"), (None, Some("f(x) -> int")));
        assert_eq!(split("f", "g(x)\n--\n\nd"), (None, Some("g(x)\n--\n\nd")));
        assert_eq!(split("f", ""), (None, None));
    }
}
