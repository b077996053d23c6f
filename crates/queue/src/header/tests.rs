use proptest::prelude::*;

use super::*;

prop_compose! {
    fn headers()(
        encoding in any::<u8>(), count in any::<u32>(), received_at in any::<i64>(), batch_id in any::<[u8; 16]>(),
        key in proptest::option::of(any::<([u8; 16], [u8; 16])>()),
        span in proptest::option::of(any::<(i64, i64)>()),
        customer in "\\PC{0,16}",
        rejected in proptest::collection::btree_set(any::<u32>(), 0..20),
        attributes in proptest::collection::vec(("\\PC{0,9}", proptest::collection::vec(any::<u8>(), 0..20)), 0..9),
    ) -> Header {
        Header {
            encoding: Encoding(encoding),
            count,
            rejected: rejected.into_iter().filter(|index| *index < count).collect(),
            customer,
            batch_id,
            key: key.map(|(hash, digest)| Key { hash, digest }),
            received_at,
            span,
            attributes: attributes.into_iter().map(|(name, value)| (name, value.into())).collect(),
        }
    }
}

proptest! {
    /// What was encoded comes back, and a cut or a further byte is noticed.
    #[test]
    fn headers_come_back(header in headers(), cut in any::<prop::sample::Index>()) {
        prop_assume!(header.customer.len() <= MAX_CUSTOMER);
        let bytes = encode(&header).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), header);
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), Err(Unreadable::Malformed));
        prop_assert_eq!(decode(&[&bytes[..], b"x"].concat()), Err(Unreadable::Malformed));
    }

    /// Other bytes never bring a reader down.
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode(&[&[VERSION], &bytes[..]].concat());
    }
}

#[test]
fn another_version_is_named() {
    assert_eq!(decode(&[2, 0, 0]), Err(Unreadable::Version(2)));
    assert_eq!(decode(&[]), Err(Unreadable::Malformed));
}
