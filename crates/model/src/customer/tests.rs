use super::Customer;

fn check(name: &str, expect: bool) {
    assert_eq!(Customer::parse(name).is_ok(), expect, "{name:?}");
}

#[test]
fn names() {
    check("default", true);
    check("cus-axon_9", true);
    check(&"a".repeat(64), true);
    check("", false);
    check(&"a".repeat(65), false);
    for bad in ["a/b", "..", "a b", "ä", "a\n", "a\0", "a.b", "a%2f"] {
        check(bad, false);
    }
}

#[test]
fn default_is_a_valid_name() {
    let customer = Customer::default();
    assert!(customer.is_default());
    assert_eq!(Customer::parse(customer.as_str()), Ok(customer.clone()));
    assert_eq!(customer.to_string(), "default");
}
