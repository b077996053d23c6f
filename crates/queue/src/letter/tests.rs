#[test]
fn a_long_reason_is_cut_where_a_character_ends() {
    let reason = super::cut(&"ü".repeat(2000));
    assert_eq!(reason, "ü".repeat(512));
    assert_eq!(super::cut(&format!("x{}", "ü".repeat(2000))).len(), 1023);
}
