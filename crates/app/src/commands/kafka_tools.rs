//! Which of Kafka's own tools does what a command of ours does on the files of the embedded log.

use crate::cli::{AdoptFrom, GroupsAction, QueueAction};
use crate::settings::Settings;

/// What to use on Kafka instead of this action; none for actions that work on both logs.
pub(super) fn instead_of(settings: &Settings, action: &QueueAction) -> Option<String> {
    let kafka = &settings.queue.kafka;
    let (brokers, prefix) = (&kafka.brokers, &kafka.topic_prefix);
    let groups = format!("kafka-consumer-groups.sh --bootstrap-server {brokers}");
    match action {
        QueueAction::Inspect | QueueAction::Export { .. } | QueueAction::Replay { .. } => None,
        QueueAction::Groups { action: GroupsAction::List } => None,
        QueueAction::Groups { action: GroupsAction::Drop { group } } => {
            // `groups list` shows the names as they are on the brokers.
            let name = if group.starts_with(prefix) { group.clone() } else { format!("{prefix}{group}") };
            Some(format!("while no member runs, {groups} --delete --group {name} forgets its positions"))
        }
        QueueAction::Verify => Some(
            "brokers check every checksum when messages come and when a replica fetches them, and logmill when it reads; \
             kafka-dump-log.sh --deep-iteration --files SEGMENT checks a broker's files"
                .to_owned(),
        ),
        QueueAction::Repair => Some(format!(
            "a broker fetches from the other replicas what it lost; kafka-topics.sh --bootstrap-server {brokers} \
             --describe --under-replicated-partitions names the partitions that are not whole yet"
        )),
        QueueAction::Adopt { from } => {
            let to = match from {
                AdoptFrom::Oldest => "--to-earliest",
                AdoptFrom::End => "--to-latest",
            };
            let (group, topic) = (format!("{prefix}{}-files", kafka.group), &settings.web.topic);
            let journal = settings.files.dir.folder().map_or(String::new(), |folder| {
                format!("move {} aside and ", folder.join("logs").join(".logmill").display())
            });
            Some(format!(
                "while no worker runs, {journal}set the group's position: {groups} --reset-offsets --group {group} \
                 --topic {prefix}{topic} {to} --execute"
            ))
        }
    }
}
