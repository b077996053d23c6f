//! Outputs and the position they came from in one step.

use logmill_queue::{Append, CommitError, Topic};

use super::Harness;
use super::support::{
    P0, P1, Q, all_of, begin, fill, join, next, note, number, numbered, other, position_of, soon, stored,
};

fn out(h: &dyn Harness, n: u64) -> Vec<Append> {
    vec![
        Append { topic: Topic::new("out").unwrap(), ..numbered(h, P1, n) },
        other(h, "other", b"letter"),
        Append { topic: Topic::new("out").unwrap(), ..numbered(h, P1, n + 100) },
    ]
}

async fn outputs(q: &Q) -> (Vec<u64>, usize) {
    let frames = all_of(q, &Topic::new("out").unwrap(), P1).await;
    (frames.iter().map(number).collect(), all_of(q, &Topic::new("other").unwrap(), P0).await.len())
}

/// All outputs of a relay and its position are there together: at once, after a restart, after a crash.
pub async fn outputs_and_position_appear_together(h: &mut dyn Harness) {
    let mut q = h.open().await;
    fill(h, &q, P0, 0..4).await;
    let mut expected = Vec::new();
    for n in 0..4 {
        let mut member = join(&q, "g").await;
        let mut reader = begin(member.take(P0)).await;
        let frame = next(&mut reader).await;
        assert_eq!(number(&frame), n);
        let text = format!("relayed {n}");
        soon("a relay", reader.relay(out(h, n), frame.offset + 1, &note(&text))).await.unwrap();
        expected.extend([n, n + 100]);
        if n % 2 == 1 {
            h.crash().await;
        } else {
            assert_eq!(outputs(&q).await, (expected.clone(), n as usize + 1));
        }
        drop((q, reader, member));
        q = h.open().await;
        assert_eq!(outputs(&q).await, (expected.clone(), n as usize + 1));
        assert_eq!(position_of(&q, "g", P0).await, Some((frame.offset + 1, text)));
    }
    assert_eq!(stored(&q, P0).await, (0..4).collect::<Vec<_>>());
}

/// A relay of a former owner stores neither outputs nor position.
pub async fn a_fenced_relay_stores_nothing(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..4).await;
    let mut first = join(&q, "g").await;
    let mut reader = begin(first.take(P0)).await;
    let upto = next(&mut reader).await.offset + 1;
    drop(first);
    let second = join(&q, "g").await;
    let relay = soon("a relay", reader.relay(out(h, 1), upto, &note("late"))).await;
    assert!(matches!(relay, Err(CommitError::Fenced)), "{relay:?}");
    assert_eq!(outputs(&q).await, (vec![], 0));
    drop(second);
    assert_eq!(position_of(&q, "g", P0).await, None);
}

/// One output that cannot be stored, and nothing of the relay is.
pub async fn a_refused_relay_stores_nothing(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..4).await;
    let mut member = join(&q, "g").await;
    let mut reader = begin(member.take(P0)).await;
    let upto = next(&mut reader).await.offset + 1;
    let mut outs = out(h, 1);
    outs[2].payload = vec![0; q.limits().max_payload as usize + 1].into();
    let relay = soon("a relay", reader.relay(outs, upto, &note("no"))).await;
    assert!(matches!(relay, Err(CommitError::Unavailable(_))), "{relay:?}");
    assert_eq!(outputs(&q).await, (vec![], 0));
    soon("a relay", reader.relay(out(h, 2), upto, &note("yes"))).await.unwrap();
    assert_eq!(outputs(&q).await, (vec![2, 102], 1));
    drop((reader, member));
    assert_eq!(position_of(&q, "g", P0).await, Some((upto, "yes".to_owned())));
}

/// Without outputs a relay is a commit; and the next owner goes on behind a relay.
pub async fn a_relay_of_nothing_is_a_commit(h: &mut dyn Harness) {
    let q = h.open().await;
    fill(h, &q, P0, 0..4).await;
    let mut first = join(&q, "g").await;
    let mut reader = begin(first.take(P0)).await;
    let upto = next(&mut reader).await.offset + 1;
    soon("a relay", reader.relay(Vec::new(), upto, &note("n"))).await.unwrap();
    drop((reader, first));
    let mut second = join(&q, "g").await;
    let mut reader = begin(second.take(P0)).await;
    assert_eq!(number(&next(&mut reader).await), 1);
    assert_eq!(outputs(&q).await, (vec![], 0));
}
