//! Idempotency keys: once, whatever happens in between.

use std::sync::Mutex;
use std::time::Duration;

use logmill_e2e::{Answer, Post, Server, Setup, records_of};

use crate::samples::{batch, ids, sorted};

const AT_ONCE: usize = 50;

/// The same batch from many connections at once; those answers that came.
fn at_once(server: &Server, post: &Post, kill_after: Option<Duration>) -> Vec<Answer> {
    let answers = Mutex::new(Vec::new());
    let connections: Vec<_> = (0..AT_ONCE).map(|_| server.connect()).collect();
    std::thread::scope(|scope| {
        for mut connection in connections {
            let answers = &answers;
            scope.spawn(move || {
                let mut answer = connection.post(post);
                // The first of them may take longer than the others wait for it.
                while answer.as_ref().is_ok_and(|answer| answer.status == 409) {
                    answer = connection.post(post);
                }
                answers.lock().unwrap().extend(answer.ok());
            });
        }
        if let Some(moment) = kill_after {
            std::thread::sleep(moment);
            let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    });
    answers.into_inner().unwrap()
}

#[test]
fn the_same_key_fifty_times_at_once_across_two_kills_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path());
    let mut stored = Vec::new();
    for (round, millis) in [1, 3, 6, 10, 20].into_iter().enumerate() {
        let names = ids(&format!("round-{round}"), 40);
        let key = format!("key-{round}");
        let post = batch(&names).with("idempotency-key", &key);
        let mut answers = Vec::new();
        for kill_after in [Some(Duration::from_millis(millis)), Some(Duration::from_millis(millis * 2)), None]
        {
            let server = setup.start_ready();
            let came = at_once(&server, &post, kill_after);
            if kill_after.is_none() {
                assert_eq!(came.len(), AT_ONCE);
                // Another encoding is the same body; another body is not, and another customer's key is another key.
                assert_eq!(server.post(&post.clone().encoded("gzip")).status, 200);
                let other = server.post(&batch(&ids("never", 1)).with("idempotency-key", &key));
                assert_eq!(other.status, 422, "{}", other.text());
                let customer = ids(&format!("customer-{round}"), 2);
                let theirs = batch(&customer).with("idempotency-key", &key).with("x-customer-id", "acme");
                assert_eq!(server.post(&theirs).status, 202);
                stored.extend(customer);
                let _ = server.drained();
            }
            answers.extend(came);
        }
        let first = answers.iter().filter(|answer| answer.status == 202).count();
        assert!(first <= 1, "{first} were told to be the first");
        for answer in &answers {
            let receipt = answer.json();
            assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
            assert_eq!(receipt["duplicate"], answer.status == 200);
            assert_eq!(receipt["accepted"], names.len());
            assert_eq!(receipt["batchId"], answers[0].json()["batchId"]);
        }
        stored.extend(names);
        assert_eq!(records_of(folder.path(), "id"), sorted(stored.clone()));
    }
}
