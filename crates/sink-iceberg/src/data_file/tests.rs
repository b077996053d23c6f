use super::metrics::{above, below};

#[test]
fn bounds_of_strings_are_cut_to_sixteen_code_points_and_stay_bounds() {
    // PyIceberg 0.12 comes to the same: truncate_upper_bound_text_string(text, 16).
    let long = "checkout-service-eu-1";
    assert_eq!(below(long.as_bytes()).unwrap(), "checkout-service");
    assert_eq!(above(long.as_bytes()).unwrap(), "checkout-servicf");
    assert_eq!(below(b"short").unwrap(), "short");
    assert_eq!(above(b"short").unwrap(), "short");
    let exact = "0123456789abcdef";
    assert_eq!(above(exact.as_bytes()).unwrap(), exact);

    let last = format!("{}tail", "\u{10ffff}".repeat(16));
    assert_eq!(above(last.as_bytes()), None);
    // PyIceberg keeps the characters behind the raised one; this bound is closer.
    let before = format!("a{}tail", "\u{10ffff}".repeat(15));
    assert_eq!(above(before.as_bytes()).unwrap(), "b");
    let gap = format!("{}\u{d7ff}tail", "a".repeat(15));
    assert_eq!(above(gap.as_bytes()).unwrap(), format!("{}\u{e000}", "a".repeat(15)));
    assert_eq!(above(b"\xff\xfe"), None);
}
