use super::*;

/// The tree in one line, without places.
fn outline(node: &Node) -> String {
    match node {
        Node::Scalar(scalar) if scalar.form == Form::Quoted => format!("{:?}", scalar.text),
        Node::Scalar(scalar) => scalar.text.clone(),
        Node::List(nodes, _) => format!("[{}]", nodes.iter().map(outline).collect::<Vec<_>>().join(" ")),
        Node::Map(entries, _) => {
            let entry = |entry: &Entry| format!("{}={}", entry.key, outline(&entry.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
        Node::Refused(_) => "!".to_owned(),
    }
}

fn check(text: &str, tree: &str, faults: &[&str]) {
    let document = read(text);
    let place =
        |fault: &Fault| fault.spot.map_or_else(String::new, |at| format!("{}:{} ", at.line, at.column));
    let found: Vec<String> = document.faults.iter().map(|fault| place(fault) + &fault.wrong).collect();
    assert_eq!(document.root.as_ref().map_or_else(String::new, outline), tree, "{text:?}");
    assert_eq!(found, faults, "{text:?}");
}

#[test]
fn trees() {
    check("", "", &[]);
    check("# nothing\n", "", &[]);
    check("---\n", "~", &[]);
    check("a: 1\nb:\n  c: 'x'\n  d:\ne: [1, \"2\"]\n", "{a=1 b={c=\"x\" d=~} e=[1 \"2\"]}", &[]);
    check("a: 1\na: 2\n", "{a=1 a=2}", &[]);
    check("a: |\n  x\n", "{a=\"x\\n\"}", &[]);
}

#[test]
fn what_is_refused_has_a_place() {
    check("a: 1\n---\nb: 2\n", "{a=1}", &["2:1 a second document begins"]);
    check("a: &x 1\nb: *x\nc: 3\n", "{a=1 b=! c=3}", &["2:4 refers to another value with *"]);
    check("a: !!str 1\n", "{a=1}", &["1:10 the value has a tag (!)"]);
    check("[a, b]: 1\nc: 2\n", "{c=2}", &["1:1 the key is not a name"]);
}

#[test]
fn syntax_errors_keep_what_comes_before() {
    check(
        "a: 1\nb:\n\tc: 2\n",
        "{a=1}",
        &["3:2 is not YAML: tabs disallowed within this context (block indentation)"],
    );
    check("a: 1\nb: c: d\n", "{a=1}", &["2:5 is not YAML: mapping values are not allowed in this context"]);
    check("a: 1\n b: 2\n", "{}", &["2:3 is not YAML: mapping values are not allowed in this context"]);
    check(
        "a: 1\nb: \"x\n",
        "{a=1}",
        &["2:4 is not YAML: while scanning a quoted scalar, found unexpected end of stream"],
    );
    check("a: 1\nb: *x\n", "{a=1}", &["2:4 is not YAML: while parsing node, found unknown anchor"]);
}

#[test]
fn depth_is_bounded() {
    let flow = format!("a: {}", "[".repeat(200));
    assert_eq!(read(&flow).faults[0].wrong, "is nested too deeply");
    let block: String = (0..5000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(read(&block).faults[0].wrong, "is nested too deeply");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        _ = read(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[a-c \\t\\r\\n:,\\[\\]{}\"'|>&*!?#%@`~.<0-\\\\-]{0,120}") {
        _ = read(&text);
    }
}
